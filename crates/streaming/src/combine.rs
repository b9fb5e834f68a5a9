//! The mapper that sums before it writes: `word<TAB>n`, in bounded memory.

use super::StreamError;
use super::blocks::{BLOCK, Engine, Output, Piece, SLACK, drive};
use super::edges::{Edges, PIECE};
use super::long::LongTable;
use super::short::{INLINE, Key, ShortTable};
use super::simd::fastest;
use heartline_process::progress::Progress;
use std::io::{Read, Write};
use std::time::Duration;

/// Words looked up together: their slots in the table are prefetched before the first one is used.
const BATCH: usize = 64;

/// The longest word that is summed, in bytes; a longer one is written each time it is read.
const LONGEST: usize = 64 * 1024;

/// Bytes of the limit that the read and write blocks, and a word that spans two blocks, use.
const BUFFERS: usize = BLOCK + Output::<Vec<u8>>::SIZE + 4 * PIECE + 2 * LONGEST;

/// Writes `word<TAB>n` for the words of `input`, in no order, where `n` is how often the word was read.
///
/// The sums use at most `memory_limit_bytes`, including the buffers, all spare capacity and the copy made
/// while a table grows. When the memory is full, the sums are written and start again at zero, so a word may be
/// written more than once. A limit too small for the buffers themselves leaves a few kilobytes for sums.
///
/// Splitting and `pace` are as in [`map_words`](super::map_words). A word of more than 64 KiB is written
/// with the count 1 each time it occurs.
pub fn map_combined(
    input: &mut impl Read,
    output: &mut impl Write,
    progress: &Progress,
    memory_limit_bytes: usize,
    pace: Option<Duration>,
) -> Result<(), StreamError> {
    let mut engine = Combiner::new(memory_limit_bytes.saturating_sub(BUFFERS));
    drive(input, output, progress, pace, &mut engine)
}

/// The word at the end of the input so far, if its end has not been seen.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    /// No word is open.
    No,
    /// The beginning of the word is in `carry`.
    Carried,
    /// The word is too long to carry; its beginning is already written.
    Written,
}

struct Combiner {
    edges: Edges,
    short: ShortTable,
    long: LongTable,
    open: Open,
    carry: Vec<u8>,
}

impl Combiner {
    /// Three eighths of the budget are for long words, which are frequent in some languages.
    fn new(budget: usize) -> Self {
        let long = budget / 8 * 3;
        Self {
            edges: fastest(),
            short: ShortTable::new(budget - long),
            long: LongTable::new(long),
            open: Open::No,
            carry: Vec::new(),
        }
    }

    /// Counts words that lie completely in the piece.
    fn count<W: Write>(
        &mut self,
        piece: &Piece,
        first: usize,
        output: &mut Output<'_, W>,
    ) -> Result<(), StreamError> {
        let mut keys = [(Key::EMPTY, 0); BATCH];
        let mut at = first;
        loop {
            // A growing table moves its slots, so it grows before they are prefetched.
            if !self.short.make_room(BATCH) {
                self.write_sums(true, output)?;
            }
            let words = self.edges.words();
            let batch = &words[at..words.len().min(at + BATCH)];
            if batch.is_empty() {
                return Ok(());
            }
            at += batch.len();
            let mut count = 0;
            let mut long = 0;
            for &[start, end] in batch {
                let (start, len) = (usize::from(start), usize::from(end - start));
                if len > INLINE {
                    long += 1;
                    continue;
                }
                // The mask changes nothing; it avoids the bounds check.
                let from = start & (PIECE - 1);
                let Some(bytes) = piece[from..].first_chunk() else {
                    unreachable!("the slack is longer than a key");
                };
                let key = Key::new(bytes, len);
                let slot = self.short.slot(key);
                self.short.prefetch(slot);
                keys[count] = (key, slot);
                count += 1;
            }
            for &(key, slot) in &keys[..count] {
                self.short.add(key, slot);
            }
            if long > 0 {
                self.count_long(piece, at - batch.len(), at, output)?;
            }
        }
    }

