//! The reducer, which is its own combiner: sums a sorted stream of `key<TAB>count`.

use super::StreamError;
use super::blocks::{BLOCK, Output, read};
use super::long_line::{LongLine, LongValue, RunKey};
use super::sum::{Count, Sum};
use heartline_process::progress::Progress;
use std::fmt;
use std::io::{Read, Write};

/// The longest key whose buffer is kept for the next key, in bytes.
const LONGEST_SPARE: usize = BLOCK;

/// Counts of lines that were not summed because they hold no record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Lines without a tab, including empty lines.
    pub without_tab: u64,
    /// Lines whose count is not an integer.
    pub not_integer: u64,
}

impl Skipped {
    /// The number of all skipped lines.
    pub fn total(self) -> u64 {
        self.without_tab + self.not_integer
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ignored {} lines: {} without a tab, {} whose count is not an integer",
            self.total(),
            self.without_tab,
            self.not_integer
        )
    }
}

/// Writes `key<TAB>sum` for each run of lines with the same key, and returns how many lines it skipped.
///
/// - The key is everything before the first tab, byte by byte; it may be empty and of any length, as long as
///   one copy of it fits into memory. What follows the key uses no memory.
/// - The count is the rest, as Python's `int()` reads it: a sign, decimal digits, whitespace around them.
///   It may have up to 4300 digits, which is the limit of `int()` too. A sum may be of any size.
/// - Other lines are skipped as if they were not there: a run continues after them.
/// - An unsorted stream gives one line for each run, which is right for a combiner.
pub fn reduce(
    input: &mut impl Read,
    output: &mut impl Write,
    progress: &Progress,
) -> Result<Skipped, StreamError> {
    let mut reducer = Reducer::new(Output::new(output, progress));
    let mut buffer = vec![0; BLOCK];
    // `buffer[..held]` is the beginning of a line.
    let mut held = 0;
    // A line longer than the buffer, which is then empty.
    let mut long: Option<LongLine> = None;
    loop {
        let count = read(input, &mut buffer[held..])?;
        if count == 0 {
            break;
        }
        let end = held + count;
        let mut from = 0;
        if let Some(mut line) = long.take() {
            let newline = memchr::memchr(b'\n', &buffer[..end]);
            line.push(&buffer[..newline.unwrap_or(end)])?;
            if newline.is_some() {
                reducer.long_line(line)?;
                progress.add_lines_in(1);
            } else {
                long = Some(line);
            }
            from = newline.map_or(end, |newline| newline + 1);
        }
        // The bytes held from before have no newline: they are not searched again.
        let searched = from.max(held);
        if let Some(newline) = memchr::memrchr(b'\n', &buffer[searched..end]) {
            let lines = searched + newline + 1;
            progress.add_lines_in(reducer.lines(&buffer[from..lines])?);
            from = lines;
        }
        buffer.copy_within(from..end, 0);
        held = end - from;
        if held == buffer.len() {
            reducer.make_way()?;
            long = Some(LongLine::new(&buffer)?);
            held = 0;
        }
        progress.add_bytes_in(count as u64);
        reducer.output.flush()?;
    }
    if let Some(line) = long {
        reducer.long_line(line)?;
        progress.add_lines_in(1);
    } else if held > 0 {
        let value = reducer.line(&buffer[..held])?;
        reducer.add(&value, 1);
        progress.add_lines_in(1);
    }
    reducer.write()?;
    reducer.output.flush()?;
    Ok(reducer.skipped)
}

/// What a line contributes.
enum Value {
    Count(Count),
    NoTab,
    NoInteger,
}

struct Reducer<'a, W> {
    output: Output<'a, W>,
    /// The key of the current run; `None` if there is no run, for a key may be empty.
    key: Option<RunKey>,
    /// The buffer of the last kept key, for reuse.
    spare: Vec<u8>,
    sum: Sum,
    skipped: Skipped,
}

impl<'a, W: Write> Reducer<'a, W> {
    fn new(output: Output<'a, W>) -> Self {
        Self {
            output,
            key: None,
            spare: Vec::new(),
            sum: Sum::default(),
            skipped: Skipped::default(),
        }
    }

    /// Processes whole lines, each with its newline, and returns how many there were.
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
            let times = times(&lines[at..], len);
            self.add(&value, times as u64);
            count += times as u64;
            at += times * len;
        }
        Ok(count)
    }

    /// Reads a line, and makes its key the current one if the line is a record.
    fn line(&mut self, line: &[u8]) -> Result<Value, StreamError> {
        let Some(tab) = memchr::memchr(b'\t', line) else {
            return Ok(Value::NoTab);
        };
        let Some(count) = Count::parse(&line[tab + 1..]) else {
            return Ok(Value::NoInteger);
        };
        let key = &line[..tab];
        if !self.key.as_ref().is_some_and(|run| run.is(key)) {
            self.write()?;
            let mut kept = std::mem::take(&mut self.spare);
            kept.extend_from_slice(key);
            self.key = Some(RunKey::Kept(kept));
        }
        Ok(Value::Count(count))
    }

    /// Releases a long key before another one may have to be kept: it is written, as it would be at the end of
    /// its run, and recognized again by its digest.
    fn make_way(&mut self) -> Result<(), StreamError> {
        if let Some(RunKey::Kept(key)) = &self.key
            && key.len() > LONGEST_SPARE
        {
            self.output.put(key, 0)?;
            self.output.put(b"\t", 0)?;
            self.key = Some(RunKey::written(key));
        }
        Ok(())
    }

    /// Processes a line that did not fit into the buffer.
    fn long_line(&mut self, line: LongLine) -> Result<(), StreamError> {
        let value = match line.end() {
            LongValue::NoTab => Value::NoTab,
            LongValue::NoInteger => Value::NoInteger,
            LongValue::Count(key, count) => {
                if !self.key.as_ref().is_some_and(|run| run.is(&key)) {
                    self.write()?;
                    self.key = Some(RunKey::Kept(key));
                }
                Value::Count(count)
            }
        };
        self.add(&value, 1);
        Ok(())
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
        match self.key.take() {
            None => Ok(()),
            Some(RunKey::Kept(mut key)) => {
                self.sum.take(|digits| self.output.put_sum(&key, digits))?;
                if key.capacity() <= LONGEST_SPARE {
                    key.clear();
                    self.spare = key;
                }
                Ok(())
            }
            Some(RunKey::Written { .. }) => self.sum.take(|digits| {
                self.output.put(digits, 0)?;
                self.output.put(b"\n", 1)
            }),
        }
    }
}

/// How many times the first `len` bytes repeat in a row.
fn times(bytes: &[u8], len: usize) -> usize {
    let (first, later) = bytes.split_at(len);
    if later.get(..len) != Some(first) {
        return 1;
    }
    1 + common(bytes, later) / len
}

/// How many bytes two slices have in common from the start.
fn common(one: &[u8], other: &[u8]) -> usize {
    let wide = std::iter::zip(one.as_chunks::<32>().0, other.as_chunks::<32>().0)
        .take_while(|(one, other)| one == other)
        .count();
    let same = wide * 32;
    same + std::iter::zip(&one[same..], &other[same..])
        .take_while(|(one, other)| one == other)
        .count()
}

#[cfg(test)]
mod tests;
