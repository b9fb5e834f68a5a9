//! The writes of a master. Only who holds a claim has them, and each is one transaction that checks
//! the claim: a master that was paused and replaced can neither write nor delete anything.

use zookeeper_client::{CheckWriteError, CheckWriter, Error};

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

    /// The master's own beat, on its claim, and a report if there is one.
    pub async fn beat(&self, beat: &str, report: Option<&str>) -> Result<(), Failure> {
        let Some(report) = report else {
            // The claim is what is written: if it is gone, so is the right to write.
            let set = self
                .session
                .client()
                .set_data(&self.claim, beat.as_bytes(), None);
            return match set.await {
                Ok(_) => Ok(()),
                Err(Error::NoNode) => Err(Failure::Deposed),
                Err(error) => Err(error.into()),
            };
        };
        let mut writer = self.writer()?;
        writer.add_set_data(&self.claim, beat.as_bytes(), None)?;
        writer.add_set_data(self.session.paths().master(), report.as_bytes(), None)?;
        writer.commit().await.map_err(Error::from)?;
        Ok(())
    }

    /// Removes a silent follower's znode if its version is still `version`, and reports it.
    pub async fn bury(&self, node: &str, version: i32, report: &str) -> Result<Burial, Failure> {
        let mut writer = self.writer()?;
        writer.add_delete(&self.session.paths().member(node), Some(version))?;
        writer.add_set_data(self.session.paths().master(), report.as_bytes(), None)?;
        match writer.commit().await {
            Ok(_) => Ok(Burial::Done),
            Err(CheckWriteError::OperationFailed {
                index: 0,
                source: Error::BadVersion,
            }) => Ok(Burial::Spared),
            Err(CheckWriteError::OperationFailed {
                index: 0,
                source: Error::NoNode,
            }) => Ok(Burial::Gone),
            Err(error) => Err(Error::from(error).into()),
        }
    }

    /// The last report, and the end of the claim.
    pub async fn release(&self, report: &str) -> Result<(), Failure> {
        let mut writer = self.writer()?;
        writer.add_set_data(self.session.paths().master(), report.as_bytes(), None)?;
        writer.add_delete(&self.claim, None)?;
        writer.commit().await.map_err(Error::from)?;
        Ok(())
    }

    /// A transaction that is made only if the claim stands.
    fn writer(&self) -> Result<CheckWriter<'_>, Failure> {
        Ok(self.session.client().new_check_writer(&self.claim, None)?)
    }
}
