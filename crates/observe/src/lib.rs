//! What people use beside a job.
//!
//! - [`setup`]: `setup-zookeeper`, creates or resets the znodes.
//! - [`watch`]: `watch-master` and `watch-slave`, show each change.
//!
//! With the feature `tools`:
//!
//! - [`status`]: `heartline status`, one look at all members, as a table or as JSON.
//! - [`events`]: `heartline events`, publishes events to stdout, a file, Kafka or a receiver by HTTP: at least once, in order by node.
//! - [`admin`]: `heartline kill`, `reinit` and `interval`, an operator's requests to the master.
//! - [`wait`]: `heartline wait`, until all tasks of a job have ended.
//! - [`zkstats`]: `heartline zkstats`, the role of each ZooKeeper server.
//! - [`doctor`]: `heartline doctor`, what usually goes wrong before a job starts.
//! - [`probe`]: asks many servers at once, each with a time limit.

// Without the tools, some of what modules share within the crate has no user.
#![cfg_attr(not(feature = "tools"), allow(dead_code, unused_imports))]

#[cfg(feature = "tools")]
pub mod admin;
#[cfg(feature = "tools")]
pub mod doctor;
#[cfg(feature = "tools")]
pub mod events;
#[cfg(feature = "tools")]
pub mod probe;
pub mod setup;
#[cfg(feature = "tools")]
pub mod status;
#[cfg(feature = "tools")]
pub mod wait;
pub mod watch;
#[cfg(feature = "tools")]
pub mod zkstats;
