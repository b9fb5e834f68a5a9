//! The clients' side: one session as the client library keeps it, over one connection after the
//! other.

use std::collections::{BTreeMap, VecDeque};

use heartline::coordination::client::Refusal;
use heartline::coordination::{Connection as State, Failure};
use tokio::sync::{oneshot, watch};

use super::link::{Down, Up};
use super::{Event, Inner, Millis};
use crate::ensemble::request::{Answer, Notice, Outcome, Request, Watching, refuse};

/// What comes back of a request: its outcome, and a watch if it asked for one.
pub(super) type Came = Result<(Answer, Option<oneshot::Receiver<bool>>), Refusal>;

/// A request and who waits for it.
#[derive(Debug)]
pub(super) struct Asked {
    request: Request,
    reply: oneshot::Sender<Came>,
}

/// Who waits for a watch, and whether the znode existed when it was set.
type Waiting = (bool, oneshot::Sender<bool>);

/// One session's client.
#[derive(Debug)]
pub(super) struct Peer {
    process: usize,
    session: Option<i64>,
    timeout: Millis,
    server: usize,
    connection: Option<usize>,
    /// Whether the connection carries the session.
    pub(super) connected: bool,
    /// Asked without a connection.
    queue: VecDeque<Asked>,
    /// Sent and not answered.
    under_way: VecDeque<Asked>,
    watches: BTreeMap<(String, Watching), Vec<Waiting>>,
    seen: i64,
    heard: Millis,
    sent: Millis,
    /// When it takes the session for over by itself.
    gives_up: Millis,
    attempts: u64,
    /// Nobody holds it any more: the session is to end.
    closing: bool,
    over: bool,
    opened: Option<oneshot::Sender<Result<i64, Failure>>>,
    pub(super) states: watch::Sender<State>,
}

impl Inner {
    /// Begins to open a session; how that went comes by the channel.
    pub(super) fn open(
        &mut self,
        process: usize,
        timeout: Millis,
    ) -> (usize, oneshot::Receiver<Result<i64, Failure>>) {
        let (opened, outcome) = oneshot::channel();
        let server = self.rng.index(self.servers.len());
        let now = self.now();
        self.peers.push(Peer {
            process,
            session: None,
            timeout,
            server,
            connection: None,
            connected: false,
            queue: VecDeque::new(),
            under_way: VecDeque::new(),
            watches: BTreeMap::new(),
            seen: 0,
            heard: now,
            sent: now,
            gives_up: now + timeout,
            attempts: 0,
            closing: false,
            over: false,
            opened: Some(opened),
            states: watch::channel(State::Disconnected).0,
        });
        let peer = self.peers.len() - 1;
        self.reconnect(peer);
        self.tick(peer);
        (peer, outcome)
    }

    /// Tries the next server.
    pub(super) fn reconnect(&mut self, peer: usize) {
        let servers = self.servers.len();
        let now = self.now();
        let one = &mut self.peers[peer];
        if one.over || one.connection.is_some() {
            return;
        }
        if self.processes[one.process].paused {
            self.schedule(now + 20, Event::Reconnect(peer));
            return;
        }
        // A new session is tried for once with each server, an old one until it must be over.
        let is_tried = one.session.is_none() && one.attempts >= servers as u64;
        if is_tried || now >= one.gives_up {
            self.end(peer);
            return;
        }
        one.server = (one.server + 1) % servers;
        one.attempts += 1;
        (one.heard, one.sent) = (now, now);
        let (server, process) = (one.server, one.process);
        let hello = Up::Connect {
            session: one.session,
            timeout: one.timeout,
            seen: one.seen,
            watches: one
                .watches
                .iter()
                .map(|((path, watching), waiting)| {
                    let existed = waiting.iter().any(|(existed, _)| *existed);
                    (path.clone(), *watching, existed)
                })
                .collect(),
        };
        let connection = self.connect(peer, process, server);
        self.peers[peer].connection = Some(connection);
        self.send_up(connection, hello);
    }

    /// Looks at the clock: whether the server is silent, whether a ping is due, whether it is over.
    pub(super) fn tick(&mut self, peer: usize) {
        let now = self.now();
        let one = &self.peers[peer];
        if one.over || self.processes[one.process].dead {
            return;
        }
        let unit = (one.timeout / 20).max(1);
        self.schedule(now + unit, Event::Tick(peer));
        let one = &mut self.peers[peer];
        if self.processes[one.process].paused {
            return;
        }
        let Some(connection) = one.connection else {
            if now >= one.gives_up {
                self.end(peer);
            }
            return;
        };
        if now >= one.heard + 8 * unit {
            self.drop_connection(peer);
        } else if one.connected && now >= one.sent + 3 * unit {
            one.sent = now;
            self.send_up(connection, Up::Ping);
        }
    }

    /// The client closes the connection it has, or finds it closed.
    pub(super) fn drop_connection(&mut self, peer: usize) {
        let now = self.now();
        let one = &mut self.peers[peer];
        let Some(connection) = one.connection.take() else {
            return;
        };
        let link = &mut self.connections[connection];
        link.down.until = now;
        link.down.held.clear();
        self.send_up(connection, Up::Gone);
        let one = &mut self.peers[peer];
        let process = one.process;
        if std::mem::replace(&mut one.connected, false) {
            one.gives_up = one.heard + one.timeout * 7 / 5;
            one.attempts = 0;
            one.states.send_replace(State::Disconnected);
            for asked in one.under_way.drain(..) {
                let _ = asked.reply.send(Err(refuse(Failure::Lost)));
            }
            self.processes[process].disconnected = true;
            self.trace(|| format!("client {peer} of process {process} is disconnected"));
        }
        let pause = match self.peers[peer].attempts {
            0 => self.rng.within(0..50),
            _ => self.rng.within(100..400),
        };
        self.schedule(now + pause, Event::Reconnect(peer));
    }

