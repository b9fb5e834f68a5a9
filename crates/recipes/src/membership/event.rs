//! The events of a member: one JSON object per line.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::roster::Worker;

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GroupEventKind {
    /// This member became active.
    Active,
    /// Another member is active.
    Backup,
    /// This member is not active any more.
    Inactive,
    /// A worker joined.
    WorkerJoined,
    /// A worker left.
    WorkerLeft,
}

impl GroupEventKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Backup => "backup",
            Self::Inactive => "inactive",
            Self::WorkerJoined => "worker-joined",
            Self::WorkerLeft => "worker-left",
        }
    }
}

/// One event.
#[derive(Clone, Debug, Serialize)]
pub(super) struct GroupEvent {
    /// The time of the event in UTC, with microseconds.
    time: String,
    /// The kind of the event.
    pub(super) event: GroupEventKind,
    /// The name of the znode that the event is about.
    pub(super) node: String,
    /// The address of that member: the value of its znode.
    pub(super) address: String,
    /// With `active`: the zxid that created this member's znode, which grows with each active member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) epoch: Option<i64>,
    /// With `backup`: the value of the active member's znode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) active: Option<String>,
    /// When a worker joins or leaves: all workers afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workers: Option<Vec<Worker>>,
}

impl GroupEvent {
    pub(super) fn new(
        now: DateTime<Utc>,
        event: GroupEventKind,
        node: &str,
        address: &str,
    ) -> Self {
        Self {
            time: now.to_rfc3339_opts(SecondsFormat::Micros, true),
            event,
            node: node.to_owned(),
            address: address.to_owned(),
            epoch: None,
            active: None,
            workers: None,
        }
    }

    /// The event as a line of JSON.
    pub(super) fn line(&self) -> String {
        // The event holds only texts and numbers, so it can always be written as JSON.
        let mut line = heartline_core::text::json(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_object_with_what_belongs_to_it() {
        let now = DateTime::from_timestamp_micros(1_609_240_719_574_485).unwrap();
        let mut event = GroupEvent::new(now, GroupEventKind::WorkerJoined, "w1", "w1:2224");
        event.workers = Some(vec![Worker {
            node: "w1".to_owned(),
            address: "w1:2224".to_owned(),
            created: 5,
        }]);
        assert_eq!(
            event.line(),
            r#"{"time":"2020-12-29T11:18:39.574485Z","event":"worker-joined","node":"w1","address":"w1:2224","workers":[{"node":"w1","address":"w1:2224"}]}"#
                .to_owned() + "\n"
        );
        for event in [
            GroupEventKind::Active,
            GroupEventKind::Backup,
            GroupEventKind::Inactive,
            GroupEventKind::WorkerLeft,
        ] {
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(json, format!("\"{}\"", event.word()));
        }
    }
}
