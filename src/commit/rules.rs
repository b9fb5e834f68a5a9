//! Who may commit a task: decided from what stands in ZooKeeper, without clock or IO.
//!
//! A task has a lasting znode that says how far its commit is ([`Record`]); whoever runs the command also has
//! an ephemeral znode below it. Every change of the one goes with that of the other in a transaction that
//! checks the version which was read, so that of several who decide the same only one gets its way:
//!
//! - nobody has committed, and nobody runs: whoever sets `committing` first runs. That is so at the first,
//!   after a failure, and also when who has run is gone without a word: then the ephemeral znode has gone
//!   with its session, and by that time its command was ended;
//! - somebody runs: wait until it is over;
//! - somebody has committed: there is nothing to do any more, for good.

use std::fmt;
use std::str::FromStr;

use strum::{Display, EnumString};

/// How far a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "lowercase")]
pub(super) enum State {
    /// The command runs, or has run and nobody was told how it ended.
    Committing,
    /// It has succeeded.
    Committed,
    /// It has failed.
    Failed,
}

/// What a task's znode says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) state: State,
    /// Whose command it is or was.
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
    /// `<state> <attempt>`.
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

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaskView {
    /// The version and the value of the task's znode, if there is one.
    pub(super) task: Option<(i32, String)>,
    /// The session of who runs, if somebody does.
    pub(super) runner: Option<i64>,
}

impl TaskView {
    fn record(&self) -> Option<Record> {
        self.task.as_ref()?.1.parse().ok()
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Claim the commit, if the znode still has this version, or is still not there; then look again.
    Take(Option<i32>),
    /// It is this session's, by this version: run the command.
    Run(i32),
    /// Wait until the attempt that runs is over, then look again.
    Wait(String),
    /// This attempt has committed: nothing is to be done.
    Committed(String),
    /// The znode says something else: somebody has to look at it.
    Foreign(String),
}

/// What `attempt` is to do in the session `own`.
pub(super) fn judge(attempt: &str, own: i64, sight: &TaskView) -> Step {
    let Some((version, text)) = &sight.task else {
        return Step::Take(None);
    };
    let Some(record) = sight.record() else {
        return Step::Foreign(text.clone());
    };
    match (record.state, sight.runner) {
        (State::Committed, _) => Step::Committed(record.attempt),
        // Claimed by a request whose answer was lost, or a moment ago.
        (State::Committing, Some(runner)) if runner == own && record.attempt == attempt => {
            Step::Run(*version)
        }
        (_, Some(_)) => Step::Wait(record.attempt),
        (_, None) => Step::Take(Some(*version)),
    }
}

/// What became of the attempt to tell how the command ended, after it was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// It was told before.
    Done,
    /// Nothing stands against it: tell it again.
    Again,
    /// Others have gone on from there; this is what they say.
    Overtaken(String),
}

/// What is to be done about `record`, which was to replace `version`.
pub(super) fn recheck(record: &Record, version: i32, sight: &TaskView) -> Telling {
    match &sight.task {
        Some((_, text)) if text.parse().as_ref() == Ok(record) => Telling::Done,
        Some((now, _)) if *now == version => Telling::Again,
        Some((_, text)) => Telling::Overtaken(text.clone()),
        None => Telling::Overtaken("nothing".to_owned()),
    }
}

#[cfg(test)]
mod tests;
