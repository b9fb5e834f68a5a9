//! Which of the master's events a watcher has passed on already, for reports repeat them, and which ones are lost.
//!
//! Events are numbered without a gap, from one report to the next and from one master to the next. So a watcher that
//! has read one report knows which event comes next; if another one comes, the events between were in reports that it
//! has not read. Events before its first report do not count as lost.

use chrono::{DateTime, Utc};

use heartline_core::protocol::{Event, EventKind, Report};
use heartline_zookeeper::Stat;

/// The events already passed on.
#[derive(Debug, Default)]
pub struct EventHistory {
    /// The last event passed on, or known to be over; `None` before the first report.
    last: Option<Last>,
    /// Whether the znode was found missing or reset: then the next master counts from 1.
    anew: bool,
    /// The zxid of the newest value read.
    zxid: i64,
    /// The epoch of the newest master passed on.
    epoch: i64,
}

/// The position of an event in the sequence.
#[derive(Clone, Copy, Debug)]
struct Last {
    epoch: i64,
    sequence: u64,
    time: DateTime<Utc>,
}

impl EventHistory {
    /// A history in which everything up to this event was passed on.
    pub(crate) fn up_to(epoch: i64, sequence: u64, time: DateTime<Utc>) -> Self {
        Self {
            last: Some(Last {
                epoch,
                sequence,
                time,
            }),
            epoch,
            ..Self::default()
        }
    }

    /// Epochs only grow, so a lower one belongs to a ZooKeeper that has lost its data: everything is new again.
    pub(crate) fn see(&mut self, epoch: Option<i64>) {
        let last = self.last.map(|last| last.epoch);
        if epoch.zip(last).is_some_and(|(epoch, last)| epoch < last) {
            *self = Self::default();
        }
        // No master can claim an epoch before the report's: a higher one was somebody else's text, and must not silence
        // the masters to come.
        self.epoch = epoch.map_or(self.epoch, |epoch| self.epoch.min(epoch));
    }

    /// No master has reported yet, or none since the znode was reset: events count from 1.
    pub(crate) fn begins_anew(&mut self, now: DateTime<Utc>) {
        self.anew = true;
        self.last.get_or_insert(Last {
            epoch: i64::MIN,
            sequence: 0,
            time: now,
        });
    }

    /// The new events of a report, in its order. An event [`EventKind::Lost`] stands for those missed since the report
    /// before.
    pub(crate) fn new_events(&mut self, report: &Report, stat: &Stat) -> Vec<Event> {
        self.see(report.epoch);
        if report.epoch.is_none() && report.events.is_empty() {
            if report.is_free() {
                self.begins_anew(stat.written);
            }
            return Vec::new();
        }
        self.doubt(report, stat.modified);
        self.zxid = self.zxid.max(stat.modified);
        let mut new = Vec::new();
        for event in &report.events {
            let (Some(epoch), Some(sequence)) = (event.epoch, event.sequence) else {
                continue;
            };
            // No event is later than its report.
            if report.epoch.is_some_and(|of_report| epoch > of_report) {
                continue;
            }
            let last = Last {
                epoch,
                sequence,
                time: event.time,
            };
            if !self.is_later(last) {
                continue;
            }
            new.extend(self.missed(last, sequence.saturating_sub(1)));
            self.reach(last);
            if event.event != EventKind::Claimed || self.is_new_master(event) {
                new.push(event.clone());
            }
        }
        // There may have been more events that the report no longer repeats.
        if let Some(epoch) = report.epoch.filter(|_| report.sequence > 0) {
            let last = Last {
                epoch,
                sequence: report.sequence,
                time: stat.written,
            };
            if self.is_later(last) {
                new.extend(self.missed(last, report.sequence));
                self.reach(last);
            }
        }
        new
    }

    /// Whether this claim is that of a new master.
    pub(crate) fn is_new_master(&mut self, claimed: &Event) -> bool {
        let epoch = claimed.epoch.unwrap_or(0);
        let new = epoch > self.epoch;
        self.epoch = self.epoch.max(epoch);
        new
    }

    /// In one epoch the numbers only grow. If a later value has lower numbers, the value before it was written by
    /// some other program: forget its numbers, or no event would pass until they are reached.
    fn doubt(&mut self, report: &Report, zxid: i64) {
        let Some(last) = self.last else { return };
        let of_epoch = |event: &&Event| event.epoch == report.epoch;
        let events = report.events.iter().filter(of_epoch);
        let highest = events.filter_map(|event| event.sequence).max();
        let highest = highest.unwrap_or_default().max(report.sequence);
        let is_less = report.epoch == Some(last.epoch) && highest > 0 && highest < last.sequence;
        if is_less && zxid > self.zxid {
            self.last = None;
        }
    }

    fn is_later(&self, next: Last) -> bool {
        self.last
            .is_none_or(|last| (next.epoch, next.sequence) > (last.epoch, last.sequence))
    }

    /// The gap between the last event and the next one, if all events up to `over` can no longer be read.
    fn missed(&self, next: Last, over: u64) -> Option<Event> {
        let last = self.last?;
        let is_reset = next.epoch > last.epoch && (self.anew || next.sequence <= last.sequence);
        let passed_on = if is_reset { 0 } else { last.sequence };
        let count = over.checked_sub(passed_on).filter(|count| *count > 0)?;
        Some(Event {
            // A watcher that resumes after this line knows where to continue.
            sequence: Some(over),
            ..Event::lost(next.time, Some(next.epoch), count, last.time)
        })
    }

    fn reach(&mut self, next: Last) {
        self.last = Some(next);
        self.anew = false;
    }
}

#[cfg(test)]
mod tests;
