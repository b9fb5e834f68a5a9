//! Who is told of a job: everything once, then each change. One that is too slow gets everything anew.

use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::job::{Change, Job};

/// What a message is about; the names are part of the API and of recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// Everything.
    Snapshot,
    /// A reading.
    Tick,
    /// An event with its number.
    Event,
    /// ZooKeeper cannot be read.
    Away,
}

impl MessageKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Tick => "tick",
            Self::Event => "event",
            Self::Away => "away",
        }
    }
}

/// A message, as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) kind: MessageKind,
    pub(crate) data: Arc<str>,
}

/// One that is told.
#[derive(Debug)]
pub(crate) struct Subscriber {
    job: Arc<Job>,
    changes: Receiver<Change>,
    /// The number of the last event that it has.
    seen: u64,
    /// Whether it is to be told everything.
    is_new: bool,
}

impl Subscriber {
    /// One that has the events up to number `seen`.
    pub(crate) fn new(job: Arc<Job>, seen: u64) -> Self {
        Self {
            changes: job.subscribe(),
            job,
            seen,
            is_new: true,
        }
    }

    /// The job that it is told of.
    pub(crate) fn job(&self) -> &Job {
        &self.job
    }

    /// The number of the last event that it has.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// The next message; `None` when the server ends.
    ///
    /// # Cancel safety
    /// No message is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        if self.is_new {
            return Some(self.all());
        }
        loop {
            let (kind, data) = match self.changes.recv().await {
                Ok(Change::Tick(data)) => (MessageKind::Tick, data),
                Ok(Change::Away(data)) => (MessageKind::Away, data),
                // It was part of the snapshot.
                Ok(Change::Event(number, _)) if number <= self.seen => continue,
                Ok(Change::Event(number, data)) => {
                    self.seen = number;
                    (MessageKind::Event, data)
                }
                // It was too slow: what it missed is in a snapshot.
                Ok(Change::Anew) | Err(RecvError::Lagged(_)) => return Some(self.all()),
                Err(RecvError::Closed) => return None,
            };
            return Some(Message { kind, data });
        }
    }

    /// Everything with all events, also those that it has, and from now on each change.
    pub(crate) fn whole(&mut self) -> Message {
        self.seen = 0;
        self.all()
    }

    /// Everything, and from now on each change.
    fn all(&mut self) -> Message {
        self.is_new = false;
        // What was told before is part of it.
        self.changes = self.job.subscribe();
        let (newest, data) = self.job.snapshot(self.seen);
        self.seen = newest;
        Message {
            kind: MessageKind::Snapshot,
            data,
        }
    }
}
