//! Every key of a message, as it is on the wire.

use serde::{Deserialize, Serialize};

use crate::rejection::{Rejection, quoted};

/// A boolean as the seed writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Truth {
    /// Written `True`.
    True,
    /// Written `False`.
    False,
}

impl From<bool> for Truth {
    fn from(is_so: bool) -> Self {
        if is_so { Self::True } else { Self::False }
    }
}

/// Every key that a client may send, as it is on the wire. Unknown keys are ignored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Raw {
    /// `master` or `slave`; `server` in a confirmation; `operator` from the tools for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether the sender works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_alive: Option<Truth>,
    /// The sender's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The address at which others reach the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The sender's public key, of any kind.
    #[serde(rename = "id_rsa.pub", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The public key of the sender's `sshd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_host_key: Option<String>,
    /// A signature that proves that the sender has the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The user that owns the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The kind of message; absent in a registration.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The nonce in a hello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// `kept` if the sender stays connected while it is alive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// In a list: send the list again on each change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<Truth>,
    /// In a forget: forget the node even if it is alive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<Truth>,
}

impl Raw {
    /// A request by an operator of this kind.
    pub fn operator(kind: &str) -> Self {
        Self {
            role: Some("operator".to_owned()),
            kind: Some(kind.to_owned()),
            ..Self::default()
        }
    }

    /// Parses the known keys of any message.
    pub fn read(message: &[u8]) -> Result<Self, Rejection> {
        serde_json::from_slice(message)
            .map_err(|why| Rejection::new(format!("not a message: {}", quoted(&why.to_string()))))
    }
}
