//! The verdicts of death of a master, for the code that acts on them. A death counts once the transaction
//! that reports it is acknowledged: before that it may never have been written.

use std::time::Duration;

use super::MasterState;
use super::connections::server_time;
use crate::clock::Now;
use crate::detect::DeathCause;
use crate::protocol::{Event, EventKind, Identity};

/// One verdict of death.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The name of the dead member.
    pub node: String,
    /// The identity of the dead member, as far as it is known.
    pub identity: Identity,
    /// The epoch of the master that declared the death.
    pub epoch: i64,
}

impl MasterState {
    /// Adds the previous master's identity to its death, if it died.
    #[must_use]
    pub fn succeeding(mut self, node: &str, identity: &Identity) -> Self {
        // At the start, the previous master is the only dead member that waits to be reported.
        for death in self.news.deaths_mut() {
            if death.node == node {
                death.identity = identity.clone();
            }
        }
        self
    }

    /// The verdicts that were acknowledged since the last call, each once.
    pub fn take_deaths(&mut self) -> Vec<Death> {
        self.news.take_deaths()
    }

    /// Reports a follower's death with the next report, and remembers the follower as dead.
    pub(super) fn tell_death(&mut self, now: Now, node: &str) {
        // Its session has expired, or it did not return.
        let cause = DeathCause::Silent;
        let silence = self.silence(now, node);
        let identity = self.remember_dead(now, node, cause);
        let event = Event {
            cause: Some(cause),
            silence,
            ..self.event(now.wall, EventKind::Died, node)
        };
        let death = self.death(node, identity);
        self.news.push(event, Some(death));
    }

    /// The time since the follower's last sign of life, by the detector, or else by the time of its last write.
    pub(super) fn silence(&self, now: Now, node: &str) -> Option<Duration> {
        let by_detector = self.detector.silence_of(now.elapsed, node);
        by_detector.or_else(|| {
            let follower = self.followers.get(node)?;
            follower.version?;
            let now = server_time(self.begun, now);
            now.signed_duration_since(follower.written).to_std().ok()
        })
    }
}
