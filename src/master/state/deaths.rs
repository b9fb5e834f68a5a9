//! The verdicts of death that a master has given, for whoever is to act on them. A death counts once the
//! transaction that tells of it is acknowledged: before, it may never have been.

use super::MasterState;
use crate::clock::Now;
use crate::protocol::{EventKind, Identity};

/// One verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// Who died.
    pub node: String,
    /// Who that was, as far as it is known.
    pub identity: Identity,
    /// The epoch of the master that says so.
    pub epoch: i64,
}

impl MasterState {
    /// Tells who the master before was: where it died, that is known of the dead.
    #[must_use]
    pub fn succeeding(mut self, node: &str, identity: &Identity) -> Self {
        // Nobody else is dead at the beginning.
        for death in self.news.deaths_mut() {
            if death.node == node {
                death.identity = identity.clone();
            }
        }
        self
    }

    /// The verdicts that were acknowledged since this was asked last, each once.
    pub fn take_deaths(&mut self) -> Vec<Death> {
        self.news.take_deaths()
    }

    /// Tells of a follower's death with the next report, and mourns it.
    pub(super) fn tell_death(&mut self, now: Now, node: &str) {
        let identity = self.remember_dead(now, node);
        let event = self.event(now.wall, EventKind::Died, node);
        let death = self.death(node, identity);
        self.news.push(event, Some(death));
    }
}
