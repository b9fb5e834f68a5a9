//! The mapper that sums before it writes: `word<TAB>n`, in bounded memory.

use super::blocks::{BLOCK, Engine, Output, Piece, SLACK, drive};
use super::edges::{Edges, PIECE};
use super::long::LongTable;
use super::short::{INLINE, Key, ShortTable};
use super::{Progress, StreamError};
use std::io::{Read, Write};
use std::time::Duration;

/// Words looked up together: their places in the table are asked for before the first is used.
const BATCH: usize = 64;

/// A word longer than this is not summed, but written as it comes.
const LONGEST: usize = 64 * 1024;

/// What the blocks for reading and writing, and the word that spans two blocks, take of the limit.
const BUFFERS: usize = BLOCK + Output::<Vec<u8>>::SIZE + 4 * PIECE + 2 * LONGEST;

/// Writes `word<TAB>n` for the words of `input`, in no order, with `n` the times the word was seen.
///
/// The sums take no more than `memory_limit_bytes`, with the buffers, all spare capacity and the copy made while a table
/// grows. When they are full they are written and begun again, so a word may be written more than once.
/// A limit too small for the buffers themselves leaves a few kilobytes of sums.
///
/// Splitting and `pace` are those of [`map_words`](super::map_words). A word of more than 64 KiB is written
/// with the count 1 each time it is seen.
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

/// The word at the end of what was fed.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    /// There is none.
    No,
    /// Its beginning is in `carry`.
    Carried,
    /// It is too long to carry; its beginning is written.
    Written,
}

struct Combiner {
    edges: Edges,
    budget: usize,
    short: ShortTable,
    long: LongTable,
    open: Open,
    carry: Vec<u8>,
}

impl Combiner {
    fn new(budget: usize) -> Self {
        Self {
            edges: Edges::new(),
            budget,
            short: ShortTable::new(budget),
            long: LongTable::new(),
            open: Open::No,
            carry: Vec::new(),
        }
    }

    /// Counts words that lie whole in the piece.
    fn count<W: Write>(
        &mut self,
        piece: &Piece,
        first: usize,
        output: &mut Output<'_, W>,
    ) -> Result<(), StreamError> {
        let mut keys = [(Key::EMPTY, 0); BATCH];
        let mut at = first;
        loop {
            // A growing table moves its slots, so it grows before they are asked for.
            if self.short.is_full(BATCH) && !self.short.grow(self.budget, self.long.bytes()) {
                self.write_sums(output)?;
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
                // The mask changes nothing; it spares the check.
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

    /// Counts those of `words[from..to]` that are too long to lie in the table itself.
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
        if self.long.add(word, self.budget, self.short.bytes()) {
            return Ok(());
        }
        self.write_sums(output)?;
        if self.long.add(word, self.budget, self.short.bytes()) {
            return Ok(());
        }
        // Not even empty tables have room for it.
        output.put(word, 0)?;
        output.put(b"\t1\n", 1)
    }

    /// Counts the word in `carry`, which has come to its end.
    fn count_carried<W: Write>(&mut self, output: &mut Output<'_, W>) -> Result<(), StreamError> {
        let word = std::mem::take(&mut self.carry);
        if word.len() > INLINE {
            self.add_long(&word, output)?;
        } else {
            if self.short.is_full(1) && !self.short.grow(self.budget, self.long.bytes()) {
                self.write_sums(output)?;
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

    /// Writes all sums and begins anew.
    fn write_sums<W: Write>(&mut self, output: &mut Output<'_, W>) -> Result<(), StreamError> {
        for (key, count) in self.short.sums() {
            output.put(key.word(&mut [0; 16]), 0)?;
            put_count(count, output)?;
        }
        for (word, count) in self.long.sums() {
            output.put(word, 0)?;
            put_count(count, output)?;
        }
        self.short = ShortTable::new(self.budget);
        self.long = LongTable::new();
        Ok(())
    }

    /// Takes a part of a word, `bytes`, whose end is not in sight.
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
        self.write_sums(output)
    }
}

/// Ends a record with its sum.
fn put_count<W: Write>(count: u64, output: &mut Output<'_, W>) -> Result<(), StreamError> {
    output.put(b"\t", 0)?;
    output.put(itoa::Buffer::new().format(count).as_bytes(), 0)?;
    output.put(b"\n", 1)
}

const _: () = assert!(SLACK >= 16, "a key is loaded as 16 bytes");
