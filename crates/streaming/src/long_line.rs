//! Lines longer than a block, and the keys of the runs they may belong to: never more than one copy of one key.

use super::StreamError;
use super::sum::{Count, CountField};
use sha2::{Digest, Sha256};
use std::io;

/// The key of a run.
pub(super) enum RunKey {
    /// The key is kept, to be compared with the next one and written at the end.
    Kept(Vec<u8>),
    /// The key was long and is already written. The next key is compared with its length and digest.
    Written {
        /// The length of the key in bytes.
        len: usize,
        /// The SHA-256 digest of the key.
        digest: [u8; 32],
    },
}

impl RunKey {
    /// A key that was written and need not be kept.
    pub(super) fn written(key: &[u8]) -> Self {
        Self::Written {
            len: key.len(),
            digest: Sha256::digest(key).into(),
        }
    }

    /// Whether `key` is this key.
    #[inline]
    pub(super) fn is(&self, key: &[u8]) -> bool {
        match self {
            Self::Kept(kept) => kept == key,
            Self::Written { len, digest } => {
                *len == key.len() && *digest == <[u8; 32]>::from(Sha256::digest(key))
            }
        }
    }
}

/// What a long line contributes.
pub(super) enum LongValue {
    /// A count for the run of a key.
    Count(Vec<u8>, Count),
    NoTab,
    NoInteger,
}

/// A line that arrives in parts: its key is kept, the rest is not.
pub(super) struct LongLine {
    key: Vec<u8>,
    /// The field after the tab; `None` before the tab has been read.
    field: Option<CountField>,
}

impl LongLine {
    /// Starts a line with these bytes.
    pub(super) fn new(beginning: &[u8]) -> Result<Self, StreamError> {
        let mut line = Self {
            key: Vec::new(),
            field: None,
        };
        line.push(beginning)?;
        Ok(line)
    }

    /// Takes the next part, which has no newline. Fails if its key does not fit into memory.
    pub(super) fn push(&mut self, part: &[u8]) -> Result<(), StreamError> {
        if let Some(field) = &mut self.field {
            field.push(part);
            return Ok(());
        }
        let tab = memchr::memchr(b'\t', part);
        let key = &part[..tab.unwrap_or(part.len())];
        if self.key.capacity() - self.key.len() < key.len() {
            // Doubling the capacity, as a vector does, would need a second copy of a key that only just fits.
            let more = key.len().max(self.key.len() / 8);
            let room = self.key.try_reserve_exact(more);
            room.map_err(|_| too_long(self.key.len() + key.len()))?;
        }
        self.key.extend_from_slice(key);
        if let Some(tab) = tab {
            let mut field = CountField::default();
            field.push(&part[tab + 1..]);
            self.field = Some(field);
        }
        Ok(())
    }

    /// Called at the end of the line.
    pub(super) fn end(self) -> LongValue {
        match self.field.map(|field| field.end()) {
            None => LongValue::NoTab,
            Some(None) => LongValue::NoInteger,
            Some(Some(count)) => LongValue::Count(self.key, count),
        }
    }
}

fn too_long(len: usize) -> StreamError {
    StreamError::Read(io::Error::new(
        io::ErrorKind::OutOfMemory,
        format!("a line's key of {len} bytes or more does not fit into memory; is a tab missing?"),
    ))
}
