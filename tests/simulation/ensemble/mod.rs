//! The simulated ZooKeeper, a pure state machine without time or chance of its own: one leader that
//! decides, a log of what it decided, and servers that apply the log sooner or later.
//!
//! What is left out is how the servers agree: the log is never lost and never forks, as ZooKeeper
//! promises. What a session can see of several servers is kept: each answers from what it knows, a
//! session never goes back behind what it has seen, and `sync` waits for what was decided.

pub(crate) mod request;
pub(crate) mod server;
pub(crate) mod tree;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use heartline::coordination::Failure;
use heartline::coordination::client::{Operation, Refusal};

use request::{Answer, Notice, Outcome, Request, refuse};
use server::Server;
use tree::{Actor, Change, Tree};

/// What was decided: all of it, or, where it has no changes, that nothing happens.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) zxid: i64,
    /// Who asked.
    pub(crate) session: i64,
    pub(crate) changes: Vec<Change>,
    /// Whether it ends the session.
    pub(crate) ends: bool,
}

/// The whole ensemble.
#[derive(Debug)]
pub(crate) struct Ensemble {
    leader: Tree,
    log: Vec<Transaction>,
    servers: Vec<Server>,
    /// Which sessions stand; `false` for one that is expired but not removed yet.
    sessions: BTreeMap<i64, bool>,
    last_session: i64,
}

impl Ensemble {
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            leader: Tree::new(),
            log: Vec::new(),
            servers: (0..servers).map(|_| Server::new()).collect(),
            sessions: BTreeMap::new(),
            last_session: 0x100_0000,
        }
    }

    pub(crate) fn server(&mut self, server: usize) -> &mut Server {
        &mut self.servers[server]
    }

    /// The znodes as they were decided.
    pub(crate) fn truth(&self) -> &Tree {
        &self.leader
    }

    /// How much was decided: what a server has to have applied to know it all.
    pub(crate) fn decided(&self) -> usize {
        self.log.len()
    }

    /// The transaction decided last.
    pub(crate) fn last(&self) -> Option<&Transaction> {
        self.log.last()
    }

    /// Whether a session may still ask for anything.
    pub(crate) fn stands(&self, session: i64) -> bool {
        self.sessions.get(&session).copied().unwrap_or(false)
    }

    pub(crate) fn open(&mut self) -> i64 {
        self.last_session += 1;
        self.sessions.insert(self.last_session, true);
        self.decide(self.last_session, Vec::new(), false);
        self.last_session
    }

    /// Ends a session's rights. Its ephemeral znodes stand until [`Ensemble::remove`].
    pub(crate) fn expire(&mut self, session: i64) {
        if let Some(stands) = self.sessions.get_mut(&session) {
            *stands = false;
        }
    }

    /// Removes a session and its ephemeral znodes in one transaction.
    pub(crate) fn remove(&mut self, session: i64) {
        if self.sessions.remove(&session).is_none() {
            return;
        }
        let zxid = self.next_zxid();
        let gone = self.leader.owned_by(session);
        let changes: Vec<Change> = gone
            .into_iter()
            .map(|path| Change::Deleted { path })
            .collect();
        for change in &changes {
            self.leader.apply(zxid, change);
        }
        self.decide(session, changes, true);
    }

    /// Decides what a standing session asks for. What is refused is a transaction too, without
    /// changes.
    pub(crate) fn write(&mut self, session: i64, request: &Request, at: DateTime<Utc>) -> Outcome {
        if matches!(request, Request::Close) {
            self.remove(session);
            return Ok(Answer::Done);
        }
        let actor = Actor {
            session,
            zxid: self.next_zxid(),
            at,
        };
        let single = |operation: Operation| vec![operation];
        let operations = match request.clone() {
            Request::Create { path, value, kind } => {
                single(Operation::Create { path, value, kind })
            }
            Request::Delete { path, version } => single(Operation::Delete { path, version }),
            Request::Set {
                path,
                value,
                version,
            } => single(Operation::Set {
                path,
                value,
                version,
            }),
            Request::Transaction(operations) => operations,
            _ => unreachable!("a read: {request:?}"),
        };
        let made = self.make(&operations, actor);
        let changes = made.as_ref().map(Vec::clone).unwrap_or_default();
        self.decide(session, changes, false);
        match (made, request) {
            (Err((at, failure)), Request::Transaction(_)) => Err(Refusal {
                at: Some(at),
                failure,
            }),
            (Err((_, failure)), _) => Err(refuse(failure)),
            (Ok(changes), Request::Create { .. } | Request::Set { .. }) => {
                Ok(changes.first().map_or(Answer::Done, answer))
            }
            (Ok(_), _) => Ok(Answer::Done),
        }
    }

    /// Makes all operations on the leader's znodes, or none; says which one failed, and why.
    fn make(
        &mut self,
        operations: &[Operation],
        actor: Actor,
    ) -> Result<Vec<Change>, (usize, Failure)> {
        let mut changes = Vec::new();
        let mut undos = Vec::new();
        for (at, operation) in operations.iter().enumerate() {
            match self.leader.decide(operation, actor) {
                Ok(change) => {
                    if let Some(change) = change {
                        undos.push(self.leader.apply(actor.zxid, &change));
                        changes.push(change);
                    }
                }
                Err(failure) => {
                    for undo in undos.into_iter().rev() {
                        self.leader.take_back(undo);
                    }
                    return Err((at, failure));
                }
            }
        }
        Ok(changes)
    }

    fn decide(&mut self, session: i64, changes: Vec<Change>, ends: bool) {
        self.log.push(Transaction {
            zxid: self.next_zxid(),
            session,
            changes,
            ends,
        });
    }

    fn next_zxid(&self) -> i64 {
        0x1_0000_0001 + i64::try_from(self.log.len()).expect("a short log")
    }

    /// Lets a server apply the log up to `decided`. Returns what is to be told to which session.
    pub(crate) fn catch_up(&mut self, server: usize, decided: usize) -> Vec<(i64, Notice)> {
        let server = &mut self.servers[server];
        let from = server.applied();
        let due = self.log.get(from..decided).unwrap_or_default();
        due.iter()
            .flat_map(|transaction| server.apply(transaction))
            .collect()
    }
}

fn answer(change: &Change) -> Answer {
    match change {
        Change::Created { path, stat, .. } => Answer::Created(path.clone(), *stat),
        Change::Set { stat, .. } => Answer::Set(*stat),
        Change::Deleted { .. } => Answer::Done,
    }
}
