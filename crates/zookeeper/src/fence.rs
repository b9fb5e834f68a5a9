//! The writes of a master. Only the holder of a claim can make them, and each is one transaction that checks
//! the claim: a master that was paused and replaced can neither write nor delete anything.

use futures_util::future::join_all;

use super::client::{Operation, Refusal};
use super::{Failure, Session};
use heartline_core::protocol::request::Response;

/// The right to write as master, as long as the claim exists.
///
/// While disconnected, every write fails as [`Failure::Lost`], made or not. After the claim is gone, by
/// expiry, by release or because this master was deposed, every write fails as
/// [`Failure::Deposed`].
#[derive(Clone, Debug)]
pub struct Fence {
    session: Session,
    claim: String,
}

/// A follower's znode to remove, together with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal<'a> {
    /// The name of the follower.
    pub node: &'a str,
    /// The required version of its znode.
    pub version: i32,
    /// The session that owns the znode.
    pub owner: i64,
    /// The claim that the follower names in its beats.
    pub claim: Option<&'a str>,
    /// The claim's version, if it was found that the same session owns it.
    pub claim_version: Option<i32>,
}

/// Whether the control was written with the rest of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlWrite {
    /// It was.
    Done,
    /// ZooKeeper refuses to write it, with the reason; the rest was written.
    Refused(String),
}

/// The outcome of a removal batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalOutcome {
    /// The followers' znodes are removed, and the report is written.
    Done,
    /// The follower at this index has beaten since it was last read: nothing was written.
    Spared(usize),
    /// The znode of the follower at this index was gone: nothing was written.
    Gone(usize),
    /// ZooKeeper refuses to remove the follower at this index, with the reason: nothing was written.
    Refused(usize, String),
}

impl Session {
    /// The fence of the claim `claim`: the right to write as master as long as the claim exists.
    pub fn fence(&self, claim: &str) -> Fence {
        Fence::new(self.clone(), claim)
    }
}

impl Fence {
    pub(super) fn new(session: Session, claim: &str) -> Self {
        let claim = session.paths().claim(claim);
        Self { session, claim }
    }

    /// The claim of this fence; a different claim has a different fence.
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// The session that owns the claim, for requests that need no fence.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Writes the master's own beat to its claim, and a report if there is one.
    pub async fn beat(&self, beat: &str, report: Option<&str>) -> Result<(), Failure> {
        if let Some(report) = report {
            let beat = set(&self.claim, beat);
            return Ok(self.make(vec![beat, self.report(report)]).await?);
        }
        // The write goes to the claim itself: if the claim is gone, the write fails.
        let set = self
            .session
            .client()
            .set(&self.claim, beat.as_bytes(), None);
        match set.await {
            Ok(_) => Ok(()),
            Err(Failure::NoNode) => Err(Failure::Deposed),
            Err(failure) => Err(failure),
        }
    }

    /// Writes the first report and the first control if the report's version is still `version`; returns `None` if it
    /// is not.
    pub async fn take_over(
        &self,
        version: i32,
        report: &str,
        control: &str,
    ) -> Result<Option<ControlWrite>, Failure> {
        let set = Operation::Set {
            path: self.session.paths().master().to_owned(),
            value: report.into(),
            version: Some(version),
        };
        let made = match self.with_control(&set, control, None).await {
            Ok(refused @ ControlWrite::Refused(_)) => self.make(vec![set]).await.map(|()| refused),
            made => made,
        };
        match made {
            Ok(control) => Ok(Some(control)),
            Err(Refusal {
                at: Some(1),
                failure: Failure::BadVersion,
            }) => Ok(None),
            Err(refusal) => Err(refusal.failure),
        }
    }

    /// Writes the master's own beat, the instructions to followers, and the answer to a request, if the
    /// request's znode still exists.
    pub async fn command(
        &self,
        beat: &str,
        control: &str,
        answer: Option<(&str, &str)>,
    ) -> Result<ControlWrite, Failure> {
        let beat = set(&self.claim, beat);
        let reply = |request: &str, text: &str| set(&self.session.paths().request(request), text);
        let done = answer.map(|(request, text)| reply(request, text));
        let written = self.with_control(&beat, control, done).await?;
        if written == ControlWrite::Done {
            return Ok(written);
        }
        // Nobody has the order.
        let path = self.session.paths().control();
        let text = Response::Refused(format!("the master may not write {path}")).to_string();
        let refused = answer.map(|(request, _)| reply(request, &text));
        self.make_answered(vec![beat], refused).await?;
        Ok(written)
    }

    /// Writes one operation, the control and an answer; creates a control that somebody has removed. Writes nothing if
    /// the control may not be written: it is one znode, and the members need a master all the same.
    async fn with_control(
        &self,
        first: &Operation,
        control: &str,
        answer: Option<Operation>,
    ) -> Result<ControlWrite, Refusal> {
        let attempt = || {
            let operations = vec![first.clone(), self.control(control)];
            self.make_answered(operations, answer.clone())
        };
        let mut made = attempt().await;
        if let Err(Refusal {
            at: Some(2),
            failure: Failure::NoNode,
        }) = made
        {
            let prepared = self.session.prepare_control().await;
            prepared.map_err(|failure| Refusal { at: None, failure })?;
            made = attempt().await;
        }
        match made {
            Err(Refusal {
                at: Some(2),
                failure: Failure::Refused(why),
            }) => Ok(ControlWrite::Refused(why)),
            made => made.map(|()| ControlWrite::Done),
        }
    }

