//! Which tasks of a job run, and how the others ended, from what the master reports and from looks at the members.
//! Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;

use heartline_core::protocol::{EndReason, Ending, Event, EventKind};

/// The most members that are told apart: more than a job has.
const MOST_MEMBERS: usize = 200_000;
/// The most failures that a summary lists.
const MOST_LISTED: usize = 20;

/// What a look has shown of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MemberState {
    /// It works.
    Runs,
    /// It has said how its work ended.
    Ended(Ending),
    /// The master reports its death.
    Dead,
    /// It is a dedicated master, which has no work.
    Dedicated,
}

/// A member that a look has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeenMember {
    /// Its name.
    pub(super) node: String,
    /// Its task; without one, the member is a task of its own.
    pub(super) task: Option<String>,
    /// What it does.
    pub(super) state: MemberState,
}

/// What is known of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct TaskState {
    running: BTreeSet<String>,
    finished: bool,
    /// Why members ended without having finished.
    failures: BTreeMap<String, String>,
}

impl TaskState {
    fn has_ended(&self) -> bool {
        self.finished || self.running.is_empty()
    }
}

/// What has happened since the begin of the wait.
#[derive(Debug, Default)]
pub(super) struct Tally {
    tasks: BTreeMap<String, TaskState>,
    /// The task of each member.
    names: HashMap<String, String>,
    /// The dedicated masters: what events say of them does not count.
    dedicated: HashSet<String>,
    /// Number of events that were missed.
    lost: u64,
    /// Since when looks show nobody; `None` while somebody is there, or while that is not known.
    empty_since: Option<Duration>,
}

/// How a job ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct JobEnding {
    /// Tasks of which an attempt has finished.
    pub(super) finished: usize,
    /// Tasks that have ended without that.
    pub(super) failed: usize,
    /// Tasks that still run.
    pub(super) running: usize,
    /// Events that were missed: a task of which the end was missed counts as failed.
    pub(super) lost: u64,
    /// The tasks that failed, the first of them.
    pub(super) failures: Vec<TaskFailure>,
}

/// A task that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct TaskFailure {
    /// The id of the task, or the name of a member without one.
    pub(super) task: String,
    /// The member that ended last in the order of names.
    pub(super) node: String,
    /// What became of it.
    pub(super) why: String,
}

impl Tally {
    /// Takes what a look has shown.
    pub(super) fn look(&mut self, now: Duration, members: &[SeenMember]) {
        let mut is_empty = true;
        for SeenMember { node, task, state } in members {
            if *state == MemberState::Dedicated {
                self.is_dedicated(node);
                continue;
            }
            self.belongs(node, task.as_deref());
            match state {
                MemberState::Ended(ending) => self.ended(node, *ending),
                MemberState::Dead => self.was_dead(node),
                MemberState::Runs | MemberState::Dedicated => {
                    is_empty = false;
                    self.runs(node);
                }
            }
        }
        if is_empty {
            self.empty_since.get_or_insert(now);
        } else {
            self.empty_since = None;
        }
    }

    /// No look was possible: who is there is not known.
    pub(super) fn unknown(&mut self) {
        self.empty_since = None;
    }

    /// Takes an event of the master.
    pub(super) fn event(&mut self, event: &Event) {
        // One that was never seen may be of an earlier job.
        let previous = event.previous.as_ref();
        if let Some(previous) = previous.filter(|it| self.names.contains_key(&it.node)) {
            match previous.went {
                // The release has told it; this is for who has missed that.
                EndReason::Finished => self.ended(&previous.node, Ending::Finished),
                EndReason::Failed => self.ended(&previous.node, Ending::Failed),
                EndReason::Dead => self.failed(&previous.node, "declared dead as master"),
                EndReason::Expired => self.failed(&previous.node, "its session expired"),
                // It may live.
                EndReason::Deposed => {}
            }
        }
        // A loss is of no node.
        let node = event.node.as_deref().unwrap_or_default();
        match event.event {
            EventKind::Finished => self.ended(node, Ending::Finished),
            EventKind::Failed => self.ended(node, Ending::Failed),
            EventKind::Released => self.ended(node, event.ending.unwrap_or(Ending::Finished)),
            EventKind::Died => {
                let cause = event.cause.map(|cause| format!(": {cause}"));
                self.failed(node, &format!("declared dead{}", cause.unwrap_or_default()));
            }
            EventKind::Lost => self.lost += event.count.unwrap_or(1),
            EventKind::Joined | EventKind::Returned | EventKind::Claimed => self.runs(node),
            EventKind::Alive
            | EventKind::Stalled
            | EventKind::Recovered
            | EventKind::Snapshot
            | EventKind::Connected
            | EventKind::Disconnected => {}
        }
    }

