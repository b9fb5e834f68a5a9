//! The values in a node's messages. Each is a type that can only be made from a checked text, so its owner can write it
//! into a file without another check. None of them can contain white space or a second line.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, SshSig};

use super::rejection::{Rejection, quoted};
use super::ssh_signer::has_signed;

/// The maximum length of a name in the domain name system.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;
const LONGEST_USER: usize = 32;
/// An RSA key of 16384 bits has 2,800 characters.
const LONGEST_KEY: usize = 4096;
/// The minimum size of an RSA key; OpenSSH has rejected smaller ones for years.
const FEWEST_RSA_BITS: usize = 2048;
/// Names that refer to the local machine on common systems.
const OF_THE_MACHINE: [&str; 10] = [
    "localhost",
    "localhost4",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
    "broadcasthost",
];

/// A host name by RFC 1123, in lower case, that does not refer to the local machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

impl HostName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        let wrong = |why: &str| {
            let name = quoted(text);
            Err(Rejection::new(format!("hostname {name} {why}")))
        };
        if text.is_empty() || text.len() > LONGEST_NAME {
            return wrong("must have 1 to 253 characters");
        }
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_label = |label: &str| {
            (1..=LONGEST_LABEL).contains(&label.len())
                && label.chars().all(is_letter)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if !text.split('.').all(is_label) {
            return wrong("is no host name (RFC 1123: letters, digits and hyphens between dots)");
        }
        let last = text.rsplit('.').next().unwrap_or_default();
        if last.chars().all(|c| c.is_ascii_digit()) {
            return wrong("ends in a number, as an address does");
        }
        let name = text.to_ascii_lowercase();
        let mut labels = name.split('.');
        if labels.any(|label| OF_THE_MACHINE.contains(&label)) {
            return wrong("means the machine itself everywhere");
        }
        Ok(Self(name))
    }
}

/// An address at which other machines can reach a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeAddress(IpAddr);

impl NodeAddress {
    /// Checks an address. A loopback address is valid only if `loopback` is true.
    pub fn new(ip: IpAddr, loopback: bool) -> Result<Self, Rejection> {
        let ip = ip.to_canonical();
        let wrong = |why: &str| Err(Rejection::new(format!("ip {ip} {why}")));
        let is_special = match ip {
            IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.octets()[0] >= 240 || v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        if ip.is_unspecified() || ip.is_multicast() || is_special {
            return wrong("is no address of one host that others could reach");
        }
        if ip.is_loopback() && !loopback {
            return wrong("means the machine itself everywhere");
        }
        Ok(Self(ip))
    }

    /// Parses and checks an address.
    pub fn parse(text: &str, loopback: bool) -> Result<Self, Rejection> {
        match text.parse() {
            Ok(ip) => Self::new(ip, loopback),
            Err(_) => Err(Rejection::new(format!("ip {} is no address", quoted(text)))),
        }
    }

    /// The address as a plain IP address.
    pub fn ip(self) -> IpAddr {
        self.0
    }
}

/// One OpenSSH public key: its kind and its bytes, without options and comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(String);

impl PublicKey {
    /// The key as text: `ssh-ed25519 AAAA…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the key's owner has signed `message`; `signature` has the format of
    /// `ssh-keygen -Y sign -n heartline-nodes`.
    pub fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        let key = ssh_key::PublicKey::from_openssh(&self.0);
        let signature = SshSig::from_pem(signature);
        let (Ok(key), Ok(signature)) = (key, signature) else {
            return false;
        };
        has_signed(&key, message, &signature)
    }
}

impl FromStr for PublicKey {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        Self::read("id_rsa.pub", text)
    }
}

