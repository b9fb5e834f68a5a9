//! `heartline cluster`: real clusters, brought up, broken and looked at.

#[path = "../support/mod.rs"]
mod support;

mod bad;
mod failover;
mod files;
mod host_cut;
mod kafka;
mod netns;
mod probe_hostile;
mod quorum;
mod status;
mod up;
mod zkstats;
