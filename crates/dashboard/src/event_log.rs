//! The last events, numbered, so that a client that was away gets what it missed. Pure.

use std::collections::VecDeque;

/// Maximum number of events that are kept.
pub(crate) const MOST_EVENTS: usize = 2000;
/// Maximum length of all kept events together, in bytes: a snapshot can be long.
pub(crate) const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The last events of one job.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventLog {
    events: VecDeque<String>,
    bytes: usize,
    /// The number of the next event; the first has 1.
    next: u64,
}

/// The events after a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventsSince<'a> {
    /// Number of events between that are not kept any more.
    pub(crate) missed: u64,
    /// The events with their numbers, oldest first.
    pub(crate) events: Vec<(u64, &'a str)>,
}

impl EventLog {
    /// Adds an event, as JSON. Returns its number.
    pub(crate) fn push(&mut self, json: String) -> u64 {
        self.next += 1;
        self.bytes += json.len();
        self.events.push_back(json);
        while self.events.len() > MOST_EVENTS || self.bytes > MOST_BYTES && self.events.len() > 1 {
            let oldest = self.events.pop_front();
            self.bytes -= oldest.map_or(0, |oldest| oldest.len());
        }
        self.next
    }

    /// The number of the newest event; 0 before the first.
    pub(crate) fn newest(&self) -> u64 {
        self.next
    }

    /// All events after the one with this number. A number that was never given counts as 0.
    pub(crate) fn since(&self, number: u64) -> EventsSince<'_> {
        let number = if number > self.next { 0 } else { number };
        let first = self.next - self.events.len() as u64 + 1;
        let missed = first.saturating_sub(number + 1);
        let numbered = (first..).zip(self.events.iter().map(String::as_str));
        let events = numbered.filter(|(one, _)| *one > number).collect();
        EventsSince { missed, events }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_missed() {
        let mut log = EventLog::default();
        assert_eq!(log.since(0).events, []);
        for number in 1..=3 {
            assert_eq!(log.push(format!("e{number}")), number);
        }
        assert_eq!(log.since(1).events, [(2, "e2"), (3, "e3")]);
        assert_eq!(
            log.since(3),
            EventsSince {
                missed: 0,
                events: vec![]
            }
        );
        // Never given.
        assert_eq!(log.since(99).events.len(), 3);
    }

    #[test]
    fn what_is_not_kept_is_counted() {
        let mut log = EventLog::default();
        for _ in 0..MOST_EVENTS + 5 {
            log.push("e".to_owned());
        }
        let since = log.since(2);
        assert_eq!((since.missed, since.events.len()), (3, MOST_EVENTS));
        assert_eq!(since.events[0].0, 6);
    }

    #[test]
    fn long_events_are_bounded_too() {
        let mut log = EventLog::default();
        for _ in 0..10 {
            log.push("x".repeat(MOST_BYTES / 2));
        }
        assert_eq!(log.since(0).events.len(), 2);
        log.push("x".repeat(MOST_BYTES * 2));
        let since = log.since(0);
        assert_eq!((since.missed, since.events.len()), (10, 1));
    }
}
