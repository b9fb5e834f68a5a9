//! A whole cluster from one description: ZooKeeper ensemble, HDFS, YARN and Kafka.
//!
//! - [`read`] turns the description (TOML) into a checked [`Cluster`]; every [`Problem`] has its line.
//! - [`configuration`] makes each host's files from it.
//! - `status` shows what all parts report about themselves.
//! - `up`: the state of the cluster (`inspect`) and what prevents a start (`check`) lead to the steps (`plan`), which
//!   are executed (`executor`) with servers (`java`) as separate processes (`process`).
//! - The content of a cluster's folder is acted on only if nobody else could have written it (`trust`).
//! - With Kerberos, a realm and certificates are made before (`secure`).
//! - `down` stops the servers and removes what they left (`orphans`, `listening`); `logs` and `faults` serve people who
//!   watch or test a cluster.
//!
//! A host is an address of the loopback network, a network namespace (`netns`, with its `ssh` and its `agents`), or a
//! separate machine ([`HostKind`]). The folder of a started cluster records which ([`recorded_host_kind`]).

mod agents;
mod args;
mod check;
mod config;
pub mod configuration;
mod description;
mod disk;
mod down;
mod exec;
mod executor;
mod faults;
mod folder;
mod input;
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
mod progress;
mod readiness;
mod record;
mod role;
mod role_instance;
mod secure;
mod source_lines;
mod ssh;
mod status;
mod trust;
mod up;
mod validate;

pub use args::ClusterArgs;
pub use model::{Authentication, Cluster, File, Host, HostKind};
pub use parse::read;
pub use problem::Problem;
pub use record::recorded_host_kind;
pub use role::{Port, Role};
#[doc(hidden)]
pub use status::fuzzing;
