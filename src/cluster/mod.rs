//! A whole cluster by one description: `ZooKeeper` ensemble, HDFS, YARN and Kafka.
//!
//! - The description (TOML) becomes a checked [`Cluster`] by [`read`]; every [`Problem`] has its line.
//! - [`configuration`] makes each host's files from it.
//! - `status` shows what all its parts say of themselves.
//!
//! A host is an address of the loopback network, a network namespace, or a machine of its own ([`Form`]).

mod args;
mod config;
pub mod configuration;
mod description;
mod layout;
mod problem;
mod reading;
mod role;
mod sense;
mod status;

pub use args::ClusterArgs;
pub use layout::{Cluster, File, Form, Host};
pub use problem::Problem;
pub use reading::read;
pub use role::{Port, Role};