    /// Makes a transaction with the answer to a request as its last operation. If the requester is gone or its znode
    /// cannot be written, makes it without the answer.
    async fn make_answered(
        &self,
        mut operations: Vec<Operation>,
        answer: Option<Operation>,
    ) -> Result<(), Refusal> {
        let Some(answer) = answer else {
            return self.make(operations).await;
        };
        operations.push(answer);
        match self.make(operations.clone()).await {
            Err(Refusal {
                at: Some(at),
                failure: Failure::NoNode | Failure::Refused(_),
            }) if at == operations.len() => {
                operations.pop();
                self.make(operations).await
            }
            made => made,
        }
    }

    /// Removes the znodes of silent followers if all of them still have these versions, and writes the report
    /// and the master's own beat. The claim that a follower names is removed too, but only if the same
    /// session owns both: a follower's word gives no right over other claims.
    pub async fn remove_dead(
        &self,
        beat: &str,
        removals: &[Removal<'_>],
        report: &str,
    ) -> Result<RemovalOutcome, Failure> {
        let paths = self.session.paths();
        let mut remove_dead = vec![set(&self.claim, beat), self.report(report)];
        // After the check of the claim.
        let first = remove_dead.len() + 1;
        remove_dead.extend(removals.iter().map(|removal| Operation::Delete {
            path: paths.member(removal.node),
            version: Some(removal.version),
        }));
        let looks = removals.iter().map(|removal| self.own_claim(removal));
        // Sent together; a claim that cannot be read stays, and goes with its session.
        let claims = join_all(looks).await.into_iter().flatten();
        let mut claims: Vec<Operation> = claims.collect();
        let last = remove_dead.len() + 1;
        let made = loop {
            let whole = remove_dead.iter().chain(&claims).cloned().collect();
            match self.make(whole).await {
                // This claim has just gone, or cannot be removed: repeat without it.
                Err(Refusal {
                    at: Some(at),
                    failure: Failure::NoNode | Failure::BadVersion | Failure::Refused(_),
                }) if at >= last && at - last < claims.len() => {
                    claims.swap_remove(at - last);
                    // When many claims vanish at once, leave the rest to ZooKeeper, which removes them with
                    // their sessions.
                    claims.truncate(claims.len() / 2);
                }
                made => break made,
            }
        };
        match made {
            Ok(()) => Ok(RemovalOutcome::Done),
            Err(Refusal {
                at: Some(at),
                failure,
            }) if at >= first => match failure {
                Failure::BadVersion => Ok(RemovalOutcome::Spared(at - first)),
                Failure::NoNode => Ok(RemovalOutcome::Gone(at - first)),
                Failure::Refused(why) => Ok(RemovalOutcome::Refused(at - first, why)),
                other => Err(other),
            },
            Err(refusal) => Err(refusal.failure),
        }
    }

    /// The operation that removes a follower's claim, if the same session owns it.
    async fn own_claim(&self, removal: &Removal<'_>) -> Option<Operation> {
        let path = self.session.paths().claim(removal.claim?);
        if let Some(version) = removal.claim_version {
            let version = Some(version);
            return Some(Operation::Delete { path, version });
        }
        let stat = self.session.client().stat(&path).await.ok().flatten()?;
        let is_own = stat.owner == removal.owner && stat.is_ephemeral();
        is_own.then_some(Operation::Delete {
            path,
            version: Some(stat.version),
        })
    }

    /// Writes the last report and removes the claim.
    pub async fn release(&self, report: &str) -> Result<(), Failure> {
        let delete = Operation::Delete {
            path: self.claim.clone(),
            version: None,
        };
        Ok(self.make(vec![self.report(report), delete]).await?)
    }

    fn control(&self, control: &str) -> Operation {
        set(self.session.paths().control(), control)
    }

    fn report(&self, report: &str) -> Operation {
        set(self.session.paths().master(), report)
    }

    /// Makes a transaction only if the claim exists; its operations are numbered from 1.
    pub async fn make(&self, operations: Vec<Operation>) -> Result<(), Refusal> {
        let mut all = vec![Operation::Check {
            path: self.claim.clone(),
            version: None,
        }];
        all.extend(operations);
        let made = self.session.client().transaction(all).await;
        made.map_err(|refusal| match refusal {
            Refusal {
                at: Some(0),
                failure: Failure::NoNode,
            } => Refusal {
                at: Some(0),
                failure: Failure::Deposed,
            },
            other => other,
        })
    }
}

/// A write that accepts any version of the znode.
fn set(path: &str, value: &str) -> Operation {
    Operation::Set {
        path: path.to_owned(),
        value: value.into(),
        version: None,
    }
}
