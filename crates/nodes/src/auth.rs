//! Message authentication: proof that the sender knows the cluster's secret, that the message was meant for this
//! connection, and that it comes in its order. Both sides first send a nonce of 32 random bytes; every later message
//! follows a header object with an HMAC-SHA256 over both nonces, the direction, the sequence number and the message's
//! SHA-256. The message itself stays byte for byte as it is without authentication.

use std::sync::Arc;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ssh_key::rand_core::{OsRng, RngCore};

use super::rejection::Rejection;
use heartline_core::text::{hex, unhex};

/// The minimum length in bytes: a shorter secret could be guessed.
const SHORTEST_SECRET: usize = 16;
/// The label of this use of the secret: a MAC that was made for another use is not valid here.
const USE: &[u8] = b"heartline nodes 1";

/// The label of the other use: marks on state that is stored where others could write.
const KEEPING: &[u8] = b"heartline nodes state 1";

/// The prefix of the data that the owner of a key signs; no MAC input of a message starts with it.
const BINDING: &[u8] = b"binding";

/// The secret that all nodes of a cluster share.
#[derive(Clone)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// The content of a file is the secret, without surrounding white space.
    pub fn new(bytes: &[u8]) -> Result<Self, Rejection> {
        let bytes = bytes.trim_ascii();
        if bytes.len() < SHORTEST_SECRET {
            return Err(Rejection::new(format!(
                "a secret has at least {SHORTEST_SECRET} bytes; make one with: openssl rand -hex 32"
            )));
        }
        Ok(Self(bytes.into()))
    }

    /// The mark of a text that is stored under a name.
    pub fn mark(&self, name: &str, text: &[u8]) -> String {
        hex(&self.marking(name, text).finalize().into_bytes())
    }

    /// The text that [`Secret::mark`] has marked; the mark is the last line of `value`.
    pub fn unmarked<'a>(&self, name: &str, value: &'a [u8]) -> Result<&'a [u8], Rejection> {
        let at = value.iter().rposition(|byte| *byte == b'\n');
        let (text, mark) = at.map_or((value, &[][..]), |at| (&value[..at], &value[at + 1..]));
        let mark = std::str::from_utf8(mark).ok().and_then(unhex);
        match mark.map(|mark| self.marking(name, text).verify_slice(&mark)) {
            Some(Ok(())) => Ok(text),
            _ => Err(Rejection::new(
                "it was not written with the cluster's secret",
            )),
        }
    }

    fn marking(&self, name: &str, text: &[u8]) -> Hmac<Sha256> {
        let mut key = keyed(&self.0);
        key.update(KEEPING);
        let mut mac = keyed(&key.finalize().into_bytes());
        // No name contains a zero byte.
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

/// Random bytes that are used only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce([u8; 32]);

impl Nonce {
    /// A new random nonce.
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        OsRng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The nonce as 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// Parses the text of [`Nonce::to_hex`].
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        let bytes = unhex(text).and_then(|bytes| bytes.try_into().ok());
        match bytes {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(Rejection::new("a nonce has 64 hexadecimal digits")),
        }
    }
}

/// A message as it is sent, with its digest: a message to many receivers is hashed once.
#[derive(Clone, Debug)]
pub struct Body {
    bytes: Arc<[u8]>,
    digest: [u8; 32],
}

impl Body {
    /// A message of these bytes.
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

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The end that connects.
    Client,
    /// The end that accepts the connection.
    Server,
}

impl Side {
    /// The byte that stands for the sending side in the MAC.
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

/// The header object before an authenticated message.
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

/// The authentication of one connection in both directions.
#[derive(Debug)]
pub struct Authenticator {
    keyed: Hmac<Sha256>,
    side: Side,
    sent: u64,
    heard: u64,
}

impl Authenticator {
    /// The authentication for a connection on which these nonces were exchanged.
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

    /// A value that only the two ends of this one connection know, bound to these texts: a signature over it proves
    /// that the signer has the key now and vouches for these texts on this connection.
    pub fn binding(&self, texts: &[&str]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        mac.update(BINDING);
        for text in texts {
            mac.update(&text.len().to_be_bytes());
            mac.update(text.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// The header to send before `body`.
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

    /// Checks the header that came before `message`. After an error the connection cannot be used any more.
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
        // The comparison takes the same time whichever part is wrong.
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
