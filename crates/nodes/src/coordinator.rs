//! The task that owns the roster: takes the requests of all connections one after the other, and answers them. A change
//! of the roster is stored before it is acknowledged; one write covers many changes.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::PROGRAM;
use super::auth::Body;
use super::connection_table::{ConnectionOwner, ConnectionTable, DeferredReply};
use super::fields::HostName;
use super::message::{ClientRequest, Registration};
use super::metrics::NodesMetrics;
use super::publish::{Published, ServerIdentity, ack, left, list};
use super::rejection::Rejection;
use super::roster::{Roster, Standing};
use super::state::PersistedState;
use super::store::{Store, is_deposed};
use super::zk_store::Unkept;
use heartline_core::clock::SystemClock;
use heartline_process::say::say;
use heartline_process::service::Watchdog;

/// The interval between checks for overdue nodes.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// How long to wait before a failed write of the state is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long an event waits for the write of the state, so that it is published together with changes that must be
/// stored first.
const TOGETHER: Duration = Duration::from_millis(100);
/// The minimum time between two updates, plus the same for each thousand nodes.
const APART: Duration = Duration::from_millis(50);
const APART_A_NODE: Duration = Duration::from_micros(300);
/// The maximum number of requests that are taken up before anything else is done.
const AT_ONCE: usize = 256;

/// What a connection passes to the coordinator.
#[derive(Debug)]
pub(super) enum CoordinatorInput {
    /// A message that was parsed.
    Message(Submission),
    /// The connection with this number has ended.
    Gone(u64),
}

/// A message, and where to send the answers.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) connection: u64,
    pub(super) peer: IpAddr,
    /// The sender knows the secret, has a certificate that permits the message, or connects from this machine.
    pub(super) is_trusted: bool,
    pub(super) message: ClientRequest,
    pub(super) answers: mpsc::Sender<CoordinatorReply>,
}

/// What the coordinator passes to a connection.
#[derive(Debug)]
pub(super) enum CoordinatorReply {
    /// An answer to send.
    Answer(Body),
    /// An answer to send; from now on the connection belongs to a node and receives every update.
    Known(Body),
    /// A rejection to send and to log.
    Refused(&'static str, Option<Standing>, Rejection),
    /// A message to send: another connection, from this address, has taken over the node.
    Replaced(HostName, IpAddr),
}

/// The coordinator and all that it owns.
pub(super) struct Coordinator {
    pub(super) roster: Roster,
    /// The state that the store holds; only nodes in it are published.
    pub(super) kept: Arc<PersistedState>,
    /// The nodes of that state that the store does not hold after all.
    pub(super) unkept: Unkept,
    pub(super) store: Store,
    pub(super) own: ServerIdentity,
    pub(super) clock: SystemClock,
    /// Whether an address may differ from the source address of its connection.
    pub(super) any_address: bool,
    pub(super) inbox: mpsc::Receiver<CoordinatorInput>,
    /// The status and update that go to the nodes.
    pub(super) updates: watch::Sender<Arc<Published>>,
    /// Grows with every event.
    pub(super) seen: watch::Sender<u64>,
    pub(super) lines: ConnectionTable,
    pub(super) metrics: Arc<NodesMetrics>,
}

/// The running write of the state with its version, if there is one. It is aborted together with the coordinator.
type StoreWrites = JoinSet<(u64, Arc<PersistedState>, io::Result<Unkept>)>;

/// The node whose change must be stored before this request is answered, if there is one.
fn must_be_kept(message: &ClientRequest) -> Option<&HostName> {
    match message {
        ClientRequest::Register(registration) | ClientRequest::Leave(registration) => {
            Some(&registration.name)
        }
        ClientRequest::Forget(name, _) => Some(name),
        _ => None,
    }
}

impl Coordinator {
    /// Runs as long as any connection can send a request, and the state may be written.
    pub(super) async fn run(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut saved = self.roster.version();
        let mut published = (saved, self.roster.urgent_version());
        let mut writing = StoreWrites::new();
        let (mut may_write, mut may_publish) = (Instant::now(), Instant::now());
        let mut unkept_since = None;
        let mut batch = Vec::with_capacity(AT_ONCE);
        let mut watchdog = Watchdog::start();
        loop {
            let is_kept = self.roster.version() == saved;
            unkept_since = (!is_kept).then(|| unkept_since.unwrap_or_else(Instant::now));
            let publish_at = unkept_since.map_or(may_publish, |at| may_publish.max(at + TOGETHER));
            let changes = (saved, self.roster.urgent_version());
            // The update is published before the answers: a node that is acknowledged must find itself in the status.
            if changes != published && Instant::now() >= publish_at {
                published = changes;
                may_publish = Instant::now() + self.publish();
            }
            self.release(saved);
            self.log_events();
            let is_dirty = writing.is_empty() && !is_kept;
            tokio::select! {
                biased;
                Some(done) = writing.join_next() => {
                    let failed = |error| (saved, Arc::clone(&self.kept), Err(io::Error::other(error)));
                    match done.unwrap_or_else(failed) {
                        (version, kept, Ok(unkept)) => (saved, self.kept, self.unkept) = (version, kept, unkept),
                        (_, _, Err(error)) if is_deposed(&error) => return,
                        (_, _, Err(error)) => {
                            say(PROGRAM, format_args!("cannot save the state: {error}; trying again"));
                            may_write = Instant::now() + AGAIN;
                            self.give_up(&error);
                        }
                    }
                }
                _ = ticks.tick() => {
                    watchdog.feed();
                    self.roster.tick(self.clock.now().elapsed);
                }
                () = sleep_until(may_write), if is_dirty => {
                    let (version, kept) = (self.roster.version(), Arc::new(PersistedState::of(&self.roster)));
                    let save = self.store.clone().save(Arc::clone(&kept));
                    writing.spawn(async move { (version, kept, save.await) });
                }
                () = sleep_until(publish_at), if changes != published => {}
                count = self.inbox.recv_many(&mut batch, AT_ONCE) => {
                    if count == 0 {
                        return;
                    }
                    for handed in batch.drain(..) {
                        match handed {
                            CoordinatorInput::Message(request) => self.answer(&request, saved),
                            CoordinatorInput::Gone(connection) => self.gone(connection),
                        }
                    }
                }
            }
        }
    }

