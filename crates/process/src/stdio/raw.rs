//! The raw standard streams of a task.
//!
//! `std::io::Stdout` writes at every newline, and a mapper writes one every few bytes. A pipe of 1 MiB instead of
//! 64 KiB lets a task and its neighbours work with fewer context switches.

use super::{BlockingStream, closed, has_stdin, has_stdout};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::io;

/// The largest pipe that needs no special rights, in bytes.
pub const PIPE: usize = 1024 * 1024;

/// A standard stream without a buffer of its own.
pub type RawStream = BlockingStream<OwnedFd>;

/// Stdin. Fails if the process was started without one.
pub fn raw_stdin() -> io::Result<RawStream> {
    open(has_stdin(), rustix::stdio::stdin())
}

/// Stdout: what is written has left the program. Fails if the process was started without one.
pub fn raw_stdout() -> io::Result<RawStream> {
    open(has_stdout(), rustix::stdio::stdout())
}

fn open(is_given: bool, stream: BorrowedFd<'_>) -> io::Result<RawStream> {
    if !is_given {
        return Err(closed());
    }
    let stream = stream.try_clone_to_owned()?;
    enlarge(&stream);
    Ok(BlockingStream::new(stream))
}

/// Makes a pipe larger. Leaves everything else, and a pipe that the system will not enlarge, as it is.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn enlarge(file: &impl AsFd) {
    let _ = rustix::pipe::fcntl_setpipe_size(file, PIPE);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn enlarge(_: &impl AsFd) {
    let _ = PIPE;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_enlarged_and_a_file_left_alone() {
        let (reader, _writer) = io::pipe().unwrap();
        let before = rustix::pipe::fcntl_getpipe_size(&reader).unwrap();
        enlarge(&reader);
        let after = rustix::pipe::fcntl_getpipe_size(&reader).unwrap();
        // The system refuses more to a user who holds very many pipes; then the size stays as it was.
        assert!(after == PIPE || after == before, "{before} became {after}");
        enlarge(&tempfile::tempfile().unwrap());
    }
}
