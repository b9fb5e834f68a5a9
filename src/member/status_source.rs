//! What a member's work tells of itself.

use std::fmt::Debug;

use crate::protocol::Status;
use crate::streaming::Progress;

/// Whoever knows how far the work has come. Asked with each beat, so it should know without waiting.
pub trait StatusSource: Debug + Send + Sync {
    /// How the work fares now. The interval and the percentage are not its to tell.
    fn status(&self) -> Status;

    /// What was seen of it when it stalled, once.
    fn take_snapshot(&self) -> Option<String> {
        None
    }

    /// The snapshot that was taken could not be put down: it is to be had again, unless there is a newer one.
    fn return_snapshot(&self, _snapshot: String) {}
}

impl StatusSource for Progress {
    fn status(&self) -> Status {
        Status {
            records_in: self.lines_in(),
            records_out: self.records_out(),
            bytes_in: self.bytes_in(),
            bytes_out: self.bytes_out(),
            ..Status::default()
        }
    }
}
