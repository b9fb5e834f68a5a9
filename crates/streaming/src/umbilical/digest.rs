//! DIGEST-MD5 (RFC 2831): the client's part.

use std::collections::HashMap;
use std::fmt::{self, Write};

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::cipher::CipherKind;
use super::layer::{End, GROWTH, SecurityLayer, Terms};
use super::protection::Protection;

/// The largest message that a server takes if it does not say so, and the largest that the standard permits.
const USUAL_BUFFER: usize = 65_536;
const LARGEST_BUFFER: usize = (1 << 24) - 1;

/// The smallest such limit that is accepted: with less, a report would become hundreds of messages.
const SMALLEST_BUFFER: usize = 256;

/// The client's identity, and the service to which it proves it. `Debug` is not derived: it holds a password.
#[derive(Clone, Copy)]
pub(super) struct Party<'a> {
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    /// `<service>/<host>`
    pub(super) uri: &'a str,
    /// An unpredictable value.
    pub(super) nonce: &'a str,
}

/// Why a challenge is not answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DigestError {
    #[error("unexpected answer: {0}")]
    Strange(&'static str),
    /// The server offers less protection than the job's configuration asks for.
    #[error(
        "it offers no messages with hadoop.rpc.protection={0}, which this job's configuration asks for; give the \
         application master and the job the same value"
    )]
    Less(Protection),
    /// The server demands a protection of which no form is known here.
    #[error(
        "it offers none of the protections that heartline knows: authentication, integrity, and privacy with 3des or \
         rc4; check its hadoop.rpc.protection"
    )]
    Unknown,
}

/// The response to a challenge. `Debug` is not derived: it holds what the token proves.
pub(super) struct Answer {
    /// The text to send.
    pub(super) text: String,
    /// The terms on which messages are exchanged afterwards; `None`: in the clear.
    terms: Option<Terms>,
    /// What the server must answer, if it knows the password too.
    proof: String,
    /// `H(A1)`
    secret: [u8; 16],
    /// The largest message that the server takes, in bytes.
    buffer: usize,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

/// The protection of the messages that follow, and the largest part of one that may be wrapped at once.
pub(super) type Agreed = Option<(SecurityLayer, usize)>;

impl Answer {
    /// What protects the messages from now on, if this is the proof that the server knows the password.
    pub(super) fn agreed(&self, proof: Option<&[u8]>) -> Option<Agreed> {
        bool::from(proof?.ct_eq(self.proof.as_bytes())).then(|| {
            self.terms.map(|terms| {
                let layer = SecurityLayer::new(terms, &self.secret, End::Client);
                (layer, self.buffer - GROWTH)
            })
        })
    }
}

#[cfg(test)]
impl Answer {
    /// What a server that knows the password answers, and how it protects what follows.
    pub(super) fn of_server(&self) -> (&str, Option<SecurityLayer>) {
        let layer = |terms| SecurityLayer::new(terms, &self.secret, End::Server);
        (&self.proof, self.terms.map(layer))
    }
}

/// Answers a server's challenge, with the strongest protection that it offers; an error if that is less than `least`.
pub(super) fn answer(
    challenge: &[u8],
    party: Party,
    least: Protection,
) -> Result<Answer, DigestError> {
    let challenge = std::str::from_utf8(challenge)
        .map_err(|_| DigestError::Strange("the challenge is not valid UTF-8"))?;
    let directives =
        directives(challenge).ok_or(DigestError::Strange("the challenge cannot be read"))?;
    let said = |name: &str| directives.get(name).map(String::as_str);
    if said("algorithm") != Some("md5-sess") {
        return Err(DigestError::Strange("the challenge is not for DIGEST-MD5"));
    }
    let (protection, terms) = chosen(said("qop"), said("cipher"), least)?;
    let buffer = buffer(said("maxbuf")).ok_or(DigestError::Strange(
        "the challenge has no usable size of messages",
    ))?;
    let nonce = said("nonce").ok_or(DigestError::Strange("the challenge has no nonce"))?;
    let session = Session {
        party,
        realm: said("realm").unwrap_or_default(),
        nonce,
        quality: protection.quality(),
    };
    let secret = session.secret();
    Ok(Answer {
        text: session.text(&secret, terms),
        terms,
        proof: format!("rspauth={}", session.response(&secret, "")),
        secret,
        buffer,
    })
}

/// The strongest protection on offer.
fn chosen(
    qualities: Option<&str>,
    ciphers: Option<&str>,
    least: Protection,
) -> Result<(Protection, Option<Terms>), DigestError> {
    let is_in = |list: &str, name: &str| {
        let mut words = list.split(',').map(str::trim);
        words.any(|word| word.eq_ignore_ascii_case(name))
    };
    // Without a list it is authentication alone.
    let qualities = qualities.unwrap_or("auth");
    let cipher = || {
        let ciphers = ciphers.unwrap_or_default();
        let is_offered = |kind: &CipherKind| is_in(ciphers, kind.name());
        CipherKind::ALL.into_iter().find(is_offered)
    };
    for protection in Protection::ALL {
        if !is_in(qualities, protection.quality()) {
            continue;
        }
        let terms = match protection {
            Protection::Authentication => None,
            Protection::Integrity => Some(Terms::Integrity),
            Protection::Privacy => match cipher() {
                Some(kind) => Some(Terms::Privacy(kind)),
                None => continue,
            },
        };
        if protection < least {
            return Err(DigestError::Less(least));
        }
        return Ok((protection, terms));
    }
    Err(DigestError::Unknown)
}

/// The largest message that the server takes; `None` if it says none that makes sense.
fn buffer(said: Option<&str>) -> Option<usize> {
    let size = said.map_or(Some(USUAL_BUFFER), |said| said.parse().ok())?;
    (SMALLEST_BUFFER..=LARGEST_BUFFER)
        .contains(&size)
        .then_some(size)
}

/// The nonce count: each nonce is used once.
const COUNT: &str = "00000001";

/// The values that both sides know.
struct Session<'a> {
    party: Party<'a>,
    realm: &'a str,
    nonce: &'a str,
    quality: &'static str,
}

