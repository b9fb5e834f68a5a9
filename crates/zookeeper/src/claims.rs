//! Reads, beats on and removes the claims in the line.

use super::client::{Operation, Stat};
use super::{Failure, Session, Value};
use heartline_core::protocol::claim::in_order;

/// Maximum number of znodes in the line that are read to find the first claim.
const MOST_LOOKED_AT: usize = 1024;

impl Session {
    /// The first claim in line, with its value, whose first line is the master's name. For `fresh` see
    /// [`Session::line`].
    ///
    /// # Notable errors
    /// [`Failure::Refused`] if there are claims, and none of them may be read.
    pub async fn first_claim(&self, fresh: bool) -> Result<Option<(String, Value)>, Failure> {
        let line = self.line(fresh).await?;
        let mut refused = None;
        for first in in_order(&line).into_iter().take(MOST_LOOKED_AT) {
            match self.read_claim(first).await {
                Ok(Some(value)) if !value.stat.is_ephemeral() => {}
                // It has gone since the line was read, or it is not heartline's.
                Ok(None) => {}
                Err(Failure::Refused(why)) => refused = refused.or(Some(Failure::Refused(why))),
                value => return Ok(value?.map(|value| (first.clone(), value))),
            }
        }
        refused.map_or(Ok(None), Err)
    }

    /// A claim's value; `None` if the claim does not exist.
    pub async fn read_claim(&self, claim: &str) -> Result<Option<Value>, Failure> {
        self.find(&self.paths().claim(claim)).await
    }

    /// Beats on a claim of this session; returns the claim's new stat.
    pub async fn touch(&self, claim: &str, value: &str) -> Result<Stat, Failure> {
        let path = self.paths().claim(claim);
        self.client().set(&path, value.as_bytes(), None).await
    }

    /// Removes another member's claim if its version is `version` and the claim `own` exists.
    ///
    /// # Notable errors
    /// [`Failure::Deposed`] if the claim `own` does not exist, [`Failure::NoNode`] if the other claim does
    /// not, [`Failure::BadVersion`] if the other member has beaten in the meantime.
    pub async fn depose(
        &self,
        own: &str,
        claim: &str,
        version: Option<i32>,
    ) -> Result<(), Failure> {
        let stands = Operation::Check {
            path: self.paths().claim(own),
            version: None,
        };
        let delete = Operation::Delete {
            path: self.paths().claim(claim),
            version,
        };
        let made = self.client().transaction(vec![stands, delete]).await;
        made.map_err(|refusal| match refusal.at {
            Some(0) if refusal.failure == Failure::NoNode => Failure::Deposed,
            _ => refusal.failure,
        })
    }
}
