//! `heartline cluster`: real clusters: start, faults and status.

#[path = "../support/mod.rs"]
mod support;

mod bad;
mod failover;
mod files;
mod kafka;
mod losses;
mod netns;
mod probe_hostile;
mod quorum;
mod secure;
mod status;
mod up;
mod zkstats;
