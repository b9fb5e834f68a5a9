//! The reducer, which is its own combiner: sums a sorted stream of `key<TAB>count`.

use super::blocks::{BLOCK, Output, read};
use super::long_line::{LongLine, LongValue, RunKey};
use super::sum::{Count, Sum};
use super::{Progress, StreamError};
use std::fmt;
use std::io::{Read, Write};

/// The longest key whose room is kept for the next one.
const LONGEST_SPARE: usize = BLOCK;

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

/// Writes `key<TAB>sum` for each run of lines with the same key, and says what it had to skip.
///
/// - The key is what stands before the first tab, byte by byte; it may be empty and of any length, as long as
///   one copy of it fits into memory. What follows it takes none.
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
    // A line that is longer than the buffer, which is empty then.
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
            line.push(&buffer[..newline.unwrap_or(end)]);
            if newline.is_some() {
                reducer.long_line(line)?;
                progress.add_lines_in(1);
            } else {
                long = Some(line);
            }
            from = newline.map_or(end, |newline| newline + 1);
        }
        // What was held has no newline: it is not searched again.
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
            long = Some(LongLine::new(&buffer));
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

/// What a line adds.
enum Value {
    Count(Count),
    NoTab,
    NoInteger,
}

struct Reducer<'a, W> {
    output: Output<'a, W>,
    /// The run, if there is one: its key may be empty.
    key: Option<RunKey>,
    /// The room of the last key that was kept.
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
            let times = times(&lines[at..], len);
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
        if !self.key.as_ref().is_some_and(|run| run.is(key)) {
            self.write()?;
            let mut kept = std::mem::take(&mut self.spare);
            kept.extend_from_slice(key);
            self.key = Some(RunKey::Kept(kept));
        }
        Ok(Value::Count(count))
    }

    /// Gets rid of a long key before another one may have to be kept: it is written, as it would be at the end of
    /// its run, and known again by its digest.
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

    /// Takes a line that did not fit into the buffer.
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

/// How often the first `len` bytes come in a row.
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
mod tests {
    use super::super::testing::{Broken, Chunked, Narrow, lines, sizes};
    use super::*;
    use proptest::prelude::*;

    fn check(text: &[u8], sizes: &[usize]) -> (Vec<u8>, Skipped) {
        let (mut output, progress) = (Vec::new(), Progress::new());
        let skipped = reduce(&mut Chunked::new(text, sizes), &mut output, &progress).unwrap();
        assert_eq!(progress.lines_in(), lines(text));
        assert_eq!(progress.bytes_in(), text.len() as u64);
        assert_eq!(progress.records_out(), lines(&output));
        assert_eq!(progress.bytes_out(), output.len() as u64);
        (output, skipped)
    }

    fn skipped(without_tab: u64, not_integer: u64) -> Skipped {
        Skipped {
            without_tab,
            not_integer,
        }
    }

    /// The same, line by line, by the standard library.
    fn plain(text: &[u8]) -> (Vec<u8>, Skipped) {
        let mut runs: Vec<(&[u8], i128)> = Vec::new();
        let mut skipped = Skipped::default();
        let whole = text.strip_suffix(b"\n").unwrap_or(text);
        for line in whole
            .split(|&byte| byte == b'\n')
            .filter(|_| !text.is_empty())
        {
            let Some(tab) = line.iter().position(|&byte| byte == b'\t') else {
                skipped.without_tab += 1;
                continue;
            };
            let field = String::from_utf8_lossy(&line[tab + 1..]);
            let Ok(count) = field
                .trim_matches(['\t', '\x0b', '\x0c', '\r', ' '])
                .parse::<i64>()
            else {
                skipped.not_integer += 1;
                continue;
            };
            match runs.last_mut() {
                Some((key, sum)) if *key == &line[..tab] => *sum += i128::from(count),
                _ => runs.push((&line[..tab], i128::from(count))),
            }
        }
        let mut output = Vec::new();
        for (key, sum) in runs {
            output.extend_from_slice(key);
            output.extend_from_slice(format!("\t{sum}\n").as_bytes());
        }
        (output, skipped)
    }

