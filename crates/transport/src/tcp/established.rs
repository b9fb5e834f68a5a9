//! A server's connection after the handshake: beats until its end.

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::limits::FAREWELL;
use super::read::read_with;
use super::registry::{Slot, Stopped};
use super::relayed::RelayedMembers;
use crate::codec::FrameReader;
use crate::frame::Frame;
use crate::port::PeerEvent;

/// Where the events of one connection go.
pub(super) struct EventQueue {
    pub(super) events: mpsc::Sender<PeerEvent>,
    pub(super) stopped: Stopped,
}

impl EventQueue {
    /// Adds an event, and waits if the queue is full. Returns `false` if the connection must end: then nothing may be
    /// sent or awaited any more.
    pub(super) async fn send(&mut self, event: PeerEvent) -> bool {
        match self.events.try_send(event) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(event)) => tokio::select! {
                biased;
                _ = &mut self.stopped => false,
                sent = self.events.send(event) => sent.is_ok(),
            },
        }
    }
}

/// What the bytes of one read say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The version in the newest beat, and the newest text that is not empty.
    pub(crate) beat: Option<(Option<i32>, Vec<u8>)>,
    pub(crate) goodbye: Option<bool>,
    /// The connection must end.
    pub(crate) ended: bool,
    /// What a relay says of its members, in order.
    relayed: Vec<Frame>,
}

impl Batch {
    /// The batch of the bytes of one read; none are the end of the connection.
    pub(crate) fn of(reader: &mut FrameReader, bytes: &[u8]) -> Self {
        let mut batch = Self {
            ended: bytes.is_empty(),
            ..Self::default()
        };
        batch.take(reader, bytes);
        batch
    }

    /// Takes all complete frames. Only the newest beat matters, and no text may be lost.
    pub(super) fn take(&mut self, reader: &mut FrameReader, mut input: &[u8]) {
        loop {
            match reader.read(&mut input) {
                Ok(None) => return,
                Ok(Some(Frame::Beat { version, text })) if self.goodbye.is_none() => {
                    let newest = self.beat.get_or_insert_default();
                    newest.0 = version;
                    if !text.is_empty() {
                        newest.1 = text;
                    }
                }
                Ok(Some(Frame::Goodbye { finished })) if self.goodbye.is_none() => {
                    self.goodbye = Some(finished);
                }
                Ok(Some(
                    frame @ (Frame::Joined { .. }
                    | Frame::Left { .. }
                    | Frame::Relayed { .. }
                    | Frame::Group { .. }),
                )) if self.goodbye.is_none() => self.relayed.push(frame),
                Ok(Some(_)) | Err(_) => {
                    self.ended = true;
                    return;
                }
            }
        }
    }
}

/// Reads until the connection ends or must end. Returns the goodbye.
pub(super) async fn serve(
    (connection, members): (&Slot, &mut RelayedMembers),
    stream: &mut TcpStream,
    reader: &mut FrameReader,
    queue: &mut EventQueue,
) -> Option<bool> {
    loop {
        let batch = tokio::select! {
            biased;
            _ = &mut queue.stopped => return None,
            batch = read_batch(stream, reader) => batch,
        };
        let own = batch.beat.map(|(version, text)| PeerEvent::Beat {
            connection: connection.number,
            version,
            text,
        });
        let of_members = members.events(connection, batch.relayed);
        for event in own.into_iter().chain(of_members) {
            if !queue.send(event).await {
                return batch.goodbye;
            }
        }
        if batch.goodbye.is_some() && !batch.ended {
            // The end is expected. Anything else, or nothing for too long, is an end too: all was said.
            tokio::select! {
                biased;
                _ = &mut queue.stopped => (),
                _ = timeout(FAREWELL, read_batch(stream, reader)) => (),
            }
        }
        if batch.goodbye.is_some() || batch.ended {
            return batch.goodbye;
        }
    }
}

async fn read_batch(stream: &mut TcpStream, reader: &mut FrameReader) -> Batch {
    let read = read_with(stream, |bytes| Batch::of(reader, bytes));
    read.await.unwrap_or_else(|_| Batch {
        ended: true,
        ..Batch::default()
    })
}
