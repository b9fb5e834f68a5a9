//! A master's view of its followers: which of them exist, beat, leave and return.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::connections::server_time;
use super::{FollowerReading, MOST_DEAD, MasterState, Pending};
use crate::clock::Now;
use crate::detect::DeathCause;
use crate::protocol::{Beat, Dead, Ending, EventKind, Identity};

/// How many of its longer intervals a slow follower may be silent beyond the timeout: one beat may be late,
/// and the next one is on its way.
const BEATS: u32 = 2;

/// Whether the master judges a follower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Presence {
    /// The master judges it.
    #[default]
    Known,
    /// Its znode existed when the master returned from an outage, and it has not beaten since.
    Untried,
    /// Its znode is gone with its session, but it may return in a moment.
    Absent,
}

/// How a follower's znode is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ZnodeReads {
    /// After each change.
    #[default]
    Watched,
    /// Not at all.
    Paused,
    /// It was not read for a while and is being read: the value may be one that its connection has brought.
    Resumed,
}

#[derive(Debug, Default)]
pub(super) struct Follower {
    /// The last version read of its znode.
    pub(super) version: Option<i32>,
    /// The zxid of the creation of its znode; 0 before that is read.
    pub(super) created: i64,
    /// A zxid before that creation, as good as it is known.
    pub(super) created_after: i64,
    /// The position in the log of the event that it joined; 0 if the previous master has reported that.
    pub(super) introduced: Option<u64>,
    /// Whether its znode shows if the previous master has reported that it joined.
    pub(super) is_undecided: bool,
    /// Whether it was heard since the last report.
    pub(super) heard: bool,
    pub(super) presence: Presence,
    pub(super) written: DateTime<Utc>,
    /// The session that owns its znode; 0 for a persistent znode.
    pub(super) owner: i64,
    /// How its work ended, according to its znode or its goodbye.
    pub(super) ending: Option<Ending>,
    /// The same according to its goodbye alone. A beat that was written before it may be read after it.
    pub(super) goodbye: Option<Ending>,
    /// Its identity, from its last beat.
    pub(super) identity: Identity,
    /// Whether its stall was reported.
    pub(super) stalled: bool,
    /// How its znode is read.
    pub(super) reads: ZnodeReads,
    /// The version of its claim.
    pub(super) claim_version: Option<i32>,
    /// The open connection that has brought the content of its beats.
    pub(super) content_from: Option<u64>,
    /// The version at which its removal was refused, since it had beaten in the meantime.
    pub(super) spared: Option<i32>,
    /// How long it may be silent beyond the timeout if only its beats in ZooKeeper count.
    pub(super) extra: Duration,
}

impl Follower {
    /// A follower whose join the previous master has reported.
    pub(super) fn introduced() -> Self {
        Self {
            introduced: Some(0),
            ..Self::default()
        }
    }

    /// Whether the report that tells the events up to this position in the log, or an earlier one, says that it joined.
    pub(super) fn is_told(&self, position: u64) -> bool {
        self.introduced.is_some_and(|event| event <= position)
    }

    /// A zxid before the creation of its znode.
    pub(super) fn before_creation(&self) -> i64 {
        match self.created {
            0 => self.created_after,
            created => created - 1,
        }
    }

    /// Whether its znode, as it was read, shows a beat that was not heard yet.
    fn has_beaten(&self, reading: &FollowerReading) -> bool {
        if self.reads != ZnodeReads::Resumed {
            return self.version != Some(reading.version);
        }
        // The beats of its connection have named a version. If it is later, others came to ZooKeeper alone.
        let known = self.version;
        known.is_some_and(|known| reading.version.wrapping_sub(known) > 0)
    }
}

