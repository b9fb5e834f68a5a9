//! Block-wise reading and writing: what the mapper and the combiner share around their inner loops.

use super::{StreamError, edges::PIECE};
use heartline_process::progress::Progress;
use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes per read: enough to make system calls cheap, small enough to stay in the second-level cache.
pub(super) const BLOCK: usize = 256 * 1024;

/// Bytes behind a piece that may be touched, so that words can be copied 16 bytes at a time.
pub(super) const SLACK: usize = 64;

/// The output of a paced mapper reaches its reader within this time.
const PACED_FLUSH: Duration = Duration::from_millis(50);

/// A piece of input and the bytes behind it, in an array of fixed size: an index masked with `PIECE - 1` needs no
/// bounds check.
pub(super) type Piece = [u8; PIECE + SLACK];

/// Reads bytes from `input` like [`Read::read`], but retries after an interrupting signal.
pub(super) fn read(input: &mut impl Read, into: &mut [u8]) -> Result<usize, StreamError> {
    loop {
        match input.read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other.map_err(StreamError::Read),
        }
    }
}

/// The output: a buffer of fixed size in front of a writer.
pub(super) struct Output<'a, W> {
    to: &'a mut W,
    progress: &'a Progress,
    buffer: Box<[u8]>,
    len: usize,
    /// Records not yet added to the progress.
    records: u64,
}

impl<'a, W: Write> Output<'a, W> {
    pub(super) const SIZE: usize = 512 * 1024;

    pub(super) fn new(to: &'a mut W, progress: &'a Progress) -> Self {
        Self {
            to,
            progress,
            buffer: vec![0; Self::SIZE].into(),
            len: 0,
            records: 0,
        }
    }

    /// Room for `N` bytes; the caller reports the bytes it used with [`Self::advance`].
    pub(super) fn room<const N: usize>(&mut self) -> Result<&mut [u8; N], StreamError> {
        const { assert!(N <= Self::SIZE) }
        if self.buffer.len() - self.len < N {
            self.flush()?;
        }
        match self.buffer[self.len..].first_chunk_mut() {
            Some(room) => Ok(room),
            None => unreachable!("an empty buffer has room for {N} bytes"),
        }
    }

    /// Marks the next `bytes` bytes of the room as output that holds `records` records.
    pub(super) fn advance(&mut self, bytes: usize, records: u64) {
        self.len += bytes;
        self.records += records;
    }

    /// Writes bytes of any length, which complete `records` records.
    pub(super) fn put(&mut self, bytes: &[u8], records: u64) -> Result<(), StreamError> {
        if self.buffer.len() - self.len < bytes.len() {
            self.flush()?;
        }
        if let Some(room) = self.buffer[self.len..].get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        } else {
            self.to.write_all(bytes).map_err(StreamError::Write)?;
            self.progress.add_bytes_out(bytes.len() as u64);
        }
        self.records += records;
        Ok(())
    }

    /// Writes `key<TAB>count`, in one step if it fits.
    pub(super) fn put_sum(&mut self, key: &[u8], count: &[u8]) -> Result<(), StreamError> {
        let len = key.len() + 1 + count.len() + 1;
        if self.buffer.len() - self.len < len {
            self.flush()?;
        }
        let Some(room) = self.buffer[self.len..].get_mut(..len) else {
            self.put(key, 0)?;
            self.put(b"\t", 0)?;
            self.put(count, 0)?;
            return self.put(b"\n", 1);
        };
        let (key_room, rest) = room.split_at_mut(key.len());
        key_room.copy_from_slice(key);
        rest[0] = b'\t';
        rest[1..=count.len()].copy_from_slice(count);
        rest[count.len() + 1] = b'\n';
        self.advance(len, 1);
        Ok(())
    }

    /// Passes all buffered output to the writer.
    pub(super) fn flush(&mut self) -> Result<(), StreamError> {
        if self.len > 0 {
            self.to
                .write_all(&self.buffer[..self.len])
                .map_err(StreamError::Write)?;
            self.to.flush().map_err(StreamError::Write)?;
            self.progress.add_bytes_out(self.len as u64);
            self.len = 0;
        }
        if self.records > 0 {
            self.progress.add_records_out(self.records);
            self.records = 0;
        }
        Ok(())
    }
}

/// Processes the words of an input that arrives in parts, cut anywhere.
pub(super) trait Engine {
    /// Processes the first `len` bytes of `piece`, and returns the number of newlines in them.
    fn feed<W: Write>(
        &mut self,
        piece: &Piece,
        len: usize,
        output: &mut Output<'_, W>,
    ) -> Result<u64, StreamError>;

    /// Called at the end of the input: writes what is still held.
    fn finish<W: Write>(&mut self, output: &mut Output<'_, W>) -> Result<(), StreamError>;
}

/// Reads `input` to its end through `engine`.
///
/// The output of a block is written before the next block is read, so that a slow input delays no output. With
/// `pace`, the work pauses that long after each line.
pub(super) fn drive(
    input: &mut impl Read,
    output: &mut impl Write,
    progress: &Progress,
    pace: Option<Duration>,
    engine: &mut impl Engine,
) -> Result<(), StreamError> {
    let mut output = Output::new(output, progress);
    let mut buffer = vec![0; BLOCK + PIECE + SLACK];
    let mut last = b'\n';
    let mut flushed = Instant::now();
    loop {
        let count = read(input, &mut buffer[..BLOCK])?;
        if count == 0 {
            break;
        }
        last = buffer[count - 1];
        let Some(pace) = pace else {
            let lines = feed(engine, &buffer, 0, count, &mut output)?;
            progress.add_lines_in(lines);
            progress.add_bytes_in(count as u64);
            output.flush()?;
            continue;
        };
        let mut from = 0;
        while from < count {
            let rest = &buffer[from..count];
            let newline = memchr::memchr(b'\n', rest);
            let to = from + newline.map_or(rest.len(), |at| at + 1);
            let lines = feed(engine, &buffer, from, to, &mut output)?;
            progress.add_lines_in(lines);
            progress.add_bytes_in((to - from) as u64);
            if newline.is_some() {
                thread::sleep(pace);
            }
            if flushed.elapsed() >= PACED_FLUSH {
                output.flush()?;
                flushed = Instant::now();
            }
            from = to;
        }
        output.flush()?;
    }
    engine.finish(&mut output)?;
    progress.add_lines_in(u64::from(last != b'\n'));
    output.flush()
}

/// Passes `buffer[from..to]` to the engine piece by piece.
fn feed<W: Write>(
    engine: &mut impl Engine,
    buffer: &[u8],
    from: usize,
    to: usize,
    output: &mut Output<'_, W>,
) -> Result<u64, StreamError> {
    let mut lines = 0;
    for start in (from..to).step_by(PIECE) {
        let Some(piece) = buffer[start..].first_chunk() else {
            unreachable!("the buffer has a piece and more behind each block");
        };
        lines += engine.feed(piece, PIECE.min(to - start), output)?;
    }
    Ok(lines)
}
