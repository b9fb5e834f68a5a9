//! Frames over a stream: in the clear until the authentication is over, then as it was agreed.

use std::io::{Read, Write};

use prost::Message;

use super::dialog::DialogError;
use super::digest::Agreed;
use super::frame::{LONGEST, PROTOBUF, Request, Response, SASL, SUCCESS, Sasl, State, frame};
use super::layer::SecurityLayer;

/// The answer cannot be parsed.
const UNREADABLE: DialogError = DialogError::Strange("its answer cannot be read");

/// One end of a connection.
pub(super) struct Channel<'a, S> {
    stream: &'a mut S,
    protection: Option<Protected>,
}

/// What protected messages need.
struct Protected {
    layer: SecurityLayer,
    /// The most that the server takes at once, in bytes before they are wrapped.
    most: usize,
    /// Unwrapped bytes that are not yet a whole frame.
    received: Vec<u8>,
}

impl<'a, S: Read + Write> Channel<'a, S> {
    /// A new connection, without protection.
    pub(super) fn new(stream: &'a mut S) -> Self {
        Self {
            stream,
            protection: None,
        }
    }

    /// Protects all that follows in both directions.
    pub(super) fn protect(&mut self, agreed: Agreed) {
        self.protection = agreed.map(|(layer, most)| Protected {
            layer,
            most,
            received: Vec::new(),
        });
    }

    /// Sends bytes as they are: only before the first frame.
    pub(super) fn send_bare(&mut self, bytes: &[u8]) -> Result<(), DialogError> {
        Ok(self.stream.write_all(bytes)?)
    }

    pub(super) fn send(&mut self, request: &Request, body: &[u8]) -> Result<(), DialogError> {
        let bytes = frame(request, body);
        let Some(protected) = &mut self.protection else {
            return Ok(self.stream.write_all(&bytes)?);
        };
        for part in bytes.chunks(protected.most) {
            let wrapped = Sasl {
                state: State::Wrap.into(),
                token: Some(protected.layer.wrap(part).map_err(DialogError::Changed)?),
                ..Sasl::default()
            };
            let request = Request::new(PROTOBUF, SASL, &[]);
            let wrapped = wrapped.encode_length_delimited_to_vec();
            self.stream.write_all(&frame(&request, &wrapped))?;
        }
        Ok(())
    }

    /// The next frame: its header and its body. With protection, nothing is taken that does not have it.
    pub(super) fn receive(&mut self) -> Result<(Response, Vec<u8>), DialogError> {
        let Some(protected) = &mut self.protection else {
            return parsed(&next_frame(self.stream)?);
        };
        loop {
            if let Some(frame) = first_frame(&mut protected.received)? {
                return parsed(&frame);
            }
            let (response, body) = parsed(&next_frame(self.stream)?)?;
            // An error in the clear ends the conversation: it proves nothing, but no success does so either.
            succeeded(&response, SASL)?;
            let wrapped = sasl(&body)?;
            let token = wrapped.token.as_deref().unwrap_or_default();
            if wrapped.state() != State::Wrap {
                return Err(DialogError::Strange("it is without the agreed protection"));
            }
            let bytes = protected.layer.unwrap(token);
            let bytes = bytes.map_err(DialogError::Changed)?;
            protected.received.extend(bytes);
        }
    }
}

/// Reads a frame, without its length.
fn next_frame(stream: &mut impl Read) -> Result<Vec<u8>, DialogError> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; checked(length)?];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}

/// Takes the first frame out of these bytes, without its length, if it is complete.
fn first_frame(bytes: &mut Vec<u8>) -> Result<Option<Vec<u8>>, DialogError> {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    let length = checked(*length)?;
    let Some(frame) = rest.get(..length) else {
        return Ok(None);
    };
    let frame = frame.to_vec();
    bytes.drain(..4 + length);
    Ok(Some(frame))
}

fn checked(length: [u8; 4]) -> Result<usize, DialogError> {
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(DialogError::Strange("its answer is too long"));
    }
    Ok(length)
}

fn parsed(mut frame: &[u8]) -> Result<(Response, Vec<u8>), DialogError> {
    let response = Response::decode_length_delimited(&mut frame).map_err(|_| UNREADABLE)?;
    Ok((response, frame.to_owned()))
}

/// The body of an answer of the authentication.
pub(super) fn sasl(body: &[u8]) -> Result<Sasl, DialogError> {
    Sasl::decode_length_delimited(body).map_err(|_| UNREADABLE)
}

/// Whether a response belongs to this call, and is a success.
pub(super) fn succeeded(response: &Response, call: i32) -> Result<(), DialogError> {
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
