//! What all programs share at their edge: options, where they may come from, how programs end.

mod ending;
mod jobconf;
mod options;

pub use ending::{die_of_broken_pipe, end, start_log};
pub use jobconf::parse;
pub use options::{MemberOptions, ZooKeeperOptions, duration};
