//! Direct connections between processes: what their kernels do with them. Each connection is one lane of frames, in
//! order, beside those to ZooKeeper: nothing orders the one with the others.

use std::collections::VecDeque;
use std::net::SocketAddr;

use heartline::transport::{ClaimKey, PeerEvent};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::relay::{SimRelay, Via};
use super::{Event, Inner, Millis};

/// Maximum number of frames under way on one connection: what the buffers of the kernels hold.
const BUFFER: usize = 8;

/// A claim and its key.
pub(super) type Held = (String, ClaimKey);

/// What stands between a process and the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nothing.
    #[default]
    Open,
    /// A firewall that lets nobody in, and refuses in the host's place.
    Firewall,
    /// A proxy or NAT: its address is not the one that others see.
    Proxy,
}

/// What goes from a client to its server.
#[derive(Clone, Debug)]
pub(super) enum Frame {
    Beat(Option<i32>, Vec<u8>),
    Goodbye(bool),
    /// The client's end is closed.
    End,
    /// From a relay: what its frame says to the server.
    Relay(PeerEvent),
}

/// A socket that accepts connections.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) process: usize,
    pub(super) address: SocketAddr,
    pub(super) held: Option<Held>,
    /// The keys of its earlier claims.
    pub(super) earlier: Vec<ClaimKey>,
    inbox: UnboundedSender<PeerEvent>,
    pub(super) is_open: bool,
    /// Until when its kernel still accepts connections after its end.
    pub(super) refuses_at: Millis,
}

/// A connection after its handshake.
#[derive(Debug)]
pub(super) struct DirectConnection {
    pub(super) client: usize,
    pub(super) listener: usize,
    opened: Millis,
    /// When the last frame arrives: the next one cannot be earlier.
    last: Millis,
    under_way: usize,
    /// What has come as far as it could, in order.
    held: VecDeque<Frame>,
    pub(super) goodbye: Option<bool>,
    /// Whether the server's end is open.
    pub(super) is_open: bool,
    /// Whether the connection was cut: what is under way is lost.
    pub(super) is_cut: bool,
    /// The news of the end has come as far as the blocked way of the client.
    is_end_held: bool,
    /// Tells the client of the end.
    pub(super) end: Option<oneshot::Sender<()>>,
    /// The relay by which it goes.
    pub(super) via: Option<Via>,
    /// The members that go by it.
    pub(super) relay: SimRelay,
}

impl DirectConnection {
    pub(super) fn new(
        client: usize,
        listener: usize,
        opened: Millis,
        end: oneshot::Sender<()>,
    ) -> Self {
        Self {
            client,
            listener,
            opened,
            last: opened,
            under_way: 0,
            held: VecDeque::new(),
            goodbye: None,
            is_open: true,
            is_cut: false,
            is_end_held: false,
            end: Some(end),
            via: None,
            relay: SimRelay::default(),
        }
    }
}

impl DirectConnection {
    /// When a frame that is sent now arrives: not before the one ahead of it.
    pub(super) fn after(&mut self, at: Millis) -> Millis {
        self.last = self.last.max(at);
        self.last
    }
}

/// All direct connections of a run.
#[derive(Debug, Default)]
pub(super) struct Direct {
    /// Whether the members of a host share a connection.
    pub(super) shares: bool,
    pub(super) listeners: Vec<Listener>,
    pub(super) connections: Vec<DirectConnection>,
}

impl Inner {
    /// How long a frame between two processes takes.
    pub(super) fn direct_way(&mut self, one: usize, other: usize) -> Millis {
        let slow = [one, other].map(|process| self.processes[process].slow_direct);
        let longest = slow.into_iter().fold(self.weather.delay, Millis::max);
        self.rng.within(0..longest + 1)
    }

    pub(super) fn listen(
        &mut self,
        process: usize,
        address: SocketAddr,
        inbox: UnboundedSender<PeerEvent>,
    ) -> usize {
        self.direct.listeners.push(Listener {
            process,
            address,
            held: None,
            earlier: Vec::new(),
            inbox,
            is_open: true,
            refuses_at: 0,
        });
        self.direct.listeners.len() - 1
    }

    pub(super) fn is_parted(&self, one: usize, other: usize) -> bool {
        let is_gone =
            |process: usize| self.processes[process].parted || self.processes[process].vanished;
        is_gone(one) || is_gone(other)
    }

    /// An event for the process that listens: it takes it when it runs.
    pub(super) fn tell(&self, listener: usize, event: PeerEvent) {
        // A process that is gone takes none.
        let _ = self.direct.listeners[listener].inbox.send(event);
    }

    /// Sends a frame. Returns whether the kernel took it.
    pub(super) fn send_frame(&mut self, connection: usize, frame: Frame) -> bool {
        if self.direct.connections[connection].via.is_some() {
            return self.send_to_relay(connection, frame);
        }
        if matches!(frame, Frame::Goodbye(_) | Frame::End) {
            self.let_members_go(connection);
        }
        let link = &self.direct.connections[connection];
        let (client, server) = (link.client, self.server_of(connection));
        if matches!(frame, Frame::Beat(..)) && link.under_way >= BUFFER {
            return false;
        }
        let at = self.now() + self.direct_way(client, server);
        let link = &mut self.direct.connections[connection];
        link.under_way += 1;
        link.last = link.last.max(at);
        let at = link.last;
        self.schedule(at, Event::Frame(connection, frame));
        true
    }

    pub(super) fn server_of(&self, connection: usize) -> usize {
        let listener = self.direct.connections[connection].listener;
        self.direct.listeners[listener].process
    }

