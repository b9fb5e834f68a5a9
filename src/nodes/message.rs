//! The messages on the wire, with the seed's keys to the letter (`clusers_ip` is spelled so there), and what a
//! node's message means once every field of it is checked. `docs/nodes.md` tells of each.

mod server;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

use super::fields::{Address, HostName, PublicKey, UserName};
use super::rejection::{Rejection, quoted};
pub use server::{Answer, Entries, ReplyHeader, Status, Text};

/// What a node says that it is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, Serialize, Deserialize, clap::ValueEnum,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The cluster's master, or one that stands by to be.
    Master,
    /// One of the others.
    Slave,
}

/// A truth in the seed's writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Truth {
    /// It is so.
    True,
    /// It is not.
    False,
}

impl From<bool> for Truth {
    fn from(is_so: bool) -> Self {
        if is_so { Self::True } else { Self::False }
    }
}

/// Everything that a client may send, as it stands on the wire. Keys that nobody knows are passed over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Raw {
    /// `master`, `slave`, `server` in a confirmation, `operator` of people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether the sender works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_alive: Option<Truth>,
    /// The sender's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Where others reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Its public key, of whatever kind.
    #[serde(rename = "id_rsa.pub", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Proof that the sender has the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The user that has the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// What this is about; absent in a registration.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of a hello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// `kept`: the sender stays connected as long as it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Of a list: tell it again on each change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<Truth>,
    /// Of a forgetting: also one who lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<Truth>,
}

/// A registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// What it says that it is.
    pub role: Role,
    /// Whether it says that it works.
    pub is_well: bool,
    /// Its name.
    pub name: HostName,
    /// Its address.
    pub address: Address,
    /// Its key.
    pub key: PublicKey,
    /// The binding of connection and registration, signed by the key.
    pub signature: Option<String>,
    /// The signature was found to be right.
    pub is_proven: bool,
    /// Its user.
    pub user: UserName,
    /// It stays connected as long as it lives: a lost connection says something of it.
    pub stays: bool,
}

/// A heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// What it says that it is.
    pub role: Role,
    /// Whether it says that it works.
    pub is_well: bool,
    /// Its name.
    pub name: HostName,
    /// Its address.
    pub address: Address,
}

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientRequest {
    /// Here is a node.
    Register(Registration),
    /// It still works, or says that it does not.
    Heartbeat(Beat),
    /// The last status or update has come.
    Confirm,
    /// A node takes its leave: whoever has its key may say so.
    Leave(Registration),
    /// People ask for all nodes; and again on each change, or not.
    List(bool),
    /// People ask that a node be forgotten; also one who lives, or not.
    Forget(HostName, bool),
}

impl ClientRequest {
    /// Reads a client's message and checks each field that it needs. `loopback`: whether addresses of the machine
    /// itself are taken.
    pub fn read(message: &[u8], loopback: bool) -> Result<Self, Rejection> {
        let raw = Raw::read(message)?;
        match raw.kind.as_deref() {
            None => Ok(Self::Register(raw.registration(loopback)?)),
            // In the seed a confirmation has the server's own role.
            Some("heartbeat") if raw.role.as_deref() == Some("server") => Ok(Self::Confirm),
            Some("heartbeat") => Ok(Self::Heartbeat(Beat {
                role: raw.role()?,
                is_well: raw.is_well()?,
                name: raw.name()?,
                address: raw.address(loopback)?,
            })),
            Some("leave") => Ok(Self::Leave(raw.registration(loopback)?)),
            Some("list") => Ok(Self::List(raw.watch == Some(Truth::True))),
            Some("forget") => Ok(Self::Forget(raw.name()?, raw.force == Some(Truth::True))),
            Some("hello") => Err(Rejection::new("a hello comes first, or not at all")),
            Some("seal") => Err(Rejection::new("a seal without a hello before it")),
            Some(other) => Err(Rejection::new(format!(
                "type {} is not known",
                quoted(other)
            ))),
        }
    }

    /// What an answer names it.
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
    /// Checks the signature, if there is one and something that it could be of.
    pub fn prove(&mut self, binding: Option<[u8; 32]>) -> Result<(), Rejection> {
        if let (Some(signature), Some(binding)) = (&self.signature, binding) {
            if !self.key.has_signed(&binding, signature) {
                return Err(Rejection::new(
                    "signature is not one of the key over this registration on this connection",
                ));
            }
            self.is_proven = true;
        }
        Ok(())
    }

    /// As it goes over the wire.
    pub fn raw(&self) -> Raw {
        Raw {
            key: Some(self.key.to_string()),
            signature: self.signature.clone(),
            kind: None,
            connection: self.stays.then(|| "kept".to_owned()),
            ..self.heartbeat()
        }
    }

    /// The heartbeat of this node.
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

    /// The leave of this node.
    pub fn leave(&self) -> Raw {
        Raw {
            kind: Some("leave".to_owned()),
            ..self.raw()
        }
    }
}

impl Raw {
    /// What people ask for.
    pub fn operator(kind: &str) -> Self {
        Self {
            role: Some("operator".to_owned()),
            kind: Some(kind.to_owned()),
            ..Self::default()
        }
    }

    /// Reads any message's known keys.
    pub fn read(message: &[u8]) -> Result<Self, Rejection> {
        serde_json::from_slice(message)
            .map_err(|why| Rejection::new(format!("not a message: {}", quoted(&why.to_string()))))
    }

    fn registration(&self, loopback: bool) -> Result<Registration, Rejection> {
        Ok(Registration {
            role: self.role()?,
            is_well: self.is_well()?,
            name: self.name()?,
            address: self.address(loopback)?,
            key: self.key()?,
            signature: self.signature.clone(),
            is_proven: false,
            user: needed(self.username.as_deref(), "username")?.parse()?,
            stays: self.connection.as_deref() == Some("kept"),
        })
    }

    fn role(&self) -> Result<Role, Rejection> {
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

    fn address(&self, loopback: bool) -> Result<Address, Rejection> {
        Address::parse(needed(self.ip.as_deref(), "ip")?, loopback)
    }

    fn key(&self) -> Result<PublicKey, Rejection> {
        needed(self.key.as_deref(), "id_rsa.pub")?.parse()
    }
}

fn needed<'a>(value: Option<&'a str>, key: &str) -> Result<&'a str, Rejection> {
    value.ok_or_else(|| Rejection::new(format!("{key} is missing")))
}

#[cfg(test)]
mod tests;