impl MasterState {
    /// A follower's znode was read; its next change will be reported.
    ///
    /// After an outage of ZooKeeper the master may be back before its followers. So a follower whose znode
    /// existed then is not judged before it is heard, or before the grace period ends.
    pub fn heard(&mut self, now: Now, node: &str, reading: &FollowerReading) {
        if node == self.master_info.node
            || self.passed_over.contains(node)
            || self.was_removed(node, reading)
        {
            return;
        }
        self.recognize(now, node, reading);
        let is_standing = self.is_standing(now, node);
        let extra = self.extra(&reading.beat);
        let follower = self.followers.entry(node.to_owned()).or_default();
        let beaten = follower
            .version
            .is_some_and(|version| version != reading.version);
        let untried = follower.version.is_none() || follower.presence == Presence::Untried;
        follower.presence = if is_standing && !beaten && untried {
            Presence::Untried
        } else {
            Presence::Known
        };
        let is_resumed = follower.reads == ZnodeReads::Resumed;
        let has_beaten = follower.has_beaten(reading);
        if is_resumed {
            follower.reads = ZnodeReads::Watched;
        }
        follower.heard |= has_beaten;
        follower.version = Some(reading.version);
        follower.created = reading.created;
        follower.written = reading.written;
        follower.goodbye = follower.goodbye.filter(|_| follower.owner == reading.owner);
        follower.owner = reading.owner;
        follower.ending = reading.beat.ending.or(follower.goodbye);
        let has_ended = follower.ending.is_some();
        let is_other_claim = follower.identity.claim != reading.beat.identity.claim;
        follower.identity.clone_from(&reading.beat.identity);
        follower.extra = extra;
        if reading.claim_version.is_some() || is_other_claim {
            follower.claim_version = reading.claim_version;
        }
        let has_content = follower.content_from.is_some();
        let is_untried = follower.presence == Presence::Untried;
        if has_beaten {
            self.connections.moved(reading.owner);
        }
        let is_connected = self.connections.is_open(reading.owner);
        if has_ended || is_untried {
            // It has sent its last beat and leaves at once, or it may not be back yet. In both cases
            // ZooKeeper removes its znode with its session at the latest.
            self.detector.left(now.elapsed, node);
        } else {
            if has_beaten || !self.detector.is_counting(node) {
                self.detector.heard(now.elapsed, node);
            }
            self.expect_beats(now, node, is_connected);
        }
        if !(is_connected && has_content) {
            self.take_status(now, node, &reading.beat);
        }
        // Its version is known now.
        self.found_ended(node);
        if is_resumed {
            self.find_overdue_early(now);
        }
    }

    /// Where the next beats of a follower come from, and how long it may be silent until then.
    fn expect_beats(&mut self, now: Now, node: &str, is_connected: bool) {
        let Some(follower) = self.followers.get(node) else {
            return;
        };
        if is_connected {
            // Its relay may have told of it before its znode was read.
            let relay = self.connections.relay_of(follower.owner);
            self.detector.set_group(node, relay);
        } else {
            self.detector.expect(now.elapsed, node, follower.extra);
        }
    }

    /// Whether a follower's znode existed when the master started, which still waits for those.
    fn is_standing(&self, now: Now, node: &str) -> bool {
        let standing = self.standing.as_ref();
        standing.is_some_and(|all| all.contains(node)) && self.is_waiting(now)
    }

    /// Whether a reading is of a znode that this master has removed since.
    fn was_removed(&mut self, node: &str, reading: &FollowerReading) -> bool {
        let is_old = self.removed.get(node) == Some(&reading.created);
        if !is_old {
            self.removed.remove(node);
        }
        is_old
    }

    /// How long a follower may be silent beyond the timeout: longer if it beats less often, but the interval that it
    /// claims is limited.
    pub(super) fn extra(&self, beat: &Beat) -> Duration {
        let slower = beat.status.interval.saturating_sub(self.pace.interval);
        (slower * BEATS).min(self.pace.session)
    }

    /// Reports a follower's stall, and its end.
    pub(super) fn take_status(&mut self, now: Now, node: &str, beat: &Beat) {
        let stalled = beat.status.stalled_ms.is_some();
        let Some(follower) = self.followers.get_mut(node) else {
            return;
        };
        if stalled == std::mem::replace(&mut follower.stalled, stalled) {
            return;
        }
        if stalled {
            let mut event = self.event(now.wall, EventKind::Stalled, node);
            event.condition = beat.status.condition;
            self.news.push(event, None);
        } else {
            self.tell(now.wall, EventKind::Recovered, node);
        }
    }

