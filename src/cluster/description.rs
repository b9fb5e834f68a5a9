//! A cluster's description as it is written: TOML, each part with the place where it stands.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Description {
    /// The cluster's name: HDFS's nameservice, YARN's cluster id.
    pub(super) name: Spanned<String>,
    /// Where data, logs and configuration lie.
    pub(super) folder: Option<Spanned<PathBuf>>,
    /// The first three numbers of the hosts' addresses on one machine.
    pub(super) network: Option<Spanned<String>>,
    /// Ports that differ from the usual ones, on every host.
    #[serde(default)]
    pub(super) ports: Ports,
    /// The greatest heap of a role's Java, in MiB.
    #[serde(default)]
    pub(super) heap: BTreeMap<Spanned<String>, Spanned<u32>>,
    /// Further properties, by the file that they go to.
    #[serde(default)]
    pub(super) properties: BTreeMap<Spanned<String>, BTreeMap<String, Value>>,
    /// The hosts.
    #[serde(default, rename = "host")]
    pub(super) hosts: Vec<Spanned<Host>>,
}

/// Ports by name.
pub(super) type Ports = BTreeMap<Spanned<String>, Spanned<u16>>;

/// One host.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Host {
    /// What it is called.
    pub(super) name: Spanned<String>,
    /// Its number: `myid`, `broker.id`, and the last number of its address on one machine.
    pub(super) id: Spanned<u16>,
    /// How a real host is reached, if not by its name.
    pub(super) address: Option<Spanned<String>>,
    /// What runs there.
    pub(super) roles: Vec<Spanned<String>>,
    /// Ports that differ from those of the other hosts.
    #[serde(default)]
    pub(super) ports: Ports,
}

/// A property's value, written as text, number or truth.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Value {
    Line(String),
    Number(i64),
    Truth(bool),
    Other(IgnoredAny),
}

impl Value {
    /// As it goes into a file; `None` for what is none of these.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Line(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Truth(truth) => Some(truth.to_string()),
            Self::Other(_) => None,
        }
    }
}
