//! What the coordinator knows of its connections.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::coordinator::CoordinatorReply;
use super::fields::HostName;

/// Which connection speaks for which node, and which answers wait.
#[derive(Debug, Default)]
pub(super) struct ConnectionTable {
    /// The node that each connection last spoke for.
    pub(super) names: HashMap<u64, HostName>,
    /// The connection that last spoke for each node.
    pub(super) owners: HashMap<HostName, ConnectionOwner>,
    /// Answers that wait until their version is stored.
    pub(super) waiting: Vec<DeferredReply>,
    /// The connections with waiting answers, and the version that the last of these waits for: no answer overtakes
    /// another.
    pub(super) held: HashMap<u64, u64>,
}

/// The connection of a node.
#[derive(Debug)]
pub(super) struct ConnectionOwner {
    pub(super) connection: u64,
    pub(super) keeps_connection: bool,
    pub(super) answers: mpsc::Sender<CoordinatorReply>,
}

/// An answer that waits until a version is stored.
#[derive(Debug)]
pub(super) struct DeferredReply {
    pub(super) version: u64,
    pub(super) word: &'static str,
    /// The node whose change must be stored.
    pub(super) name: Option<HostName>,
    pub(super) reply: CoordinatorReply,
    pub(super) answers: mpsc::Sender<CoordinatorReply>,
}
