//! The one place that owns the roster: takes what all connections were told, one after the other, and answers. What
//! changes the roster is kept before it is acknowledged; many changes are written together.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::PROGRAM;
use super::auth::Body;
use super::fields::HostName;
use super::message::{ClientRequest, Registration};
use super::publish::{Published, ServerIdentity, ack, left, list};
use super::rejection::Rejection;
use super::roster::{Roster, Standing};
use super::state::PersistedState;
use super::store::{Store, is_deposed};
use crate::clock::SystemClock;
use crate::say::say;

/// How often it is looked who is overdue.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// How long to wait before it is tried again to keep the state.
const AGAIN: Duration = Duration::from_secs(1);
/// So long what happened waits until it is kept, so that it is told together with what is told only then.
const TOGETHER: Duration = Duration::from_millis(100);
/// Between two updates at the least, and as much again for each thousand of nodes.
const APART: Duration = Duration::from_millis(50);
const APART_A_NODE: Duration = Duration::from_micros(300);
/// So much is taken up at once before anything else is done.
const AT_ONCE: usize = 256;

/// What a connection hands to the desk.
#[derive(Debug)]
pub(super) enum CoordinatorInput {
    /// A message that was understood.
    Message(Submission),
    /// The connection is gone.
    Gone(u64),
}

/// A message, and where the answers go.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) connection: u64,
    pub(super) peer: IpAddr,
    /// It knows the secret, or comes from this machine.
    pub(super) is_trusted: bool,
    pub(super) told: ClientRequest,
    pub(super) answers: mpsc::Sender<CoordinatorReply>,
}

