//! What a master tells: events in the order in which they happened, numbered without a gap, each in the
//! reports for a second after it was told first, and no more of them at once than a report holds.
//!
//! An event gets its number with the transaction that tells it: only one is under way, so the numbers that
//! watchers see have gaps only where events were dropped because too many waited.

use std::collections::VecDeque;
use std::time::Duration;

use super::Death;
use super::limits::ReportLimits;
use crate::protocol::Event;

/// For how long an event stands in the reports after it was told first.
const RECENT: Duration = Duration::from_secs(1);
/// How many wait at the most to be told.
const MOST_WAITING: usize = 64 * 1024;
/// What a sequence number takes up in a line at the most.
const NUMBER: usize = 20;

/// Something to be told.
#[derive(Debug)]
struct PendingEvent {
    event: Event,
    /// How many events before it are lost.
    lost: u64,
    /// For whoever is to act on it, once it is told.
    death: Option<Death>,
    line: usize,
    message: usize,
}

/// Something that was told.
#[derive(Debug)]
struct WrittenEvent {
    since: Duration,
    event: Event,
    line: usize,
}

/// All that is to be told, and what was told in the last second.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    /// The number of the last event that was told.
    sequence: u64,
    told: VecDeque<WrittenEvent>,
    told_bytes: usize,
    fresh: VecDeque<PendingEvent>,
    /// How many were dropped after the last of those that wait.
    lost: u64,
    /// Deaths that were told and not taken yet.
    deaths: Vec<Death>,
}

impl EventLog {
    /// Goes on after the last event of another master, whose events these were.
    pub(super) fn after(sequence: u64, events: Vec<Event>, now: Duration) -> Self {
        let mut news = Self {
            sequence,
            ..Self::default()
        };
        for event in events {
            news.keep(now, event);
        }
        news
    }

    /// To be told with the next report, or a later one.
    pub(super) fn push(&mut self, event: Event, death: Option<Death>) {
        // A death is acted on: it is never dropped, and there are no more of them than followers.
        if self.fresh.len() >= MOST_WAITING && death.is_none() {
            self.lost += 1;
            return;
        }
        let fresh = PendingEvent {
            lost: std::mem::take(&mut self.lost),
            line: line(&event),
            message: event.message().map_or(0, |message| message.len()),
            death,
            event,
        };
        self.fresh.push_back(fresh);
    }

    /// Events that nobody can name are lost: their numbers are given to none.
    pub(super) fn lose(&mut self, count: u64) {
        self.lost += count;
    }

    /// How many events wait to be told.
    pub(super) fn waiting(&self) -> usize {
        self.fresh.len()
    }

    /// Changes the deaths that wait to be told.
    pub(super) fn deaths_mut(&mut self) -> impl Iterator<Item = &mut Death> {
        self.fresh
            .iter_mut()
            .filter_map(|fresh| fresh.death.as_mut())
    }

    /// Those that fit into the next report, with their numbers.
    pub(super) fn next(&self, room: &ReportLimits) -> Vec<Event> {
        let mut left = self.room_left(room);
        let mut messages = room.messages;
        let (mut events, mut sequence) = (Vec::new(), self.sequence);
        for fresh in &self.fresh {
            // The first one fits into an empty report, however little it holds.
            let is_alone = events.is_empty() && self.told.is_empty();
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

    /// How many bytes of lines the next report has left for events.
    pub(super) fn room_left(&self, room: &ReportLimits) -> usize {
        room.events.saturating_sub(self.told_bytes)
    }

    /// What an event takes up: of lines, and of messages.
    pub(super) fn cost(event: &Event) -> (usize, usize) {
        let message = event.message().map_or(0, |message| message.len());
        (line(event), message)
    }

    /// The number of the last event told when so many of those that wait are.
    pub(super) fn sequence_after(&self, count: usize) -> u64 {
        let fresh = self.fresh.iter().take(count);
        fresh.fold(self.sequence, |number, fresh| number + fresh.lost + 1)
    }

    /// The first `count` of those that wait are told.
    pub(super) fn have_told(&mut self, now: Duration, count: usize) {
        for mut fresh in self.fresh.drain(..count).collect::<Vec<_>>() {
            self.sequence += fresh.lost + 1;
            fresh.event.sequence = Some(self.sequence);
            self.deaths.extend(fresh.death);
            self.keep(now, fresh.event);
        }
    }

    /// Verdicts that waited for nothing are told, with the numbers that they have.
    pub(super) fn have_told_verdicts(&mut self, now: Duration, verdicts: Vec<(Event, Death)>) {
        for (event, death) in verdicts {
            self.sequence = event.sequence.unwrap_or(self.sequence);
            self.deaths.push(death);
            self.keep(now, event);
        }
    }

    /// The events of the last second, without those that are told for the first time.
    pub(super) fn recent(&self) -> impl Iterator<Item = &Event> {
        self.told.iter().map(|told| &told.event)
    }

    /// Forgets what was told long enough.
    pub(super) fn forget_old(&mut self, now: Duration) {
        // By the monotonic clock: those of two masters need not agree on the time of day.
        while let Some(first) = self.told.front()
            && now.saturating_sub(first.since) >= RECENT
        {
            self.told_bytes -= first.line;
            self.told.pop_front();
        }
    }

    /// The deaths that were told since this was asked last, each once.
    pub(super) fn take_deaths(&mut self) -> Vec<Death> {
        std::mem::take(&mut self.deaths)
    }

    fn keep(&mut self, since: Duration, event: Event) {
        let line = line(&event);
        self.told_bytes += line;
        self.told.push_back(WrittenEvent { since, event, line });
    }
}

fn line(event: &Event) -> usize {
    let numbered = Event {
        sequence: Some(0),
        ..event.clone()
    };
    numbered.line().map_or(0, |line| line.len() + NUMBER)
}
