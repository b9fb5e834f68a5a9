//! The common command-line code of all programs: options, their sources, and exit statuses.

mod ending;
mod jobconf;
mod options;
mod stall;

pub use ending::{run, start_log};
pub use jobconf::parse;
pub use options::duration;
pub use options::{BeatOptions, MemberOptions, ZooKeeperOptions};
pub use stall::{OnStall, StallOptions};
