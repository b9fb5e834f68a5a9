//! Events of the nodes, and their texts.

use std::fmt;
use std::net::IpAddr;

use super::fields::HostName;
use super::message::NodeRole;

/// One event of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeEvent {
    /// A new node registered.
    Joined(HostName, NodeRole, IpAddr),
    /// A node's address changed from the first to the second.
    Moved(HostName, Option<IpAddr>, IpAddr),
    /// A node has been silent for half of the permitted time.
    Late(HostName),
    /// A late node sends heartbeats again.
    Recovered(HostName),
    /// A node has been silent for longer than permitted.
    Died(HostName),
    /// A dead node sends heartbeats again.
    Returned(HostName),
    /// A node reports whether it works.
    Well(HostName, bool),
    /// The first node is master now; the second was master before.
    Master(HostName, Option<HostName>),
    /// A node left.
    Left(HostName),
    /// An operator removed the node with `forget`.
    Forgotten(HostName),
}

impl NodeEvent {
    /// The name of its kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Joined(..) => "joined",
            Self::Moved(..) => "moved",
            Self::Late(_) => "late",
            Self::Recovered(_) => "recovered",
            Self::Died(_) => "died",
            Self::Returned(_) => "returned",
            Self::Well(_, true) => "well",
            Self::Well(_, false) => "unwell",
            Self::Master(..) => "master",
            Self::Left(_) => "left",
            Self::Forgotten(_) => "forgotten",
        }
    }
}

impl fmt::Display for NodeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joined(name, role, ip) => write!(f, "{name} has joined as {role} at {ip}"),
            Self::Moved(name, Some(from), to) => write!(f, "{name} has moved from {from} to {to}"),
            Self::Moved(name, None, to) => write!(f, "{name} has moved to {to}"),
            Self::Late(name) => write!(f, "{name} is late"),
            Self::Recovered(name) => write!(f, "{name} is no longer late"),
            Self::Died(name) => write!(f, "{name} has died"),
            Self::Returned(name) => write!(f, "{name} has returned"),
            Self::Well(name, true) => write!(f, "{name} says that it works again"),
            Self::Well(name, false) => write!(f, "{name} says that it does not work"),
            Self::Master(name, None) => write!(f, "{name} is master"),
            Self::Master(name, Some(before)) => {
                write!(f, "{name} is master in the place of {before}")
            }
            Self::Left(name) => write!(f, "{name} has left"),
            Self::Forgotten(name) => write!(f, "{name} is forgotten"),
        }
    }
}
