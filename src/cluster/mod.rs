//! A whole cluster by one description: `ZooKeeper` ensemble, HDFS, YARN and Kafka.
//!
//! - The description (TOML) becomes a checked [`Cluster`] by [`read`]; every [`Problem`] has its line.
//! - [`configuration`] makes each host's files from it.
//! - `status` shows what all its parts say of themselves.
//! - `up`: what is found (`found`) and what keeps it from starting (`check`) lead to the steps (`plan`) that are carried
//!   out (`starting`) with servers (`java`) as processes of their own (`process`).
//! - What stands in a cluster's folder is acted on only if nobody else may have written it (`trust`).
//! - `down` ends them and what they left (`leftovers`, `listening`); `logs` and `trouble` are for whoever watches.
//!
//! A host is an address of the loopback network, a network namespace (`netns`, with its `ssh` and its `agents`), or a machine of its own
//! ([`Form`]). A started cluster's folder says which ([`recorded_form`]).

mod agents;
mod args;
mod awaited;
mod check;
mod config;
pub mod configuration;
mod description;
mod down;
mod exec;
mod found;
mod java;
mod layout;
mod leftovers;
mod lines;
mod listening;
mod logs;
mod netns;
mod place;
mod plan;
mod probe;
mod problem;
mod process;
mod reading;
mod record;
mod role;
mod sense;
mod ssh;
mod starting;
mod status;
mod trouble;
mod trust;
mod up;

pub use args::ClusterArgs;
pub use layout::{Cluster, File, Form, Host};
pub use problem::Problem;
pub use reading::read;
pub use record::recorded_form;
pub use role::{Port, Role};
#[doc(hidden)]
pub use status::fuzzing;
