//! What waits to be delivered: bounded, in order, and exact about what is lost. Pure: no clock, no IO.
//!
//! Messages go out by lanes, one batch in flight in each; a key always takes the same lane, so that what one node did
//! arrives in its order whatever is tried again. A message in flight may have arrived already and is never given up; of
//! those that wait, the oldest goes when there is no room. How many of which key went so is put before the next that waits.

use std::collections::{BTreeMap, VecDeque};

use super::message::{Gap, Message};
use super::partition::partition;

/// How many messages go out at once.
const BATCH: usize = 500;

/// How many keys of the lost are remembered at least.
const NAMES: usize = 1000;

/// Messages that go out together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) lane: usize,
    pub(super) messages: Vec<Message>,
    /// How many events its messages say are lost.
    pub(super) lost: u64,
}

/// The messages that wait and those in flight.
#[derive(Debug)]
pub(super) struct Buffer {
    capacity: usize,
    lanes: Vec<PartitionBuffer>,
    /// Whether it is known how many lanes there are; until then all wait in one, and none goes out.
    open: bool,
    /// Messages that wait or are in flight.
    held: usize,
    /// Counts messages, to tell which is the oldest.
    next: u64,
}

#[derive(Debug, Default)]
struct PartitionBuffer {
    waiting: VecDeque<(u64, Message)>,
    /// What is missing right before the waiting ones, by key.
    gaps: BTreeMap<Option<String>, Gap>,
    /// Those in flight, oldest first: the number of events that each stands for, and whether it is one itself.
    flight: VecDeque<(u64, bool)>,
}

impl Buffer {
    /// One with room for so many events.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            lanes: vec![PartitionBuffer::default()],
            open: false,
            held: 0,
            next: 0,
        }
    }

    /// So many lanes there are, from now on: what has waited takes its lane. Only the first call counts, for a key must
    /// not change its lane.
    pub(super) fn open(&mut self, lanes: usize) {
        if self.open {
            return;
        }
        self.open = true;
        let before = std::mem::take(&mut self.lanes).into_iter().next();
        self.lanes
            .resize_with(lanes.max(1), PartitionBuffer::default);
        let PartitionBuffer { waiting, gaps, .. } = before.unwrap_or_default();
        for message in waiting {
            let lane = self.lane(message.1.key.as_deref());
            lane.waiting.push_back(message);
        }
        for (key, gap) in gaps {
            let lane = self.lane(key.as_deref());
            lane.gaps.insert(key, gap);
        }
    }

    /// Takes in one more, in place of the oldest that waits if there is no room; whether one is lost.
    pub(super) fn offer(&mut self, message: Message) -> bool {
        let full = self.held >= self.capacity;
        self.next += 1;
        let number = self.next;
        let lane = self.lane(message.key.as_deref());
        lane.waiting.push_back((number, message));
        if full {
            self.lose_oldest();
        } else {
            self.held += 1;
        }
        full
    }

    /// The next messages to go out; `None` while all lanes with messages have some in flight.
    pub(super) fn next(&mut self) -> Option<Batch> {
        if !self.open {
            return None;
        }
        // Most of the buffer must be free to give way to what is new.
        let most = (self.capacity / 2 / self.lanes.len()).clamp(1, BATCH);
        let idle = |lane: &PartitionBuffer| {
            lane.flight.is_empty() && !(lane.waiting.is_empty() && lane.gaps.is_empty())
        };
        let at = self.lanes.iter().position(idle)?;
        let lane = &mut self.lanes[at];
        let mut batch = Batch {
            lane: at,
            messages: Vec::new(),
            lost: 0,
        };
        while batch.messages.len() < most {
            let message = if let Some((key, gap)) = lane.gaps.pop_first() {
                batch.lost = batch.lost.saturating_add(gap.count);
                lane.flight.push_back((gap.count, false));
                gap.message(key)
            } else if let Some((_, message)) = lane.waiting.pop_front() {
                lane.flight.push_back((1, true));
                message
            } else {
                break;
            };
            batch.messages.push(message);
        }
        Some(batch)
    }

    /// The next so many messages in flight in this lane have arrived.
    pub(super) fn delivered(&mut self, lane: usize, messages: usize) {
        let Some(lane) = self.lanes.get_mut(lane) else {
            return;
        };
        for (_, is_event) in lane.flight.drain(..messages.min(lane.flight.len())) {
            self.held -= usize::from(is_event);
        }
    }

    /// How many events have not arrived, or not the word that they are lost.
    pub(super) fn undelivered(&self) -> u64 {
        let of = |lane: &PartitionBuffer| {
            let gaps = lane.gaps.values().map(|gap| gap.count);
            let flight = lane.flight.iter().map(|(events, _)| *events);
            let all = gaps.chain(flight).chain([lane.waiting.len() as u64]);
            all.fold(0, u64::saturating_add)
        };
        // How many are lost may be told by others: no sum of theirs is too large.
        self.lanes.iter().map(of).fold(0, u64::saturating_add)
    }

    fn lane(&mut self, key: Option<&str>) -> &mut PartitionBuffer {
        let at = partition(key, self.lanes.len());
        &mut self.lanes[at]
    }

    fn lose_oldest(&mut self) {
        let age = |lane: &&mut PartitionBuffer| {
            lane.waiting.front().map_or(u64::MAX, |(number, _)| *number)
        };
        let oldest = self.lanes.iter_mut().min_by_key(age);
        // One at least waits: that which has just come.
        let Some(lane) = oldest else { return };
        let Some((_, message)) = lane.waiting.pop_front() else {
            return;
        };
        // The names of the lost are bounded as well: beyond it they are counted without one.
        let mut key = message.key.clone();
        if lane.gaps.len() >= self.capacity.max(NAMES) && !lane.gaps.contains_key(&key) {
            key = None;
        }
        let gap = lane.gaps.entry(key);
        gap.and_modify(|gap| gap.grow(&message))
            .or_insert_with(|| Gap::of(&message));
    }
}

#[cfg(test)]
mod tests;
