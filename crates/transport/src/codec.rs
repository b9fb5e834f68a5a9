//! Frames on the wire: length, content, MAC. Each direction counts its frames; the count is part of the MAC and is not
//! sent, so that a frame that is repeated, left out or out of order is refused.

use hmac::Mac;

use super::frame::{Frame, FrameError, LONGEST_TEXT};
use super::key::FrameKey;

/// The length of a MAC on the wire, in bytes: HMAC-SHA256 cut to 128 bits (RFC 2104, section 5).
const MAC: usize = 16;
/// The length of the length, in bytes.
const LENGTH: usize = 2;
/// The maximum length of type and content: a beat with the longest text.
const LONGEST: usize = 1 + 8 + LONGEST_TEXT;

/// Writes the frames of one direction.
#[derive(Debug)]
pub struct FrameWriter {
    key: FrameKey,
    /// The number of the next frame.
    next: u64,
}

impl FrameWriter {
    /// A writer of the first frame.
    pub fn new(key: FrameKey) -> Self {
        Self { key, next: 0 }
    }

    /// Appends a frame to `bytes`; appends nothing and returns [`FrameError::Length`] if a part is too long.
    pub fn write(&mut self, frame: &Frame, bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        let begin = bytes.len();
        bytes.extend([0; LENGTH]);
        let written = frame.write(bytes);
        let length = bytes.len() - begin - LENGTH;
        let length = u16::try_from(length).map_err(|_| FrameError::Length);
        let length = match written.and(length) {
            Ok(length) => length,
            Err(error) => {
                bytes.truncate(begin);
                return Err(error);
            }
        };
        bytes[begin..begin + LENGTH].copy_from_slice(&length.to_be_bytes());
        let mac = self.key.mac(self.next, &bytes[begin..]).finalize();
        bytes.extend(&mac.into_bytes()[..MAC]);
        self.next += 1;
        Ok(())
    }

    /// Takes back the last frame, of which no byte was sent: the next one gets its number.
    pub(super) fn take_back(&mut self) {
        self.next = self.next.saturating_sub(1);
    }
}

/// Reads the frames of one direction from bytes in any pieces. It holds one frame at most.
#[derive(Debug)]
pub struct FrameReader {
    key: FrameKey,
    next: u64,
    bytes: Vec<u8>,
}

impl FrameReader {
    /// A reader of the first frame.
    pub fn new(key: FrameKey) -> Self {
        Self {
            key,
            next: 0,
            bytes: Vec::new(),
        }
    }

    /// Takes the next frame from the beginning of `input`; `None` if it is not complete: then all of `input` is taken.
    /// After an error the connection must end.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, FrameError> {
        self.fill(input, LENGTH);
        let Some(length) = self.bytes.first_chunk() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes(*length));
        if !(1..=LONGEST).contains(&length) {
            return Err(FrameError::Length);
        }
        let whole = LENGTH + length + MAC;
        self.fill(input, whole);
        if self.bytes.len() < whole {
            return Ok(None);
        }
        let (frame, mac) = self.bytes.split_at(LENGTH + length);
        let expected = self.key.mac(self.next, frame);
        expected
            .verify_truncated_left(mac)
            .map_err(|_| FrameError::Mac)?;
        let frame = Frame::read(&frame[LENGTH..])?;
        self.bytes.clear();
        self.next += 1;
        Ok(Some(frame))
    }

    /// Takes input until `length` bytes are there.
    fn fill(&mut self, input: &mut &[u8], length: usize) {
        let missing = length.saturating_sub(self.bytes.len());
        let (taken, rest) = input.split_at(missing.min(input.len()));
        self.bytes.extend(taken);
        *input = rest;
    }
}

#[cfg(test)]
mod tests;
