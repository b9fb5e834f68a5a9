//! A cluster's description as it is written: TOML, where each part has its position in the text.

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
    /// The folder for data, logs and configuration.
    pub(super) folder: Option<Spanned<PathBuf>>,
    /// How parts and users authenticate: `simple` or `kerberos`.
    pub(super) security: Option<Spanned<String>>,
    /// The first three numbers of the addresses of hosts on one machine.
    pub(super) network: Option<Spanned<String>>,
    /// Ports that differ from the default, on every host.
    #[serde(default)]
    pub(super) ports: Ports,
    /// The maximum Java heap of each role, in MiB.
    #[serde(default)]
    pub(super) heap: BTreeMap<Spanned<String>, Spanned<u32>>,
    /// Further properties, by configuration file.
    #[serde(default)]
    pub(super) properties: BTreeMap<Spanned<String>, BTreeMap<String, Value>>,
    /// The hosts.
    #[serde(default, rename = "host")]
    pub(super) hosts: Vec<Spanned<Host>>,
}

/// Port numbers by port name.
pub(super) type Ports = BTreeMap<Spanned<String>, Spanned<u16>>;

/// One host.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Host {
    /// The host's name.
    pub(super) name: Spanned<String>,
    /// The host's number: `myid`, `broker.id`, and the last number of its address on one machine.
    pub(super) id: Spanned<u16>,
    /// The address of a separate machine, if it is not reached by its name.
    pub(super) address: Option<Spanned<String>>,
    /// The roles of the host.
    pub(super) roles: Vec<Spanned<String>>,
    /// Ports that differ from those of the other hosts.
    #[serde(default)]
    pub(super) ports: Ports,
}

/// The value of a property, written as string, number or boolean.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Value {
    Line(String),
    Number(i64),
    Truth(bool),
    Other(IgnoredAny),
}

impl Value {
    /// The value as it is written into a file; `None` for any other type.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Line(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Truth(truth) => Some(truth.to_string()),
            Self::Other(_) => None,
        }
    }
}