/// What the desk hands to a connection.
#[derive(Debug)]
pub(super) enum CoordinatorReply {
    /// To be sent.
    Answer(Body),
    /// To be sent; from now on the connection is a node's, and gets what is published.
    Known(Body),
    /// To be sent and said.
    Refused(&'static str, Option<Standing>, Rejection),
    /// To be sent: another connection, from there, has taken its place.
    Replaced(HostName, IpAddr),
}

/// The desk.
pub(super) struct Coordinator {
    pub(super) roster: Roster,
    /// What the store has kept last: no other node is told of.
    pub(super) kept: Arc<PersistedState>,
    pub(super) store: Store,
    pub(super) own: ServerIdentity,
    pub(super) clock: SystemClock,
    /// Addresses need not be those that the connections come from.
    pub(super) any_address: bool,
    pub(super) inbox: mpsc::Receiver<CoordinatorInput>,
    /// What is told to nodes.
    pub(super) told: watch::Sender<Arc<Published>>,
    /// Grows with everything that happens.
    pub(super) seen: watch::Sender<u64>,
    pub(super) lines: ConnectionTable,
}

/// Who speaks for whom, and what waits.
#[derive(Debug, Default)]
pub(super) struct ConnectionTable {
    /// The node that a connection has spoken for.
    names: HashMap<u64, HostName>,
    /// The connection that spoke for a node last.
    owners: HashMap<HostName, ConnectionOwner>,
    /// Answers that wait until this version is kept.
    waiting: Vec<DeferredReply>,
    /// The connections of those, and which version the last one waits for: no answer overtakes another.
    held: HashMap<u64, u64>,
}

#[derive(Debug)]
struct ConnectionOwner {
    connection: u64,
    stays: bool,
    answers: mpsc::Sender<CoordinatorReply>,
}

#[derive(Debug)]
struct DeferredReply {
    version: u64,
    word: &'static str,
    reply: CoordinatorReply,
    answers: mpsc::Sender<CoordinatorReply>,
}

/// A write of this version that is under way, if there is one. With the desk it ends.
type StoreWrites = JoinSet<(u64, Arc<PersistedState>, io::Result<()>)>;

/// Whether an answer to this is a promise.
fn must_be_kept(word: &str) -> bool {
    matches!(word, "register" | "leave" | "forget")
}

impl Coordinator {
    /// Works as long as anybody may hand something in, and the state may be written.
    pub(super) async fn run(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut saved = self.roster.version();
        let mut published = (saved, self.roster.news());
        let mut writing = StoreWrites::new();
        let (mut may_write, mut may_publish) = (Instant::now(), Instant::now());
        let mut unkept_since = None;
        let mut batch = Vec::with_capacity(AT_ONCE);
        loop {
            let is_kept = self.roster.version() == saved;
            unkept_since = (!is_kept).then(|| unkept_since.unwrap_or_else(Instant::now));
            let publish_at = unkept_since.map_or(may_publish, |at| may_publish.max(at + TOGETHER));
            let news = (saved, self.roster.news());
            // Before the answers: who is told that it is known finds itself in the status.
            if news != published && Instant::now() >= publish_at {
                published = news;
                may_publish = Instant::now() + self.publish();
            }
            self.release(saved);
            self.tell_events();
            let is_dirty = writing.is_empty() && !is_kept;
            tokio::select! {
                biased;
                Some(done) = writing.join_next() => {
                    let failed = |error| (saved, Arc::clone(&self.kept), Err(io::Error::other(error)));
                    match done.unwrap_or_else(failed) {
                        (version, kept, Ok(())) => (saved, self.kept) = (version, kept),
                        (_, _, Err(error)) if is_deposed(&error) => return,
                        (_, _, Err(error)) => {
                            say(PROGRAM, format_args!("the state cannot be kept: {error}; trying again"));
                            may_write = Instant::now() + AGAIN;
                            self.give_up(&error);
                        }
                    }
                }
                _ = ticks.tick() => self.roster.tick(self.clock.now().elapsed),
                () = sleep_until(may_write), if is_dirty => {
                    let (version, kept) = (self.roster.version(), Arc::new(PersistedState::of(&self.roster)));
                    let save = self.store.clone().save(Arc::clone(&kept));
                    writing.spawn(async move { (version, kept, save.await) });
                }
                () = sleep_until(publish_at), if news != published => {}
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

    /// Tells all nodes what is kept. How long nothing else is to be told.
    fn publish(&self) -> Duration {
        let told = Published::of(&self.roster, &self.kept, &self.own);
        self.told.send_replace(Arc::new(told));
        let nodes = u32::try_from(self.kept.nodes.len()).unwrap_or(u32::MAX);
        APART + APART_A_NODE.saturating_mul(nodes)
    }

    /// Sends the answers whose change is kept.
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
        for DeferredReply { reply, answers, .. } in ready {
            // Whoever takes no answers is slow, and has himself to thank for it.
            let _ = answers.try_send(reply);
        }
    }

    /// Nothing was kept: nobody is told that it was.
    fn give_up(&mut self, error: &io::Error) {
        self.lines.held.clear();
        for waiting in self.lines.waiting.drain(..) {
            let why = || Rejection::new(format!("the server cannot keep it now: {}", error.kind()));
            let reply = if must_be_kept(waiting.word) {
                CoordinatorReply::Refused(waiting.word, None, why())
            } else {
                waiting.reply
            };
            let _ = waiting.answers.try_send(reply);
        }
    }

    fn tell_events(&mut self) {
        let mut happened = false;
        while let Some(event) = self.roster.poll_event() {
            happened = true;
            say(PROGRAM, event);
        }
        if happened {
            self.seen.send_modify(|seen| *seen += 1);
        }
    }

    fn answer(&mut self, request: &Submission, saved: u64) {
        let word = request.told.word();
        let (connection, answers) = (request.connection, request.answers.clone());
        let (reply, own) = match self.decide(request) {
            Ok(reply) if must_be_kept(word) => (reply, self.roster.version()),
            Ok(reply) => (reply, 0),
            Err(why) => (CoordinatorReply::Refused(word, None, why), 0),
        };
        let earlier = self.lines.held.get(&connection).copied();
        let version = own.max(earlier.unwrap_or_default());
        if version > saved {
            self.lines.held.insert(connection, version);
            let waiting = DeferredReply {
                version,
                word,
                reply,
                answers,
            };
            self.lines.waiting.push(waiting);
        } else {
            let _ = answers.try_send(reply);
        }
    }

    fn decide(&mut self, request: &Submission) -> Result<CoordinatorReply, Rejection> {
        let now = self.clock.now().elapsed;
        let word = request.told.word();
        match &request.told {
            ClientRequest::Register(told) => {
                self.is_its_address(request, told.address.ip())?;
                let standing = self.roster.register(now, told)?;
                self.own(request, told);
                Ok(match standing {
                    Standing::Standby => self.stand_by(&told.name),
                    standing => CoordinatorReply::Known(ack(word, Some(standing))),
                })
            }
            ClientRequest::Heartbeat(told) => {
                let is_its_own = self.lines.names.get(&request.connection) == Some(&told.name);
                if !is_its_own {
                    self.is_its_address(request, told.address.ip())?;
                }
                let standing = self.roster.beat(now, told)?;
                self.lines
                    .names
                    .insert(request.connection, told.name.clone());
                Ok(CoordinatorReply::Known(ack(word, Some(standing))))
            }
            ClientRequest::Confirm => match self.lines.names.get(&request.connection) {
                None => Err(Rejection::new(
                    "nothing was told that could be confirmed; register first",
                )),
                Some(name) => {
                    self.roster.hear(now, name);
                    Ok(CoordinatorReply::Answer(ack(word, None)))
                }
            },
            ClientRequest::Leave(told) => {
                let name = &told.name;
                self.roster.leave(now, told)?;
                // Its agent, if it still runs, ends too.
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
                "only who knows the secret, or comes from the server's machine, may have a node forgotten",
            )),
        }
    }

    /// Nobody speaks for another address than the own one.
    fn is_its_address(&self, request: &Submission, ip: IpAddr) -> Result<(), Rejection> {
        let peer = request.peer;
        if self.any_address || ip == peer || peer.is_loopback() {
            return Ok(());
        }
        Err(Rejection::new(format!(
            "ip {ip} is not the address that the connection comes from, {peer}; behind a translation of addresses \
             the server needs --any-address"
        )))
    }

    /// The one that is refused as a master, and why.
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

    fn own(&mut self, request: &Submission, told: &Registration) {
        let connection = request.connection;
        self.lines.names.insert(connection, told.name.clone());
        let owner = ConnectionOwner {
            connection,
            stays: told.stays,
            answers: request.answers.clone(),
        };
        let before = self.lines.owners.insert(told.name.clone(), owner);
        if let Some(before) = before
            && before.connection != connection
            && before.stays
        {
            let by = CoordinatorReply::Replaced(told.name.clone(), request.peer);
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
