//! One node and its state.

use std::net::IpAddr;
use std::time::Duration;

use crate::fields::{PublicKey, UserName};
use crate::message::{NodeRole, Registration};

/// How long a node is shown as returned.
const RETURNED: Duration = Duration::from_secs(60);

/// The state of a node's heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Verdict {
    /// The node sends heartbeats.
    Alive,
    /// The node has been silent for half of the permitted time.
    Late,
    /// The node has been silent for longer than permitted.
    Dead,
    /// The node was dead, and sends heartbeats again.
    Returned,
    /// The node sends heartbeats, and reports that it does not work.
    Unwell,
}

/// Whether heartbeats of a node arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeLiveness {
    Beats,
    Late,
    Dead,
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// The role that the node claims.
    pub role: NodeRole,
    /// The node's address, unless another node has it now.
    pub address: Option<IpAddr>,
    /// The node's address before another node took it.
    pub(crate) was_at: Option<IpAddr>,
    /// The node's public key.
    pub key: PublicKey,
    /// The public key of the node's `sshd`, if it has one.
    pub(crate) host_key: Option<PublicKey>,
    /// The user that owns the key.
    pub user: UserName,
    /// The node's position in the order of registration.
    pub(crate) number: u64,
    pub(crate) life: NodeLiveness,
    pub(crate) is_well: bool,
    /// Whether the node stays connected while it is alive.
    pub(crate) keeps_connection: bool,
    /// Whether the node has proven that it has its key: from then on it must do so.
    pub(crate) is_proven: bool,
    /// By the listener's stopwatch: when the node was last heard, and when its connection was lost.
    pub(crate) heard_at: Duration,
    pub(crate) lost_at: Option<Duration>,
    /// By the clock: when the node returned; `None` if it never died or is dead.
    pub(crate) returned_at: Option<Duration>,
    /// By the clock: when the last heartbeat came; `None` if none came since the server's start.
    pub(crate) beat_at: Option<Duration>,
}

/// The standing of a node in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Standing {
    /// The only master.
    Master,
    /// A node of role master while another one is master.
    Standby,
    /// Any other node.
    Slave,
}

impl Node {
    /// A node that was not known before, with the next number; it has no address yet.
    pub(super) fn new(registration: &Registration, number: u64) -> Self {
        Self {
            role: registration.role,
            address: None,
            was_at: None,
            key: registration.key.clone(),
            host_key: None,
            user: registration.user.clone(),
            number,
            life: NodeLiveness::Beats,
            is_well: registration.is_well,
            keeps_connection: registration.keeps_connection,
            is_proven: false,
            heard_at: Duration::ZERO,
            lost_at: None,
            returned_at: None,
            beat_at: None,
        }
    }

    /// The state to show for this node.
    pub fn verdict(&self, now: Duration) -> Verdict {
        let since = self.returned_at.map(|at| now.saturating_sub(at));
        match self.life {
            NodeLiveness::Dead => Verdict::Dead,
            NodeLiveness::Late => Verdict::Late,
            NodeLiveness::Beats if !self.is_well => Verdict::Unwell,
            NodeLiveness::Beats if since.is_some_and(|since| since < RETURNED) => Verdict::Returned,
            NodeLiveness::Beats => Verdict::Alive,
        }
    }

    /// Whether the node has been silent for longer than permitted.
    pub(crate) fn is_dead(&self) -> bool {
        self.life == NodeLiveness::Dead
    }

    /// Whether other nodes can rely on this one.
    pub fn is_alive(&self) -> bool {
        !self.is_dead() && self.is_well
    }
}
