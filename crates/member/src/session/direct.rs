//! A session's direct connections: to the master while the member follows, and from the followers while it leads.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::{MemberSession, SessionRole};
use crate::context::SessionEnd;
use crate::direct_config::BeatPath;
use crate::master_connection::{MasterConnectionEvent, keep_connected};
use crate::session_event::SessionEvent;
use crate::shutdown::Shutdown;
use heartline_core::detect::{DeathCause, ProbeOutcome, ProbeReason};
use heartline_core::master::predecessor::PredecessorWatch;
use heartline_core::protocol::{Ending, beat};
use heartline_transport::frame::LONGEST_TEXT;
use heartline_transport::{BeatConnection, Endpoint, PeerEvent, PeerIdentity};

/// The longest time between two beats in ZooKeeper of a follower whose beats go by the direct connection. It is shorter for a
/// short session: the master tells by these beats whether the session stands.
const RARE: Duration = Duration::from_secs(1);
/// The same as a part of the session timeout.
const RARE_OF_SESSION: u32 = 6;

/// The connection to the holder of the master's claim.
pub(super) struct MasterConnection {
    claim: String,
    endpoint: Endpoint,
    task: AbortHandle,
    connection: Option<Box<dyn BeatConnection>>,
    /// How it was found that the holder's process has ended.
    ended: Option<DeathCause>,
    /// Whether something stands between (NAT, a proxy), which answers in the holder's place.
    is_indirect: bool,
    /// What the last sent value says, apart from its time.
    sent: String,
}

impl MasterConnection {
    /// Says goodbye to the master, if the connection is open; only the first one counts.
    pub(super) fn say_goodbye(&mut self, ending: Ending) {
        // Another connection would end without a goodbye.
        self.task.abort();
        if let Some(connection) = &mut self.connection {
            connection.goodbye(ending == Ending::Finished);
        }
    }
}

