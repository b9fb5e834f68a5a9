//! Reads files up to a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{Links, Unfit, open};

/// What a regular file says. Fails if that is more than `limit` bytes.
pub fn read(path: &Path, links: Links, limit: u64) -> io::Result<Vec<u8>> {
    whole(&open(path, links)?, limit)
}

/// The same as text.
pub fn read_text(path: &Path, links: Links, limit: u64) -> io::Result<String> {
    text(read(path, links, limit)?)
}

/// At most the first `limit` bytes of a file, for `/proc`. Nothing there ends a program: what is cut off is missing.
/// `None` if it cannot be read.
pub fn beginning(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// All that an open file says from where it stands. Fails if that is more than `limit` bytes.
pub fn whole(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One more than allowed shows that it is too large; its length may be a lie, as in /proc.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Unfit::TooLarge(limit).into());
    }
    Ok(bytes)
}

pub(super) fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why.utf8_error()))
}
