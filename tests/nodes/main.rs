//! The node control server and its agents.

#[path = "../support/mod.rs"]
mod support;

mod agents;
mod files;
mod hostile;
mod hosts;
mod metrics;
mod wire;
mod zookeeper;
