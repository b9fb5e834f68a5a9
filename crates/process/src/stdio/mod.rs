//! The standard streams of this process: whether it was started with them, and how to use any kind of stream.
//!
//! - [`has_stdin`] and [`has_stdout`] distinguish a closed stream from `/dev/null`.
//! - [`BlockingStream`] waits for a stream with `O_NONBLOCK` instead of failing.
//! - [`raw_stdin`] and [`raw_stdout`] open the streams of a task, as pipes of 1 MiB.
//! - [`out`] and [`err`] are stdout and stderr for tools. Unlike `std::io::stdout` they report every failure.

mod blocking_stream;
mod given;
mod raw;

use std::io::{self, ErrorKind, Write};
use std::os::fd::BorrowedFd;
use std::time::Duration;

pub use blocking_stream::BlockingStream;
pub use given::{has_stdin, has_stdout};
pub use raw::{PIPE, RawStream, enlarge, raw_stdin, raw_stdout};

/// The longest wait for a full stderr with `O_NONBLOCK`.
const STDERR: Duration = Duration::from_secs(1);

/// The error of using a stream that this process was started without.
pub fn closed() -> io::Error {
    io::Error::new(
        ErrorKind::NotConnected,
        "it was closed when the program was started; redirect it, for example to or from /dev/null",
    )
}

/// Stdout without a buffer: what was written has left the program. Its errors name stdout.
#[derive(Debug)]
pub struct Out(BlockingStream<BorrowedFd<'static>>);

/// Stdout for tools.
pub fn out() -> Out {
    Out(BlockingStream::new(rustix::stdio::stdout()))
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = if has_stdout() {
            self.0.write(bytes)
        } else {
            Err(closed())
        };
        written
            .map_err(|error| io::Error::new(error.kind(), format!("cannot write stdout: {error}")))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Stderr for tools. If it has `O_NONBLOCK` and stays full, a write waits for a second at most.
pub fn err() -> BlockingStream<BorrowedFd<'static>> {
    BlockingStream::within(rustix::stdio::stderr(), STDERR)
}
