//! What a master hears of its followers: who stands, beats, goes, comes back.

use chrono::{DateTime, Utc};

use std::collections::BTreeSet;

use super::{FollowerReading, MOST_DEAD, MasterState, Pending};
use crate::clock::Now;
use crate::protocol::report::fingerprint;
use crate::protocol::{Dead, Ending, EventKind, Identity};

/// How many longer intervals a follower that beats less often may be silent, beyond the timeout: one
/// beat may be late, and the next one is on its way.
const BEATS: u32 = 2;

/// How many znodes that are passed over are remembered.
const MOST_PASSED_OVER: usize = 4096;

/// Whether a follower is there to be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is.
    #[default]
    Known,
    /// It stood there when the master came back from an outage, and was not heard to beat since.
    Untried,
    /// Its znode is gone with its session, but it may be back in a moment.
    Absent,
}

#[derive(Debug, Default)]
pub(super) struct Follower {
    /// The last version read of its value.
    pub(super) version: Option<i32>,
    /// Its coming was told, by this master or the one before.
    pub(super) introduced: bool,
    /// Heard since the last report.
    pub(super) heard: bool,
    pub(super) presence: Presence,
    pub(super) written: DateTime<Utc>,
    /// The session that its znode dies with; 0 for a lasting one.
    pub(super) owner: i64,
    pub(super) ending: Option<Ending>,
    /// Who it is, by its last beat.
    pub(super) identity: Identity,
    /// Whether its stall was told.
    pub(super) stalled: bool,
}

impl Follower {
    /// One whose coming the master before has told.
    pub(super) fn introduced() -> Self {
        Self {
            introduced: true,
            ..Self::default()
        }
    }
}

impl MasterState {
    /// The followers whose znodes stand. Those that the master before knew and that left in the
    /// moment between the two masters are among neither's; they are missed here.
    pub fn listed(&mut self, now: Now, nodes: &BTreeSet<String>) {
        for node in nodes {
            // The dead are back when they are heard: the list may be older than the burial.
            if *node == self.master_info.node
                || self.dead.contains_key(node)
                || self.passed_over.contains(node)
                || self.followers.contains_key(node)
            {
                continue;
            }
            let follower = self.followers.entry(node.clone()).or_default();
            if !self.fingerprints.is_empty() {
                follower.introduced = self.fingerprints.remove(&fingerprint(node));
            }
        }
        if self.standing.is_some() {
            return;
        }
        self.standing = Some(nodes.clone());
        // Whoever of them is not on the first list has left, and cannot be named.
        let unnamed = std::mem::take(&mut self.fingerprints).len();
        if self.is_waiting(now) {
            for (node, follower) in &mut self.followers {
                if !nodes.contains(node) {
                    follower.presence = Presence::Absent;
                }
            }
            return;
        }
        let left = self.followers.keys().filter(|node| !nodes.contains(*node));
        let left: Vec<String> = left.cloned().collect();
        // After a longer time nobody can say whether one has finished or its session has expired.
        let is_certain = !self.is_expired(now, self.inherited);
        if is_certain {
            self.news.lose(unnamed.try_into().unwrap_or(u64::MAX));
        }
        for node in left {
            self.followers.remove(&node);
            if is_certain {
                self.tell(now.wall, EventKind::Finished, &node);
            }
        }
    }

    /// A follower's znode was read, and its next change will be noticed.
    ///
    /// One that stood there when the master came back from an outage of ZooKeeper is not judged before
    /// it is heard, or has been waited for: the master may be back before its followers.
    pub fn heard(&mut self, now: Now, node: &str, reading: &FollowerReading) {
        if node == self.master_info.node || self.passed_over.contains(node) {
            return;
        }
        self.introduce(now, node, reading.beat.identity.returns);
        let standing = self.standing.as_ref();
        let stood = standing.is_some_and(|standing| standing.contains(node));
        let waiting = self.is_waiting(now);
        let follower = self.followers.entry(node.to_owned()).or_default();
        let beaten = follower
            .version
            .is_some_and(|version| version != reading.version);
        let untried = follower.version.is_none() || follower.presence == Presence::Untried;
        follower.presence = if stood && waiting && !beaten && untried {
            Presence::Untried
        } else {
            Presence::Known
        };
        follower.heard |= follower.version != Some(reading.version);
        follower.version = Some(reading.version);
        follower.written = reading.written;
        follower.owner = reading.owner;
        follower.ending = reading.beat.ending;
        follower.identity.clone_from(&reading.beat.identity);
        let status = &reading.beat.status;
        let stalled = status.stalled_ms.is_some();
        // One that beats less often is silent for longer; what it says of itself is not believed without limit.
        let slower = status.interval.saturating_sub(self.pace.interval);
        let extra = (slower * BEATS).min(self.pace.session);
        let changed = stalled != std::mem::replace(&mut follower.stalled, stalled);
        if follower.ending.is_some() || follower.presence == Presence::Untried {
            // It has said its last word and goes at once, or it may not be back yet; either way its
            // znode goes with its session at the latest.
            self.detector.left(now.elapsed, node);
        } else {
            self.detector.heard(now.elapsed, node);
            self.detector.expect(now.elapsed, node, extra);
        }
        if changed && stalled {
            let mut event = self.event(now.wall, EventKind::Stalled, node);
            event.condition = status.condition;
            self.news.push(event, None);
        } else if changed {
            self.tell(now.wall, EventKind::Recovered, node);
        }
    }

