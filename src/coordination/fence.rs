//! The writes of a master. Only who holds a claim has them, and each is one transaction that checks
//! the claim: a master that was paused and replaced can neither write nor delete anything.

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

/// How a burial went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burial {
    /// The follower's znode is removed, and the report written.
    Done,
    /// The follower has beaten since it was heard last: nothing was written.
    Spared,
    /// The follower's znode was gone: nothing was written.
    Gone,
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
    pub async fn accede(&self, version: i32, report: &str, control: &str) -> Result<bool, Failure> {
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
            // Who has asked is gone.
            Err(Refusal {
                at: Some(3),
                failure: Failure::NoNode,
            }) => Ok(self.make(command).await?),
            made => Ok(made?),
        }
    }

    /// Removes a silent follower's znode if its version is still `version`, its claim if that still
    /// stands, and reports it.
    pub async fn bury(
        &self,
        node: &str,
        version: i32,
        claim: Option<&str>,
        report: &str,
    ) -> Result<Burial, Failure> {
        let paths = self.session.paths();
        let delete = Operation::Delete {
            path: paths.member(node),
            version: Some(version),
        };
        let bury = vec![delete, self.report(report)];
        let mut whole = bury.clone();
        whole.extend(claim.map(|claim| Operation::Delete {
            path: paths.claim(claim),
            version: None,
        }));
        let made = match self.make(whole).await {
            Err(Refusal {
                at: Some(3),
                failure: Failure::NoNode,
            }) => self.make(bury).await,
            made => made,
        };
        match made {
            Ok(()) => Ok(Burial::Done),
            Err(Refusal {
                at: Some(1),
                failure: Failure::BadVersion,
            }) => Ok(Burial::Spared),
            Err(Refusal {
                at: Some(1),
                failure: Failure::NoNode,
            }) => Ok(Burial::Gone),
            Err(refusal) => Err(refusal.failure),
        }
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
