//! The znodes of a task: read together, and changed in transactions that check what was read.

use chrono::{DateTime, Utc};

use super::rules::{Record, TaskView};
use heartline_zookeeper::client::{Change, Kind, Operation};
use heartline_zookeeper::{Failure, Session};

/// Whether a transaction succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// The transaction succeeded.
    Yes,
    /// The znodes have changed since they were read.
    Outdated,
}

/// The znodes of one task, in one session.
#[derive(Clone, Debug)]
pub(super) struct Znodes {
    pub(super) session: Session,
    task: String,
    runner: String,
}

impl Znodes {
    pub(super) fn new(session: Session, task: &str) -> Self {
        let task = session.paths().commit(task);
        Self {
            runner: format!("{task}/running"),
            session,
            task,
        }
    }

    /// The current content, including everything that any server has acknowledged, and a watch on the running attempt.
    pub(super) async fn look(&self) -> Result<(TaskView, Change), Failure> {
        let client = self.session.client();
        client.sync(&self.task).await?;
        let task = match client.get(&self.task).await {
            Ok((bytes, stat)) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Some((stat.version, text))
            }
            Err(Failure::NoNode) => None,
            Err(failure) => return Err(failure),
        };
        let (runner, change) = client.stat_and_watch(&self.runner).await?;
        let runner = runner.map(|stat| stat.owner);
        Ok((TaskView { task, runner }, change))
    }

    /// When the task's znode was last set, by the server's clock.
    pub(super) async fn written(&self) -> Result<Option<DateTime<Utc>>, Failure> {
        match self.session.client().get(&self.task).await {
            Ok((_, stat)) => Ok(Some(stat.written)),
            Err(Failure::NoNode) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Claims the commit: replaces `version` of the task's znode, or creates it, and creates the runner's ephemeral
    /// znode.
    pub(super) async fn take(
        &self,
        version: Option<i32>,
        record: &Record,
    ) -> Result<Made, Failure> {
        let (path, value) = (self.task.clone(), record.to_string().into_bytes());
        let claim = match version {
            Some(_) => Operation::Set {
                path,
                value,
                version,
            },
            None => Operation::Create {
                path,
                value,
                kind: Kind::Persistent,
            },
        };
        let run = Operation::Create {
            path: self.runner.clone(),
            value: record.attempt.clone().into_bytes(),
            kind: Kind::Ephemeral,
        };
        let made = self.make(vec![claim, run]).await;
        if version.is_none() && made == Err(Failure::NoNode) {
            self.session.prepare_commits().await?;
            return Ok(Made::Outdated);
        }
        outdated(made)
    }

    /// Proves that the claim holds, by a transaction that needs the quorum and changes nothing.
    pub(super) async fn prove(self, version: i32) -> Result<Made, Failure> {
        let claim = Operation::Check {
            path: self.task.clone(),
            version: Some(version),
        };
        let runs = Operation::Check {
            path: self.runner.clone(),
            version: None,
        };
        outdated(self.make(vec![claim, runs]).await)
    }

    /// Replaces `version` of the task's znode by the outcome, and deletes the runner's znode.
    pub(super) async fn record_outcome(
        &self,
        version: i32,
        record: &Record,
    ) -> Result<Made, Failure> {
        let set = Operation::Set {
            path: self.task.clone(),
            value: record.to_string().into_bytes(),
            version: Some(version),
        };
        // While the version is unchanged, the runner's znode can only be this session's.
        let over = Operation::Delete {
            path: self.runner.clone(),
            version: None,
        };
        let written = self.session.client().transaction(vec![set.clone(), over]);
        match written.await {
            // The runner's znode has gone with an earlier session.
            Err(refusal) if refusal.at == Some(1) => outdated(self.make(vec![set]).await),
            Err(refusal) => outdated(Err(refusal.failure)),
            Ok(()) => Ok(Made::Yes),
        }
    }

    async fn make(&self, operations: Vec<Operation>) -> Result<(), Failure> {
        Ok(self.session.client().transaction(operations).await?)
    }
}

fn outdated(made: Result<(), Failure>) -> Result<Made, Failure> {
    match made {
        Ok(()) => Ok(Made::Yes),
        Err(Failure::BadVersion | Failure::NoNode | Failure::NodeExists) => Ok(Made::Outdated),
        Err(failure) => Err(failure),
    }
}
