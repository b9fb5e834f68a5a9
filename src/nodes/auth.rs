//! The seal of a message: proof that whoever sent it knows the cluster's secret, that it was meant for this
//! connection, and that it comes in its order. Both sides give a nonce of 32 random bytes first; every message
//! then follows an object of its own with an HMAC-SHA256 over both nonces, the direction, the sequence number and
//! the message's SHA-256. The message itself stays, to the byte, what it is without a seal.

use std::sync::Arc;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ssh_key::rand_core::{OsRng, RngCore};

use super::rejection::Rejection;

/// A shorter secret could be guessed.
const SHORTEST_SECRET: usize = 16;
/// What this use of the secret is called: a MAC of another use is none here.
const USE: &[u8] = b"heartline nodes 1";

/// What the other use is called: marks of what is kept where others could write.
const KEEPING: &[u8] = b"heartline nodes state 1";

/// What is signed by who has a key; no MAC of a message begins so.
const BINDING: &[u8] = b"binding";

/// What every node of a cluster knows, and nobody else.
#[derive(Clone)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// A file's content is the secret, without blanks around it.
    pub fn new(bytes: &[u8]) -> Result<Self, Rejection> {
        let bytes = bytes.trim_ascii();
        if bytes.len() < SHORTEST_SECRET {
            return Err(Rejection::new(format!(
                "a secret has at least {SHORTEST_SECRET} bytes; make one with: openssl rand -hex 32"
            )));
        }
        Ok(Self(bytes.into()))
    }

    /// The mark of a text that is kept under a name.
    pub fn mark(&self, name: &str, text: &[u8]) -> String {
        hex(&self.marking(name, text).finalize().into_bytes())
    }

    /// The text of what [`Secret::mark`] has marked, in the line after it.
    pub fn unmarked<'a>(&self, name: &str, value: &'a [u8]) -> Result<&'a [u8], Rejection> {
        let at = value.iter().rposition(|byte| *byte == b'\n');
        let (text, mark) = at.map_or((value, &[][..]), |at| (&value[..at], &value[at + 1..]));
        let mark = std::str::from_utf8(mark).ok().and_then(unhex);
        match mark.map(|mark| self.marking(name, text).verify_slice(&mark)) {
            Some(Ok(())) => Ok(text),
            _ => Err(Rejection::new(
                "it was not written by who knows the cluster's secret",
            )),
        }
    }

    fn marking(&self, name: &str, text: &[u8]) -> Hmac<Sha256> {
        let mut key = keyed(&self.0);
        key.update(KEEPING);
        let mut mac = keyed(&key.finalize().into_bytes());
        // No name has such a byte.
        for part in [name.as_bytes(), &[0], text] {
            mac.update(part);
        }
        mac
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Random bytes that are used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce([u8; 32]);

impl Nonce {
    /// A new one.
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        OsRng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// As 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// Reads what [`Nonce::to_hex`] has written.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        let bytes = unhex(text).and_then(|bytes| bytes.try_into().ok());
        match bytes {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(Rejection::new("a nonce has 64 hexadecimal digits")),
        }
    }
}

/// A message as it is sent, with its digest: one that goes to many is worked out once.
#[derive(Clone, Debug)]
pub struct Body {
    bytes: Arc<[u8]>,
    digest: [u8; 32],
}

impl Body {
    /// The message's bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            digest: Sha256::digest(&bytes).into(),
            bytes: bytes.into(),
        }
    }

    /// The message's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Which end of a connection one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Whoever connects.
    Client,
    /// Whoever is connected to.
    Server,
}

