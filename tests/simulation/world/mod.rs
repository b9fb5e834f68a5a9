//! The world of a run: an ensemble, a network, processes, and the time that passes among them.
//!
//! One queue of events, each at its millisecond of tokio's paused clock; one task that lets them
//! happen. Members run as they are, and meet the world in their client and their surroundings.

pub(crate) mod client;
pub(crate) mod direct;
pub(crate) mod direct_fault;
pub(crate) mod fault;
mod front;
mod handshake;
mod link;
mod network;
mod peer;
pub(crate) mod process;
mod relay;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::ensemble::Ensemble;
use crate::history::History;
use crate::rng::Rng;
use direct::{Direct, Frame};
use fault::Fault;
use link::{Connection, Down, Up};
use peer::Peer;
use process::Process;

/// Milliseconds since the run began.
pub(crate) type Millis = u64;

/// What a run is like when nothing is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    pub(crate) servers: usize,
    /// The longest way of a message.
    pub(crate) delay: Millis,
    /// The longest time by which a server lags behind the leader.
    pub(crate) lag: Millis,
    /// The longest time from a session's expiry until its ephemeral znodes are gone (ZOOKEEPER-4837).
    pub(crate) cleanup_delay: Millis,
}

/// What happens at some moment.
#[derive(Debug)]
enum Event {
    /// A message reaches a server.
    Up(usize, Up),
    /// A message reaches a client.
    Down(usize, Down),
    /// A server applies what was decided up to here.
    Apply(usize, usize),
    /// A session may have been silent for too long.
    Watchdog(i64),
    /// An expired session's znodes go.
    Remove(i64),
    /// A server comes to read what has waited.
    Serve,
    /// A client looks at its clock.
    Tick(usize),
    /// A client tries a server.
    Reconnect(usize),
    /// A frame reaches the server's host of a direct connection.
    Frame(usize, Frame),
    /// A frame reaches the relay of its host.
    Local(usize, Frame),
    /// A cut reaches it.
    Severed(usize),
    /// The end of a direct connection reaches the client's host.
    Ended(usize),
    Fault(Fault),
}

/// A handle on the world of one run.
#[derive(Clone, Debug)]
pub(crate) struct World {
    inner: Arc<Mutex<Inner>>,
    sooner: Arc<Notify>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    start: Instant,
    pub(crate) weather: Weather,
    pub(crate) rng: Rng,
    pub(crate) ensemble: Ensemble,
    pub(crate) history: History,
    pub(crate) processes: Vec<Process>,
    servers: Vec<ServerState>,
    sessions: BTreeMap<i64, SessionState>,
    peers: Vec<Peer>,
    connections: Vec<Connection>,
    direct: Direct,
    queue: BinaryHeap<Reverse<Due>>,
    /// Numbers events, so that those of one moment happen in the order in which they were made.
    made: u64,
    /// The session of somebody who is no member.
    operator: Option<i64>,
    /// The whole ensemble is stopped (SIGSTOP of all servers).
    stalled: bool,
    /// When a fault last struck the servers, or all connections.
    struck: Millis,
    /// Until when the sleeper sleeps; what is due before has to wake it.
    wakes_at: Millis,
    sooner: Arc<Notify>,
}

/// What the network knows of a server.
#[derive(Clone, Debug, Default)]
struct ServerState {
    down: bool,
    /// Cut off from its peers, but not from its clients.
    isolated: bool,
    /// When what was decided last reaches it.
    applies_at: Millis,
    /// More lag than usual, for a while.
    slow: Millis,
}

/// What the leader knows of a session.
#[derive(Clone, Debug)]
struct SessionState {
    timeout: Millis,
    heard: Millis,
    connection: Option<usize>,
    process: usize,
}

#[derive(Debug)]
struct Due {
    at: Millis,
    number: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl World {
    /// A world that begins now; to be made within the runtime whose clock it lives by.
    pub(crate) fn new(weather: Weather, rng: Rng, history: History) -> Self {
        let sooner = Arc::new(Notify::new());
        let inner = Inner {
            start: Instant::now(),
            rng,
            ensemble: Ensemble::new(weather.servers),
            history,
            processes: Vec::new(),
            servers: vec![ServerState::default(); weather.servers],
            sessions: BTreeMap::new(),
            peers: Vec::new(),
            connections: Vec::new(),
            direct: Direct::default(),
            queue: BinaryHeap::new(),
            made: 0,
            operator: None,
            stalled: false,
            struck: 0,
            wakes_at: 0,
            sooner: Arc::clone(&sooner),
            weather,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            sooner,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("a failed check ends the run")
    }

    /// Lets events happen, for ever.
    pub(crate) async fn turn(self) {
        loop {
            let next = {
                let mut inner = self.lock();
                inner.happen();
                inner.wakes_at = inner.queue.peek().map_or(Millis::MAX, |due| due.0.at);
                inner.start + Duration::from_millis(inner.wakes_at.min(3_600_000))
            };
            tokio::select! {
                biased;
                () = self.sooner.notified() => {}
                () = sleep_until(next) => {}
            }
        }
    }
}

impl Inner {
    /// The present moment.
    pub(crate) fn now(&self) -> Millis {
        let elapsed = self.start.elapsed().as_millis();
        Millis::try_from(elapsed).expect("a short run")
    }

    /// The present moment by the servers' clocks.
    pub(crate) fn wall(&self) -> DateTime<Utc> {
        wall(self.now())
    }

    fn schedule(&mut self, at: Millis, event: Event) {
        self.made += 1;
        let number = self.made;
        if at < self.wakes_at {
            self.wakes_at = at;
            self.sooner.notify_one();
        }
        self.queue.push(Reverse(Due { at, number, event }));
    }

    /// Lets all happen that is due.
    fn happen(&mut self) {
        let now = self.now();
        while self.queue.peek().is_some_and(|due| due.0.at <= now) {
            let Some(Reverse(due)) = self.queue.pop() else {
                return;
            };
            match due.event {
                Event::Up(connection, message) => self.arrived(connection, message),
                Event::Down(connection, message) => self.delivered(connection, message),
                Event::Apply(server, decided) => self.apply(server, decided),
                Event::Watchdog(session) => self.watchdog(session),
                Event::Remove(session) => self.remove(session),
                Event::Serve => self.release_held(),
                Event::Tick(peer) => self.tick(peer),
                Event::Reconnect(peer) => self.reconnect(peer),
                Event::Frame(connection, frame) => self.frame_arrived(connection, frame),
                Event::Local(connection, frame) => self.local_arrived(connection, frame),
                Event::Severed(connection) => self.end_at_server(connection),
                Event::Ended(connection) => self.end_arrived(connection),
                Event::Fault(fault) => self.strike(&fault),
            }
        }
    }

    /// The members of a host share a direct connection.
    pub(crate) fn share_connections(&mut self, shares: bool) {
        self.direct.shares = shares;
    }

    /// Lets a fault come at its time.
    pub(crate) fn plan(&mut self, at: Millis, fault: Fault) {
        self.schedule(at, Event::Fault(fault));
    }

    pub(crate) fn trace(&mut self, line: impl FnOnce() -> String) {
        let now = self.now();
        self.history.trace(now, line);
    }
}

/// A moment of a run as the wall clocks of its machines show it, while nobody touches them.
pub(crate) fn wall(at: Millis) -> DateTime<Utc> {
    let millis = 1_700_000_000_000 + i64::try_from(at).expect("a short run");
    DateTime::from_timestamp_millis(millis).expect("a moment of this century")
}
