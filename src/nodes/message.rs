//! The messages on the wire, with the seed's keys to the letter (`clusers_ip` is spelled so there), and what a
//! node's message means once every field of it is checked. `docs/nodes.md` tells of each.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

use super::fields::{Address, HostName, PublicKey, UserName};
use super::refusal::{Refusal, quoted};

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
    /// The connection's binding, signed by the key.
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
pub enum Told {
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
    /// People ask that a node be forgotten.
    Forget(HostName),
}

impl Told {
    /// Reads a client's message and checks each field that it needs. `loopback`: whether addresses of the machine
    /// itself are taken.
    pub fn read(message: &[u8], loopback: bool) -> Result<Self, Refusal> {
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
            Some("forget") => Ok(Self::Forget(raw.name()?)),
            Some("hello") => Err(Refusal::new("a hello comes first, or not at all")),
            Some("seal") => Err(Refusal::new("a seal without a hello before it")),
            Some(other) => Err(Refusal::new(format!("type {} is not known", quoted(other)))),
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
            Self::Forget(_) => "forget",
        }
    }
}

impl Registration {
    /// Checks the signature, if there is one and something that it could be of.
    pub fn prove(&mut self, binding: Option<&[u8; 32]>) -> Result<(), Refusal> {
        if let (Some(signature), Some(binding)) = (&self.signature, binding) {
            if !self.key.has_signed(binding, signature) {
                return Err(Refusal::new(
                    "signature is not one of the key over this connection",
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
    pub fn read(message: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(message)
            .map_err(|why| Refusal::new(format!("not a message: {}", quoted(&why.to_string()))))
    }

    fn registration(&self, loopback: bool) -> Result<Registration, Refusal> {
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

    fn role(&self) -> Result<Role, Refusal> {
        let role = needed(self.role.as_deref(), "role")?;
        role.parse().map_err(|_| {
            let role = quoted(role);
            Refusal::new(format!("role {role} is neither 'master' nor 'slave'"))
        })
    }

    fn is_well(&self) -> Result<bool, Refusal> {
        match self.is_alive {
            Some(truth) => Ok(truth == Truth::True),
            None => Err(Refusal::new("is_alive is missing")),
        }
    }

    fn name(&self) -> Result<HostName, Refusal> {
        needed(self.hostname.as_deref(), "hostname")?.parse()
    }

    fn address(&self, loopback: bool) -> Result<Address, Refusal> {
        Address::parse(needed(self.ip.as_deref(), "ip")?, loopback)
    }

    fn key(&self) -> Result<PublicKey, Refusal> {
        needed(self.key.as_deref(), "id_rsa.pub")?.parse()
    }
}

fn needed<'a>(value: Option<&'a str>, key: &str) -> Result<&'a str, Refusal> {
    value.ok_or_else(|| Refusal::new(format!("{key} is missing")))
}

/// The server's answer to one message.
#[derive(Clone, Debug, Serialize)]
pub struct Answer<'a> {
    /// Always `server`.
    pub role: &'static str,
    /// Always `True`: it answers.
    pub is_alive: Truth,
    /// `ack`, `refused` or `left`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What is answered.
    pub of: &'a str,
    /// What the node is now: `master`, `slave` or `standby`.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub standing: Option<&'a str>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// What a client looks at in whatever comes from the server.
#[derive(Clone, Debug, Deserialize)]
pub struct Glance {
    /// `ack`, `refused`, `left`, `nodes`, `update`; absent in the status.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// What is answered.
    #[serde(default)]
    pub of: Option<String>,
    /// What the node is now.
    #[serde(rename = "as", default)]
    pub standing: Option<String>,
    /// Why it was refused.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Glance {
    /// Why the server wants nothing from this connection, if that is what it says.
    pub fn turned_away(&self) -> Option<String> {
        let is_so =
            self.kind.as_deref() == Some("refused") && self.of.as_deref() == Some("connection");
        is_so.then(|| self.why())
    }

    /// The reason, as it may be shown.
    pub fn why(&self) -> String {
        quoted(self.reason.as_deref().unwrap_or("without a reason"))
    }
}

/// What the server tells every node: the status once, as soon as it is registered, and updates.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Always `server`.
    pub role: String,
    /// Whether the server works: always `True`.
    pub is_alive: Truth,
    /// The server's name.
    pub hostname: String,
    /// Its address.
    pub ip: String,
    /// Its user.
    pub username: String,
    /// Its public key; empty if it has none.
    #[serde(
        rename = "id_rsa.pub",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub key: Option<String>,
    /// `update`; absent in the first.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Address and name of every node, the master first.
    pub clusers_ip: Vec<(String, String)>,
    /// Name and key of every node, the master first.
    pub clusers_ssh: Vec<(String, String)>,
    /// Name of every node, and whether it lives: in pairs as the others.
    #[serde(default)]
    pub clusers_alive: Vec<(String, Truth)>,
    /// Who is master.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<String>,
}

/// A checked status: what may be written into files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Address and name of every node.
    pub hosts: Vec<(IpAddr, HostName)>,
    /// Name and key of every node.
    pub keys: Vec<(HostName, PublicKey)>,
    /// Those that do not live.
    pub dead: BTreeSet<HostName>,
}

impl Status {
    /// Checks every entry: one that is wrong spoils all, since nothing of such a server can be trusted.
    pub fn entries(&self, loopback: bool) -> Result<Entries, Refusal> {
        let hosts = self.clusers_ip.iter().map(|(ip, name)| {
            let address = Address::parse(ip, loopback)?;
            Ok((address.ip(), name.parse()?))
        });
        let keys = self.clusers_ssh.iter();
        let keys = keys.map(|(name, key)| Ok((name.parse()?, key.parse()?)));
        let dead = self.clusers_alive.iter();
        let dead = dead.filter(|(_, alive)| *alive == Truth::False);
        let dead = dead.map(|(name, _)| name.parse());
        Ok(Entries {
            hosts: hosts.collect::<Result<_, Refusal>>()?,
            keys: keys.collect::<Result<_, Refusal>>()?,
            dead: dead.collect::<Result<_, Refusal>>()?,
        })
    }

    /// What the seed's client answers to it.
    pub fn confirmation(&self) -> Raw {
        Raw {
            role: Some("server".to_owned()),
            is_alive: Some(Truth::True),
            hostname: Some(self.hostname.clone()),
            ip: Some(self.ip.clone()),
            username: Some(self.username.clone()),
            kind: Some("heartbeat".to_owned()),
            ..Raw::default()
        }
    }
}

#[cfg(test)]
mod tests;
