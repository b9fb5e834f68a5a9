//! One line to be published, and the line that says how many are missing.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::protocol::Event;
use crate::protocol::event::rfc3339;

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
}

impl Message {
    pub(super) fn of(event: &Event) -> serde_json::Result<Self> {
        Ok(Self {
            key: event.node.clone(),
            time: event.time,
            epoch: event.epoch,
            json: serde_json::to_string(event)?,
        })
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
            count: 1,
            since: message.time,
            until: message.time,
            epoch: message.epoch,
        }
    }

    /// One more is missing.
    pub(super) fn grow(&mut self, message: &Message) {
        self.count += 1;
        self.until = message.time;
        self.epoch = message.epoch;
    }

    /// As a line: an event of its own kind, with the time and the epoch of the last that is missing.
    pub(super) fn message(self, key: Option<String>) -> Message {
        #[derive(Serialize)]
        struct Lost<'a> {
            #[serde(serialize_with = "rfc3339")]
            time: DateTime<Utc>,
            event: &'static str,
            node: Option<&'a str>,
            epoch: Option<i64>,
            count: u64,
            #[serde(serialize_with = "rfc3339")]
            since: DateTime<Utc>,
        }
        let lost = Lost {
            time: self.until,
            event: "lost",
            node: key.as_deref(),
            epoch: self.epoch,
            count: self.count,
            since: self.since,
        };
        // Text and numbers always have a JSON.
        let json = serde_json::to_string(&lost).unwrap_or_default();
        Message {
            key,
            time: self.until,
            epoch: self.epoch,
            json,
        }
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
        let first = Message::of(&died(0)).unwrap();
        assert_eq!(first.key.as_deref(), Some("map1"));
        let mut gap = Gap::of(&first);
        gap.grow(&Message::of(&died(2)).unwrap());
        assert_eq!(
            gap.message(first.key).json,
            r#"{"time":"2020-12-29T11:18:41.000000Z","event":"lost","node":"map1","epoch":9,"count":2,"since":"2020-12-29T11:18:39.000000Z"}"#
        );
    }
}
