//! The messages of the server, as they are sent and as they are parsed.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::raw::{Raw, Truth};
use crate::fields::{HostName, NodeAddress, PublicKey};
use crate::rejection::{Rejection, quoted};

/// The server's answer to one message.
#[derive(Clone, Debug, Serialize)]
pub struct Answer<'a> {
    /// Always `server`.
    pub role: &'static str,
    /// Always `True`: the server answers.
    pub is_alive: Truth,
    /// `ack`, `refused`, `left` or `replaced`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The kind of message that is answered.
    pub of: &'a str,
    /// The node's current standing: `master`, `slave` or `standby`.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub standing: Option<&'a str>,
    /// The reason of a rejection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// The keys that a client reads in any message of the server.
#[derive(Clone, Debug, Deserialize)]
pub struct ReplyHeader {
    /// `ack`, `refused`, `left`, `replaced`, `nodes`, `update`; absent in the status.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// The kind of message that is answered.
    #[serde(default)]
    pub of: Option<String>,
    /// The node's current standing.
    #[serde(rename = "as", default)]
    pub standing: Option<String>,
    /// The reason of a rejection.
    #[serde(default)]
    pub reason: Option<String>,
}

impl ReplyHeader {
    /// The reason why the server ends this connection; `None` if this is another message.
    pub fn turned_away(&self) -> Option<String> {
        let is_so =
            self.kind.as_deref() == Some("refused") && self.of.as_deref() == Some("connection");
        is_so.then(|| self.why())
    }

    /// The reason, made safe to show.
    pub fn why(&self) -> String {
        quoted(self.reason.as_deref().unwrap_or("without a reason"))
    }
}

/// The list that the server sends to every node: the status once, after the registration, and then updates.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerStatus<'a> {
    /// Always `server`.
    #[serde(borrow)]
    pub role: Text<'a>,
    /// Whether the server works: always `True`.
    pub is_alive: Truth,
    /// The server's host name.
    #[serde(borrow)]
    pub hostname: Text<'a>,
    /// The server's address.
    #[serde(borrow)]
    pub ip: Text<'a>,
    /// The server's user.
    #[serde(borrow)]
    pub username: Text<'a>,
    /// The server's public key; empty if it has none.
    #[serde(
        borrow,
        rename = "id_rsa.pub",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub key: Option<Text<'a>>,
    /// `update`; absent in the first message.
    #[serde(
        borrow,
        rename = "type",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<Text<'a>>,
    /// Address and name of every node, the master first.
    #[serde(borrow)]
    pub clusers_ip: Vec<(Text<'a>, Text<'a>)>,
    /// Name and key of every node, the master first.
    #[serde(borrow)]
    pub clusers_ssh: Vec<(Text<'a>, Text<'a>)>,
    /// Name and host key of every node whose `sshd` has one.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub clusers_host_keys: Vec<(Text<'a>, Text<'a>)>,
    /// Name of every node and whether it is alive, in pairs as above.
    #[serde(borrow, default)]
    pub clusers_alive: Vec<(Text<'a>, Truth)>,
    /// The name of the master.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub master: Option<Text<'a>>,
}

/// A checked status, which is safe to write into files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Address and name of every node.
    pub hosts: Vec<(IpAddr, HostName)>,
    /// Name and key of every node.
    pub keys: Vec<(HostName, PublicKey)>,
    /// Name and host key of every node whose `sshd` has one.
    pub host_keys: Vec<(HostName, PublicKey)>,
    /// The nodes that are not alive.
    pub dead: BTreeSet<HostName>,
}

impl ServerStatus<'_> {
    /// Checks every entry. One wrong entry makes all invalid, since such a server cannot be trusted.
    pub fn entries(&self, loopback: bool) -> Result<Entries, Rejection> {
        let hosts = self.clusers_ip.iter().map(|(ip, name)| {
            let address = NodeAddress::parse(ip, loopback)?;
            Ok((address.ip(), name.parse()?))
        });
        let keys = self.clusers_ssh.iter();
        let keys = keys.map(|(name, key)| Ok((name.parse()?, key.parse()?)));
        let host_keys = self.clusers_host_keys.iter();
        let host_keys = host_keys.map(|(name, key)| Ok((name.parse()?, key.parse()?)));
        let dead = self.clusers_alive.iter();
        let dead = dead.filter(|(_, alive)| *alive == Truth::False);
        let dead = dead.map(|(name, _)| name.parse());
        Ok(Entries {
            hosts: hosts.collect::<Result<_, Rejection>>()?,
            keys: keys.collect::<Result<_, Rejection>>()?,
            host_keys: host_keys.collect::<Result<_, Rejection>>()?,
            dead: dead.collect::<Result<_, Rejection>>()?,
        })
    }

    /// The confirmation, as the seed's client sends it.
    pub fn confirmation(&self) -> Raw {
        Raw {
            role: Some("server".to_owned()),
            is_alive: Some(Truth::True),
            hostname: Some(self.hostname.to_string()),
            ip: Some(self.ip.to_string()),
            username: Some(self.username.to_string()),
            kind: Some("heartbeat".to_owned()),
            ..Raw::default()
        }
    }
}

/// A text borrowed from the message that it was parsed from: a status has thousands of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text<'a>(Cow<'a, str>);

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.into())
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reading;

        impl<'de> Visitor<'de> for Reading {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(text.into())
            }

            // A text with escapes cannot be borrowed, so it is copied.
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(text.to_owned().into())
            }
        }

        from.deserialize_str(Reading)
    }
}
