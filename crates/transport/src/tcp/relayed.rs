//! The members that beat by the connection of a relay, as the master's side sees them: each has the number of a connection.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::registry::Slot;
use crate::frame::Frame;
use crate::port::{PeerEvent, PeerIdentity};
use crate::relay::MOST_SLOTS;

/// The members of one relay by their slots.
#[derive(Debug)]
pub(super) struct RelayedMembers {
    /// The relay's host, if nothing stands between: its members run there too.
    host: Option<IpAddr>,
    numbers: HashMap<u16, u64>,
}

impl RelayedMembers {
    /// A relay without members.
    pub(super) fn new(host: Option<IpAddr>) -> Self {
        Self {
            host,
            numbers: HashMap::new(),
        }
    }

    /// What the frames of the relay's `connection` say, in order.
    pub(super) fn events(&mut self, connection: &Slot, frames: Vec<Frame>) -> Vec<PeerEvent> {
        let mut events = Vec::new();
        for frame in frames {
            match frame {
                Frame::Joined {
                    slot,
                    session,
                    port,
                    name,
                } => {
                    let peer = PeerIdentity {
                        session,
                        name,
                        port,
                    };
                    events.extend(self.joined(connection, slot, peer));
                }
                Frame::Left { slot, goodbye } => {
                    if let Some(number) = self.numbers.remove(&slot) {
                        events.push(closed(connection, number, goodbye));
                    }
                }
                Frame::Relayed {
                    slot,
                    version,
                    text,
                } => events.extend(self.relayed(connection, slot, version, text)),
                Frame::Group { late } => {
                    let late = late.into_iter().filter_map(|late| {
                        let silence = Duration::from_millis(late.silence_ms.into());
                        Some((*self.numbers.get(&late.slot)?, silence))
                    });
                    events.push(PeerEvent::Group {
                        relay: connection.number,
                        late: late.collect(),
                    });
                }
                Frame::Hello { .. }
                | Frame::Welcome { .. }
                | Frame::Beat { .. }
                | Frame::Goodbye { .. } => {}
            }
        }
        events
    }

    fn joined(&mut self, connection: &Slot, slot: u16, peer: PeerIdentity) -> Vec<PeerEvent> {
        let mut events = Vec::new();
        // The slot of another member, which this one has not left: a relay frees a slot before it uses it again.
        if let Some(number) = self.numbers.remove(&slot) {
            events.push(closed(connection, number, None));
        }
        if self.numbers.len() >= MOST_SLOTS {
            return events;
        }
        let Some(number) = connection.relay() else {
            return events;
        };
        self.numbers.insert(slot, number);
        events.push(PeerEvent::Opened {
            connection: number,
            address: peer.address(self.host),
            peer,
            relay: Some(connection.number),
        });
        events
    }

    fn relayed(
        &mut self,
        connection: &Slot,
        slot: u16,
        version: Option<i32>,
        text: Vec<u8>,
    ) -> Option<PeerEvent> {
        let number = *self.numbers.get(&slot)?;
        if !connection.is_relayed(number) {
            // The server has ended it.
            self.numbers.remove(&slot);
            return Some(closed(connection, number, None));
        }
        Some(PeerEvent::Beat {
            connection: number,
            version,
            text,
        })
    }

    /// The relay's connection has ended: so have those of its members, and each looks for another way.
    pub(super) fn end(&mut self, connection: &Slot) -> Vec<PeerEvent> {
        let numbers = std::mem::take(&mut self.numbers).into_values();
        let ended = numbers.map(|number| closed(connection, number, None));
        ended.collect()
    }
}

fn closed(connection: &Slot, number: u64, goodbye: Option<bool>) -> PeerEvent {
    connection.unrelay(number);
    PeerEvent::Closed {
        connection: number,
        goodbye,
    }
}
