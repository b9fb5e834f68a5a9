//! The master's events: in the order in which they happened, and numbered without a gap. Each event stays in
//! the reports for a second after its first report; a report never holds more events than fit.
//!
//! An event gets its number with the transaction that reports it. Only one transaction is under way, so the
//! numbers that watchers see have gaps only where events were dropped because too many waited.

use std::collections::VecDeque;
use std::time::Duration;

use super::Death;
use super::limits::{ReportLimits, fitting};
use crate::protocol::Event;

/// How long an event stays in the reports after its first report.
const RECENT: Duration = Duration::from_secs(1);
/// Maximum number of events that wait to be reported.
const MOST_WAITING: usize = 64 * 1024;
/// Maximum length of a sequence number in bytes.
const NUMBER: usize = 20;

/// An event that waits to be reported.
#[derive(Debug)]
struct PendingEvent {
    event: Event,
    /// Number of events that were lost before it.
    lost: u64,
    /// The death to act on, once the event is reported.
    death: Option<Death>,
    line: usize,
    message: usize,
}

/// An event that was reported.
#[derive(Debug)]
struct WrittenEvent {
    since: Duration,
    event: Event,
    line: usize,
}

/// All events that wait to be reported, and those of the last second.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    /// The number of the last reported event.
    sequence: u64,
    /// How many of the events that waited were reported: the position of the last of them.
    position: u64,
    reported: VecDeque<WrittenEvent>,
    reported_bytes: usize,
    fresh: VecDeque<PendingEvent>,
    /// Number of events dropped after the last waiting one.
    lost: u64,
    /// Deaths that were reported and not taken yet.
    deaths: Vec<Death>,
}

impl EventLog {
    /// Continues after the last event of the previous master, whose recent events are `events`.
    ///
    /// Only the newest of them that fit into a report are kept: another program may have written them. A watcher finds
    /// the others missing by their numbers.
    pub(super) fn after(
        sequence: u64,
        events: Vec<Event>,
        room: &ReportLimits,
        now: Duration,
    ) -> Self {
        let mut news = Self {
            sequence,
            ..Self::default()
        };
        // The first report needs room for the new master's own events.
        let newest = fitting(
            events.iter().rev().map(line),
            room.events - room.events / 16,
        );
        let older = events.len() - newest;
        for event in events.into_iter().skip(older) {
            news.keep(now, event);
        }
        news
    }

    /// Adds an event for the next report, or a later one. Returns its position among all that were added.
    pub(super) fn push(&mut self, event: Event, death: Option<Death>) -> u64 {
        // The program acts on a death: it is never dropped. There are no more deaths than followers.
        if self.fresh.len() >= MOST_WAITING && death.is_none() {
            self.lost += 1;
            return self.position_after(self.fresh.len());
        }
        let fresh = PendingEvent {
            lost: std::mem::take(&mut self.lost),
            line: line(&event),
            message: event.message().map_or(0, |message| message.len()),
            death,
            event,
        };
        self.fresh.push_back(fresh);
        self.position_after(self.fresh.len())
    }

    /// The position of the last reported event after the first `count` waiting events are reported.
    pub(super) fn position_after(&self, count: usize) -> u64 {
        self.position + u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// Counts events as lost whose follower is unknown: their numbers stay unused.
    pub(super) fn lose(&mut self, count: u64) {
        self.lost += count;
    }

    /// Number of events that wait to be reported.
    pub(super) fn waiting(&self) -> usize {
        self.fresh.len()
    }

    /// The deaths that wait to be reported, for changes.
    pub(super) fn deaths_mut(&mut self) -> impl Iterator<Item = &mut Death> {
        self.fresh
            .iter_mut()
            .filter_map(|fresh| fresh.death.as_mut())
    }

    /// The events that fit into the next report, with their numbers.
    pub(super) fn next(&self, room: &ReportLimits) -> Vec<Event> {
        let mut left = self.room_left(room);
        let mut messages = room.messages;
        let (mut events, mut sequence) = (Vec::new(), self.sequence);
        for fresh in &self.fresh {
            // The first event always fits into an empty report, even a small one.
            let is_alone = events.is_empty() && self.reported.is_empty();
            if (fresh.line > left || fresh.message > messages) && !is_alone {
                break;
            }
            left = left.saturating_sub(fresh.line);
            messages = messages.saturating_sub(fresh.message);
            sequence += fresh.lost + 1;
            events.push(Event {
                sequence: Some(sequence),
                ..fresh.event.clone()
            });
        }
        events
    }

    /// Bytes of lines that the next report has left for events.
    pub(super) fn room_left(&self, room: &ReportLimits) -> usize {
        room.events.saturating_sub(self.reported_bytes)
    }

    /// The size of an event in bytes: of its line, and of its message.
    pub(super) fn cost(event: &Event) -> (usize, usize) {
        let message = event.message().map_or(0, |message| message.len());
        (line(event), message)
    }

    /// The number of the last reported event after the first `count` waiting events are reported.
    pub(super) fn sequence_after(&self, count: usize) -> u64 {
        let fresh = self.fresh.iter().take(count);
        fresh.fold(self.sequence, |number, fresh| number + fresh.lost + 1)
    }

    /// Marks the first `count` waiting events as reported.
    pub(super) fn mark_reported(&mut self, now: Duration, count: usize) {
        self.position = self.position_after(count);
        for mut fresh in self.fresh.drain(..count).collect::<Vec<_>>() {
            self.sequence += fresh.lost + 1;
            fresh.event.sequence = Some(self.sequence);
            self.deaths.extend(fresh.death);
            self.keep(now, fresh.event);
        }
    }

    /// Marks verdicts as reported, which did not wait and already have numbers.
    pub(super) fn mark_verdicts_reported(&mut self, now: Duration, verdicts: Vec<(Event, Death)>) {
        for (event, death) in verdicts {
            self.sequence = event.sequence.unwrap_or(self.sequence);
            self.deaths.push(death);
            self.keep(now, event);
        }
    }

    /// The events of the last second, without those reported for the first time.
    pub(super) fn recent(&self) -> impl Iterator<Item = &Event> {
        self.reported.iter().map(|reported| &reported.event)
    }

    /// Forgets events that were reported for long enough.
    pub(super) fn forget_old(&mut self, now: Duration) {
        // By the monotonic clock: the wall clocks of two masters may differ.
        while let Some(first) = self.reported.front()
            && now.saturating_sub(first.since) >= RECENT
        {
            self.reported_bytes -= first.line;
            self.reported.pop_front();
        }
    }

    /// The deaths that were reported since the last call, each once.
    pub(super) fn take_deaths(&mut self) -> Vec<Death> {
        std::mem::take(&mut self.deaths)
    }

    fn keep(&mut self, since: Duration, event: Event) {
        let line = line(&event);
        self.reported_bytes += line;
        self.reported.push_back(WrittenEvent { since, event, line });
    }
}

fn line(event: &Event) -> usize {
    let numbered = Event {
        sequence: Some(0),
        ..event.clone()
    };
    numbered.line().map_or(0, |line| line.len() + NUMBER)
}
