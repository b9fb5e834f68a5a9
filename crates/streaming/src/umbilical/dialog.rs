//! The conversation with the application master: authentication by the job's token, then a single call.

use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use thiserror::Error;

use super::attempt::AttemptId;
use super::call::{PROTOCOL, Version, fatal_error};
use super::credentials::Token;
use super::digest::{self, Party};
use super::frame::{
    CONTEXT, Context, GREETING, LONGEST, PROTOBUF, Request, Response, SASL, SUCCESS, Sasl, State,
    WRITABLE, Way, frame,
};

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
}

/// Random values for one conversation.
#[derive(Clone, Debug)]
pub(super) struct Chance {
    /// The client's nonce for the authentication.
    pub(super) nonce: String,
    /// The client's id.
    pub(super) client: [u8; 16],
}

/// Reports on `stream`, a new connection, that `attempt` has failed for `reason`.
pub(super) fn fail(
    stream: &mut (impl Read + Write),
    token: &Token,
    chance: &Chance,
    attempt: &AttemptId,
    reason: &str,
) -> Result<(), DialogError> {
    authenticate(stream, token, chance)?;
    let context = Context {
        protocol: Some(PROTOCOL.to_owned()),
    };
    let request = Request::new(PROTOBUF, CONTEXT, &[]);
    stream.write_all(&frame(&request, &context.encode_length_delimited_to_vec()))?;
    let mut other = None;
    for (call, version) in (0..).zip(Version::ALL) {
        let request = Request::new(WRITABLE, call, &chance.client);
        let called = fatal_error(version, attempt, reason);
        stream.write_all(&frame(&request, &called))?;
        let (response, _) = receive(stream)?;
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
    stream: &mut (impl Read + Write),
    token: &Token,
    chance: &Chance,
) -> Result<(), DialogError> {
    stream.write_all(&GREETING)?;
    let begin = Sasl {
        state: State::Negotiate.into(),
        ..Sasl::default()
    };
    let offer = ask(stream, &begin)?;
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
    let answer = digest::answer(&challenge, party).map_err(DialogError::Strange)?;
    let proof = Sasl {
        state: State::Initiate.into(),
        token: Some(answer.text.into_bytes()),
        ways: vec![way],
        ..Sasl::default()
    };
    let end = ask(stream, &proof)?;
    if end.state() != State::Success || end.token.as_deref() != Some(answer.proof.as_bytes()) {
        return Err(DialogError::Strange(
            "authentication with the job's token failed",
        ));
    }
    Ok(())
}

/// The service's URI in the digest.
fn uri(way: &Way) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}", part(&way.protocol), part(&way.server))
}

fn ask(stream: &mut (impl Read + Write), what: &Sasl) -> Result<Sasl, DialogError> {
    let request = Request::new(PROTOBUF, SASL, &[]);
    stream.write_all(&frame(&request, &what.encode_length_delimited_to_vec()))?;
    let (response, body) = receive(stream)?;
    succeeded(&response, SASL)?;
    Sasl::decode_length_delimited(body.as_slice())
        .map_err(|_| DialogError::Strange("its answer cannot be read"))
}

/// The next frame: its header and its body.
fn receive(stream: &mut impl Read) -> Result<(Response, Vec<u8>), DialogError> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(DialogError::Strange("its answer is too long"));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    let mut rest = frame.as_slice();
    let response = Response::decode_length_delimited(&mut rest)
        .map_err(|_| DialogError::Strange("its answer cannot be read"))?;
    Ok((response, rest.to_owned()))
}

fn succeeded(response: &Response, call: i32) -> Result<(), DialogError> {
    if response.status != SUCCESS {
        let exception = response.exception.as_deref().unwrap_or("an error");
        // The first line of the message: the rest is a stack trace.
        let message = response.message.as_deref().unwrap_or_default();
        let message = message.lines().next().unwrap_or_default();
        return Err(DialogError::No(format!("{exception}: {message}")));
    }
    if response.call != call.cast_unsigned() {
        return Err(DialogError::Strange("it belongs to another request"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
