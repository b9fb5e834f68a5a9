//! What direct connections prove about the members that opened them. Pure: no clock, no IO.
//!
//! When a process ends, its kernel closes its connections and its listening socket at once. So a connection that ends
//! without a goodbye is a hint, and an address that refuses connections from then on is a fact (Leners, Wu, Hung,
//! Aguilera, Walfish, "Detecting failures in distributed systems with the Falcon spy network", SOSP 2011: ask the layer
//! that knows). A member that lives, but whose connection was cut by a proxy or a firewall, still accepts connections.
//!
//! An address proves nothing before a probe has reached it: a firewall may refuse in the place of the host. An address
//! behind NAT or a proxy is not given at all.

mod peer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use self::peer::{OpenConnection, Peer};
use super::host_query::PROBE_PAUSE;
use super::{DeathCause, HostState, ProbeOutcome};

/// Maximum number of open connections of one session: a member that opens another one has lost the earlier ones.
const MOST_CONNECTIONS: usize = 4;

/// After this many beats in ZooKeeper since a member's end was proved, the proof was wrong. Fewer may have been on their
/// way: one is being written, one is read, and one waits to be read.
const MOST_LATE_BEATS: u32 = 3;

/// How often an address is probed before it counts as one that cannot be reached: a packet of the first probe may be lost,
/// or this machine was too busy for it.
const VERIFY_ATTEMPTS: u32 = 5;

/// The pause between two of these attempts.
const VERIFY_PAUSE: Duration = Duration::from_secs(1);

/// Why a probe is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeReason {
    /// A connection was opened: can the address be reached?
    Verify,
    /// The last connection has ended without a goodbye: has the process ended?
    Confirm,
    /// The member is silent: does its host answer?
    Doubt,
}

/// A probe to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeRequest {
    /// The number of the probe; its outcome carries it.
    pub number: u64,
    /// The address.
    pub address: SocketAddr,
    /// Why it is made.
    pub reason: ProbeReason,
}

/// The direct connections of all members to one listener, by the sessions that they announce.
///
/// - **Input**: [`opened`](Self::opened), [`closed`](Self::closed), [`probed`](Self::probed),
///   [`doubt`](Self::doubt), [`moved`](Self::moved).
/// - **Output**: [`take_probes`](Self::take_probes), [`ended`](Self::ended), [`host`](Self::host).
#[derive(Clone, Debug, Default)]
pub struct PeerConnections {
    peers: BTreeMap<i64, Peer>,
    /// The session of each open connection.
    sessions: BTreeMap<u64, i64>,
    /// The relay of each open connection that goes by one.
    relays: BTreeMap<u64, u64>,
    /// The session of each probe under way.
    probing: BTreeMap<u64, i64>,
    /// The sessions of the members that are proved to have ended.
    ended: BTreeSet<i64>,
    probes: Vec<ProbeRequest>,
    next_probe: u64,
    /// The sessions whose addresses are to be probed again, and when, the next one first.
    unverified: VecDeque<(Duration, i64)>,
}

impl PeerConnections {
    /// The member `name` with this session has opened a connection, of its own or by the connection of a relay. `address`
    /// is where it accepts connections itself, if that is known for certain. Returns connections to close, which it does
    /// not use any more.
    pub fn opened(
        &mut self,
        now: Duration,
        (number, relay): (u64, Option<u64>),
        (session, name): (i64, &str),
        address: Option<SocketAddr>,
    ) -> Vec<u64> {
        let peer = self.peers.entry(session);
        let peer = peer.or_insert_with(|| Peer::new(name));
        if peer.name != name {
            // A session belongs to one member.
            return vec![number];
        }
        peer.ended = None;
        self.ended.remove(&session);
        peer.reached = peer.reached.filter(|reached| Some(*reached) == address);
        peer.unreached = 0;
        peer.open.push(OpenConnection { number, address });
        self.sessions.insert(number, session);
        self.relays.extend(relay.map(|relay| (number, relay)));
        let surplus = peer.open.len().saturating_sub(MOST_CONNECTIONS);
        let surplus: Vec<u64> = peer.open.drain(..surplus).map(|one| one.number).collect();
        for number in &surplus {
            self.strike(*number);
        }
        self.ask(now, session, ProbeReason::Verify);
        surplus
    }

