//! The reducer, which is its own combiner: sums a sorted stream of `key<TAB>count`.

use super::blocks::{BLOCK, Output, read};
use super::sum::{Count, Sum};
use super::{Progress, StreamError};
use std::io::{Read, Write};

/// Lines that could not be summed, for they held no record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Lines without a tab, empty ones too.
    pub without_tab: u64,
    /// Lines whose count is not an integer.
    pub not_integer: u64,
}

impl Skipped {
    /// All of them.
    pub fn total(self) -> u64 {
        self.without_tab + self.not_integer
    }
}

/// Writes `key<TAB>sum` for each run of lines with the same key, and says what it had to skip.
///
/// - The key is what stands before the first tab, byte by byte; it may be empty (seed 002 drops a first key
///   that is) and of any length, as long as two lines of it fit into memory.
/// - The count is what follows, as Python's `int()` reads it: a sign, decimal digits, whitespace around them.
///   It may be of any size up to 4300 digits, which is where `int()` gives up too, and so may sums.
/// - Lines that are no such records are skipped as if they were not there: a run goes on behind them.
/// - An unsorted stream gives each run by itself, which is right for a combiner.
pub fn reduce(
    input: &mut impl Read,
    output: &mut impl Write,
    progress: &Progress,
) -> Result<Skipped, StreamError> {
    let mut reducer = Reducer::new(Output::new(output, progress));
    let mut buffer = vec![0; BLOCK];
    // `buffer[..held]` is the beginning of a line.
    let mut held = 0;
    loop {
        if held == buffer.len() {
            buffer.resize(2 * held, 0);
        }
        let count = read(input, &mut buffer[held..])?;
        if count == 0 {
            break;
        }
        let end = held + count;
        // What was held has no newline: it is not searched again.
        if let Some(newline) = memchr::memrchr(b'\n', &buffer[held..end]) {
            let lines = held + newline + 1;
            progress.add_lines_in(reducer.lines(&buffer[..lines])?);
            buffer.copy_within(lines..end, 0);
            held = end - lines;
        } else {
            held = end;
        }
        progress.add_bytes_in(count as u64);
        reducer.output.flush()?;
    }
    if held > 0 {
        let value = reducer.line(&buffer[..held])?;
        reducer.add(&value, 1);
        progress.add_lines_in(1);
    }
    reducer.write()?;
    reducer.output.flush()?;
    Ok(reducer.skipped)
}

/// What a line adds.
enum Value {
    Count(Count),
    NoTab,
    NoInteger,
}

struct Reducer<'a, W> {
    output: Output<'a, W>,
    key: Vec<u8>,
    sum: Sum,
    /// Whether there is a run: its key may be empty.
    running: bool,
    skipped: Skipped,
}

impl<'a, W: Write> Reducer<'a, W> {
    fn new(output: Output<'a, W>) -> Self {
        Self {
            output,
            key: Vec::new(),
            sum: Sum::default(),
            running: false,
            skipped: Skipped::default(),
        }
    }

    /// Takes whole lines, each with its newline, and says how many there were.
    ///
    /// A sorted stream repeats itself: most lines of a mapper's output are the line before. Then the bytes
    /// from here on equal the bytes one line earlier, for as long as the repetition goes on, so one
    /// comparison of memory with itself counts all of it.
    fn lines(&mut self, lines: &[u8]) -> Result<u64, StreamError> {
        let mut count = 0;
        let mut at = 0;
        while let Some(newline) = memchr::memchr(b'\n', &lines[at..]) {
            let value = self.line(&lines[at..at + newline])?;
            let len = newline + 1;
            let same = repeated(&lines[at..], len);
            let times = if same < len { 1 } else { 1 + same / len };
            self.add(&value, times as u64);
            count += times as u64;
            at += times * len;
        }
        Ok(count)
    }

    /// Reads a line, and turns to its key if it is a record.
    fn line(&mut self, line: &[u8]) -> Result<Value, StreamError> {
        let Some(tab) = memchr::memchr(b'\t', line) else {
            return Ok(Value::NoTab);
        };
        let Some(count) = Count::parse(&line[tab + 1..]) else {
            return Ok(Value::NoInteger);
        };
        let key = &line[..tab];
        if key != self.key || !self.running {
            self.write()?;
            self.key.clear();
            self.key.extend_from_slice(key);
            self.running = true;
        }
        Ok(Value::Count(count))
    }

    fn add(&mut self, value: &Value, times: u64) {
        match value {
            Value::Count(count) => self.sum.add(count, times),
            Value::NoTab => self.skipped.without_tab += times,
            Value::NoInteger => self.skipped.not_integer += times,
        }
    }

    /// Writes the run, if there is one.
    fn write(&mut self) -> Result<(), StreamError> {
        if !std::mem::take(&mut self.running) {
            return Ok(());
        }
        self.output.put(&self.key, 0)?;
        self.output.put(b"\t", 0)?;
        self.sum.take(|digits| self.output.put(digits, 0))?;
        self.output.put(b"\n", 1)
    }
}

/// How many bytes of `bytes[period..]` equal those `period` earlier.
fn repeated(bytes: &[u8], period: usize) -> usize {
    let later = &bytes[period..];
    let wide = std::iter::zip(bytes.as_chunks::<32>().0, later.as_chunks::<32>().0)
        .take_while(|(earlier, later)| earlier == later)
        .count();
    let same = wide * 32;
    same + std::iter::zip(&bytes[same..], &later[same..])
        .take(32)
        .take_while(|(earlier, later)| earlier == later)
        .count()
}
