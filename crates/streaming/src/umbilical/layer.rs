//! The security layer of DIGEST-MD5 (RFC 2831, sections 2.3 and 2.4), without IO: each message has its number and a
//! MAC, and with privacy it is encrypted.

use std::fmt::{self, Debug};

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};

use super::cipher::{Cipher, CipherKind};

/// What follows the MAC: the version of the format in two bytes, and the message's number in four.
const VERSION: [u8; 2] = [0, 1];
const TAIL: usize = 6;

/// The bytes of a MAC that are sent.
const MAC: usize = 10;

/// The most that a message grows by: a block of padding, MAC and tail.
pub(super) const GROWTH: usize = 8 + MAC + TAIL;

/// A message is not what the other end sent next. The text does not say in what, which only an intruder could use.
pub(super) const CHANGED: &str =
    "a message was changed, repeated or left out on its way, or the other end has another token";

/// A connection has had its 2^32 messages.
const NO_NUMBER: &str = "this connection has no number left for another message";

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Client,
    /// Only tests and fuzz targets play it.
    Server,
}

/// What both ends have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terms {
    Integrity,
    Privacy(CipherKind),
}

/// The protection of one connection, in both directions.
pub(super) struct SecurityLayer {
    sending: Direction,
    receiving: Direction,
    /// The length to which messages are padded.
    block: Option<usize>,
    /// Whether a message was not the expected one: no later one can be trusted.
    is_broken: bool,
}

struct Direction {
    signing: Hmac<Md5>,
    cipher: Option<Cipher>,
    /// The number of the next message; `None` after the last number.
    next: Option<u32>,
}

impl SecurityLayer {
    /// The layer of a new connection. `secret` is `H(A1)` of the authentication.
    pub(super) fn new(terms: Terms, secret: &[u8; 16], end: End) -> Self {
        let kind = match terms {
            Terms::Integrity => None,
            Terms::Privacy(kind) => Some(kind),
        };
        let other = match end {
            End::Client => End::Server,
            End::Server => End::Client,
        };
        let direction = |from, cipher: fn(CipherKind, &[u8; 16]) -> Cipher| Direction {
            signing: signing(secret, from),
            cipher: kind.map(|kind| cipher(kind, &sealing_key(secret, from))),
            next: Some(0),
        };
        Self {
            sending: direction(end, Cipher::encrypting),
            receiving: direction(other, Cipher::decrypting),
            block: kind.and_then(CipherKind::block),
            is_broken: false,
        }
    }

    /// The next message to send.
    pub(super) fn wrap(&mut self, message: &[u8]) -> Result<Vec<u8>, &'static str> {
        let number = self.sending.take_number().ok_or(NO_NUMBER)?;
        let mac = self.sending.mac(number, message).finalize().into_bytes();
        let mut bytes = message.to_vec();
        if let Some(block) = self.block {
            let missing = block - (message.len() + MAC) % block;
            let byte = u8::try_from(missing).unwrap_or_default();
            bytes.resize(bytes.len() + missing, byte);
        }
        bytes.extend(&mac[..MAC]);
        if let Some(cipher) = &mut self.sending.cipher {
            // It is padded to whole blocks.
            cipher.apply(&mut bytes).ok_or(CHANGED)?;
        }
        bytes.extend(VERSION);
        bytes.extend(number.to_be_bytes());
        Ok(bytes)
    }

    /// The content of the next message of the other end. After an error every message is one.
    pub(super) fn unwrap(&mut self, bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
        let message = (!self.is_broken).then(|| self.unwrapped(bytes)).flatten();
        self.is_broken = message.is_none();
        message.ok_or(CHANGED)
    }

    fn unwrapped(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let number = self.receiving.take_number()?;
        let (bytes, tail) = bytes.split_at_checked(bytes.len().checked_sub(TAIL)?)?;
        ([&VERSION, &number.to_be_bytes()[..]].concat() == tail).then_some(())?;
        let mut bytes = bytes.to_vec();
        if let Some(cipher) = &mut self.receiving.cipher {
            cipher.apply(&mut bytes)?;
        }
        let (padded, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        let message = match self.block {
            Some(block) => unpadded(padded, block),
            None => Some(padded),
        };
        // A message with wrong padding is verified too: the time that this takes tells nobody which of both is wrong.
        let signed = self.receiving.mac(number, message.unwrap_or(padded));
        let is_signed = signed.verify_truncated_left(mac).is_ok();
        message.filter(|_| is_signed).map(<[u8]>::to_vec)
    }
}

impl Debug for SecurityLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys are never shown.
        formatter.write_str("SecurityLayer(…)")
    }
}

impl Direction {
    fn take_number(&mut self) -> Option<u32> {
        let number = self.next?;
        self.next = number.checked_add(1);
        Some(number)
    }

    fn mac(&self, number: u32, message: &[u8]) -> Hmac<Md5> {
        let mut mac = self.signing.clone();
        mac.update(&number.to_be_bytes());
        mac.update(message);
        mac
    }
}

/// The message before its padding: 1 to `block` bytes, each of which is their count.
fn unpadded(padded: &[u8], block: usize) -> Option<&[u8]> {
    let last = *padded.last()?;
    let count = usize::from(last);
    let message = padded.len().checked_sub(count)?;
    let (message, padding) = padded.split_at_checked(message)?;
    let is_padding = (1..=block).contains(&count) && padding.iter().all(|byte| *byte == last);
    is_padding.then_some(message)
}

fn direction(from: End) -> &'static str {
    match from {
        End::Client => "client-to-server",
        End::Server => "server-to-client",
    }
}

/// `Kic` and `Kis`.
fn signing(secret: &[u8; 16], from: End) -> Hmac<Md5> {
    let direction = direction(from);
    let constant = format!("Digest session key to {direction} signing key magic constant");
    let key = Md5::digest([secret, constant.as_bytes()].concat());
    #[expect(clippy::expect_used, reason = "a key of any length is one")]
    Hmac::new_from_slice(&key).expect("HMAC takes keys of any length")
}

/// `Kcc` and `Kcs` of ciphers with keys of 128 bits.
fn sealing_key(secret: &[u8; 16], from: End) -> [u8; 16] {
    let direction = direction(from);
    let constant = format!("Digest H(A1) to {direction} sealing key magic constant");
    Md5::digest([secret, constant.as_bytes()].concat()).into()
}

#[cfg(test)]
mod tests;