    /// How the job ended, once at least `tasks` of its tasks have, and nobody was there for `settle`.
    pub(super) fn ending(
        &self,
        now: Duration,
        settle: Duration,
        tasks: usize,
    ) -> Option<JobEnding> {
        let since = self.empty_since?;
        if self.tasks.len() < tasks || now.saturating_sub(since) < settle {
            return None;
        }
        Some(self.summary(true))
    }

    /// What is known so far; with `is_over`, who still runs has gone without a word.
    pub(super) fn summary(&self, is_over: bool) -> JobEnding {
        let mut ending = JobEnding {
            lost: self.lost,
            ..JobEnding::default()
        };
        for (task, state) in &self.tasks {
            if state.finished {
                ending.finished += 1;
            } else if state.has_ended() || is_over {
                ending.failed += 1;
                if ending.failures.len() < MOST_LISTED {
                    ending.failures.push(self.failure(task, state));
                }
            } else {
                ending.running += 1;
            }
        }
        ending
    }

    /// A member without another task is one of its own.
    fn belongs(&mut self, node: &str, task: Option<&str>) {
        let task = task.unwrap_or(node);
        match self.names.get(node) {
            Some(known) if known == task => return,
            Some(known) if known == node => {
                // An event named it before a look told its task.
                let Some(own) = self.tasks.remove(node) else {
                    return;
                };
                let state = self.tasks.entry(task.to_owned()).or_default();
                state.running.extend(own.running);
                state.finished |= own.finished;
                state.failures.extend(own.failures);
            }
            Some(_) => return,
            None if self.names.len() >= MOST_MEMBERS => return,
            None => {}
        }
        self.names.insert(node.to_owned(), task.to_owned());
    }

    fn is_dedicated(&mut self, node: &str) {
        if self.dedicated.len() >= MOST_MEMBERS || !self.dedicated.insert(node.to_owned()) {
            return;
        }
        if self.names.remove(node).as_deref() == Some(node) {
            self.tasks.remove(node);
        }
    }

    fn state(&mut self, node: &str) -> Option<&mut TaskState> {
        if self.dedicated.contains(node) {
            return None;
        }
        if !self.names.contains_key(node) {
            self.belongs(node, None);
        }
        let task = self.names.get(node)?;
        Some(self.tasks.entry(task.clone()).or_default())
    }

    fn runs(&mut self, node: &str) {
        self.empty_since = None;
        if let Some(state) = self.state(node) {
            state.failures.remove(node);
            state.running.insert(node.to_owned());
        }
    }

    fn ended(&mut self, node: &str, ending: Ending) {
        match ending {
            Ending::Failed => self.failed(node, "failed"),
            Ending::Finished => {
                if let Some(state) = self.state(node) {
                    state.running.remove(node);
                    state.finished = true;
                }
            }
        }
    }

    /// A report repeats the dead for minutes: an event says more.
    fn was_dead(&mut self, node: &str) {
        let state = self.state(node);
        if state.is_some_and(|state| !state.failures.contains_key(node)) {
            self.failed(node, "declared dead");
        }
    }

    fn failed(&mut self, node: &str, why: &str) {
        if let Some(state) = self.state(node) {
            state.running.remove(node);
            state.failures.insert(node.to_owned(), why.to_owned());
        }
    }

    fn failure(&self, task: &str, state: &TaskState) -> TaskFailure {
        let gone = if self.lost > 0 {
            "gone, and events were missed"
        } else {
            "gone without a word"
        };
        let gone = state.running.iter().map(|node| (node.as_str(), gone));
        let told = state.failures.iter();
        let told = told.map(|(node, why)| (node.as_str(), why.as_str()));
        let (node, why) = told.chain(gone).next_back().unwrap_or((task, "failed"));
        TaskFailure {
            task: task.to_owned(),
            node: node.to_owned(),
            why: why.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
