//! What is known of one member by its connections.

use std::net::SocketAddr;
use std::time::Duration;

use super::ProbeRequest;
use crate::detect::DeathCause;

/// An open connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenConnection {
    pub(super) number: u64,
    pub(super) address: Option<SocketAddr>,
}

#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) open: Vec<OpenConnection>,
    /// The address of the last connection, once a probe has reached it.
    pub(super) reached: Option<SocketAddr>,
    /// Number of probes that have not reached the address of the last connection.
    pub(super) unreached: u32,
    pub(super) probe: Option<(ProbeRequest, Duration)>,
    /// When the last probe of its silence ended, and whether the host answered.
    pub(super) answered: Option<(Duration, bool)>,
    /// Why it is proved to have ended.
    pub(super) ended: Option<DeathCause>,
    /// Number of beats in ZooKeeper since then.
    pub(super) late_beats: u32,
}

impl Peer {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            open: Vec::new(),
            reached: None,
            unreached: 0,
            probe: None,
            answered: None,
            ended: None,
            late_beats: 0,
        }
    }
}
