//! What a watcher has told already of the master's events, which the reports repeat, and what it can tell no more.
//!
//! The numbers of events follow each other without a gap, from one report to the next and from one master to the next.
//! Who has read one report knows so which event comes next; if another one comes, those between were in reports that it
//! has not read. Of what was told before it came nobody has promised it anything.

use chrono::{DateTime, Utc};

use crate::coordination::Stat;
use crate::protocol::{Event, EventKind, Report};

/// What was told already.
#[derive(Debug, Default)]
pub(crate) struct EventHistory {
    /// The last event that was told, or that is known to be over; `None` before the first report.
    last: Option<Last>,
    /// The znode was found missing or as it was at first: the next master begins to count anew.
    anew: bool,
    /// The zxid of the newest value that was read.
    zxid: i64,
    /// The epoch whose master was told.
    epoch: i64,
}

/// One event's place among all.
#[derive(Clone, Copy, Debug)]
struct Last {
    epoch: i64,
    sequence: u64,
    time: DateTime<Utc>,
}

impl EventHistory {
    /// As one that has told all up to this event.
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

    /// Epochs only grow, so a lower one is of a ZooKeeper that has lost its data: all is new again.
    pub(crate) fn see(&mut self, epoch: Option<i64>) {
        let last = self.last.map(|last| last.epoch);
        if epoch.zip(last).is_some_and(|(epoch, last)| epoch < last) {
            *self = Self::default();
        }
    }

    /// Nobody has reported yet, or not since the znode was reset: events count from 1.
    pub(crate) fn begins_anew(&mut self, now: DateTime<Utc>) {
        self.anew = true;
        self.last.get_or_insert(Last {
            epoch: i64::MIN,
            sequence: 0,
            time: now,
        });
    }

    /// What of a report is to be told, in its order. What was missed since the report before is an event
    /// [`EventKind::Lost`] in its place.
    pub(crate) fn news(&mut self, report: &Report, stat: &Stat) -> Vec<Event> {
        self.see(report.epoch);
        if report.epoch.is_none() && report.events.is_empty() {
            if report.is_free() {
                self.begins_anew(stat.written);
            }
            return Vec::new();
        }
        self.doubt(report, stat.modified);
        self.zxid = self.zxid.max(stat.modified);
        let mut news = Vec::new();
        for event in &report.events {
            let (Some(epoch), Some(sequence)) = (event.epoch, event.sequence) else {
                continue;
            };
            let last = Last {
                epoch,
                sequence,
                time: event.time,
            };
            if !self.is_later(last) {
                continue;
            }
            news.extend(self.missed(last, sequence.saturating_sub(1)));
            self.reach(last);
            if event.event != EventKind::Claimed || self.is_new_master(event) {
                news.push(event.clone());
            }
        }
        // There may have been more that the report repeats no more.
        if let Some(epoch) = report.epoch.filter(|_| report.sequence > 0) {
            let last = Last {
                epoch,
                sequence: report.sequence,
                time: stat.written,
            };
            if self.is_later(last) {
                news.extend(self.missed(last, report.sequence));
                self.reach(last);
            }
        }
        news
    }

    /// Whether a master is to be told of.
    pub(crate) fn is_new_master(&mut self, claimed: &Event) -> bool {
        let epoch = claimed.epoch.unwrap_or(0);
        let new = epoch > self.epoch;
        self.epoch = self.epoch.max(epoch);
        new
    }

    /// In one epoch the numbers only grow. A later value that has told less was preceded by one that somebody else
    /// has written: the numbers of that are forgotten, or nothing would be told until they are reached.
    fn doubt(&mut self, report: &Report, zxid: i64) {
        let Some(last) = self.last else { return };
        let of_epoch = |event: &&Event| event.epoch == report.epoch;
        let events = report.events.iter().filter(of_epoch);
        let told = events.filter_map(|event| event.sequence).max();
        let told = told.unwrap_or_default().max(report.sequence);
        let is_less = report.epoch == Some(last.epoch) && told > 0 && told < last.sequence;
        if is_less && zxid > self.zxid {
            self.last = None;
        }
    }

    fn is_later(&self, next: Last) -> bool {
        self.last
            .is_none_or(|last| (next.epoch, next.sequence) > (last.epoch, last.sequence))
    }

    /// What lies between the last event and one that comes next, where all up to `over` cannot be read any more.
    fn missed(&self, next: Last, over: u64) -> Option<Event> {
        let last = self.last?;
        let is_reset = next.epoch > last.epoch && (self.anew || next.sequence <= last.sequence);
        let told = if is_reset { 0 } else { last.sequence };
        let count = over.checked_sub(told).filter(|count| *count > 0)?;
        Some(Event {
            // Who goes on after this line knows from where.
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
