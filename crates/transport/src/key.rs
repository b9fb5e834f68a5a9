//! The key of a claim, and the keys of one connection.
//!
//! Whoever holds a claim writes a random key into its value. So only those who may read the job's znodes can send beats
//! to its holder, and the key ends with the claim. Each side of a connection contributes a nonce, so that no frame of
//! another connection is valid on this one.

use std::fmt;
use std::io;
use std::str::FromStr;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use heartline_core::text::{hex, unhex};

/// The label of this use of a key: a MAC that was made for another use, or by another version, is not valid here.
const USE: &[u8] = b"heartline transport 1";

/// The same for the label of a key.
const LABEL: &[u8] = b"heartline relay 1";

/// The length of a key and of a nonce in bytes.
pub const KEY_LENGTH: usize = 32;

/// The key of a claim: 32 random bytes, in text 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimKey([u8; KEY_LENGTH]);

/// Random bytes that are used once.
pub type Nonce = [u8; KEY_LENGTH];

/// A text that is not the key of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has 64 hexadecimal digits")]
pub struct KeyError;

impl ClaimKey {
    /// A key of these bytes; they must come from the operating system's random source.
    pub fn new(bytes: [u8; KEY_LENGTH]) -> Self {
        Self(bytes)
    }

    /// A new key from the operating system's random source.
    ///
    /// # Errors
    /// The source fails, which happens on a wrong set-up only: a retry makes no sense.
    pub fn random() -> io::Result<Self> {
        random_nonce().map(Self)
    }

    /// A label of this key and of `text`, in 32 hexadecimal digits: it says nothing about the key.
    pub(super) fn label(&self, text: &str) -> String {
        let mut mac = keyed(&self.0);
        mac.update(LABEL);
        mac.update(text.as_bytes());
        hex(&mac.finalize().into_bytes()[..16])
    }

    /// The keys of one connection to the holder of the claim named `claim`.
    pub fn connection(&self, claim: &str, server: &Nonce, client: &Nonce) -> ConnectionKeys {
        let key = |direction: u8| {
            let mut mac = keyed(&self.0);
            // All parts but the last have a fixed length.
            for part in [USE, &[direction], server, client, claim.as_bytes()] {
                mac.update(part);
            }
            FrameKey(mac.finalize().into_bytes().into())
        };
        ConnectionKeys {
            to_server: key(0),
            to_client: key(1),
        }
    }
}

impl fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimKey(…)")
    }
}

impl FromStr for ClaimKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = unhex(text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(KeyError)
    }
}

/// The keys of one connection, one for each direction: no frame is valid in the other one.
#[derive(Clone, Debug)]
pub struct ConnectionKeys {
    /// Authenticates what the client sends.
    pub to_server: FrameKey,
    /// Authenticates what the server sends.
    pub to_client: FrameKey,
}

/// Authenticates the frames of one direction of a connection.
#[derive(Clone)]
pub struct FrameKey([u8; KEY_LENGTH]);

impl FrameKey {
    /// The MAC over the frame with this number, before it is cut to its length on the wire.
    pub(super) fn mac(&self, number: u64, frame: &[u8]) -> Hmac<Sha256> {
        let mut mac = keyed(&self.0);
        mac.update(&number.to_be_bytes());
        mac.update(frame);
        mac
    }
}

impl fmt::Debug for FrameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrameKey(…)")
    }
}

/// A new nonce from the operating system's random source.
pub(super) fn random_nonce() -> io::Result<Nonce> {
    let mut nonce = [0; KEY_LENGTH];
    getrandom::fill(&mut nonce)?;
    Ok(nonce)
}

fn keyed(key: &[u8; KEY_LENGTH]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    Hmac::new_from_slice(key).expect("any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_nothing_else_is_one() {
        let key = ClaimKey::new(std::array::from_fn(|n| u8::try_from(n * 8).unwrap()));
        let text = key.to_string();
        assert_eq!(text.len(), 64);
        assert_eq!(text.parse(), Ok(key));
        for wrong in [
            "",
            "00",
            &text[1..],
            &format!("{text}0"),
            &text.replace('0', "g"),
            &"é".repeat(32),
        ] {
            assert_eq!(wrong.parse::<ClaimKey>(), Err(KeyError), "{wrong}");
        }
    }

    #[test]
    fn a_label_is_that_of_one_key_and_one_text() {
        let [one, other] = [1, 2].map(|byte| ClaimKey::new([byte; KEY_LENGTH]));
        assert_eq!(one.label("a"), one.label("a"));
        assert_ne!(one.label("a"), other.label("a"));
        assert_ne!(one.label("a"), one.label("b"));
        assert_eq!(one.label("a").len(), 32);
    }

    #[test]
    fn two_random_keys_differ() {
        assert_ne!(ClaimKey::random().unwrap(), ClaimKey::random().unwrap());
    }

    #[test]
    fn a_key_is_not_shown_by_debug() {
        let key = ClaimKey::new([7; KEY_LENGTH]);
        let keys = key.connection("c", &[1; KEY_LENGTH], &[2; KEY_LENGTH]);
        assert!(!format!("{key:?} {keys:?}").contains('7'));
    }
}
