//! Members of one host that share a direct connection: the relay's side with the roster of production, and what its
//! frames say to the server.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use heartline::transport::frame::Frame as WireFrame;
use heartline::transport::{PeerEvent, PeerIdentity, RelayRoster};

use super::direct::{DirectConnection, Frame, Reach};
use super::{Event, Inner, Millis};

/// Hosts on which the processes are, in turn.
const HOSTS: usize = 2;

/// The longest way between two processes of one host.
const LOCAL_WAY: Millis = 2;

/// A member leaves a relay that has shown no sign for longer, and for more of the member's own beats, as in production.
const SIGNS: (Millis, u32) = (75, 5);

/// How a connection goes by a relay.
#[derive(Debug)]
pub(super) struct Via {
    /// The relay's connection.
    relay: usize,
    slot: u16,
    /// Where the member accepts connections.
    address: Option<SocketAddr>,
    /// Its beats since the relay's last sign.
    unsigned: u32,
    /// Its goodbye, which has come to the relay.
    goodbye: Option<bool>,
}

/// The members that go by a connection.
#[derive(Debug, Default)]
pub(super) struct SimRelay {
    roster: RelayRoster,
    /// Their connections by their slots.
    slots: BTreeMap<u16, usize>,
    /// What they have sent while the relay was stopped.
    waiting: VecDeque<(usize, Frame)>,
    signed: Millis,
}

impl Inner {
    /// The connection of a process of the same host that a new member can use.
    pub(super) fn relay_for(&self, client: usize, listener: usize) -> Option<usize> {
        let mut links = self.direct.connections.iter();
        links.position(|link| {
            let process = &self.processes[link.client];
            self.direct.shares
                && link.listener == listener
                && link.client != client
                && link.client % HOSTS == client % HOSTS
                && link.via.is_none()
                && link.is_open
                && link.end.is_some()
                && !link.is_cut
                && !process.dead
                && !process.paused
                && process.reach == Reach::Open
        })
    }

    /// A member has connected to a relay. Returns the number of its connection.
    pub(super) fn join_relay(
        &mut self,
        mut link: DirectConnection,
        relay: usize,
        (peer, address): (&PeerIdentity, Option<SocketAddr>),
    ) -> Option<u64> {
        let number = self.direct.connections.len();
        let now = Duration::from_millis(self.now());
        let hub = &mut self.direct.connections[relay].relay;
        let slot = hub.roster.join(now, peer.clone())?;
        hub.slots.insert(slot, number);
        link.via = Some(Via {
            relay,
            slot,
            address,
            unsigned: 0,
            goodbye: None,
        });
        // It is open for the server when it is told.
        link.is_open = false;
        self.direct.connections.push(link);
        self.tell_news(relay);
        Some(number as u64)
    }

    /// A member sends to its relay. Returns whether the kernel took it.
    pub(super) fn send_to_relay(&mut self, connection: usize, frame: Frame) -> bool {
        let now = self.now();
        let link = &mut self.direct.connections[connection];
        let Some(via) = &mut link.via else {
            return false;
        };
        if matches!(frame, Frame::Beat(..)) {
            via.unsigned += 1;
            let (relay, unsigned) = (via.relay, via.unsigned);
            let signed = self.direct.connections[relay].relay.signed;
            if unsigned > SIGNS.1 && now.saturating_sub(signed) > SIGNS.0 {
                let link = &mut self.direct.connections[connection];
                if let Some(end) = link.end.take() {
                    let _ = end.send(());
                }
                return false;
            }
        }
        let at = now + self.rng.within(0..LOCAL_WAY + 1);
        let link = &mut self.direct.connections[connection];
        let at = link.after(at);
        self.schedule(at, Event::Local(connection, frame));
        true
    }

    /// What a member has sent has come to its relay's socket.
    pub(super) fn local_arrived(&mut self, connection: usize, frame: Frame) {
        let Some(via) = &self.direct.connections[connection].via else {
            return;
        };
        let relay = via.relay;
        let process = &self.processes[self.direct.connections[relay].client];
        if process.dead {
            return;
        }
        let is_paused = process.paused;
        let hub = &mut self.direct.connections[relay].relay;
        hub.waiting.push_back((connection, frame));
        if !is_paused && self.read_members(relay) {
            self.tell_news(relay);
        }
    }

