//! The text formats in ZooKeeper: the values of `/heart_beat/map<TS>` and `/heart_beat_master`, and the
//! events that watchers print as JSON lines. Pure: no clock, no IO.
//!
//! The first line of each value never changes (other programs compare it); heartline adds its own data on the
//! lines below it, as `key: value` or `event …`. Names in it are escaped ([`escape`]).

pub mod beat;
pub mod claim;
pub mod control;
pub mod dead;
pub mod escape;
pub mod event;
pub mod master_info;
pub mod report;
pub mod request;
pub mod status;

pub use beat::{Beat, Ending, Identity, Phase, Split};
pub use dead::Dead;
pub use event::{Event, EventKind};
pub use master_info::{EndReason, MasterInfo, PreviousMaster};
pub use report::Report;
pub use status::Status;

use chrono::{DateTime, Local, Utc};

/// Formats seconds and microseconds since 1970 as `1609240709.574485`: Python's `%f` of `time.time()`.
pub(crate) fn seconds(at: DateTime<Utc>) -> String {
    format!("{}.{:06}", at.timestamp(), at.timestamp_subsec_micros())
}

/// Formats a time like C's `asctime`, in local time, as at the beginning of the master's messages.
pub(crate) fn asctime(at: DateTime<Utc>) -> impl std::fmt::Display {
    at.with_timezone(&Local).format("%a %b %e %H:%M:%S %Y")
}