    /// Counts the words of `words[from..to]` that are too long for the table of short words.
    #[cold]
    fn count_long<W: Write>(
        &mut self,
        piece: &Piece,
        from: usize,
        to: usize,
        output: &mut Output<'_, W>,
    ) -> Result<(), StreamError> {
        for index in from..to {
            let [start, end] = self.edges.words()[index];
            let word = &piece[usize::from(start)..usize::from(end)];
            if word.len() > INLINE {
                self.add_long(word, output)?;
            }
        }
        Ok(())
    }

    fn add_long<W: Write>(
        &mut self,
        word: &[u8],
        output: &mut Output<'_, W>,
    ) -> Result<(), StreamError> {
        if self.long.add(word) {
            return Ok(());
        }
        self.write_sums(false, output)?;
        if self.long.add(word) {
            return Ok(());
        }
        // Not even empty tables have room for it.
        output.put_sum(word, b"1")
    }

    /// Counts the word in `carry`, which is now complete.
    fn count_carried<W: Write>(&mut self, output: &mut Output<'_, W>) -> Result<(), StreamError> {
        let word = std::mem::take(&mut self.carry);
        if word.len() > INLINE {
            self.add_long(&word, output)?;
        } else {
            if !self.short.make_room(1) {
                self.write_sums(true, output)?;
            }
            let mut bytes = [0; 16];
            bytes[..word.len()].copy_from_slice(&word);
            let key = Key::new(&bytes, word.len());
            self.short.add(key, self.short.slot(key));
        }
        self.carry = word;
        self.carry.clear();
        Ok(())
    }

    /// Writes all sums and clears the tables. Widens the table of short words if that one was full.
    fn write_sums<W: Write>(
        &mut self,
        widen: bool,
        output: &mut Output<'_, W>,
    ) -> Result<(), StreamError> {
        let mut digits = itoa::Buffer::new();
        for (key, count) in self.short.sums() {
            let count = digits.format(count).as_bytes();
            output.put_sum(key.word(&mut [0; 16]), count)?;
        }
        for (word, count) in self.long.sums() {
            output.put_sum(word, digits.format(count).as_bytes())?;
        }
        self.short.clear(widen);
        self.long.clear();
        Ok(())
    }

    /// Adds `bytes`, a part of a word whose end has not been read yet.
    fn carry<W: Write>(
        &mut self,
        bytes: &[u8],
        output: &mut Output<'_, W>,
    ) -> Result<(), StreamError> {
        if self.open == Open::Written {
            return output.put(bytes, 0);
        }
        self.open = Open::Carried;
        self.carry.extend_from_slice(bytes);
        if self.carry.len() > LONGEST {
            self.open = Open::Written;
            output.put(&self.carry, 0)?;
            self.carry.clear();
        }
        Ok(())
    }

    /// Ends the open word.
    fn close<W: Write>(&mut self, output: &mut Output<'_, W>) -> Result<(), StreamError> {
        match std::mem::replace(&mut self.open, Open::No) {
            Open::No => Ok(()),
            Open::Carried => self.count_carried(output),
            Open::Written => output.put(b"\t1\n", 1),
        }
    }
}

impl Engine for Combiner {
    fn feed<W: Write>(
        &mut self,
        piece: &Piece,
        len: usize,
        output: &mut Output<'_, W>,
    ) -> Result<u64, StreamError> {
        let was_open = self.open != Open::No;
        self.edges.cut(&piece[..len], was_open);
        let mut first = 0;
        if was_open && let Some(&[start, end]) = self.edges.words().first() {
            self.carry(&piece[usize::from(start)..usize::from(end)], output)?;
            self.close(output)?;
            first = 1;
        }
        self.count(piece, first, output)?;
        if let Some(start) = self.edges.open() {
            self.carry(&piece[start..len], output)?;
        }
        Ok(self.edges.newlines())
    }