    /// The connection of a client, if it is one of this process.
    pub(super) fn connection_of_peer(&self, peer: usize, process: usize) -> Option<usize> {
        let one = &self.peers[peer];
        one.connection.filter(|_| one.process == process)
    }

    /// Gives up a connection on which nothing was heard for too long.
    pub(super) fn look_at_clock(&mut self, peer: usize) {
        let now = self.now();
        let one = &self.peers[peer];
        if now >= one.heard + 8 * (one.timeout / 20).max(1) {
            self.drop_connection(peer);
        }
    }

    /// The process of a client is gone: the system closes its connection behind what was sent.
    pub(super) fn hang_up(&mut self, peer: usize) {
        if let Some(connection) = self.peers[peer].connection.take() {
            self.send_up(connection, Up::Gone);
        }
    }

    /// The session is over for its client.
    fn end(&mut self, peer: usize) {
        let one = &mut self.peers[peer];
        if std::mem::replace(&mut one.over, true) {
            return;
        }
        if let Some(opened) = one.opened.take() {
            let _ = opened.send(Err(Failure::Lost));
        }
        for asked in one.under_way.drain(..).chain(one.queue.drain(..)) {
            let _ = asked.reply.send(Err(refuse(Failure::Lost)));
        }
        // To drop what a watch waits for is to tell it that the session has ended.
        one.watches.clear();
        one.connected = false;
        let connection = one.connection.take();
        one.states.send_replace(State::Ended);
        if let Some(connection) = connection {
            self.send_up(connection, Up::Gone);
        }
        self.trace(|| format!("client {peer} ends"));
    }

    /// Sends a request, or keeps it until it can be sent.
    pub(super) fn ask(&mut self, peer: usize, request: Request) -> oneshot::Receiver<Came> {
        let (reply, answer) = oneshot::channel();
        let one = &mut self.peers[peer];
        if one.over {
            let _ = reply.send(Err(refuse(Failure::Lost)));
            return answer;
        }
        one.queue.push_back(Asked { request, reply });
        self.flush(peer);
        answer
    }

    /// Nobody holds the client any more.
    pub(super) fn close_peer(&mut self, peer: usize) {
        let one = &mut self.peers[peer];
        if one.over || self.processes[one.process].dead {
            return;
        }
        one.closing = true;
        let (reply, _) = oneshot::channel();
        let request = Request::Close;
        one.queue.push_back(Asked { request, reply });
        self.flush(peer);
    }

    /// Sends what waits.
    pub(super) fn flush(&mut self, peer: usize) {
        let now = self.now();
        loop {
            let one = &mut self.peers[peer];
            let process = &self.processes[one.process];
            let (true, Some(connection)) = (one.connected, one.connection) else {
                return;
            };
            if process.paused || process.dead {
                return;
            }
            let Some(asked) = one.queue.pop_front() else {
                return;
            };
            one.sent = now;
            let request = asked.request.clone();
            one.under_way.push_back(asked);
            self.send_up(connection, Up::Ask(request));
        }
    }

    /// A client takes a message.
    pub(super) fn receive(&mut self, connection: usize, message: Down) {
        let peer = self.connections[connection].peer;
        let now = self.now();
        let one = &mut self.peers[peer];
        if one.connection != Some(connection) || self.processes[one.process].dead {
            return;
        }
        one.heard = now;
        match message {
            Down::Connected { session, zxid } => self.welcomed(peer, session, zxid),
            Down::Expired => self.end(peer),
            Down::Answer(zxid, outcome) => {
                one.seen = one.seen.max(zxid);
                self.answered(peer, outcome);
            }
            Down::Notice(notice) => one.noticed(&notice),
            Down::Pong => {}
            Down::Gone => self.drop_connection(peer),
        }
    }

    fn welcomed(&mut self, peer: usize, session: i64, zxid: i64) {
        let one = &mut self.peers[peer];
        one.session = Some(session);
        one.seen = one.seen.max(zxid);
        one.connected = true;
        one.states.send_replace(State::Connected);
        if let Some(opened) = one.opened.take() {
            // Nobody may wait for it any more; then the session ends by its timeout.
            let _ = opened.send(Ok(session));
        }
        if one.closing && one.queue.is_empty() {
            let (reply, _) = oneshot::channel();
            let request = Request::Close;
            one.queue.push_back(Asked { request, reply });
        }
        let process = one.process;
        let now = self.now();
        self.processes[process].disconnected = false;
        self.processes[process].disturbed_until(now);
        self.trace(|| format!("client {peer} of process {process} has session {session:x}"));
        self.flush(peer);
    }

    fn answered(&mut self, peer: usize, outcome: Outcome) {
        let one = &mut self.peers[peer];
        let Some(asked) = one.under_way.pop_front() else {
            return;
        };
        let came = outcome.map(|answer| {
            let watch = asked.request.watches().map(|(path, watching)| {
                let existed = !matches!(answer, Answer::Found(None));
                let (sender, receiver) = oneshot::channel();
                let key = (path.to_owned(), watching);
                one.watches.entry(key).or_default().push((existed, sender));
                receiver
            });
            (answer, watch)
        });
        let _ = asked.reply.send(came);
        if matches!(asked.request, Request::Close) {
            self.end(peer);
        }
    }
}

impl Peer {
    fn noticed(&mut self, notice: &Notice) {
        use crate::ensemble::request::Happened;
        for watching in notice.happened.wakes() {
            let key = (notice.path.clone(), *watching);
            for (_, sender) in self.watches.remove(&key).unwrap_or_default() {
                let _ = sender.send(notice.happened != Happened::Deleted);
            }
        }
    }
}