impl Session<'_> {
    /// `H(A1)`, binary.
    fn secret(&self) -> [u8; 16] {
        let Party {
            user,
            password,
            nonce: own,
            ..
        } = self.party;
        let Self { realm, nonce, .. } = self;
        let mut secret = Md5::digest(format!("{user}:{realm}:{password}")).to_vec();
        secret.extend(format!(":{nonce}:{own}").as_bytes());
        Md5::digest(secret).into()
    }

    /// The `response-value` of RFC 2831, 2.1.2.1; `method` is the client's, or empty for the server.
    fn response(&self, secret: &[u8; 16], method: &str) -> String {
        let Party {
            uri, nonce: own, ..
        } = self.party;
        let Self { nonce, quality, .. } = self;
        let secret = hex(*secret);
        // The digest of a body, which SASL does not have.
        let body = match self.quality {
            "auth" => "",
            _ => ":00000000000000000000000000000000",
        };
        let what = digest(format!("{method}:{uri}{body}").as_bytes());
        digest(format!("{secret}:{nonce}:{COUNT}:{own}:{quality}:{what}").as_bytes())
    }

    /// The client's text.
    fn text(&self, secret: &[u8; 16], terms: Option<Terms>) -> String {
        let Self { party, realm, .. } = self;
        let mut text = String::from("charset=utf-8");
        for (name, value) in [
            ("username", party.user),
            ("realm", realm),
            ("nonce", self.nonce),
            ("cnonce", party.nonce),
            ("digest-uri", party.uri),
        ] {
            let _ = write!(text, ",{name}=\"{}\"", quoted(value));
        }
        let response = self.response(secret, "AUTHENTICATE");
        let quality = self.quality;
        let _ = write!(text, ",nc={COUNT},qop={quality},response={response}");
        if let Some(Terms::Privacy(kind)) = terms {
            let _ = write!(text, ",cipher=\"{}\"", kind.name());
        }
        text
    }
}

fn digest(bytes: &[u8]) -> String {
    hex(Md5::digest(bytes).into())
}

fn hex(digest: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(digest))
}

fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Parses `name=value,name="value",…`; of duplicates the first counts, as when a server offers more than one realm.
fn directives(mut text: &str) -> Option<HashMap<String, String>> {
    let mut directives = HashMap::new();
    loop {
        text = text.trim_start_matches([',', ' ', '\t', '\r', '\n']);
        if text.is_empty() {
            return Some(directives);
        }
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(rest) => unquoted(rest)?,
            None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
        };
        let name = name.trim().to_ascii_lowercase();
        directives
            .entry(name)
            .or_insert_with(|| value.trim().to_owned());
        text = rest;
    }
}

/// The text before the closing quotation mark, and the text after it.
fn unquoted(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    let end = text.find(|letter| {
        let ends = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends
    })?;
    let (value, rest) = text.split_at(end);
    // No challenge of a Hadoop server needs escapes.
    (!value.contains('\\')).then_some((value, &rest[1..]))
}

#[cfg(test)]
mod tests;