    fn finish<W: Write>(&mut self, output: &mut Output<'_, W>) -> Result<(), StreamError> {
        self.close(output)?;
        self.write_sums(false, output)
    }
}

const _: () = assert!(SLACK >= 16, "a key is loaded as 16 bytes");

#[cfg(test)]
mod tests {
    use super::super::testing::{Broken, Chunked, Narrow, counts, lines, sizes, sums, text};
    use super::*;
    use proptest::prelude::*;

    /// Sums `text`, checks the sums, and returns the number of lines written.
    fn check(text: &[u8], sizes: &[usize], limit: usize, pace: Option<Duration>) -> u64 {
        let (mut output, progress) = (Vec::new(), Progress::new());
        let mut input = Chunked::new(text, sizes);
        map_combined(&mut input, &mut output, &progress, limit, pace).unwrap();
        let (sums, records) = sums(&output);
        assert!(sums == counts(text), "{} bytes went wrong", text.len());
        assert_eq!(progress.lines_in(), lines(text));
        assert_eq!(progress.bytes_in(), text.len() as u64);
        assert_eq!(progress.records_out(), records);
        assert_eq!(progress.bytes_out(), output.len() as u64);
        records
    }

    /// Different words of two to six letters or, with `tail`, more.
    fn many(count: usize, tail: &str) -> Vec<u8> {
        let words: Vec<String> = (0..count)
            .map(|number| format!("w{number:x}{tail} "))
            .collect();
        words.concat().into()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(80))]

        #[test]
        fn sums_are_right_however_the_input_is_cut(text in text(), sizes in sizes()) {
            let records = check(&text, &sizes, usize::MAX, None);
            assert_eq!(records, counts(&text).len() as u64);
            check(&text, &sizes, 0, None);
            check(&text, &sizes, BUFFERS + 10_000, Some(Duration::ZERO));
        }
    }

    #[test]
    fn full_sums_are_written_and_begun_again() {
        for tail in ["", "_and_a_tail_that_is_too_long"] {
            let once = many(60_000, tail);
            let twice = once.repeat(2);
            // If everything fits, there is one line per word. If not, there are more lines, but no word is lost.
            assert_eq!(check(&twice, &[usize::MAX], usize::MAX, None), 60_000);
            assert!(check(&twice, &[usize::MAX], BUFFERS + 200_000, None) > 60_000);
            assert_eq!(check(&twice, &[usize::MAX], 0, None), 120_000);
        }
    }

    #[test]
    fn words_of_any_length_are_counted() {
        for size in [INLINE, PIECE, LONGEST, BLOCK] {
            for len in size - 1..=size + 1 {
                let word = vec![b'x'; len];
                let text = [b"a ", &word[..], b"\nb ", &word[..], b" ", &word[..]].concat();
                for limit in [0, BUFFERS + 300_000, usize::MAX] {
                    check(&text, &[usize::MAX], limit, None);
                    check(&text, &[7001], limit, None);
                }
            }
        }
    }

    #[test]
    fn words_that_differ_in_zeros_at_their_end_are_different() {
        let records = check(b"a a\0 a\0\0 \0 \0\0 a", &[usize::MAX], usize::MAX, None);
        assert_eq!(records, 5);
    }

    #[test]
    fn a_failure_says_on_which_side_it_was() {
        let progress = Progress::new();
        let mut closed = Narrow {
            taken: Vec::new(),
            room: 3,
            interrupted: false,
        };
        let error = map_combined(&mut &b"some words"[..], &mut closed, &progress, 0, None);
        assert!(error.unwrap_err().is_broken_pipe());
        let error = map_combined(&mut Broken, &mut Vec::new(), &progress, 0, None).unwrap_err();
        assert_eq!(error.to_string(), "cannot read stdin: the disk is gone");
    }
}
