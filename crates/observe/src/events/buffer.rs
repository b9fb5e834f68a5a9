//! Messages that wait for delivery: bounded, in order, and with exact counts of what is lost. Pure: no clock, no IO.
//!
//! Messages go out by partition, with one batch in flight in each; a key always belongs to the same partition, so that
//! the events of one node arrive in order whatever is tried again. A message in flight may have arrived already, so it
//! is never dropped; of the waiting ones, the oldest is dropped when there is no room. A line before the next waiting
//! message reports how many messages of which key were dropped.

use std::collections::{BTreeMap, VecDeque};

use super::message::{Gap, Message};
use super::partition::partition;

/// The maximum number of messages in a batch.
const BATCH: usize = 500;

/// The minimum number of keys of lost messages that are remembered.
const NAMES: usize = 1000;

/// Messages that go out together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) queue: usize,
    pub(super) messages: Vec<Message>,
    /// How many events its messages report as lost.
    pub(super) lost: u64,
}

/// The messages that wait, and those in flight.
#[derive(Debug)]
pub(super) struct Buffer {
    capacity: usize,
    queues: Vec<PartitionBuffer>,
    /// Whether the number of partitions is known; until then all messages wait in one, and none goes out.
    open: bool,
    /// The number of messages that wait or are in flight.
    held: usize,
    /// The number of the next message; the lowest number marks the oldest message.
    next: u64,
}

#[derive(Debug, Default)]
struct PartitionBuffer {
    waiting: VecDeque<(u64, Message)>,
    /// The events that are lost right before the waiting ones, by key.
    gaps: BTreeMap<Option<String>, Gap>,
    /// The messages in flight, oldest first: the number of events that each stands for, and whether it is itself an
    /// event.
    flight: VecDeque<(u64, bool)>,
}

impl Buffer {
    /// A buffer with room for this many events.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            queues: vec![PartitionBuffer::default()],
            open: false,
            held: 0,
            next: 0,
        }
    }

    /// Sets the number of partitions, and distributes the waiting messages. Only the first call has an effect, because
    /// a key must not change its partition.
    pub(super) fn open(&mut self, queues: usize) {
        if self.open {
            return;
        }
        self.open = true;
        let before = std::mem::take(&mut self.queues).into_iter().next();
        self.queues
            .resize_with(queues.max(1), PartitionBuffer::default);
        let PartitionBuffer { waiting, gaps, .. } = before.unwrap_or_default();
        for message in waiting {
            let queue = self.queue(message.1.key.as_deref());
            queue.waiting.push_back(message);
        }
        for (key, gap) in gaps {
            let queue = self.queue(key.as_deref());
            queue.gaps.insert(key, gap);
        }
    }

    /// Adds a message, in place of the oldest waiting one if there is no room; returns whether one is lost.
    pub(super) fn offer(&mut self, message: Message) -> bool {
        let full = self.held >= self.capacity;
        self.next += 1;
        let number = self.next;
        let queue = self.queue(message.key.as_deref());
        queue.waiting.push_back((number, message));
        if full {
            self.lose_oldest();
        } else {
            self.held += 1;
        }
        full
    }

    /// The next batch; `None` while all partitions with messages have a batch in flight.
    pub(super) fn next(&mut self) -> Option<Batch> {
        if !self.open {
            return None;
        }
        // Most of the buffer must stay available to be replaced by new messages.
        let most = (self.capacity / 2 / self.queues.len()).clamp(1, BATCH);
        let idle = |queue: &PartitionBuffer| {
            queue.flight.is_empty() && !(queue.waiting.is_empty() && queue.gaps.is_empty())
        };
        let at = self.queues.iter().position(idle)?;
        let queue = &mut self.queues[at];
        let mut batch = Batch {
            queue: at,
            messages: Vec::new(),
            lost: 0,
        };
        while batch.messages.len() < most {
            let message = if let Some((key, gap)) = queue.gaps.pop_first() {
                batch.lost = batch.lost.saturating_add(gap.count);
                queue.flight.push_back((gap.count, false));
                gap.message(key)
            } else if let Some((_, message)) = queue.waiting.pop_front() {
                queue.flight.push_back((1, true));
                message
            } else {
                break;
            };
            batch.messages.push(message);
        }
        Some(batch)
    }

    /// Removes the next messages in flight of this partition, which have arrived.
    pub(super) fn delivered(&mut self, queue: usize, messages: usize) {
        let Some(queue) = self.queues.get_mut(queue) else {
            return;
        };
        for (_, is_event) in queue.flight.drain(..messages.min(queue.flight.len())) {
            self.held -= usize::from(is_event);
        }
    }

    /// The number of events for which neither the event nor the report of its loss has arrived.
    pub(super) fn undelivered(&self) -> u64 {
        let of = |queue: &PartitionBuffer| {
            let gaps = queue.gaps.values().map(|gap| gap.count);
            let flight = queue.flight.iter().map(|(events, _)| *events);
            let all = gaps.chain(flight).chain([queue.waiting.len() as u64]);
            all.fold(0, u64::saturating_add)
        };
        // Others may report any number as lost, so the sum must not overflow.
        self.queues.iter().map(of).fold(0, u64::saturating_add)
    }

    fn queue(&mut self, key: Option<&str>) -> &mut PartitionBuffer {
        let at = partition(key, self.queues.len());
        &mut self.queues[at]
    }

    fn lose_oldest(&mut self) {
        let age = |queue: &&mut PartitionBuffer| {
            queue
                .waiting
                .front()
                .map_or(u64::MAX, |(number, _)| *number)
        };
        let oldest = self.queues.iter_mut().min_by_key(age);
        // At least the message that was just added is waiting.
        let Some(queue) = oldest else { return };
        let Some((_, message)) = queue.waiting.pop_front() else {
            return;
        };
        // The names of lost messages are bounded as well: beyond the bound they are counted without a key.
        let mut key = message.key.clone();
        if queue.gaps.len() >= self.capacity.max(NAMES) && !queue.gaps.contains_key(&key) {
            key = None;
        }
        let gap = queue.gaps.entry(key);
        gap.and_modify(|gap| gap.grow(&message))
            .or_insert_with(|| Gap::of(&message));
    }
}

#[cfg(test)]
mod tests;
