//! What a member tells: one JSON object a line.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::roster::Worker;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GroupEventKind {
    /// This one is active.
    Active,
    /// Another one is.
    Backup,
    /// This one is not active any more.
    Inactive,
    /// A worker came.
    WorkerJoined,
    /// A worker went.
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

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub(super) struct GroupEvent {
    /// When, in UTC, with microseconds.
    time: String,
    /// What.
    pub(super) event: GroupEventKind,
    /// Whose: the name of the znode that it is about.
    pub(super) node: String,
    /// Where that one is: what its znode says.
    pub(super) address: String,
    /// With `active`: the zxid that created the own znode, which grows with each that is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) epoch: Option<i64>,
    /// With `backup`: what the znode of the active one says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) active: Option<String>,
    /// With a worker's coming or going: all workers after it.
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

    /// As a line.
    pub(super) fn line(&self) -> String {
        // Text and numbers alone: nothing in it can fail to be JSON.
        let mut line = crate::text::json(self).unwrap_or_default();
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
        let mut news = GroupEvent::new(now, GroupEventKind::WorkerJoined, "w1", "w1:2224");
        news.workers = Some(vec![Worker {
            node: "w1".to_owned(),
            address: "w1:2224".to_owned(),
            created: 5,
        }]);
        assert_eq!(
            news.line(),
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