    /// The relay reads what its members have sent. Returns whether one of them has left.
    fn read_members(&mut self, relay: usize) -> bool {
        let now = Duration::from_millis(self.now());
        let mut has_left = false;
        while let Some((connection, frame)) =
            self.direct.connections[relay].relay.waiting.pop_front()
        {
            let Some(via) = &mut self.direct.connections[connection].via else {
                continue;
            };
            let (slot, goodbye) = (via.slot, via.goodbye);
            let is_current = |hub: &SimRelay| hub.slots.get(&slot) == Some(&connection);
            match frame {
                Frame::Goodbye(finished) => via.goodbye = Some(finished),
                Frame::Beat(version, text) => {
                    let hub = &mut self.direct.connections[relay].relay;
                    if is_current(hub) {
                        hub.roster.beat(now, slot, version, text);
                    }
                }
                Frame::End => {
                    let hub = &mut self.direct.connections[relay].relay;
                    if is_current(hub) {
                        hub.roster.ended(slot, goodbye);
                        has_left = true;
                    }
                }
                Frame::Relay(_) => {}
            }
        }
        has_left
    }

    fn tell_news(&mut self, relay: usize) {
        let news = self.direct.connections[relay].relay.roster.news();
        self.send_by_relay(relay, news);
    }

    /// Sends frames with what the server makes of them: a slot may belong to another member when they arrive.
    fn send_by_relay(&mut self, relay: usize, frames: Vec<WireFrame>) {
        for frame in frames {
            if let Some(event) = self.event_of(relay, frame) {
                self.send_frame(relay, Frame::Relay(event));
            }
        }
    }

    fn event_of(&self, relay: usize, frame: WireFrame) -> Option<PeerEvent> {
        let slots = &self.direct.connections[relay].relay.slots;
        let of_slot = |slot: u16| slots.get(&slot).map(|number| *number as u64);
        match frame {
            WireFrame::Joined {
                slot,
                session,
                port,
                name,
            } => {
                let connection = of_slot(slot)?;
                let member = &self.direct.connections[*slots.get(&slot)?];
                Some(PeerEvent::Opened {
                    connection,
                    peer: PeerIdentity {
                        session,
                        name,
                        port,
                    },
                    address: member.via.as_ref().and_then(|via| via.address),
                    relay: Some(relay as u64),
                })
            }
            WireFrame::Relayed {
                slot,
                version,
                text,
            } => Some(PeerEvent::Beat {
                connection: of_slot(slot)?,
                version,
                text,
            }),
            WireFrame::Left { slot, goodbye } => Some(PeerEvent::Closed {
                connection: of_slot(slot)?,
                goodbye,
            }),
            WireFrame::Group { late } => {
                let late = late.into_iter().filter_map(|late| {
                    let silence = Duration::from_millis(late.silence_ms.into());
                    Some((of_slot(late.slot)?, silence))
                });
                Some(PeerEvent::Group {
                    relay: relay as u64,
                    late: late.collect(),
                })
            }
            _ => None,
        }
    }

    /// The process of a connection has beaten: a relay sends what it knows of its members.
    pub(super) fn relay_beats(&mut self, relay: usize) {
        self.read_members(relay);
        let now = self.now();
        let hub = &mut self.direct.connections[relay].relay;
        hub.signed = now;
        if hub.slots.is_empty() {
            return;
        }
        let members: Vec<usize> = hub.slots.values().copied().collect();
        for member in members {
            if let Some(via) = &mut self.direct.connections[member].via {
                via.unsigned = 0;
            }
        }
        self.tell_news(relay);
        let hub = &mut self.direct.connections[relay].relay;
        let group = hub.roster.group(Duration::from_millis(now));
        self.send_by_relay(relay, vec![group]);
    }

    /// A frame of a relay has come to the server.
    pub(super) fn relay_says(&mut self, relay: usize, event: PeerEvent) {
        let listener = self.direct.connections[relay].listener;
        let index = |number: u64| usize::try_from(number).expect("few");
        match &event {
            PeerEvent::Opened { connection, .. } => {
                self.direct.connections[index(*connection)].is_open = true;
            }
            PeerEvent::Beat { connection, .. } => {
                if !self.direct.connections[index(*connection)].is_open {
                    return;
                }
            }
            PeerEvent::Closed {
                connection,
                goodbye,
            } => {
                self.direct.connections[index(*connection)].goodbye = *goodbye;
                return self.end_at_server(index(*connection));
            }
            PeerEvent::Group { .. } => {}
        }
        self.tell(listener, event);
    }

    /// The server's end of a relay's connection is closed.
    pub(super) fn end_members_at_server(&mut self, relay: usize) {
        let slots = &self.direct.connections[relay].relay.slots;
        let members: Vec<usize> = slots.values().copied().collect();
        for member in members {
            self.end_at_server(member);
        }
    }

    /// A relay's process has closed its connection, or is gone: its kernel closes those of its members.
    pub(super) fn let_members_go(&mut self, relay: usize) {
        let slots = &self.direct.connections[relay].relay.slots;
        let members: Vec<usize> = slots.values().copied().collect();
        for member in members {
            let at = self.now() + self.rng.within(0..LOCAL_WAY + 1);
            self.schedule(at, Event::Ended(member));
        }
    }
}