    /// A connection has ended; `is_goodbye` if its member said that it leaves.
    pub fn closed(&mut self, now: Duration, number: u64, is_goodbye: bool) {
        let Some(session) = self.strike(number) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&session) else {
            return;
        };
        if is_goodbye {
            // It leaves, whatever becomes of earlier connections.
            return self.forget(session);
        }
        peer.open.retain(|one| one.number != number);
        if peer.open.is_empty() {
            self.ask(now, session, ProbeReason::Confirm);
        }
    }

    /// The member with this session is silent: asks its host, now and then. `address` is the one that its znode gives: a
    /// member that has no connection yet is asked there. If it refuses, that proves nothing, since it was not reached
    /// before.
    pub fn doubt(
        &mut self,
        now: Duration,
        (session, name): (i64, &str),
        address: Option<SocketAddr>,
    ) {
        // A znode without a session is none of a member.
        let Some(address) = address.filter(|_| session != 0) else {
            return;
        };
        let peer = self.peers.entry(session);
        let peer = peer.or_insert_with(|| Peer::new(name));
        let is_recent = |(at, _)| now.saturating_sub(at) < PROBE_PAUSE;
        if peer.ended.is_none() && !peer.answered.is_some_and(is_recent) {
            let address = peer.reached.unwrap_or(address);
            self.ask_at(now, session, ProbeReason::Doubt, address);
        }
    }

    /// The outcome of a probe. Returns the name of its member if that is proved to have ended by it.
    pub fn probed(&mut self, now: Duration, number: u64, outcome: ProbeOutcome) -> Option<String> {
        let session = self.probing.remove(&number)?;
        let peer = self.peers.get_mut(&session)?;
        let (probe, _) = peer.probe.take_if(|(probe, _)| probe.number == number)?;
        let is_cut = peer.open.is_empty();
        let is_open = peer.open.last().and_then(|one| one.address) == Some(probe.address);
        if outcome == ProbeOutcome::Accepted && (is_open || probe.reason == ProbeReason::Verify) {
            peer.reached = Some(probe.address);
        }
        match (outcome, probe.reason) {
            (ProbeOutcome::Accepted, ProbeReason::Verify) => {
                // It may have ended in the meantime.
                if is_cut {
                    self.ask(now, session, ProbeReason::Confirm);
                }
            }
            (ProbeOutcome::Refused | ProbeOutcome::NoAnswer, ProbeReason::Verify) => {
                peer.unreached += 1;
                if peer.unreached < VERIFY_ATTEMPTS {
                    self.unverified.push_back((now + VERIFY_PAUSE, session));
                }
            }
            (ProbeOutcome::Refused, reason)
                if peer.reached == Some(probe.address)
                    && (is_cut || reason == ProbeReason::Doubt) =>
            {
                let cause = if is_cut {
                    DeathCause::Closed
                } else {
                    DeathCause::Refused
                };
                peer.ended = Some(cause);
                peer.late_beats = 0;
                self.ended.insert(session);
                return Some(peer.name.clone());
            }
            (outcome, _) => peer.answered = Some((now, outcome == ProbeOutcome::Accepted)),
        }
        None
    }

    /// The member with this session has beaten in ZooKeeper.
    pub fn moved(&mut self, session: i64) {
        if let Some(peer) = self.peers.get_mut(&session)
            && peer.ended.is_some()
        {
            peer.late_beats += 1;
            if peer.late_beats >= MOST_LATE_BEATS {
                self.ended.remove(&session);
                peer.ended = None;
            }
        }
    }

    /// Why the member `name` with this session is known to have ended; `None` if that is not proved. `address` is the
    /// one that its znode gives: nobody else can end it by connections of their own.
    pub fn ended(
        &self,
        name: &str,
        session: i64,
        address: Option<SocketAddr>,
    ) -> Option<DeathCause> {
        let peer = self.peers.get(&session)?;
        let is_its_own = peer.name == name && address.is_some() && peer.reached == address;
        peer.ended.filter(|_| is_its_own)
    }

    /// The members that may have ended, by their connections: [`ended`](Self::ended) says whether each has.
    pub fn all_ended(&self) -> impl Iterator<Item = &str> {
        let ended = self
            .ended
            .iter()
            .filter_map(|session| self.peers.get(session));
        ended.map(|peer| peer.name.as_str())
    }

    /// What is known about the host of a silent member.
    pub fn host(&self, now: Duration, session: i64) -> HostState {
        let Some(peer) = self.peers.get(&session) else {
            return HostState::Unknown;
        };
        HostState::at(now, peer.probe.map(|(_, since)| since), peer.answered)
    }

    /// Whether the member with this session has an open connection.
    pub fn is_open(&self, session: i64) -> bool {
        self.peers
            .get(&session)
            .is_some_and(|peer| !peer.open.is_empty())
    }

    /// A connection is not open any more, or no longer counts. Returns its session.
    fn strike(&mut self, number: u64) -> Option<i64> {
        self.relays.remove(&number);
        self.sessions.remove(&number)
    }

    /// The relay by which an open connection goes, if its member has none of its own.
    pub fn relay(&self, number: u64) -> Option<u64> {
        self.relays.get(&number).copied()
    }

    /// The relay by which the member with this session beats, according to its newest connection.
    pub fn relay_of(&self, session: i64) -> Option<u64> {
        let newest = self.peers.get(&session)?.open.last()?;
        self.relay(newest.number)
    }

    /// Number of connections by which beats come: a relay and its members have one.
    pub fn senders(&self) -> usize {
        self.sessions.len() - self.relays.len()
    }

    /// The name and the session of the member that opened a connection.
    pub fn member(&self, number: u64) -> Option<(&str, i64)> {
        let session = *self.sessions.get(&number)?;
        Some((&self.peers.get(&session)?.name, session))
    }

    /// The znode of the member with this session is gone. A connection that is still open counts again if the member
    /// returns: it was silent, and its process exists.
    pub fn left(&mut self, session: i64) {
        self.ended.remove(&session);
        match self.peers.get_mut(&session) {
            Some(peer) if !peer.open.is_empty() => {
                peer.ended = None;
                peer.answered = None;
                let is_about_silence =
                    |(probe, _): &mut (ProbeRequest, Duration)| probe.reason != ProbeReason::Verify;
                if let Some((probe, _)) = peer.probe.take_if(is_about_silence) {
                    self.probing.remove(&probe.number);
                }
            }
            _ => self.forget(session),
        }
    }

    /// Forgets a session whose member is gone. Its open connections no longer count.
    pub fn forget(&mut self, session: i64) {
        self.ended.remove(&session);
        if let Some(peer) = self.peers.remove(&session) {
            for one in peer.open {
                self.strike(one.number);
            }
            if let Some((probe, _)) = peer.probe {
                self.probing.remove(&probe.number);
            }
        }
    }

    /// Asks again for the addresses that could not be reached so far, if it is time.
    pub fn verify_again(&mut self, now: Duration) {
        while let Some((_, session)) = self
            .unverified
            .front()
            .copied()
            .filter(|(due, _)| *due <= now)
        {
            self.unverified.pop_front();
            if self.is_open(session) {
                self.ask(now, session, ProbeReason::Verify);
            }
        }
    }

    /// The probes to make.
    pub fn take_probes(&mut self) -> Vec<ProbeRequest> {
        std::mem::take(&mut self.probes)
    }

    /// Requests a probe, unless one is under way that says the same.
    fn ask(&mut self, now: Duration, session: i64, reason: ProbeReason) {
        let Some(peer) = self.peers.get_mut(&session) else {
            return;
        };
        let address = match reason {
            ProbeReason::Verify => peer.open.last().and_then(|one| one.address),
            ProbeReason::Confirm | ProbeReason::Doubt => peer.reached,
        };
        let Some(address) = address else {
            return;
        };
        if reason == ProbeReason::Verify && peer.reached == Some(address) {
            return;
        }
        self.ask_at(now, session, reason, address);
    }

    fn ask_at(&mut self, now: Duration, session: i64, reason: ProbeReason, address: SocketAddr) {
        let Some(peer) = self.peers.get_mut(&session) else {
            return;
        };
        let is_asked = peer.probe.is_some_and(|(probe, since)| {
            let counts = probe.reason == reason || probe.reason == ProbeReason::Verify;
            counts && probe.address == address && now.saturating_sub(since) < PROBE_PAUSE
        });
        if is_asked {
            return;
        }
        let number = self.next_probe;
        self.next_probe += 1;
        let probe = ProbeRequest {
            number,
            address,
            reason,
        };
        if let Some((earlier, _)) = peer.probe.replace((probe, now)) {
            self.probing.remove(&earlier.number);
        }
        self.probing.insert(number, session);
        self.probes.push(probe);
    }
}

#[cfg(test)]
mod tests;
