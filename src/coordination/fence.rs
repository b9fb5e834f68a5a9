//! The writes of a master. Only who holds a claim has them, and each is one transaction that checks
//! the claim: a master that was paused and replaced can neither write nor delete anything.

use futures_util::future::join_all;

use super::client::{Operation, Refusal};
use super::{Failure, Session};

/// What a claim entitles to, as long as it stands.
///
/// Under disconnection every write fails as [`Failure::Lost`], made or not; after the claim is gone,
/// whether by expiry, by release or because somebody deposed this master, as [`Failure::Deposed`].
#[derive(Clone, Debug)]
pub struct Fence {
    session: Session,
    claim: String,
}

/// A znode to be removed with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal<'a> {
    /// The follower.
    pub node: &'a str,
    /// The version that it must have.
    pub version: i32,
    /// The session that owns it.
    pub owner: i64,
    /// The claim that it says it has.
    pub claim: Option<&'a str>,
}

/// How a burial went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalOutcome {
    /// The followers' znodes are removed, and the report written.
    Done,
    /// This one of them has beaten since it was heard last: nothing was written.
    Spared(usize),
    /// The znode of this one was gone: nothing was written.
    Gone(usize),
    /// ZooKeeper refuses to remove this one, and says why: nothing was written.
    Refused(usize, String),
}

impl Fence {
    pub(super) fn new(session: Session, claim: &str) -> Self {
        let claim = session.paths().claim(claim);
        Self { session, claim }
    }

    /// The claim that it stands on: another one is another right.
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// The session whose claim it is, for what needs no right.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The master's own beat, on its claim, and a report if there is one.
    pub async fn beat(&self, beat: &str, report: Option<&str>) -> Result<(), Failure> {
        if let Some(report) = report {
            let beat = set(&self.claim, beat);
            return Ok(self.make(vec![beat, self.report(report)]).await?);
        }
        // The claim is what is written: if it is gone, so is the right to write.
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

    /// The first report and the first control, if the version of the one before is still `version`. Returns whether it was.
    pub async fn take_over(
        &self,
        version: i32,
        report: &str,
        control: &str,
    ) -> Result<bool, Failure> {
        let set = Operation::Set {
            path: self.session.paths().master().to_owned(),
            value: report.into(),
            version: Some(version),
        };
        match self.make(vec![set, self.control(control)]).await {
            Ok(()) => Ok(true),
            Err(Refusal {
                at: Some(1),
                failure: Failure::BadVersion,
            }) => Ok(false),
            Err(refusal) => Err(refusal.failure),
        }
    }

    /// The master's own beat, what followers are told, and the answer to a request, by its name, if that
    /// is still there.
    pub async fn command(
        &self,
        beat: &str,
        control: &str,
        answer: Option<(&str, &str)>,
    ) -> Result<(), Failure> {
        let beat = set(&self.claim, beat);
        let command = vec![beat, self.control(control)];
        let mut whole = command.clone();
        whole.extend(
            answer.map(|(request, text)| set(&self.session.paths().request(request), text)),
        );
        match self.make(whole).await {
            // Who has asked is gone, or its znode cannot be written: that costs nobody else.
            Err(Refusal {
                at: Some(3),
                failure: Failure::NoNode | Failure::Refused(_),
            }) => Ok(self.make(command).await?),
            made => Ok(made?),
        }
    }

    /// Removes the znodes of silent followers if all of them still have these versions, and reports it, with the
    /// master's own beat. The claim that a follower says it has goes with it if ZooKeeper says that both are of one
    /// session: what somebody says of itself is no right over others.
    pub async fn remove_dead(
        &self,
        beat: &str,
        removals: &[Removal<'_>],
        report: &str,
    ) -> Result<RemovalOutcome, Failure> {
        let paths = self.session.paths();
        let mut remove_dead = vec![set(&self.claim, beat), self.report(report)];
        // Behind the check of the claim.
        let first = remove_dead.len() + 1;
        remove_dead.extend(removals.iter().map(|removal| Operation::Delete {
            path: paths.member(removal.node),
            version: Some(removal.version),
        }));
        let looks = removals.iter().map(|removal| self.own_claim(removal));
        // Sent together; what cannot be looked at stays, and goes with its session.
        let claims = join_all(looks).await.into_iter().flatten();
        let mut claims: Vec<Operation> = claims.collect();
        let last = remove_dead.len() + 1;
        let made = loop {
            let whole = remove_dead.iter().chain(&claims).cloned().collect();
            match self.make(whole).await {
                // This claim went in this moment, or cannot be removed: without it.
                Err(Refusal {
                    at: Some(at),
                    failure: Failure::NoNode | Failure::BadVersion | Failure::Refused(_),
                }) if at >= last && at - last < claims.len() => {
                    claims.swap_remove(at - last);
                    // When many go at once, they go with their sessions.
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

    /// How the claim of a follower is removed, if it is one of the same session.
    async fn own_claim(&self, removal: &Removal<'_>) -> Option<Operation> {
        let path = self.session.paths().claim(removal.claim?);
        let stat = self.session.client().stat(&path).await.ok().flatten()?;
        let is_own = stat.owner == removal.owner && stat.owner != 0;
        is_own.then_some(Operation::Delete {
            path,
            version: Some(stat.version),
        })
    }

    /// The last report, and the end of the claim.
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

    /// Makes a transaction that is made only if the claim stands: its operations are numbered from 1.
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

/// A write whatever the znode's version is.
fn set(path: &str, value: &str) -> Operation {
    Operation::Set {
        path: path.to_owned(),
        value: value.into(),
        version: None,
    }
}
