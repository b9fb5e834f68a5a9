//! A znode's value, and a watch on its next change.

use chrono::{DateTime, Utc};
use zookeeper_client::{EventType, OneshotWatcher, Stat};

use super::Failure;

/// A znode's value as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The value itself.
    pub bytes: Vec<u8>,
    /// How often it was set since the znode was created.
    pub version: i32,
    /// The zxid that created the znode.
    pub created: i64,
    /// When the znode was created, by the server's clock.
    pub made: DateTime<Utc>,
    /// When it was set, by the server's clock.
    pub written: DateTime<Utc>,
}

impl Value {
    pub(super) fn new(bytes: Vec<u8>, stat: &Stat) -> Self {
        Self {
            bytes,
            version: stat.version,
            created: stat.czxid,
            made: DateTime::from_timestamp_millis(stat.ctime).unwrap_or_default(),
            written: DateTime::from_timestamp_millis(stat.mtime).unwrap_or_default(),
        }
    }
}

/// A watch on one change. It outlives a disconnection; a change in the meantime is told after it.
#[derive(Debug)]
pub struct OneshotWatch(pub(super) OneshotWatcher);

impl OneshotWatch {
    /// Waits for the change: `true` if the znode still exists after it.
    pub async fn changed(self) -> Result<bool, Failure> {
        changed(self.0).await
    }
}

pub(super) async fn changed(watcher: OneshotWatcher) -> Result<bool, Failure> {
    match watcher.changed().await.event_type {
        EventType::Session => Err(Failure::Lost),
        EventType::NodeDeleted => Ok(false),
        _ => Ok(true),
    }
}
