//! Why a file is refused.

use std::fs::FileType;
use std::io;
use std::os::unix::fs::FileTypeExt;

use bytesize::ByteSize;
use thiserror::Error;

/// Why a file is refused, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnfitFile {
    /// It is a pipe, a device, a directory or a socket.
    #[error("it is {0}, and must be a regular file")]
    Kind(&'static str),
    /// It is a symbolic link, and none is followed here.
    #[error("it is a symbolic link, which is not followed here; name the file itself")]
    Link,
    /// It is a symbolic link of another user, who could direct this program to any file.
    #[error(
        "it is a symbolic link of another user (uid {0}), which is not followed; remove it, or name the file itself"
    )]
    LinkOfAnother(u32),
    /// It has more bytes than the limit.
    #[error("it is larger than {}, and is not read; make it smaller, or name another file", ByteSize(*.0).display().iec())]
    TooLarge(u64),
    /// It belongs to another user.
    #[error(
        "it belongs to another user (uid {0}) and is not trusted; run this as that user, or remove it if it is not needed"
    )]
    Owner(u32),
    /// Others may write it.
    #[error(
        "others may write it (mode {0:04o}), so it is not trusted; check its content, then run: chmod go-w"
    )]
    Writable(u32),
}

impl UnfitFile {
    /// The error for a file that is not a regular one.
    pub(super) fn kind(kind: FileType) -> Self {
        Self::Kind(if kind.is_fifo() {
            "a named pipe"
        } else if kind.is_dir() {
            "a directory"
        } else if kind.is_socket() {
            "a socket"
        } else if kind.is_symlink() {
            "a symbolic link"
        } else {
            "a device"
        })
    }

    /// The reason behind a failed operation, if it is one of these.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<UnfitFile> for io::Error {
    fn from(unfit: UnfitFile) -> Self {
        Self::new(io::ErrorKind::InvalidInput, unfit)
    }
}
