//! The configuration of a commit, and what ends its waits.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use super::rules::{Record, State};
use heartline_process::say::say;
use heartline_process::wrapped::ChildEvent;
use heartline_zookeeper::Settings;

/// The configuration of a commit.
#[derive(Debug)]
pub(super) struct CommitPlan {
    pub(super) program: &'static str,
    pub(super) settings: Settings,
    pub(super) task: String,
    /// The run that the task is committed in, if it has a name.
    pub(super) run: Option<String>,
    pub(super) attempt: String,
    pub(super) command: Vec<String>,
    /// How long to wait for the permission to commit, and for the report of the outcome.
    pub(super) timeout: Duration,
    /// How long the command may take to end after it was asked to.
    pub(super) grace: Duration,
}

impl CommitPlan {
    pub(super) fn say(&self, what: impl std::fmt::Display) {
        say(self.program, what);
    }

    /// The name of the task's znode. Each run has its own znodes, so that no run mistakes another's commit for its own,
    /// or undoes it. No name of a task or run contains an '@'.
    pub(super) fn znode(&self) -> String {
        match &self.run {
            Some(run) => format!("{}@{run}", self.task),
            None => self.task.clone(),
        }
    }

    pub(super) fn record(&self, state: State) -> Record {
        Record::new(state, &self.attempt)
    }
}

/// Why a wait was given up.
#[derive(Debug)]
pub(super) enum CommitStop {
    /// A signal or another order asked for the end.
    Ordered(ChildEvent),
    /// The time limit has passed.
    Late,
    /// It is impossible, for this reason.
    Failed(String),
}

/// What ends any wait: an order, or the time limit.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) happenings: UnboundedReceiver<ChildEvent>,
    pub(super) deadline: Instant,
}

impl Limits {
    /// The outcome of `work`, unless an order or the time limit comes first.
    pub(super) async fn keep<T>(&mut self, work: impl Future<Output = T>) -> Result<T, CommitStop> {
        tokio::select! {
            biased;
            Some(happening) = self.happenings.recv() => Err(CommitStop::Ordered(happening)),
            outcome = work => Ok(outcome),
            () = sleep_until(self.deadline) => Err(CommitStop::Late),
        }
    }
}
