//! The node control server and its agents.

#[path = "../support/mod.rs"]
mod support;

mod agents;
mod capabilities;
mod certificates;
mod files;
mod host_keys;
mod hostile;
mod hosts;
mod metrics;
mod ssh_agent;
mod tls;
mod tls_strangers;
mod wire;
mod zookeeper;
