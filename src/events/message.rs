//! One line to be published, and the line that says how many are missing.

use chrono::{DateTime, Utc};

use crate::protocol::Event;
use crate::text;

/// One line to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The node that it is about; the lines of one node stay in their order.
    pub(super) key: Option<String>,
    /// When it happened.
    pub(super) time: DateTime<Utc>,
    pub(super) epoch: Option<i64>,
    /// The JSON, without the line's end.
    pub(super) json: String,
    /// How many events are gone if this line is: one, or all that it tells as lost.
    pub(super) events: u64,
}

impl Message {
    pub(super) fn of(event: &Event) -> Self {
        Self {
            key: event.node.clone(),
            time: event.time,
            epoch: event.epoch,
            // Text and numbers always have a JSON.
            json: text::json(event).unwrap_or_default(),
            events: event.count.unwrap_or(1),
        }
    }
}

/// What is missing of one node, in one place.
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

    /// One more is missing.
    pub(super) fn grow(&mut self, message: &Message) {
        self.count = self.count.saturating_add(message.events);
        self.until = message.time;
        self.epoch = message.epoch;
    }

    /// As a line: an event of its own kind, with the time and the epoch of the last that is missing.
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
    use crate::protocol::EventKind;

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
