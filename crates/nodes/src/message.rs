//! The messages on the wire, with the seed's keys to the letter (`clusers_ip` is spelled like that there), and the
//! meaning of a node's message once every field is checked. `docs/nodes.md` describes each message.

mod listed_node;
mod raw;
mod server;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

use super::fields::{HostName, NodeAddress, PublicKey, UserName};
use super::rejection::{Rejection, quoted};
pub use listed_node::ListedNode;
pub use raw::{Raw, Truth};
pub use server::{Answer, Entries, ReplyHeader, ServerStatus, Text};

/// The role that a node claims.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, Serialize, Deserialize, clap::ValueEnum,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum NodeRole {
    /// The cluster's master, or a node that stands by to become master.
    Master,
    /// Any other node.
    Slave,
}

/// A checked registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The role that the node claims.
    pub role: NodeRole,
    /// Whether the node reports that it works.
    pub is_well: bool,
    /// The node's name.
    pub name: HostName,
    /// The node's address.
    pub address: NodeAddress,
    /// The node's public key.
    pub key: PublicKey,
    /// The public key of the node's `sshd`, if it has one.
    pub host_key: Option<PublicKey>,
    /// A signature by the key over the binding of the connection and this registration.
    pub signature: Option<String>,
    /// Whether the signature was verified.
    pub is_proven: bool,
    /// The user that owns the key.
    pub user: UserName,
    /// Whether the node stays connected while it is alive: then a lost connection has a meaning.
    pub keeps_connection: bool,
}

/// A checked heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeHeartbeat {
    /// The role that the node claims.
    pub role: NodeRole,
    /// Whether the node reports that it works.
    pub is_well: bool,
    /// The node's name.
    pub name: HostName,
    /// The node's address.
    pub address: NodeAddress,
}

/// A checked request of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientRequest {
    /// A node registers.
    Register(Registration),
    /// A node reports that it still works, or that it does not.
    Heartbeat(NodeHeartbeat),
    /// A node confirms the last status or update.
    Confirm,
    /// A node leaves; the request must come from the owner of its key.
    Leave(Registration),
    /// An operator asks for all nodes; if true, again on each change.
    List(bool),
    /// An operator asks to forget a node; if true, even if it is alive.
    Forget(HostName, bool),
}

impl ClientRequest {
    /// Parses a client's message and checks each field that it needs. `loopback` says whether addresses of the machine
    /// itself are accepted.
    pub fn read(message: &[u8], loopback: bool) -> Result<Self, Rejection> {
        let raw = Raw::read(message)?;
        match raw.kind.as_deref() {
            None => Ok(Self::Register(raw.registration(loopback)?)),
            // In the seed, a confirmation carries the server's own role.
            Some("heartbeat") if raw.role.as_deref() == Some("server") => Ok(Self::Confirm),
            Some("heartbeat") => Ok(Self::Heartbeat(NodeHeartbeat {
                role: raw.role()?,
                is_well: raw.is_well()?,
                name: raw.name()?,
                address: raw.address(loopback)?,
            })),
            Some("leave") => Ok(Self::Leave(raw.registration(loopback)?)),
            Some("list") => Ok(Self::List(raw.watch == Some(Truth::True))),
            Some("forget") => Ok(Self::Forget(raw.name()?, raw.force == Some(Truth::True))),
            Some("hello") => Err(Rejection::new(
                "a hello is only allowed as the first message",
            )),
            Some("seal") => Err(Rejection::new("a seal is only allowed after a hello")),
            Some(other) => Err(Rejection::new(format!(
                "type {} is not known",
                quoted(other)
            ))),
        }
    }

    /// The name of this request in an answer.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::Heartbeat(_) => "heartbeat",
            Self::Confirm => "update",
            Self::Leave(_) => "leave",
            Self::List(_) => "list",
            Self::Forget(..) => "forget",
        }
    }
}

impl Registration {
    /// Verifies the signature, if there is one and a binding that it could sign.
    pub fn prove(&mut self, binding: Option<[u8; 32]>) -> Result<(), Rejection> {
        if let (Some(signature), Some(binding)) = (&self.signature, binding) {
            if !self.key.has_signed(&binding, signature) {
                return Err(Rejection::new(
                    "signature does not match this key, this registration and this connection",
                ));
            }
            self.is_proven = true;
        }
        Ok(())
    }

    /// The registration as it is sent.
    pub fn raw(&self) -> Raw {
        Raw {
            key: Some(self.key.to_string()),
            ssh_host_key: self.host_key.as_ref().map(ToString::to_string),
            signature: self.signature.clone(),
            kind: None,
            connection: self.keeps_connection.then(|| "kept".to_owned()),
            ..self.heartbeat()
        }
    }

    /// This node's heartbeat.
    pub fn heartbeat(&self) -> Raw {
        Raw {
            role: Some(self.role.to_string()),
            is_alive: Some(self.is_well.into()),
            hostname: Some(self.name.to_string()),
            ip: Some(self.address.ip().to_string()),
            username: Some(self.user.to_string()),
            kind: Some("heartbeat".to_owned()),
            ..Raw::default()
        }
    }

    /// This node's leave.
    pub fn leave(&self) -> Raw {
        Raw {
            kind: Some("leave".to_owned()),
            ..self.raw()
        }
    }
}

impl Raw {
    fn registration(&self, loopback: bool) -> Result<Registration, Rejection> {
        Ok(Registration {
            role: self.role()?,
            is_well: self.is_well()?,
            name: self.name()?,
            address: self.address(loopback)?,
            key: self.key()?,
            host_key: self.host_key()?,
            signature: self.signature.clone(),
            is_proven: false,
            user: needed(self.username.as_deref(), "username")?.parse()?,
            keeps_connection: self.connection.as_deref() == Some("kept"),
        })
    }

    fn role(&self) -> Result<NodeRole, Rejection> {
        let role = needed(self.role.as_deref(), "role")?;
        role.parse().map_err(|_| {
            let role = quoted(role);
            Rejection::new(format!("role {role} is neither 'master' nor 'slave'"))
        })
    }

    fn is_well(&self) -> Result<bool, Rejection> {
        match self.is_alive {
            Some(truth) => Ok(truth == Truth::True),
            None => Err(Rejection::new("is_alive is missing")),
        }
    }

    fn name(&self) -> Result<HostName, Rejection> {
        needed(self.hostname.as_deref(), "hostname")?.parse()
    }

    fn address(&self, loopback: bool) -> Result<NodeAddress, Rejection> {
        NodeAddress::parse(needed(self.ip.as_deref(), "ip")?, loopback)
    }

    fn key(&self) -> Result<PublicKey, Rejection> {
        needed(self.key.as_deref(), "id_rsa.pub")?.parse()
    }

    fn host_key(&self) -> Result<Option<PublicKey>, Rejection> {
        let key = self.ssh_host_key.as_deref();
        let key = key.map(|key| PublicKey::read("ssh_host_key", key));
        key.transpose()
    }
}

fn needed<'a>(value: Option<&'a str>, key: &str) -> Result<&'a str, Rejection> {
    value.ok_or_else(|| Rejection::new(format!("{key} is missing")))
}

#[cfg(test)]
mod tests;
