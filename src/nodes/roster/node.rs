//! One node, and what can be said of it.

use std::net::IpAddr;
use std::time::Duration;

use crate::nodes::fields::{PublicKey, UserName};
use crate::nodes::message::Role;

/// For so long it is said of a node that it has returned.
const RETURNED: Duration = Duration::from_secs(60);

/// What is known of a node's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Verdict {
    /// It beats.
    Alive,
    /// It has been silent for half of the time that it may.
    Late,
    /// It has been silent for longer than it may.
    Dead,
    /// It was dead, and beats again.
    Returned,
    /// It beats, and says that it does not work.
    Unwell,
}

/// Whether a node is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nodes) enum NodeLiveness {
    Beats,
    Late,
    Dead,
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it said that it is.
    pub role: Role,
    /// Its address, unless another has it now.
    pub address: Option<IpAddr>,
    /// Its address before another one had it.
    pub(in crate::nodes) was_at: Option<IpAddr>,
    /// Its key.
    pub key: PublicKey,
    /// Its user.
    pub user: UserName,
    /// Which one it was to come.
    pub(in crate::nodes) number: u64,
    pub(in crate::nodes) life: NodeLiveness,
    pub(in crate::nodes) is_well: bool,
    /// It stays connected as long as it lives.
    pub(in crate::nodes) stays: bool,
    /// It has proven that it has its key: from then on it must.
    pub(in crate::nodes) is_proven: bool,
    /// By the listener's stopwatch: when it was heard, and when its connection was lost.
    pub(in crate::nodes) heard_at: Duration,
    pub(in crate::nodes) lost_at: Option<Duration>,
    /// By the clock, as long as it lives.
    pub(in crate::nodes) returned_at: Option<Duration>,
    /// By the clock; none since the server's start.
    pub(in crate::nodes) beat_at: Option<Duration>,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Standing {
    /// The one master.
    Master,
    /// It would be master, and another one is.
    Standby,
    /// One of the others.
    Slave,
}

impl Node {
    /// What is to be said of its life.
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

    /// Whether it has been silent for longer than it may.
    pub(in crate::nodes) fn is_dead(&self) -> bool {
        self.life == NodeLiveness::Dead
    }

    /// Whether others may count on it.
    pub fn is_alive(&self) -> bool {
        !self.is_dead() && self.is_well
    }
}
