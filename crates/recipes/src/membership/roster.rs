//! The workers: the changes from one list to the next.

use std::collections::BTreeMap;

use serde::Serialize;

/// One worker, as its znode describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// The name of the znode.
    pub node: String,
    /// The worker's address, which is the znode's value.
    pub address: String,
    /// The zxid that created the znode: a znode of the same name with another zxid is another worker.
    #[serde(skip)]
    pub created: i64,
}

/// A worker that joined or left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerChange {
    /// The worker joined.
    Joined(Worker),
    /// The worker left.
    Left(Worker),
}

/// The known workers, by name.
#[derive(Debug, Default)]
pub struct WorkerRoster(BTreeMap<String, Worker>);

impl WorkerRoster {
    /// Compares the known workers with the current list. Each change comes with the whole list after it. Workers that
    /// left come first, so that a worker that returns under the same name leaves before it joins.
    pub fn update(&mut self, now: Vec<Worker>) -> Vec<(WorkerChange, Vec<Worker>)> {
        let now: BTreeMap<_, _> = now.into_iter().map(|it| (it.node.clone(), it)).collect();
        let gone: Vec<Worker> = self
            .0
            .values()
            .filter(|old| now.get(&old.node) != Some(*old))
            .cloned()
            .collect();
        let mut changes = Vec::new();
        for worker in gone {
            self.0.remove(&worker.node);
            changes.push((WorkerChange::Left(worker), self.list()));
        }
        for (node, worker) in now {
            if self.0.insert(node, worker.clone()).is_none() {
                changes.push((WorkerChange::Joined(worker), self.list()));
            }
        }
        changes
    }

    fn list(&self) -> Vec<Worker> {
        self.0.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(node: &str, created: i64) -> Worker {
        Worker {
            node: node.to_owned(),
            address: format!("{node}:2224"),
            created,
        }
    }

    /// Each change as `+w1` or `-w1`, with the list after it.
    fn shown_changes(roster: &mut WorkerRoster, now: &[Worker]) -> Vec<String> {
        let changes = roster.update(now.to_vec()).into_iter();
        let names = |list: &[Worker]| {
            let names: Vec<&str> = list.iter().map(|worker| &*worker.node).collect();
            names.join(",")
        };
        changes
            .map(|(change, list)| match change {
                WorkerChange::Joined(worker) => format!("+{} {}", worker.node, names(&list)),
                WorkerChange::Left(worker) => format!("-{} {}", worker.node, names(&list)),
            })
            .collect()
    }

    #[test]
    fn workers_that_join_and_leave_are_reported_one_by_one() {
        let mut roster = WorkerRoster::default();
        let (one, two, three) = (worker("w1", 1), worker("w2", 2), worker("w3", 3));
        let both = [two.clone(), one.clone()];
        assert_eq!(shown_changes(&mut roster, &both), ["+w1 w1", "+w2 w1,w2"]);
        assert!(shown_changes(&mut roster, &both).is_empty());
        assert_eq!(
            shown_changes(&mut roster, &[three, two]),
            ["-w1 w2", "+w3 w2,w3"]
        );
        assert_eq!(shown_changes(&mut roster, &[]), ["-w2 w3", "-w3 "]);
    }

    #[test]
    fn one_who_came_back_between_two_looks_has_left_and_joined() {
        let mut roster = WorkerRoster::default();
        shown_changes(&mut roster, &[worker("w1", 1)]);
        assert_eq!(
            shown_changes(&mut roster, &[worker("w1", 9)]),
            ["-w1 ", "+w1 w1"]
        );
    }
}