impl PublicKey {
    /// Parses a key; `what` is how a rejection calls it.
    pub(super) fn read(what: &str, text: &str) -> Result<Self, Rejection> {
        let wrong = |why: &str| Err(Rejection::new(format!("{what} {why}")));
        // The text may end in a newline, as Python's `open(…).read()` returns it.
        let text = text.trim_end_matches(['\n', '\r']);
        if text.len() > LONGEST_KEY {
            return wrong("is longer than any key");
        }
        if text.chars().any(char::is_control) {
            return wrong("is not one line");
        }
        let Ok(key) = ssh_key::PublicKey::from_openssh(text) else {
            return wrong("is not one OpenSSH public key without options");
        };
        match key.key_data() {
            KeyData::Ed25519(_) | KeyData::Ecdsa(_) => {}
            KeyData::Rsa(rsa) if rsa.n.as_bytes().len() * 8 >= FEWEST_RSA_BITS => {}
            KeyData::Rsa(_) => return wrong("is an RSA key of less than 2048 bits"),
            _ => return wrong("has an unsupported type; use ed25519, rsa or ecdsa"),
        }
        debug_assert!(!matches!(key.algorithm(), Algorithm::Dsa));
        let bare = ssh_key::PublicKey::new(key.key_data().clone(), "");
        match bare.to_openssh() {
            Ok(line) => Ok(Self(line.trim_end().to_owned())),
            Err(_) => wrong("cannot be written as one line"),
        }
    }
}

/// The name of a user on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

impl UserName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
        let goes_on = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if text.len() > LONGEST_USER || !text.starts_with(begins) || !text.chars().all(goes_on) {
            return Err(Rejection::new(format!(
                "username {} is not a valid user name",
                quoted(text)
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Shared code of the checked texts: each is displayed and stored unchanged, and checked again when it is parsed.
macro_rules! text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Rejection;

            fn try_from(text: String) -> Result<Self, Rejection> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    )*};
}
text!(HostName, PublicKey, UserName);

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn names_are_those_of_hosts() {
        for good in ["slave1.hadoop.com", "n1", "3com.example", "a-b", "x1.2y"] {
            assert!(good.parse::<HostName>().is_ok(), "{good}");
        }
        let upper: HostName = "Slave1.Hadoop.Com".parse().expect("a name");
        assert_eq!(upper.as_str(), "slave1.hadoop.com");
        let long = "a".repeat(64);
        let longer = ["abc"; 70].join(".");
        for wrong in [
            "",
            "localhost",
            "LOCALHOST",
            "localhost.localdomain",
            "a.localhost",
            "ip6-loopback",
            "a b",
            "a\nb",
            "a\n",
            "a#b",
            "-a",
            "a-",
            ".a",
            "a.",
            "a..b",
            "ä",
            "10.0.0.1",
            "x.1",
            "7",
            "a_b",
            &long,
            &longer,
        ] {
            assert!(wrong.parse::<HostName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_those_of_one_host() {
        for good in ["192.168.0.2", "fd00::2", "::ffff:10.0.0.1"] {
            assert!(NodeAddress::parse(good, false).is_ok(), "{good}");
        }
        for wrong in [
            "0.0.0.0",
            "::",
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "169.254.0.1",
            "fe80::1",
            "10.0.0",
            "10.0.0.1 x",
            "10.0.0.1\n",
            "",
        ] {
            assert!(NodeAddress::parse(wrong, false).is_err(), "{wrong}");
        }
        assert!(NodeAddress::parse("127.0.0.2", true).is_ok());
        assert!(NodeAddress::parse("0.0.0.0", true).is_err());
    }

    #[test]
    fn a_key_is_one_line_without_options() {
        let with_comment = format!("{KEY} hadoop@slave1\n");
        let key: PublicKey = with_comment.parse().expect("a key");
        assert_eq!(key.as_str(), KEY);
        for wrong in [
            String::new(),
            "xxxxxx".to_owned(),
            format!("{KEY}\n{KEY}"),
            format!("command=\"sh\" {KEY}"),
            format!("no-pty {KEY}"),
            format!("{KEY} x\ry"),
            KEY.replace("ed25519 ", "rsa "),
            KEY.replace("OIeZJ", "O"),
            "x".repeat(5000),
        ] {
            assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn users_have_plain_names() {
        assert!("hadoop".parse::<UserName>().is_ok());
        for wrong in ["", "a b", "-x", "a\n", "1a", "a;b", &"a".repeat(33)] {
            assert!(wrong.parse::<UserName>().is_err(), "{wrong}");
        }
    }
}
