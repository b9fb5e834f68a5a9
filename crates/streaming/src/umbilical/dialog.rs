//! The conversation with the application master: authentication by the job's token, then a single call, protected as
//! the master and the job's configuration ask for (`hadoop.rpc.protection`).

use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use thiserror::Error;

use super::attempt::AttemptId;
use super::call::{PROTOCOL, Version, fatal_error};
use super::channel::{Channel, sasl, succeeded};
use super::credentials::Token;
use super::digest::{self, Agreed, DigestError, Party};
use super::frame::{
    CONTEXT, Context, GREETING, PROTOBUF, Request, SASL, Sasl, State, WRITABLE, Way,
};
use super::protection::Protection;

/// The error of an application master that knows another version of the interface.
const OTHER_VERSION: &str = "org.apache.hadoop.ipc.RPC$VersionMismatch";

/// Why the report did not reach an application master.
#[derive(Debug, Error)]
pub enum DialogError {
    /// The connection broke, or took too long.
    #[error(transparent)]
    Line(#[from] io::Error),
    /// The master refused.
    #[error("it refuses: {0}")]
    No(String),
    /// The answer cannot be understood.
    #[error("unexpected answer: {0}")]
    Strange(&'static str),
    /// The authentication cannot be done on the terms of both sides.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A protected message is not the right one.
    #[error("{0}")]
    Changed(&'static str),
}

/// Random values for one conversation.
#[derive(Clone, Debug)]
pub(super) struct Chance {
    /// The client's nonce for the authentication.
    pub(super) nonce: String,
    /// The client's id.
    pub(super) client: [u8; 16],
}

/// Reports on `stream`, a new connection, that `attempt` has failed for `reason`; with this protection at the least.
pub(super) fn fail(
    stream: &mut (impl Read + Write),
    token: &Token,
    least: Protection,
    chance: &Chance,
    (attempt, reason): (&AttemptId, &str),
) -> Result<(), DialogError> {
    let mut channel = Channel::new(stream);
    let agreed = authenticate(&mut channel, token, least, chance)?;
    channel.protect(agreed);
    let context = Context {
        protocol: Some(PROTOCOL.to_owned()),
    };
    let request = Request::new(PROTOBUF, CONTEXT, &[]);
    channel.send(&request, &context.encode_length_delimited_to_vec())?;
    let mut other = None;
    for (call, version) in (0..).zip(Version::ALL) {
        let request = Request::new(WRITABLE, call, &chance.client);
        let called = fatal_error(version, attempt, reason);
        channel.send(&request, &called)?;
        let (response, _) = channel.receive()?;
        if response.exception.as_deref() == Some(OTHER_VERSION) {
            other = Some(response);
            continue;
        }
        succeeded(&response, call)?;
        return Ok(());
    }
    succeeded(&other.unwrap_or_default(), 0)
}

/// Proves to the master that we have the job's token; the master proves the same to us.
fn authenticate(
    channel: &mut Channel<impl Read + Write>,
    token: &Token,
    least: Protection,
    chance: &Chance,
) -> Result<Agreed, DialogError> {
    channel.send_bare(&GREETING)?;
    let begin = Sasl {
        state: State::Negotiate.into(),
        ..Sasl::default()
    };
    let offer = ask(channel, &begin)?;
    let mut way = offer
        .ways
        .into_iter()
        .find(|way| way.method == "TOKEN" && way.mechanism == "DIGEST-MD5")
        .ok_or(DialogError::Strange(
            "it offers no authentication with the job's token",
        ))?;
    let challenge = way.challenge.take();
    let challenge = challenge.ok_or(DialogError::Strange("it sent no challenge"))?;
    let (user, password) = (
        STANDARD.encode(&token.identifier),
        STANDARD.encode(&token.password),
    );
    let party = Party {
        user: &user,
        password: &password,
        uri: &uri(&way),
        nonce: &chance.nonce,
    };
    let answer = digest::answer(&challenge, party, least)?;
    let proof = Sasl {
        state: State::Initiate.into(),
        token: Some(answer.text.clone().into_bytes()),
        ways: vec![way],
        ..Sasl::default()
    };
    let end = ask(channel, &proof)?;
    let agreed = match end.state() {
        State::Success => answer.agreed(end.token.as_deref()),
        _ => None,
    };
    agreed.ok_or(DialogError::Strange(
        "authentication with the job's token failed",
    ))
}

/// The service's URI in the digest.
fn uri(way: &Way) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}", part(&way.protocol), part(&way.server))
}

fn ask(channel: &mut Channel<impl Read + Write>, what: &Sasl) -> Result<Sasl, DialogError> {
    let request = Request::new(PROTOBUF, SASL, &[]);
    channel.send(&request, &what.encode_length_delimited_to_vec())?;
    let (response, body) = channel.receive()?;
    succeeded(&response, SASL)?;
    sasl(&body)
}

#[cfg(test)]
mod tests;