    /// Moves a follower to the dead, who stay in the reports for some time. Returns its identity.
    pub(super) fn remember_dead(&mut self, now: Now, node: &str, cause: DeathCause) -> Identity {
        let follower = self.forget_follower(node);
        let identity = follower.map_or_else(Identity::default, |follower| follower.identity);
        let dead = Dead {
            node: node.to_owned(),
            time: now.wall,
            attempt: identity.attempt.clone(),
            cause: Some(cause),
        };
        if self.dead.len() < MOST_DEAD {
            self.dead.insert(node.to_owned(), dead);
        }
        identity
    }

    /// Removes a follower, and what its connections prove.
    fn forget_follower(&mut self, node: &str) -> Option<Follower> {
        let follower = self.followers.remove(node);
        if let Some(follower) = &follower {
            self.connections.left(follower.owner);
        }
        follower
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
        let is_mute = self.is_mute(now, node);
        let was_silent = self.detector.is_spared(node) || is_mute;
        self.detector.left(now.elapsed, node);
        self.removed.remove(node);
        self.roster.left(node);
        if self.passed_over.remove(node) {
            return;
        }
        if self.left_undecided(now, node) {
            return;
        }
        if self.followers.contains_key(node) {
            // The follower joined and left before its value was read.
            self.introduce(now, node, 0);
        }
        let waiting = self.is_waiting(now);
        if let Some(follower) = self.followers.get_mut(node)
            && (follower.presence != Presence::Known || is_mute)
            && follower.ending.is_none()
            && waiting
        {
            // The znode belonged to a session that ended with the outage; its owner creates a new one in its
            // next session.
            follower.presence = Presence::Absent;
            follower.version = None;
            return;
        }
        if let Some(follower) = self.followers.get(node) {
            // If an ephemeral znode is removed while its session is alive, only its owner can have removed
            // it, even if its last beat was not read in time.
            let kind = match follower.ending {
                Some(Ending::Failed) => EventKind::Failed,
                // Its session has ended without it.
                None if was_silent => EventKind::Died,
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
                self.forget_follower(node);
                self.tell(now.wall, kind, node);
            }
        }
    }

    /// Skips a znode in the list of followers that is not a follower, or that cannot be read or removed: the
    /// master ignores it until it is gone.
    pub fn pass_over(&mut self, now: Now, node: &str, why: String) {
        self.detector.left(now.elapsed, node);
        self.roster.left(node);
        if !self.left_undecided(now, node) {
            self.forget_follower(node);
        }
        if self.passed_over.insert(node.to_owned()) {
            self.complaints.push((node.to_owned(), why));
        }
    }

    /// Ends the grace period: the followers that existed at the start are now judged like all others.
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
        self.settle_roster(now);
        self.find_overdue(now);
    }

    /// Whether the grace period for existing followers is still running.
    pub(super) fn is_waiting(&self, now: Now) -> bool {
        self.grace.is_some_and(|grace| now.elapsed < grace)
    }

    /// Reports that a follower joined, once.
    pub(super) fn introduce(&mut self, now: Now, node: &str, returns: u32) {
        let follower = self.followers.entry(node.to_owned()).or_default();
        if follower.introduced.is_some() {
            return;
        }
        let returned = self.dead.remove(node).is_some() || returns > 0;
        let kind = if returned {
            EventKind::Returned
        } else {
            EventKind::Joined
        };
        let position = self.tell(now.wall, kind, node);
        if let Some(follower) = self.followers.get_mut(node) {
            follower.introduced = Some(position);
        }
    }

    /// Whether a session that was last heard at `heard` may have expired by now.
    pub(super) fn is_expired(&self, now: Now, heard: DateTime<Utc>) -> bool {
        let silence = server_time(self.begun, now)
            .signed_duration_since(heard)
            .to_std();
        silence.is_ok_and(|silence| silence > self.pace.session / 2)
    }
}