    /// Streams in which lines come again, some of them no records.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let key = prop_oneof![
            6 => "[ab]{0,2}".prop_map(String::into_bytes),
            1 => "a{30,70}".prop_map(String::into_bytes),
            1 => proptest::collection::vec(any::<u8>(), 0..6),
        ];
        let count = prop_oneof![
            6 => Just("\t1".to_owned()),
            3 => any::<i64>().prop_map(|count| format!("\t{count}")),
            2 => "\t[ \t\r]?[+-]?[0-9]{1,3}[ \t\r]?",
            1 => Just("\tx".to_owned()),
            1 => Just(String::new()),
        ];
        let line = (key, count, 1..40_usize).prop_map(|(key, count, times)| {
            [&key[..], count.as_bytes(), b"\n"].concat().repeat(times)
        });
        (proptest::collection::vec(line, 0..30), any::<bool>()).prop_map(|(lines, cut)| {
            let mut text = lines.concat();
            if cut {
                text.pop();
            }
            text
        })
    }

    proptest! {
        #[test]
        fn runs_are_summed_however_the_input_is_cut(text in stream(), sizes in sizes()) {
            let (output, skipped) = check(&text, &sizes);
            let (plain_output, plain_skipped) = plain(&text);
            prop_assert_eq!(output, plain_output);
            prop_assert_eq!(skipped, plain_skipped);
        }
    }

    #[test]
    fn records_and_what_is_none() {
        for (text, output, skip) in [
            (&b""[..], &b""[..], skipped(0, 0)),
            (b"a\t1\na\t2\nb\t-3\n", b"a\t3\nb\t-3\n", skipped(0, 0)),
            (b"a\t1\r\na\t 1 \r\n", b"a\t2\n", skipped(0, 0)),
            // The last key is not lost, with or without a newline, and whatever comes last.
            (b"a\t1\nb\t1", b"a\t1\nb\t1\n", skipped(0, 0)),
            (b"a\t1\nb\tx\n", b"a\t1\n", skipped(0, 1)),
            // A run goes on behind what is skipped.
            (
                b"a\t1\nnothing\na\tone\nb\t\n\na\t1\n",
                b"a\t2\n",
                skipped(2, 2),
            ),
            // Only the first tab ends a key; an empty key is one.
            (b"a\t1\t1\n", b"", skipped(0, 1)),
            (b"\t1\n\t1\na\t1\n", b"\t2\na\t1\n", skipped(0, 0)),
            (b"\tx\n\n", b"", skipped(1, 1)),
            // An unsorted stream gives its runs.
            (b"a\t1\nb\t1\na\t1\n", b"a\t1\nb\t1\na\t1\n", skipped(0, 0)),
            (b"a\t0\n", b"a\t0\n", skipped(0, 0)),
            // Keys are bytes; one is not the other because it begins like it.
            (
                b"a\0\t1\na\t1\na\xff\t1\n",
                b"a\0\t1\na\t1\na\xff\t1\n",
                skipped(0, 0),
            ),
        ] {
            for sizes in [1, 3, usize::MAX] {
                assert_eq!(check(text, &[sizes]), (output.to_vec(), skip), "{text:?}");
            }
        }
    }

    #[test]
    fn sums_beyond_64_and_128_bits_are_right() {
        let text = b"a\t9223372036854775807\n".repeat(5);
        assert_eq!(check(&text, &[usize::MAX]).0, b"a\t46116860184273879035\n");
        let large = [&b"a\t"[..], &[b'9'; 60], b"\na\t1\n"].concat();
        let sum = [&b"a\t1"[..], &[b'0'; 60], b"\n"].concat();
        assert_eq!(check(&large, &[usize::MAX]).0, sum);
    }

    #[test]
    fn keys_longer_than_a_block_are_compared_whole() {
        for len in [BLOCK - 3, BLOCK, 3 * BLOCK + 1] {
            let mut other = vec![b'k'; len];
            let one = [&other[..], b"\t1\n"].concat();
            other[len - 1] = b'l';
            let text = [&one[..], &one[..], &other[..], b"\t5\n", b"z\t1"].concat();
            let sum = [&one[..len], b"\t2\n", &other[..], b"\t5\nz\t1\n"].concat();
            assert!(check(&text, &[usize::MAX]).0 == sum, "keys of {len} bytes");
        }
    }

    /// Lines longer than a block, of each kind, and short ones between them.
    fn long_lines() -> impl Strategy<Value = Vec<u8>> {
        let long = |letter: u8, len: usize, end: &[u8]| [&vec![letter; len][..], end].concat();
        let line = proptest::sample::select(vec![
            long(b'a', BLOCK + 5, b"\t1\n"),
            long(b'a', BLOCK + 5, b"\t 22 \n"),
            long(b'a', BLOCK + 5, b"\tx\n"),
            long(b'a', BLOCK + 5, b"\n"),
            long(b'a', BLOCK + 4, b"b\t3\n"),
            long(b'a', 2 * BLOCK, b"\t4\n"),
            long(b'a', BLOCK, b"\t4\n"),
            [&b"a\t"[..], &[b' '; BLOCK], b"5\n"].concat(),
            [&b"a\t5"[..], &[b' '; BLOCK], b"\n"].concat(),
            [&b"a\t"[..], &[b'1'; BLOCK], b"\n"].concat(),
            b"a\t6\n".to_vec(),
            b"\t7\n".to_vec(),
            b"no tab\n".to_vec(),
        ]);
        (proptest::collection::vec(line, 0..8), any::<bool>()).prop_map(|(lines, cut)| {
            let mut text = lines.concat();
            if cut {
                text.pop();
            }
            text
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn lines_longer_than_a_block_are_summed_as_others(text in long_lines(), size in 50_000..400_000_usize) {
            let (output, skipped) = check(&text, &[size]);
            let (plain_output, plain_skipped) = plain(&text);
            prop_assert!(output == plain_output, "{} bytes of output", output.len());
            prop_assert_eq!(skipped, plain_skipped);
        }
    }

    #[test]
    fn a_failure_says_on_which_side_it_was() {
        let progress = Progress::new();
        let mut closed = Narrow {
            taken: Vec::new(),
            room: 3,
            interrupted: false,
        };
        let error = reduce(&mut &b"some\t1\n"[..], &mut closed, &progress);
        assert!(error.unwrap_err().is_broken_pipe());
        let error = reduce(&mut Broken, &mut Vec::new(), &progress).unwrap_err();
        assert_eq!(error.to_string(), "cannot read stdin: the disk is gone");
    }
}