    /// Publishes the stored state to all nodes. Returns the time to wait before the next update.
    fn publish(&self) -> Duration {
        let published = Published::of(&self.roster, &self.kept, &self.own);
        self.metrics.roster(&self.roster);
        self.updates.send_replace(Arc::new(published));
        let nodes = u32::try_from(self.kept.nodes.len()).unwrap_or(u32::MAX);
        APART + APART_A_NODE.saturating_mul(nodes)
    }

    /// Sends the answers whose change is stored by version `saved`.
    fn release(&mut self, saved: u64) {
        if self.lines.waiting.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.lines.waiting);
        let (ready, rest): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|waiting| waiting.version <= saved);
        self.lines.waiting = rest;
        self.lines.held.retain(|_, version| *version > saved);
        for waiting in ready {
            let reply = self.if_kept(waiting.word, waiting.name.as_ref(), waiting.reply);
            // A client that does not read its answers loses them.
            let _ = waiting.answers.try_send(reply);
        }
    }

    /// The reply, or a rejection if it promises a change that the store did not take.
    fn if_kept(
        &self,
        word: &'static str,
        name: Option<&HostName>,
        reply: CoordinatorReply,
    ) -> CoordinatorReply {
        match name.and_then(|name| self.unkept.get(name.as_str())) {
            Some(why) if !matches!(reply, CoordinatorReply::Refused(..)) => {
                let why = format!(
                    "the change is not stored: {why}; correct its ACL or remove it by hand"
                );
                CoordinatorReply::Refused(word, None, Rejection::new(why))
            }
            _ => reply,
        }
    }

    /// Rejects all waiting answers, since the write failed.
    fn give_up(&mut self, error: &io::Error) {
        self.lines.held.clear();
        for waiting in self.lines.waiting.drain(..) {
            let why = || {
                Rejection::new(format!(
                    "the server cannot save the change now: {}",
                    error.kind()
                ))
            };
            let reply = if waiting.name.is_some() {
                CoordinatorReply::Refused(waiting.word, None, why())
            } else {
                waiting.reply
            };
            let _ = waiting.answers.try_send(reply);
        }
    }

    fn log_events(&mut self) {
        let mut happened = false;
        while let Some(event) = self.roster.poll_event() {
            happened = true;
            self.metrics.event(&event);
            say(PROGRAM, event);
        }
        if happened {
            self.seen.send_modify(|seen| *seen += 1);
        }
    }

    fn answer(&mut self, request: &Submission, saved: u64) {
        let word = request.message.word();
        let (connection, answers) = (request.connection, request.answers.clone());
        let mut name = must_be_kept(&request.message).cloned();
        let (reply, own) = match self.decide(request) {
            Ok(reply) if name.is_some() => (reply, self.roster.version()),
            Ok(reply) => (reply, 0),
            Err(why) => {
                name = None;
                (CoordinatorReply::Refused(word, None, why), 0)
            }
        };
        let earlier = self.lines.held.get(&connection).copied();
        let version = own.max(earlier.unwrap_or_default());
        if version > saved {
            self.lines.held.insert(connection, version);
            let waiting = DeferredReply {
                version,
                word,
                name,
                reply,
                answers,
            };
            self.lines.waiting.push(waiting);
        } else {
            let reply = self.if_kept(word, name.as_ref(), reply);
            let _ = answers.try_send(reply);
        }
    }

    fn decide(&mut self, request: &Submission) -> Result<CoordinatorReply, Rejection> {
        let now = self.clock.now().elapsed;
        let word = request.message.word();
        match &request.message {
            ClientRequest::Register(registration) => {
                self.is_its_address(request, registration.address.ip())?;
                let standing = self.roster.register(now, registration)?;
                self.own(request, registration);
                Ok(match standing {
                    Standing::Standby => self.stand_by(&registration.name),
                    standing => CoordinatorReply::Known(ack(word, Some(standing))),
                })
            }
            ClientRequest::Heartbeat(beat) => {
                let is_its_own = self.lines.names.get(&request.connection) == Some(&beat.name);
                if !is_its_own {
                    self.is_its_address(request, beat.address.ip())?;
                }
                let standing = self.roster.beat(now, beat)?;
                self.lines
                    .names
                    .insert(request.connection, beat.name.clone());
                Ok(CoordinatorReply::Known(ack(word, Some(standing))))
            }
            ClientRequest::Confirm => match self.lines.names.get(&request.connection) {
                None => Err(Rejection::new(
                    "there is no update to confirm; register first",
                )),
                Some(name) => {
                    self.roster.hear(now, name);
                    Ok(CoordinatorReply::Answer(ack(word, None)))
                }
            },
            ClientRequest::Leave(registration) => {
                let name = &registration.name;
                self.roster.leave(now, registration)?;
                // The node's agent, if it still runs, stops too.
                if let Some(owner) = self.lines.owners.get(name) {
                    let _ = owner.answers.try_send(CoordinatorReply::Answer(left()));
                }
                self.release_name(name);
                Ok(CoordinatorReply::Answer(ack(word, None)))
            }
            ClientRequest::List(_) => Ok(CoordinatorReply::Answer(list(
                &self.roster,
                &self.kept,
                now,
            ))),
            ClientRequest::Forget(name, force) if request.is_trusted => {
                self.roster.forget(now, name, *force)?;
                self.release_name(name);
                Ok(CoordinatorReply::Answer(ack(word, None)))
            }
            ClientRequest::Forget(..) => Err(Rejection::new(
                "only a client with the secret, or on the server's machine, may forget a node",
            )),
        }
    }

    /// Rejects a request for an address other than the sender's own.
    fn is_its_address(&self, request: &Submission, ip: IpAddr) -> Result<(), Rejection> {
        let peer = request.peer;
        if self.any_address || ip == peer || peer.is_loopback() {
            return Ok(());
        }
        Err(Rejection::new(format!(
            "ip {ip} is not the address that the connection comes from, {peer}; behind address translation, \
             start the server with --any-address"
        )))
    }

    /// The rejection of a node that would be master while another one is, with the reason.
    fn stand_by(&self, name: &HostName) -> CoordinatorReply {
        let master = self
            .roster
            .master()
            .map(ToString::to_string)
            .unwrap_or_default();
        let why = format!(
            "{master} is master and lives; {name} stands by and takes over when that one is dead"
        );
        CoordinatorReply::Refused("register", Some(Standing::Standby), Rejection::new(why))
    }

    fn own(&mut self, request: &Submission, registration: &Registration) {
        let connection = request.connection;
        self.lines
            .names
            .insert(connection, registration.name.clone());
        let owner = ConnectionOwner {
            connection,
            keeps_connection: registration.keeps_connection,
            answers: request.answers.clone(),
        };
        let before = self.lines.owners.insert(registration.name.clone(), owner);
        if let Some(before) = before
            && before.connection != connection
            && before.keeps_connection
        {
            let by = CoordinatorReply::Replaced(registration.name.clone(), request.peer);
            let _ = before.answers.try_send(by);
        }
    }

    fn release_name(&mut self, name: &HostName) {
        self.lines.owners.remove(name);
        self.lines.names.retain(|_, of| of != name);
    }

    fn gone(&mut self, connection: u64) {
        let Some(name) = self.lines.names.remove(&connection) else {
            return;
        };
        let owner = self.lines.owners.get(&name);
        if owner.is_some_and(|owner| owner.connection == connection) {
            self.lines.owners.remove(&name);
            self.roster.lose(self.clock.now().elapsed, &name);
        }
    }
}
