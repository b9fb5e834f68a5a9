//! Reads a file that the user of this program names, including what a shell makes of `<(COMMAND)`.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::open::{blocking, is_own_descriptor, raw};
use super::read::{text, whole};
use super::{Links, open};

/// A file that was read.
#[derive(Debug)]
pub struct Named {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its metadata: owner and mode.
    pub about: Metadata,
}

impl Named {
    /// The content as text.
    pub fn text(self) -> io::Result<String> {
        text(self.bytes)
    }
}

/// Reads the file that the user names. A symbolic link is followed, for the user has chosen it. Fails if the file has
/// more than `limit` bytes.
///
/// A pipe is accepted only if this program was started with it, as `/dev/fd/N` or `/dev/stdin`: nobody else can have
/// put it there, and its user expects to wait for it as in every other program. A named pipe is refused: its maker
/// could keep this program waiting for ever.
pub fn read_named(path: &Path, limit: u64) -> io::Result<Named> {
    let file = match pipe(path)? {
        Some(pipe) => pipe,
        None => open(path, Links::Followed)?,
    };
    Ok(Named {
        bytes: whole(&file, limit)?,
        about: file.metadata()?,
    })
}

/// Opens a pipe that this program was started with; `None` if the path is something else.
fn pipe(path: &Path) -> io::Result<Option<File>> {
    let is_pipe = |about: Metadata| about.file_type().is_fifo();
    if !is_own_descriptor(path) || !path.metadata().is_ok_and(is_pipe) {
        return Ok(None);
    }
    // A named pipe as stdin would wait here for a writer.
    let file = File::from(raw(path, OFlags::RDONLY)?);
    blocking(file).map(Some)
}
