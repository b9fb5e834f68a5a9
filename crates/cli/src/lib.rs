//! The common command-line code of all programs: options, their sources, and exit statuses.

#[cfg(feature = "tables")]
mod config;
mod ending;
mod jobconf;
mod options;
#[cfg(feature = "tables")]
mod screen;
mod security;
mod settings_file;
mod sources;
mod stall;
mod supervisor;
#[cfg(feature = "tables")]
mod table;
mod values;
mod words;

#[cfg(feature = "tables")]
pub use config::{ConfigArgs, ReferenceArgs};
pub use ending::{run, start_log};
pub use jobconf::parse;
pub use options::{
    BeatOptions, GraceOptions, MemberOptions, ZooKeeperOptions, duration, session_timeout,
};
#[cfg(feature = "tables")]
pub use screen::{Screen, write_line};
pub use security::{SecurityOptions, TlsOptions};
pub use stall::{OnStall, StallOptions};
pub use supervisor::{ChildExecArgs, SupervisorArgs};
#[cfg(feature = "tables")]
pub use table::{Column, paint, table};
pub use values::{RuleValue, SchedulingValue};
pub use words::WordArgs;
