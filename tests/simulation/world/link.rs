//! Connections: two lanes of messages, each in order, each with delays, each held up where its way
//! is blocked or its receiver stopped.

use std::collections::VecDeque;

use super::{Event, Inner, Millis};
use crate::ensemble::request::{Notice, Outcome, Request, Watching};

/// How long servers that were stopped take until they have read all connections.
const CATCHING_UP: Millis = 20;

/// What a client sends.
#[derive(Clone, Debug)]
pub(super) enum Up {
    /// The first message: a new session, or the one of before with what it has seen.
    Connect {
        session: Option<i64>,
        timeout: Millis,
        seen: i64,
        watches: Vec<(String, Watching, bool)>,
    },
    Ask(Request),
    Ping,
    /// The client's end of the connection is closed.
    Gone,
}

/// What a server sends.
#[derive(Clone, Debug)]
pub(super) enum Down {
    Connected {
        session: i64,
        zxid: i64,
    },
    /// The session is over.
    Expired,
    Answer(i64, Outcome),
    Notice(Notice),
    Pong,
    /// The server's end of the connection is closed.
    Gone,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Lane<M> {
    /// When the last message arrives: the next one cannot be earlier.
    last: Millis,
    /// What has come as far as it could, in order.
    pub(super) held: VecDeque<M>,
    /// What arrives later is lost.
    pub(super) until: Millis,
}

impl<M> Lane<M> {
    fn new() -> Self {
        Self {
            last: 0,
            held: VecDeque::new(),
            until: Millis::MAX,
        }
    }
}

/// One connection between a client and a server.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) peer: usize,
    pub(super) process: usize,
    pub(super) server: usize,
    /// Set once the server has taken the session on.
    pub(super) session: Option<i64>,
    pub(super) up: Lane<Up>,
    pub(super) down: Lane<Down>,
    /// What the server owes answers to, in order.
    pub(super) owed: VecDeque<Owed>,
    /// Until when the server is busy with others.
    pub(super) served_at: Millis,
    /// Whether the server has closed it, or was told that it is closed.
    pub(super) closed: bool,
}

/// An answer that the server owes, once it has applied this much.
#[derive(Debug)]
pub(super) struct Owed {
    pub(super) applied: usize,
    pub(super) what: Answering,
}

#[derive(Debug)]
pub(super) enum Answering {
    /// The outcome of a write.
    Outcome(Outcome),
    /// To be looked up then.
    Read(Request),
    /// A session that begins.
    Session(i64),
}

impl Inner {
    pub(super) fn connect(&mut self, peer: usize, process: usize, server: usize) -> usize {
        self.connections.push(Connection {
            peer,
            process,
            server,
            session: None,
            up: Lane::new(),
            down: Lane::new(),
            owed: VecDeque::new(),
            served_at: 0,
            closed: false,
        });
        self.connections.len() - 1
    }

    /// How long a message takes.
    fn way(&mut self, process: usize) -> Millis {
        let extra = self.processes[process].slow;
        let longest = self.weather.delay.max(extra);
        let way = self.rng.within(0..longest + 1);
        if way > self.weather.delay {
            let until = self.now() + way;
            self.processes[process].disturbed_until(until);
        }
        way
    }

    pub(super) fn send_up(&mut self, connection: usize, message: Up) {
        let at = self.now() + self.way(self.connections[connection].process);
        let lane = &mut self.connections[connection].up;
        lane.last = lane.last.max(at);
        let at = lane.last;
        self.schedule(at, Event::Up(connection, message));
    }

    pub(super) fn send_down(&mut self, connection: usize, message: Down) {
        let at = self.now() + self.way(self.connections[connection].process);
        let lane = &mut self.connections[connection].down;
        lane.last = lane.last.max(at);
        let at = lane.last;
        self.schedule(at, Event::Down(connection, message));
    }

    /// A message has come to the server's door.
    pub(super) fn arrived(&mut self, connection: usize, message: Up) {
        let link = &self.connections[connection];
        if self.now() > link.up.until {
            return;
        }
        if !link.up.held.is_empty() || self.is_up_blocked(connection, &message) {
            self.connections[connection].up.held.push_back(message);
        } else {
            self.serve(connection, message);
        }
    }

    /// A message has come to the client's door.
    pub(super) fn delivered(&mut self, connection: usize, message: Down) {
        let link = &self.connections[connection];
        if self.now() > link.down.until {
            return;
        }
        if !link.down.held.is_empty() || self.is_down_blocked(connection) {
            self.connections[connection].down.held.push_back(message);
        } else {
            self.receive(connection, message);
        }
    }

    fn is_up_blocked(&self, connection: usize, message: &Up) -> bool {
        let link = &self.connections[connection];
        // A server that is cut off from its peers can still read, and answer a ping.
        let needs_peers = match message {
            Up::Connect { .. } => true,
            Up::Ask(request) => request.is_write() || matches!(request, Request::Sync),
            Up::Ping | Up::Gone => false,
        };
        self.stalled
            || self.now() < link.served_at
            || self.processes[link.process].cut.contains(&link.server)
            || (needs_peers && self.servers[link.server].isolated)
    }

    fn is_down_blocked(&self, connection: usize) -> bool {
        let link = &self.connections[connection];
        let process = &self.processes[link.process];
        process.paused || process.cut.contains(&link.server)
    }

    /// The servers go on, and read one connection after the other.
    pub(super) fn catch_up(&mut self) {
        let now = self.now();
        for connection in 0..self.connections.len() {
            let at = now + self.rng.within(0..CATCHING_UP);
            self.connections[connection].served_at = at;
            self.schedule(at, Event::Serve);
        }
    }

    /// Lets through what was held, wherever the way is free again.
    pub(super) fn release_held(&mut self) {
        for connection in 0..self.connections.len() {
            while let Some(message) = self.connections[connection].up.held.pop_front() {
                if self.is_up_blocked(connection, &message) {
                    self.connections[connection].up.held.push_front(message);
                    break;
                }
                self.serve(connection, message);
            }
            while !self.is_down_blocked(connection)
                && let Some(message) = self.connections[connection].down.held.pop_front()
            {
                self.receive(connection, message);
            }
        }
    }
}
