//! One server: its copy of the znodes, which may lag behind the leader's, and the watches of the
//! sessions that are connected to it.

use std::collections::{BTreeMap, BTreeSet};

use super::Transaction;
use super::request::{Answer, Happened, Notice, Outcome, Request, Watching, refuse};
use super::tree::{Change, Tree, Znode, parent};

/// One server.
#[derive(Debug)]
pub(crate) struct Server {
    tree: Tree,
    /// How many transactions of the log it has applied.
    applied: usize,
    /// The zxid of the last of them.
    zxid: i64,
    watches: BTreeMap<(String, Watching), BTreeSet<i64>>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            tree: Tree::new(),
            applied: 0,
            zxid: 0,
            watches: BTreeMap::new(),
        }
    }

    pub(crate) fn applied(&self) -> usize {
        self.applied
    }

    pub(crate) fn zxid(&self) -> i64 {
        self.zxid
    }

    /// Applies the next transaction of the log. Returns what is to be told to which session.
    pub(super) fn apply(&mut self, transaction: &Transaction) -> Vec<(i64, Notice)> {
        let mut notices = Vec::new();
        for change in &transaction.changes {
            self.tree.apply(transaction.zxid, change);
            let path = change.path();
            match change {
                Change::Created { .. } => self.wake(path, Happened::Created, &mut notices),
                Change::Set { .. } => self.wake(path, Happened::Changed, &mut notices),
                Change::Deleted { .. } => self.wake(path, Happened::Deleted, &mut notices),
            }
            if !matches!(change, Change::Set { .. }) {
                self.wake(parent(path), Happened::Children, &mut notices);
            }
        }
        self.applied += 1;
        self.zxid = transaction.zxid;
        notices
    }

    /// Uses up the watches that a change wakes; each session is told once.
    fn wake(&mut self, path: &str, happened: Happened, notices: &mut Vec<(i64, Notice)>) {
        let mut sessions = BTreeSet::new();
        for watching in happened.wakes() {
            let key = (path.to_owned(), *watching);
            sessions.extend(self.watches.remove(&key).unwrap_or_default());
        }
        notices.extend(sessions.into_iter().map(|session| {
            let path = path.to_owned();
            (session, Notice { path, happened })
        }));
    }

    /// Answers what needs no leader, from what is known here.
    pub(crate) fn read(&mut self, session: i64, request: &Request) -> Outcome {
        let answer = match request {
            Request::Get { path, .. } => {
                let node = self.tree.find(path).map_err(refuse)?;
                Answer::Value(node.value.to_vec(), node.stat())
            }
            Request::Stat { path, .. } => Answer::Found(self.tree.get(path).map(Znode::stat)),
            Request::Children { path, .. } => {
                let node = self.tree.find(path).map_err(refuse)?;
                Answer::Names(node.children.iter().cloned().collect(), node.stat())
            }
            _ => Answer::Done,
        };
        if let Some((path, watching)) = request.watches() {
            self.watch(session, path, watching);
        }
        Ok(answer)
    }

    fn watch(&mut self, session: i64, path: &str, watching: Watching) {
        let key = (path.to_owned(), watching);
        self.watches.entry(key).or_default().insert(session);
    }

    /// Takes over the watches of a session that was connected elsewhere, or whose connection was
    /// lost, and has `seen` this zxid. What happened meanwhile is told now.
    pub(crate) fn take_over(
        &mut self,
        session: i64,
        seen: i64,
        watches: &[(String, Watching, bool)],
    ) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (path, watching, existed) in watches {
            let happened = match (self.tree.get(path), watching) {
                (None, _) if *existed => Some(Happened::Deleted),
                (Some(_), Watching::Value) if !*existed => Some(Happened::Created),
                (Some(node), Watching::Value) if node.stat.modified > seen => {
                    Some(Happened::Changed)
                }
                (Some(node), Watching::Children) if node.children_changed > seen => {
                    Some(Happened::Children)
                }
                _ => None,
            };
            let Some(happened) = happened else {
                self.watch(session, path, *watching);
                continue;
            };
            let path = path.clone();
            let notice = Notice { path, happened };
            if !notices.contains(&notice) {
                notices.push(notice);
            }
        }
        notices
    }

    /// Forgets the watches of a session whose connection is gone.
    pub(crate) fn forget(&mut self, session: i64) {
        self.watches.retain(|_, sessions| {
            sessions.remove(&session);
            !sessions.is_empty()
        });
    }
}
