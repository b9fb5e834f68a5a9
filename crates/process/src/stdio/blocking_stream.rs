//! Reading and writing that waits, even on a file with `O_NONBLOCK`.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// A stream whose reads and writes wait until it is ready. `O_NONBLOCK` belongs to the open file, which other
/// processes share, so it is left as it is.
#[derive(Debug)]
pub struct BlockingStream<T> {
    stream: T,
    /// The longest wait for one read or write; `None` waits without a limit.
    limit: Option<Duration>,
}

impl<T: AsFd> BlockingStream<T> {
    /// Waits without a limit.
    pub fn new(stream: T) -> Self {
        Self {
            stream,
            limit: None,
        }
    }

    /// Waits for `limit` at most, then fails with a timeout.
    pub fn within(stream: T, limit: Duration) -> Self {
        Self {
            stream,
            limit: Some(limit),
        }
    }

    /// The result of `attempt`, which is repeated after each wait.
    fn keep_at(
        &self,
        wanted: PollFlags,
        mut attempt: impl FnMut(&T) -> Result<usize, Errno>,
    ) -> io::Result<usize> {
        loop {
            match attempt(&self.stream) {
                Err(Errno::AGAIN) => self.wait(wanted)?,
                Err(Errno::INTR) => {}
                outcome => return Ok(outcome?),
            }
        }
    }

    fn wait(&self, wanted: PollFlags) -> io::Result<()> {
        let limit = self.limit.map(|limit| Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(limit.subsec_nanos()),
        });
        match poll(&mut [PollFd::new(&self.stream, wanted)], limit.as_ref()) {
            Ok(0) => Err(io::ErrorKind::TimedOut.into()),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl<T: AsFd> AsFd for BlockingStream<T> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl<T: AsFd> Read for BlockingStream<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.keep_at(PollFlags::IN, |stream| {
            rustix::io::read(stream, &mut *buffer)
        })
    }
}

impl<T: AsFd> Write for BlockingStream<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.keep_at(PollFlags::OUT, |stream| rustix::io::write(stream, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::pipe;
    use std::thread::{sleep, spawn};

    use super::*;

    #[test]
    fn what_would_not_wait_is_waited_for() {
        let (reader, writer) = pipe().unwrap();
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let expected = bytes.clone();
        // Each side is faster than the other at some time, for each pauses once.
        let feeder = spawn(move || {
            let mut writer = BlockingStream::new(writer);
            sleep(Duration::from_millis(20));
            let (first, rest) = bytes.split_at(1000);
            writer.write_all(first).unwrap();
            writer.write_all(rest).unwrap();
        });
        let mut reader = BlockingStream::new(reader);
        let mut taken = vec![0; 1000];
        reader.read_exact(&mut taken).unwrap();
        sleep(Duration::from_millis(20));
        reader.read_to_end(&mut taken).unwrap();
        assert!(taken == expected);
        feeder.join().unwrap();
    }

    #[test]
    fn a_wait_may_have_a_limit() {
        let (_reader, writer) = pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let mut writer = BlockingStream::within(writer, Duration::from_millis(10));
        let too_much = vec![b'x'; 10_000_000];
        let error = writer.write_all(&too_much).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