impl Drop for MasterConnection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MemberSession<'_> {
    /// The master has this claim and accepts connections there: connects, unless it has done so already.
    pub(super) fn connect_to_master(&mut self, claim: Option<&str>, endpoint: Option<Endpoint>) {
        let Some(transport) = &self.context.transport else {
            return;
        };
        let is_own = claim.is_some() && claim == self.election.claim();
        let Some((claim, endpoint)) = claim.zip(endpoint).filter(|_| !is_own) else {
            self.master_connection = None;
            return;
        };
        let is_connected = self.master_connection.as_ref().is_some_and(|to_master| {
            to_master.claim == claim
                && to_master.endpoint == endpoint
                && !to_master.task.is_finished()
        });
        if is_connected {
            return;
        }
        let listener = self.context.listener.as_ref();
        let peer = PeerIdentity {
            session: self.session.id(),
            name: self.context.config.name.to_string(),
            port: listener.map_or(0, |listener| listener.address().port()),
        };
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let seed = self.context.environment.draw() as u64;
        let to_master = keep_connected(
            Arc::clone(transport),
            (claim.to_owned(), endpoint.clone()),
            peer,
            seed,
            self.outside.clone(),
        );
        self.master_connection = Some(MasterConnection {
            claim: claim.to_owned(),
            endpoint,
            task: self.tasks.spawn(to_master),
            connection: None,
            ended: None,
            is_indirect: false,
            sent: String::new(),
        });
        self.inform_watch();
    }

    /// Handles an event of the connection to the holder of `claim`.
    pub(super) fn master_connection_event(&mut self, claim: &str, event: MasterConnectionEvent) {
        let to_master = self.master_connection.as_mut();
        let Some(to_master) = to_master.filter(|to_master| to_master.claim == claim) else {
            return;
        };
        match event {
            MasterConnectionEvent::Opened(connection) => {
                to_master.is_indirect = !connection.is_direct();
                to_master.connection = Some(connection);
                to_master.ended = None;
                // On a new connection nothing is known of this member.
                to_master.sent.clear();
                self.inform_watch();
                self.beat_direct();
            }
            MasterConnectionEvent::Closed => to_master.connection = None,
            MasterConnectionEvent::HolderEnded(cause) => {
                to_master.ended = Some(cause);
                self.inform_watch();
                self.judge_predecessor();
            }
        }
    }

    /// Passes on to the predecessor watch whether the process of the master's claim has ended.
    pub(super) fn inform_watch(&mut self) {
        if let (Some(to_master), Some(watch)) =
            (&self.master_connection, &mut self.predecessor_watch)
        {
            watch.ended(&to_master.claim, to_master.ended);
            let is_reachable = !to_master.is_indirect;
            watch.reachable(is_reachable.then_some(&to_master.claim));
        }
    }

    /// Asks whether the process of the master exists, if the predecessor watch wants to know.
    pub(super) fn ask_holder(&mut self) {
        let asks = self.predecessor_watch.as_mut();
        if !asks.is_some_and(PredecessorWatch::take_question) {
            return;
        }
        let (Some(transport), Some(to_master)) = (&self.context.transport, &self.master_connection)
        else {
            return;
        };
        let probe = transport.probe(to_master.endpoint.address, false);
        let (claim, outside) = (to_master.claim.clone(), self.outside.clone());
        self.tasks.spawn(async move {
            let outcome = probe.await;
            // The runner may have ended in the meantime.
            let _ = outside
                .send(SessionEvent::HolderProbed(claim, outcome))
                .await;
        });
    }

    pub(super) fn holder_probed(&mut self, claim: &str, outcome: ProbeOutcome) {
        let now = self.context.environment.now().elapsed;
        if let Some(watch) = &mut self.predecessor_watch {
            watch.answered(now, claim, outcome == ProbeOutcome::Accepted);
        }
        self.judge_predecessor();
    }

    /// Leaves the connection to the master with the session. A member whose session is lost keeps it: the master hears from
    /// it until the next session has replaced its znode. A member that has to leave and could not reach ZooKeeper says
    /// goodbye: the session's end removes its znode later.
    pub(super) fn leave_connection(&mut self, shutdown: &Shutdown) {
        // A session that is left for another reason removes its znode at once.
        let removes_znode = matches!(self.over, Some(SessionEnd::Odd | SessionEnd::Refused));
        if self.beats_directly() && !removes_znode {
            let to_master = self.master_connection.as_mut();
            self.context.earlier_connection =
                to_master.and_then(|to_master| to_master.connection.take());
        }
        if let Some(stop) = shutdown.stop() {
            self.context.say_goodbye(stop.ending);
        }
    }

    /// Sends a follower's beat by the direct connection, if it is open.
    pub(super) fn beat_direct(&mut self) {
        self.context.beat_earlier();
        let interval = self.interval();
        // The version that the znode has when all writes have arrived: the one under way, or the one that follows.
        let is_written = self.under_way.is_some() || !self.may_skip_beat();
        let version = self.version.map(|version| version + i32::from(is_written));
        let SessionRole::Follower { joined: true } = self.role else {
            return;
        };
        let Some(MasterConnection {
            connection: Some(connection),
            sent,
            ..
        }) = &mut self.master_connection
        else {
            return;
        };
        let now = self.context.environment.now();
        let status = self.context.status(interval);
        let value = beat::alive(now.wall, &self.context.config.identity, &status);
        let said = value.split_once('\n').map_or("", |(_, said)| said);
        // A value that is too long for a frame is read in ZooKeeper.
        let is_new = said != sent.as_str() && value.len() <= LONGEST_TEXT;
        let text = if is_new { &value } else { "" };
        if connection.beat(version, text.as_bytes()) && !text.is_empty() {
            said.clone_into(sent);
        }
    }

    /// Whether the next beat in ZooKeeper can wait, since beats go by the direct connection.
    pub(super) fn may_skip_beat(&self) -> bool {
        let interval = self.zookeeper_interval();
        interval > self.interval() && self.sent_at.elapsed() < interval
    }

    /// The interval between two beats in ZooKeeper: longer than that of the ticks while beats go by the direct connection
    /// more often.
    pub(super) fn zookeeper_interval(&self) -> Duration {
        let interval = self.interval();
        if !self.beats_directly() || self.listens() {
            return interval;
        }
        let given = self.context.master_interval.max(interval);
        let path = self.context.config.direct.as_ref();
        match path.map(|direct| direct.path) {
            Some(BeatPath::Direct) => given.max(RARE.min(self.session.timeout() / RARE_OF_SESSION)),
            Some(BeatPath::Both) | None => given,
        }
    }

    /// Whether the member is a follower with an open connection to the master.
    pub(super) fn beats_directly(&self) -> bool {
        let to_master = self.master_connection.as_ref();
        let is_open = to_master.is_some_and(|to_master| to_master.connection.is_some());
        is_open && matches!(self.role, SessionRole::Follower { joined: true })
    }

    /// Handles an event of a connection from another member, and the next event of others: connections that are never
    /// quiet do not keep those out.
    pub(super) fn peer_event(&mut self, event: PeerEvent) {
        self.take_peer_event(event);
        if let Ok(event) = self.inbox.try_recv() {
            self.happened(event);
        }
    }

    fn take_peer_event(&mut self, event: PeerEvent) {
        let now = self.context.environment.now();
        let SessionRole::Master(master) = &mut self.role else {
            return;
        };
        let state = &mut master.master_state;
        match event {
            PeerEvent::Opened {
                connection,
                peer,
                address,
                relay,
            } => {
                let member = (peer.session, peer.name.as_str());
                let surplus = state.connection_opened(now, (connection, relay), member, address);
                if let Some(listener) = &mut self.context.listener {
                    listener.close(surplus);
                }
            }
            PeerEvent::Beat {
                connection,
                version,
                text,
            } => state.connection_beat(now, connection, version, &text),
            PeerEvent::Group { relay, late } => state.group_beat(now, relay, &late),
            PeerEvent::Closed {
                connection,
                goodbye,
            } => {
                let goodbye = goodbye.map(ending);
                state.connection_closed(now, connection, goodbye);
            }
        }
        self.probe();
        self.send_if_pressed();
    }

    /// A probe has ended.
    pub(super) fn probed(&mut self, epoch: i64, number: u64, outcome: ProbeOutcome) {
        let now = self.context.environment.now();
        if let SessionRole::Master(master) = &mut self.role
            && master.master_state.epoch() == epoch
        {
            master.master_state.probed(now, number, outcome);
            self.probe();
            self.send_if_pressed();
        }
    }

    /// Makes the probes and reads that the master state asks for.
    pub(super) fn probe(&mut self) {
        let SessionRole::Master(master) = &mut self.role else {
            return;
        };
        master.order_reads();
        let requests = master.master_state.take_probes();
        let Some(transport) = &self.context.transport else {
            return;
        };
        let epoch = master.master_state.epoch();
        for request in requests {
            let (transport, outside) = (Arc::clone(transport), self.outside.clone());
            let probes = Arc::clone(&self.probes);
            self.tasks.spawn(async move {
                // The semaphore is never closed.
                let _turn = probes.acquire().await;
                let must_answer = request.reason == ProbeReason::Confirm;
                let outcome = transport.probe(request.address, must_answer).await;
                let event = SessionEvent::Probed(epoch, request.number, outcome);
                // The runner may have ended in the meantime.
                let _ = outside.send(event).await;
            });
        }
    }

    /// Sends an urgent write at once.
    pub(super) fn send_if_pressed(&mut self) {
        let now = self.context.environment.now();
        if let SessionRole::Master(master) = &self.role
            && master.master_state.is_pressed(now)
            && self.under_way.is_none()
        {
            self.send();
        }
    }

    /// A new master begins with the connections that are open already.
    pub(super) fn adopt_connections(&mut self) {
        let now = self.context.environment.now();
        let (SessionRole::Master(master), Some(listener)) =
            (&mut self.role, &mut self.context.listener)
        else {
            return;
        };
        let mut surplus = Vec::new();
        for (connection, open) in listener.open() {
            let member = (open.peer.session, open.peer.name.as_str());
            let state = &mut master.master_state;
            let connection = (*connection, open.relay);
            surplus.extend(state.connection_opened(now, connection, member, open.address));
        }
        listener.close(surplus);
    }
}

/// How the work of a member ended that said goodbye.
fn ending(is_finished: bool) -> Ending {
    if is_finished {
        Ending::Finished
    } else {
        Ending::Failed
    }
}
