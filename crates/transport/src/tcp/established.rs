//! A server's connection after the handshake: beats until its end.

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::limits::FAREWELL;
use super::read::read_with;
use super::registry::Stopped;
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
pub(super) struct Batch {
    /// The version in the newest beat, and the newest text that is not empty.
    beat: Option<(Option<i32>, Vec<u8>)>,
    goodbye: Option<bool>,
    /// The connection must end.
    ended: bool,
}

impl Batch {
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
    number: u64,
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
        if let Some((version, text)) = batch.beat {
            let event = PeerEvent::Beat {
                connection: number,
                version,
                text,
            };
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
    let read = read_with(stream, |bytes| {
        let mut batch = Batch {
            ended: bytes.is_empty(),
            ..Batch::default()
        };
        batch.take(reader, bytes);
        batch
    });
    read.await.unwrap_or_else(|_| Batch {
        ended: true,
        ..Batch::default()
    })
}
