//! A whole cluster by one description: `ZooKeeper` ensemble, HDFS, YARN and Kafka.
//!
//! - The description (TOML) becomes a checked [`Cluster`] by [`read`]; every [`Problem`] has its line.
//! - [`configuration`] makes each host's files from it.
//! - `status` shows what all its parts say of themselves.
//! - `up`: what is found (`found`) and what keeps it from starting (`check`) lead to the steps (`plan`) that are carried
//!   out (`starting`) with servers (`java`) as processes of their own (`process`).
//! - What stands in a cluster's folder is acted on only if nobody else may have written it (`trust`).
//! - `down` ends them and what they left (`orphans`, `listening`); `logs` and `trouble` are for whoever watches.
//!
//! A host is an address of the loopback network, a network namespace (`netns`, with its `ssh` and its `agents`), or a machine of its own
//! ([`HostKind`]). A started cluster's folder says which ([`recorded_form`]).

mod agents;
mod args;
mod check;
mod config;
pub mod configuration;
mod description;
mod down;
mod exec;
mod executor;
mod faults;
mod inspect;
mod java;
mod listening;
mod logs;
mod model;
mod netns;
mod orphans;
mod parse;
mod plan;
mod probe;
mod problem;
mod process;
mod readiness;
mod record;
mod role;
mod role_instance;
mod source_lines;
mod ssh;
mod status;
mod trust;
mod up;
mod validate;

pub use args::ClusterArgs;
pub use model::{Cluster, File, Host, HostKind};
pub use parse::read;
pub use problem::Problem;
pub use record::recorded_form;
pub use role::{Port, Role};
#[doc(hidden)]
pub use status::fuzzing;
