//! The common command-line code of all programs: options, their sources, and exit statuses.

mod ending;
mod jobconf;
mod options;
mod stall;
mod supervisor;
mod values;
mod words;

pub use ending::{run, start_log};
pub use jobconf::parse;
pub use options::{BeatOptions, MemberOptions, ZooKeeperOptions, duration};
pub use stall::{OnStall, StallOptions};
pub use supervisor::{ChildExecArgs, SupervisorArgs};
pub use values::{RuleValue, SchedulingValue};
pub use words::WordArgs;
