//! One line to publish, and the line that reports the number of lost events.

use chrono::{DateTime, Utc};

use heartline_core::protocol::Event;
use heartline_core::text;

/// One line to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The node that the event is about; the lines of one node keep their order.
    pub(super) key: Option<String>,
    /// The time of the event.
    pub(super) time: DateTime<Utc>,
    pub(super) epoch: Option<i64>,
    /// The JSON, without a line end.
    pub(super) json: String,
    /// The number of events that are lost with this line: one, or all that it reports as lost.
    pub(super) events: u64,
}

impl Message {
    pub(super) fn of(event: &Event) -> Self {
        Self {
            key: event.node.clone(),
            time: event.time,
            epoch: event.epoch,
            // The event holds only texts and numbers, so it can always be written as JSON.
            json: text::json(event).unwrap_or_default(),
            events: event.count.unwrap_or(1),
        }
    }
}

/// The lost events of one node at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) count: u64,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    epoch: Option<i64>,
}

impl Gap {
    pub(super) fn of(message: &Message) -> Self {
        Self {
            count: message.events,
            since: message.time,
            until: message.time,
            epoch: message.epoch,
        }
    }

    /// Adds another lost event.
    pub(super) fn grow(&mut self, message: &Message) {
        self.count = self.count.saturating_add(message.events);
        self.until = message.time;
        self.epoch = message.epoch;
    }

    /// The line for the lost events: an event of its own kind, with the time and epoch of the last lost event.
    pub(super) fn message(self, key: Option<String>) -> Message {
        let lost = Event {
            node: key,
            ..Event::lost(self.until, self.epoch, self.count, self.since)
        };
        Message::of(&lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heartline_core::protocol::EventKind;

    #[test]
    fn what_is_missing_is_an_event_of_its_own_kind() {
        let at = |second: i64| DateTime::from_timestamp(1_609_240_719 + second, 0).unwrap();
        let died = |second: i64| Event::of(at(second), EventKind::Died, "map1", Some(9));
        let first = Message::of(&died(0));
        assert_eq!(first.key.as_deref(), Some("map1"));
        let mut gap = Gap::of(&first);
        gap.grow(&Message::of(&died(2)));
        assert_eq!(
            gap.message(first.key).json,
            r#"{"time":"2020-12-29T11:18:41.000000Z","event":"lost","node":"map1","epoch":9,"count":2,"since":"2020-12-29T11:18:39.000000Z"}"#
        );
    }
}
