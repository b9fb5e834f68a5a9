//! The verdicts of death that a master has given, for whoever is to act on them. A death counts once the
//! transaction that tells of it is acknowledged: before, it may never have been.

use std::collections::BTreeMap;

use super::Tenure;
use crate::protocol::{Event, EventKind, Identity};

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

/// All verdicts that nobody has taken yet.
#[derive(Debug, Default)]
pub(super) struct Deaths {
    /// Not acknowledged, by the numbers of the events that tell of them.
    untold: BTreeMap<u64, Death>,
    told: Vec<Death>,
}

impl Deaths {
    /// A verdict that this event will tell of.
    pub(super) fn add(&mut self, event: &Event, node: &str, identity: Identity) {
        let (Some(sequence), Some(epoch)) = (event.sequence, event.epoch) else {
            return;
        };
        let node = node.to_owned();
        let death = Death {
            node,
            identity,
            epoch,
        };
        self.untold.insert(sequence, death);
    }

    /// The event is acknowledged.
    pub(super) fn acknowledged(&mut self, event: &Event) {
        let number = event.sequence;
        self.told
            .extend(number.and_then(|number| self.untold.remove(&number)));
    }
}

impl Tenure {
    /// Tells who the master before was: where it died, that is known of the dead.
    #[must_use]
    pub fn succeeding(mut self, node: &str, identity: &Identity) -> Self {
        // Nobody else is dead at the beginning.
        for death in self.deaths.untold.values_mut() {
            if death.node == node {
                death.identity = identity.clone();
            }
        }
        self
    }

    /// The verdicts that were acknowledged since this was asked last, each once.
    pub fn take_deaths(&mut self) -> Vec<Death> {
        std::mem::take(&mut self.deaths.told)
    }

    /// Tells of a follower's death with the next report, and mourns it.
    pub(super) fn tell_death(&mut self, now: crate::clock::Now, node: &str) {
        let identity = self.mourn(now, node);
        let event = self.event(now.wall, EventKind::Died, node);
        self.deaths.add(&event, node, identity);
        self.fresh.push(event);
    }
}
