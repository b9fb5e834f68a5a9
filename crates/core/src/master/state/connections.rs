//! What the master learns by direct connections: beats, and that a follower's process has ended.
//!
//! A connection counts for a follower if it announces the session that owns the follower's znode. While it is open, the
//! content of the beats is taken from it alone: the same beat in ZooKeeper may be read later, after a newer one.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::followers::{Presence, ZnodeReads};
use super::{MasterState, ReadMode};
use crate::clock::Now;
use crate::detect::{DeathCause, HostState, ProbeOutcome, ProbeRequest};
use crate::protocol::{Beat, Ending};

impl MasterState {
    /// A member has opened a connection; see [`PeerConnections::opened`](crate::detect::PeerConnections::opened).
    pub fn connection_opened(
        &mut self,
        now: Now,
        connection: (u64, Option<u64>),
        member: (i64, &str),
        address: Option<SocketAddr>,
    ) -> Vec<u64> {
        self.connections
            .opened(now.elapsed, connection, member, address)
    }

    /// A connection has ended; `goodbye` says how the work of its member ended, if that said that it leaves.
    pub fn connection_closed(&mut self, now: Now, connection: u64, goodbye: Option<Ending>) {
        // Its members, if it is a relay's, look for another way.
        self.detector.group_left(connection);
        let Some((node, session)) = self.connections.member(connection) else {
            return;
        };
        let node = node.to_owned();
        self.connections
            .closed(now.elapsed, connection, goodbye.is_some());
        let Some(follower) = self.followers.get_mut(&node) else {
            return self.connections.forget(session);
        };
        if follower.owner != session {
            return self.connections.forget(session);
        }
        if goodbye.is_some() {
            // It removes its znode, even if that was written long ago. If it cannot reach ZooKeeper, its session does so.
            follower.written = server_time(self.begun, now);
            follower.goodbye = goodbye;
            follower.ending = follower.ending.or(goodbye);
            return self.detector.left(now.elapsed, &node);
        }
        if !self.connections.is_open(session) {
            // From now on its beats in ZooKeeper count, which may be rare.
            follower.content_from = None;
            let extra = follower.extra;
            self.detector.set_group(&node, None);
            self.detector.expect(now.elapsed, &node, extra);
            self.read(&node, ReadMode::Watched);
        }
    }

    /// A beat came by a connection. `version` is that of the follower's znode once all its writes have arrived, `text` its
    /// value if it has changed, otherwise empty.
    pub fn connection_beat(
        &mut self,
        now: Now,
        connection: u64,
        version: Option<i32>,
        text: &[u8],
    ) {
        let Some((node, session)) = self.connections.member(connection) else {
            return;
        };
        let node = node.to_owned();
        let Some(follower) = self.followers.get_mut(&node) else {
            return;
        };
        // It cannot be judged before it has a znode again.
        let is_absent = follower.presence == Presence::Absent;
        if follower.owner != session || follower.ending.is_some() || is_absent {
            return;
        }
        follower.heard = true;
        follower.presence = Presence::Known;
        if follower.version.is_some() && version.is_some() && follower.version != version {
            follower.version = version;
            // An earlier write was acknowledged: its session stands.
            follower.written = server_time(self.begun, now);
        }
        self.detector.heard(now.elapsed, &node);
        let relay = self.connections.relay(connection);
        self.detector.set_group(&node, relay);
        if !text.is_empty() {
            follower.content_from = Some(connection);
            let beat = Beat::parse(text);
            if beat.identity.claim != follower.identity.claim {
                follower.claim_version = None;
            }
            follower.identity.clone_from(&beat.identity);
            let extra = self.extra(&beat);
            self.detector.expect(now.elapsed, &node, extra);
            self.take_status(now, &node, &beat);
        }
        self.read(&node, ReadMode::Paused);
    }

    /// Whether a follower has an open connection, has not said goodbye, and has not reached ZooKeeper lately: it does not
    /// leave by itself.
    pub(super) fn is_mute(&self, now: Now, node: &str) -> bool {
        let follower = self.followers.get(node);
        let follower = follower.filter(|follower| self.connections.is_open(follower.owner));
        follower.is_some_and(|follower| {
            let age = server_time(self.begun, now).signed_duration_since(follower.written);
            age.to_std().unwrap_or_default() > self.pace.detection.timeout.max(follower.extra)
        })
    }

    /// A relay says that all of its members have beaten lately, except the `late` ones: their connections, and for how long
    /// each has not.
    pub fn group_beat(&mut self, now: Now, relay: u64, late: &[(u64, Duration)]) {
        let mut names = Vec::new();
        for (connection, silence) in late {
            if let Some((node, session)) = self.connections.member(*connection)
                && self
                    .followers
                    .get(node)
                    .is_some_and(|one| one.owner == session)
            {
                names.push((node.to_owned(), *silence));
            }
        }
        self.detector.group_heard(now.elapsed, relay, &names);
    }

    /// Changes how a follower's znode is read. A connection's beats make it needless; a connection that is silent or
    /// has ended leaves its version unknown, without which it cannot be removed.
    fn read(&mut self, node: &str, mode: ReadMode) {
        let Some(follower) = self.followers.get_mut(node) else {
            return;
        };
        let is_paused = follower.reads == ZnodeReads::Paused;
        if follower.version.is_some() && is_paused == (mode == ReadMode::Watched) {
            follower.reads = match mode {
                ReadMode::Watched => ZnodeReads::Resumed,
                ReadMode::Paused => ZnodeReads::Paused,
            };
            self.reads.push((node.to_owned(), mode));
        }
    }

    /// The followers whose znodes are to be read in another way from now on; those to be watched are read at once.
    pub fn take_reads(&mut self) -> Vec<(String, ReadMode)> {
        std::mem::take(&mut self.reads)
    }

    /// The outcome of a probe of [`MasterState::take_probes`].
    pub fn probed(&mut self, now: Now, number: u64, outcome: ProbeOutcome) {
        match self.connections.probed(now.elapsed, number, outcome) {
            Some(ended) => self.found_ended(&ended),
            None => self.find_overdue_early(now),
        }
    }

    /// The probes to make.
    pub fn take_probes(&mut self) -> Vec<ProbeRequest> {
        self.connections.take_probes()
    }

    /// Why a follower is proved to have ended.
    pub(super) fn ended(&self, node: &str) -> Option<DeathCause> {
        let follower = self.followers.get(node)?;
        let is_spared = follower.spared.is_some() && follower.spared == follower.version;
        if follower.ending.is_some() || follower.version.is_none() || is_spared {
            return None;
        }
        let address = follower.identity.address;
        self.connections.ended(node, follower.owner, address)
    }

    /// Asks the hosts of silent followers whether these exist, and tells the detector what is known.
    pub(super) fn doubt(&mut self, now: Now) {
        let doubtful: Vec<String> = self.detector.doubtful().map(str::to_owned).collect();
        for node in doubtful {
            let Some(follower) = self.followers.get(&node) else {
                continue;
            };
            let (session, address) = (follower.owner, follower.identity.address);
            self.read(&node, ReadMode::Watched);
            self.connections
                .doubt(now.elapsed, (session, &node), address);
            // A verdict waits for the host's answer.
            let exists = self.connections.host(now.elapsed, session) != HostState::Unknown;
            self.detector.exists(now.elapsed, &node, exists);
        }
    }
}

/// The time by ZooKeeper's clock, estimated from that of the first beat.
pub(super) fn server_time((begun, server): (Duration, DateTime<Utc>), now: Now) -> DateTime<Utc> {
    server + now.elapsed.saturating_sub(begun)
}
