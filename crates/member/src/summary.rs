//! The counters and results of a member's run.

/// Counters and results of a member's run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Number of beats that ZooKeeper has acknowledged.
    pub beats: u64,
    /// How often the member became master.
    pub reigns: u64,
    /// How often the member became a follower.
    pub followings: u64,
    /// The signal that made the member leave, if any.
    pub signal: Option<i32>,
    /// Why the master ended the member's work, if it did.
    pub killed: Option<String>,
}

impl Summary {
    /// Whether the heartbeat must end the process.
    pub(super) fn ends(&self) -> bool {
        self.signal.is_some() || self.killed.is_some()
    }
}