impl Side {
    /// What stands in the MAC of what this side sends.
    fn mark(self) -> u8 {
        match self {
            Self::Client => b'c',
            Self::Server => b's',
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// The object before a sealed message.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "type")]
    kind: Kind,
    sequence: u64,
    mac: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Seal,
}

/// One connection's seals in both directions.
#[derive(Debug)]
pub struct Authenticator {
    keyed: Hmac<Sha256>,
    side: Side,
    sent: u64,
    heard: u64,
}

impl Authenticator {
    /// For a connection on which these nonces were exchanged.
    pub fn new(secret: &Secret, client: Nonce, server: Nonce, side: Side) -> Self {
        let mut key = keyed(&secret.0);
        for part in [USE, &client.0, &server.0] {
            key.update(part);
        }
        let keyed = keyed(&key.finalize().into_bytes());
        Self {
            keyed,
            side,
            sent: 0,
            heard: 0,
        }
    }

    /// What only the two ends of this one connection know, and of these texts: whoever signs it has the key now, and
    /// says this, here.
    pub fn binding(&self, texts: &[&str]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        mac.update(BINDING);
        for text in texts {
            mac.update(&text.len().to_be_bytes());
            mac.update(text.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// What is to be sent before `body`.
    pub fn seal(&mut self, body: &Body) -> Vec<u8> {
        self.sent += 1;
        let mac = self.mac(self.side, self.sent, &body.digest).finalize();
        let header = Header {
            kind: Kind::Seal,
            sequence: self.sent,
            mac: hex(&mac.into_bytes()),
        };
        serde_json::to_vec(&header).unwrap_or_default()
    }

    /// Checks what came before `message`. After an error the connection is of no use.
    pub fn check(&mut self, header: &[u8], message: &[u8]) -> Result<(), Rejection> {
        let Ok(header) = serde_json::from_slice::<Header>(header) else {
            return Err(Rejection::new("a message without its seal"));
        };
        if header.sequence != self.heard + 1 {
            return Err(Rejection::new(format!(
                "a message out of its order: {} and not {}",
                header.sequence,
                self.heard + 1
            )));
        }
        self.heard += 1;
        let digest = Sha256::digest(message).into();
        let mac = self.mac(self.side.other(), self.heard, &digest);
        // Takes the same time whatever is wrong.
        match unhex(&header.mac).map(|sum| mac.verify_slice(&sum)) {
            Some(Ok(())) => Ok(()),
            _ => Err(Rejection::new(
                "a message whose seal is wrong; whoever sent it does not know the cluster's secret",
            )),
        }
    }

    fn mac(&self, side: Side, sequence: u64, digest: &[u8; 32]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(&[side.mark()]);
        mac.update(&sequence.to_be_bytes());
        mac.update(digest);
        mac
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "a key of any length is one")]
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() {
        bytes.collect()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(secrets: [&str; 2]) -> (Authenticator, Authenticator) {
        let (client, server) = (Nonce::random(), Nonce::random());
        let end = |secret: &str, side| {
            let secret = Secret::new(secret.as_bytes()).expect("a secret");
            Authenticator::new(&secret, client, server, side)
        };
        (end(secrets[0], Side::Client), end(secrets[1], Side::Server))
    }

    const ONE: &str = "0123456789abcdef";
    const OTHER: &str = "0123456789abcdeF";

    fn body(text: &str) -> Body {
        Body::new(text.as_bytes().to_vec())
    }

    #[test]
    fn what_one_seals_the_other_opens() {
        let (mut client, mut server) = ends([ONE, ONE]);
        for text in ["{}", "{\"a\":1}"] {
            let header = client.seal(&body(text));
            assert_eq!(server.check(&header, text.as_bytes()), Ok(()));
            let header = server.seal(&body(text));
            assert_eq!(client.check(&header, text.as_bytes()), Ok(()));
        }
    }

    #[test]
    fn another_secret_message_order_or_direction_is_refused() {
        let (mut client, mut server) = ends([ONE, OTHER]);
        assert!(server.check(&client.seal(&body("{}")), b"{}").is_err());
        let (mut client, mut server) = ends([ONE, ONE]);
        let first = client.seal(&body("{}"));
        assert!(server.check(&first, b"{} ").is_err());
        let (mut client, mut server) = ends([ONE, ONE]);
        let first = client.seal(&body("{}"));
        let second = client.seal(&body("{}"));
        assert!(server.check(&second, b"{}").is_err(), "reordered");
        assert_eq!(server.check(&first, b"{}"), Ok(()));
        assert!(server.check(&first, b"{}").is_err(), "replayed");
        let reflected = server.seal(&body("{}"));
        assert!(server.check(&reflected, b"{}").is_err(), "reflected");
        assert!(server.check(b"{}", b"{}").is_err(), "no seal");
    }

    #[test]
    fn a_seal_of_another_connection_is_refused() {
        let (mut client, _) = ends([ONE, ONE]);
        let (_, mut server) = ends([ONE, ONE]);
        assert!(server.check(&client.seal(&body("{}")), b"{}").is_err());
    }

    #[test]
    fn nonces_are_read_back_and_secrets_are_long() {
        let nonce = Nonce::random();
        assert_eq!(Nonce::parse(&nonce.to_hex()), Ok(nonce));
        assert!(Nonce::parse("00").is_err());
        assert!(Nonce::parse(&"é".repeat(32)).is_err());
        assert!(Secret::new(b" 0123456789abcde\n").is_err());
    }
}
