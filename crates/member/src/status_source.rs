//! The source of a member's work status.

use std::fmt::Debug;

use heartline_core::protocol::Status;
use heartline_process::progress::Progress;

/// Provides the current work status. Each beat asks for it, so it should answer without waiting.
pub trait StatusSource: Debug + Send + Sync {
    /// The current status of the work. The caller sets the interval and the percentage.
    fn status(&self) -> Status;

    /// The snapshot of the work when it stalled. Each snapshot is returned once.
    fn take_snapshot(&self) -> Option<String> {
        None
    }

    /// Gives a snapshot back that could not be stored: the next call returns it again, unless there is a
    /// newer one.
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
