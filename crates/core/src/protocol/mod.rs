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
mod silence;
mod status;
mod time;

pub use beat::{Beat, Ending, Identity, Phase, Split};
pub use dead::Dead;
pub use event::{Event, EventKind};
pub use master_info::{EndReason, MasterInfo, PreviousMaster};
pub use report::Report;
pub use status::Status;

pub use time::{rfc3339, seconds, stamp};