    /// A frame has come to the server's host.
    pub(super) fn frame_arrived(&mut self, connection: usize, frame: Frame) {
        let is_parted = self.is_link_parted(connection);
        let link = &mut self.direct.connections[connection];
        if link.is_cut {
            return;
        }
        if is_parted || !link.held.is_empty() {
            link.held.push_back(frame);
        } else {
            self.take_frame(connection, frame);
        }
    }

    fn is_link_parted(&self, connection: usize) -> bool {
        let client = self.direct.connections[connection].client;
        let server = self.server_of(connection);
        // What a host has sent before it vanished arrives.
        self.processes[client].parted || self.is_parted(server, server)
    }

    fn take_frame(&mut self, connection: usize, frame: Frame) {
        let number = connection as u64;
        let link = &mut self.direct.connections[connection];
        link.under_way -= 1;
        if !link.is_open {
            return;
        }
        match frame {
            Frame::Beat(version, text) => {
                let listener = link.listener;
                let beat = PeerEvent::Beat {
                    connection: number,
                    version,
                    text,
                };
                self.tell(listener, beat);
            }
            Frame::Goodbye(finished) => link.goodbye = Some(finished),
            Frame::End => self.end_at_server(connection),
            Frame::Relay(event) => self.relay_says(connection, event),
        }
    }

    /// The server's end of a connection is closed.
    pub(super) fn end_at_server(&mut self, connection: usize) {
        let link = &mut self.direct.connections[connection];
        if !std::mem::replace(&mut link.is_open, false) {
            return;
        }
        let (listener, goodbye, client) = (link.listener, link.goodbye, link.client);
        link.held.clear();
        if goodbye.is_some() {
            self.history.goodbyes.insert(client);
        }
        self.trace(|| format!("connection {connection} has ended, goodbye {goodbye:?}"));
        let number = connection as u64;
        let closed = PeerEvent::Closed {
            connection: number,
            goodbye,
        };
        self.tell(listener, closed);
        self.end_members_at_server(connection);
    }

    /// The news of the end has come to the client's host.
    pub(super) fn end_arrived(&mut self, connection: usize) {
        let is_local = self.direct.connections[connection].via.is_some();
        let is_parted = !is_local && self.is_link_parted(connection);
        let link = &mut self.direct.connections[connection];
        link.is_end_held = is_parted;
        if !is_parted && let Some(end) = link.end.take() {
            // Its client may be gone.
            let _ = end.send(());
        }
    }

    fn end_at_client(&mut self, connection: usize) {
        let client = self.direct.connections[connection].client;
        let way = self.direct_way(client, self.server_of(connection));
        self.schedule(self.now() + way, Event::Ended(connection));
    }

    /// The server closes a connection.
    pub(super) fn server_closes(&mut self, connection: usize) {
        if self.direct.connections[connection].is_open {
            self.end_at_server(connection);
            if self.direct.connections[connection].via.is_none() {
                self.end_at_client(connection);
            }
        }
    }

    /// The listener holds another claim, or none.
    pub(super) fn hold(&mut self, listener: usize, claim: Option<Held>) {
        let one = &mut self.direct.listeners[listener];
        if one.held == claim {
            return;
        }
        if let Some((_, key)) = one.held.take() {
            one.earlier.push(key);
        }
        one.held = claim;
        self.close_all_to(listener);
    }

    fn close_all_to(&mut self, listener: usize) {
        for connection in 0..self.direct.connections.len() {
            if self.direct.connections[connection].listener == listener {
                self.server_closes(connection);
            }
        }
    }

    /// A socket is closed, by its process or by the kernel of one that was killed.
    pub(super) fn unlisten(&mut self, listener: usize) {
        if std::mem::replace(&mut self.direct.listeners[listener].is_open, false) {
            // The kernel closes the files of a process one after the other.
            let at = self.now() + self.rng.within(0..3);
            self.direct.listeners[listener].refuses_at = at;
            self.close_all_to(listener);
        }
    }

    /// The kernel closes what a process that was killed had open.
    pub(super) fn close_direct(&mut self, process: usize) {
        for connection in 0..self.direct.connections.len() {
            if self.direct.connections[connection].client == process {
                self.send_frame(connection, Frame::End);
            }
        }
        for listener in 0..self.direct.listeners.len() {
            if self.direct.listeners[listener].process == process {
                self.unlisten(listener);
            }
        }
    }

    /// Connections end on both sides without a goodbye, and what is under way is lost.
    pub(super) fn sever(&mut self, is_one: impl Fn(&DirectConnection) -> bool) {
        for connection in 0..self.direct.connections.len() {
            let link = &mut self.direct.connections[connection];
            if !link.is_open || link.is_cut || link.via.is_some() || !is_one(link) {
                continue;
            }
            link.is_cut = true;
            link.held.clear();
            let client = link.client;
            let way = self.direct_way(client, self.server_of(connection));
            self.schedule(self.now() + way, Event::Severed(connection));
            self.end_at_client(connection);
        }
    }

    /// Lets through what was held.
    pub(super) fn release_direct(&mut self) {
        for connection in 0..self.direct.connections.len() {
            if self.is_link_parted(connection) {
                continue;
            }
            while let Some(frame) = self.direct.connections[connection].held.pop_front() {
                self.take_frame(connection, frame);
            }
            if self.direct.connections[connection].is_end_held {
                self.end_arrived(connection);
            }
        }
    }

    /// Whether the process `client` has had an open connection of its own to the process `server` since `before`, and was reached
    /// by a probe.
    pub(super) fn is_known_to(&self, client: usize, server: usize, before: Millis) -> bool {
        let mut links = self.direct.connections.iter().enumerate();
        self.processes[server].reached.contains(&client)
            && links.any(|(number, link)| {
                link.client == client
                    && link.is_open
                    && !link.is_cut
                    && link.via.is_none()
                    && link.opened <= before
                    && self.server_of(number) == server
            })
    }
}
