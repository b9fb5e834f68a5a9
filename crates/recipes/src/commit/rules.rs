//! Decides which attempt may commit a task, from the content of ZooKeeper, without clock or IO.
//!
//! A task has a persistent znode with the state of its commit ([`Record`]); the attempt that runs the command also has
//! an ephemeral znode below it. Each change of the one is combined with a change of the other in a transaction that
//! checks the version which was read, so that of several attempts with the same decision only one succeeds:
//!
//! - no attempt has committed, and none runs: the first attempt that sets `committing` runs. This is the state at the
//!   start, after a failure, and also after the running attempt has vanished without a report: then its ephemeral znode
//!   has gone with its session, and its command was stopped before that;
//! - an attempt runs: wait until it is over;
//! - an attempt has committed: nothing remains to be done, for good.

use std::fmt;
use std::str::FromStr;

use strum::{Display, EnumString};

/// The state of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "lowercase")]
pub(super) enum State {
    /// The command runs, or it has run and its outcome was not reported.
    Committing,
    /// The command has succeeded.
    Committed,
    /// The command has failed.
    Failed,
}

/// The content of a task's znode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) state: State,
    /// The attempt whose command it is or was.
    pub(super) attempt: String,
}

impl Record {
    pub(super) fn new(state: State, attempt: &str) -> Self {
        Self {
            state,
            attempt: attempt.to_owned(),
        }
    }
}

impl fmt::Display for Record {
    /// Formats as `<state> <attempt>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.state, self.attempt)
    }
}

impl FromStr for Record {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (state, attempt) = text.trim_end().split_once(' ').ok_or(())?;
        Ok(Self::new(state.parse().map_err(drop)?, attempt))
    }
}

/// The znodes of a task as they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaskView {
    /// The version and value of the task's znode; `None` if it does not exist.
    pub(super) task: Option<(i32, String)>,
    /// The session of the running attempt; `None` if none runs.
    pub(super) runner: Option<i64>,
}

impl TaskView {
    fn record(&self) -> Option<Record> {
        self.task.as_ref()?.1.parse().ok()
    }
}

/// The next step of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Claim the commit, if the znode still has this version, or still does not exist; then read again.
    Take(Option<i32>),
    /// This session holds the claim, by this version: run the command.
    Run(i32),
    /// Wait until the running attempt is over, then read again.
    Wait(String),
    /// This attempt has committed: nothing is to be done.
    Committed(String),
    /// The znode has this unknown content: a person must examine it.
    Foreign(String),
}

/// The next step for `attempt` in the session `own`.
pub(super) fn judge(attempt: &str, own: i64, sight: &TaskView) -> Step {
    let Some((version, text)) = &sight.task else {
        return Step::Take(None);
    };
    let Some(record) = sight.record() else {
        return Step::Foreign(text.clone());
    };
    match (record.state, sight.runner) {
        (State::Committed, _) => Step::Committed(record.attempt),
        // The claim was made by a request whose answer was lost, or a moment ago.
        (State::Committing, Some(runner)) if runner == own && record.attempt == attempt => {
            Step::Run(*version)
        }
        (_, Some(_)) => Step::Wait(record.attempt),
        (_, None) => Step::Take(Some(*version)),
    }
}

/// The state of a report about the command's end, after ZooKeeper rejected it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Recheck {
    /// An earlier try has succeeded.
    Done,
    /// Nothing prevents the report: send it again.
    Again,
    /// Other attempts have gone on since; this is their state.
    Overtaken(String),
}

/// What to do about `record`, which was to replace `version`.
pub(super) fn recheck(record: &Record, version: i32, sight: &TaskView) -> Recheck {
    match &sight.task {
        Some((_, text)) if text.parse().as_ref() == Ok(record) => Recheck::Done,
        Some((now, _)) if *now == version => Recheck::Again,
        Some((_, text)) => Recheck::Overtaken(text.clone()),
        None => Recheck::Overtaken("nothing".to_owned()),
    }
}

#[cfg(test)]
mod tests;