    /// A follower is dead: it is told of for some time, and is a follower no more. Returns who it was.
    pub(super) fn remember_dead(&mut self, now: Now, node: &str) -> Identity {
        let follower = self.followers.remove(node);
        let identity = follower.map_or_else(Identity::default, |follower| follower.identity);
        let dead = Dead {
            node: node.to_owned(),
            time: now.wall,
            attempt: identity.attempt.clone(),
        };
        if self.dead.len() < MOST_DEAD {
            self.dead.insert(node.to_owned(), dead);
        }
        identity
    }

    /// A follower's value has changed and is being read.
    pub fn changed(&mut self, now: Now, node: &str) {
        self.budget.see_write();
        self.detector.reading(now.elapsed, node);
    }

    /// A follower's znode is gone, and this master did not remove it.
    pub fn vanished(&mut self, now: Now, node: &str) {
        if let Some(Pending::RemoveDead(batch_under_way)) = &mut self.pending
            && batch_under_way.vanished(node)
        {
            return;
        }
        self.detector.left(now.elapsed, node);
        if self.passed_over.remove(node) {
            return;
        }
        if self.followers.contains_key(node) {
            // One that came and went before its value was read.
            self.introduce(now, node, 0);
        }
        let waiting = self.is_waiting(now);
        if let Some(follower) = self.followers.get_mut(node)
            && follower.presence != Presence::Known
            && follower.ending.is_none()
            && waiting
        {
            // The znode of a session that ended with the outage; its owner replaces it with that of
            // another.
            follower.presence = Presence::Absent;
            follower.version = None;
            return;
        }
        if let Some(follower) = self.followers.get(node) {
            // An ephemeral znode of somebody who was alive a moment ago can only have been removed
            // by its owner, whether or not its last word was read in time.
            let kind = match follower.ending {
                Some(Ending::Failed) => EventKind::Failed,
                None if follower.version.is_some() && self.is_expired(now, follower.written) => {
                    EventKind::Died
                }
                Some(Ending::Finished) | None => EventKind::Finished,
            };
            if let Some(standing) = &mut self.standing {
                standing.remove(node);
            }
            if kind == EventKind::Died {
                self.tell_death(now, node);
            } else {
                self.followers.remove(node);
                self.tell(now.wall, kind, node);
            }
        }
    }

    /// A znode among the followers' that is none, or that cannot be read or removed: nobody judges it until it is
    /// gone, and all else goes on.
    pub fn pass_over(&mut self, now: Now, node: &str, why: String) {
        self.detector.left(now.elapsed, node);
        self.followers.remove(node);
        let is_known = self.passed_over.contains(node);
        if !is_known && self.passed_over.len() < MOST_PASSED_OVER {
            self.passed_over.insert(node.to_owned());
            self.complaints.push((node.to_owned(), why));
        }
    }

    /// Judges those that stood there from now on like all others, when they have been waited for.
    pub(super) fn end_grace(&mut self, now: Now) {
        if self.grace.take_if(|grace| now.elapsed >= *grace).is_none() {
            return;
        }
        let absent = self
            .followers
            .iter()
            .filter(|(_, one)| one.presence == Presence::Absent);
        let absent: Vec<String> = absent.map(|(node, _)| node.clone()).collect();
        for node in absent {
            self.tell_death(now, &node);
        }
        for (node, follower) in &mut self.followers {
            let presence = std::mem::take(&mut follower.presence);
            if presence == Presence::Untried && follower.ending.is_none() {
                self.detector.heard(now.elapsed, node);
            }
        }
        self.find_overdue();
    }

    /// Whether followers that stood there are waited for.
    fn is_waiting(&self, now: Now) -> bool {
        self.grace.is_some_and(|grace| now.elapsed < grace)
    }

    /// Tells of a follower's coming, once.
    fn introduce(&mut self, now: Now, node: &str, returns: u32) {
        let follower = self.followers.entry(node.to_owned()).or_default();
        if !std::mem::replace(&mut follower.introduced, true) {
            let returned = self.dead.remove(node).is_some() || returns > 0;
            let kind = if returned {
                EventKind::Returned
            } else {
                EventKind::Joined
            };
            self.tell(now.wall, kind, node);
        }
    }

    /// Whether a session that was last heard then may have expired by now.
    pub(super) fn is_expired(&self, now: Now, heard: DateTime<Utc>) -> bool {
        let (elapsed, server) = self.begun;
        let server = server + now.elapsed.saturating_sub(elapsed);
        let silence = server.signed_duration_since(heard).to_std();
        silence.is_ok_and(|silence| silence > self.pace.session / 2)
    }
}
