//! Reads files up to a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{Links, UnfitFile, open};

/// Reads a regular file. Fails if it has more than `limit` bytes.
pub fn read(path: &Path, links: Links, limit: u64) -> io::Result<Vec<u8>> {
    whole(&open(path, links)?, limit)
}

/// Reads a regular file as text. Fails if it has more than `limit` bytes.
pub fn read_text(path: &Path, links: Links, limit: u64) -> io::Result<String> {
    text(read(path, links, limit)?)
}

/// At most the first `limit` bytes of a file, for `/proc`, where a truncated read is never an error. `None` if the
/// file cannot be read.
pub fn beginning(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Reads an open file from its current position to the end. Fails if that is more than `limit` bytes.
pub fn whole(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than allowed shows that it is too large; its length may be wrong, as in /proc.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(UnfitFile::TooLarge(limit).into());
    }
    Ok(bytes)
}

pub(super) fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why.utf8_error()))
}
