//! The mapper: `word<TAB>1` for every word.

use super::blocks::{Engine, Output, Piece, SLACK, drive};
use super::edges::{Edges, PIECE};
use super::{Progress, StreamError};
use std::io::{Read, Write};
use std::time::Duration;

/// What follows a word, with a fourth byte that the next word overwrites: one store instead of three.
const ONE: [u8; 4] = *b"\t1\n\0";

/// The most that a piece can become: a word of one byte and its blank turn into four bytes, a word that was
/// open before adds the three of its end. A power of two, for masking, and what is copied too much.
const ROOM: usize = 4 * PIECE;

/// Writes `word<TAB>1` for each word of `input`, in order.
///
/// Words are what lies between bytes 9 to 13 and 32, as Python's `bytes.split` has it; every other byte passes
/// through as it is. Neither lines nor words are ever held as a whole, so both may be of any length.
///
/// With `pace` the work rests that long after each input line, to be watched; what it wrote is handed on at
/// least every 50 ms.
pub fn map_words(
    input: &mut impl Read,
    output: &mut impl Write,
    progress: &Progress,
    pace: Option<Duration>,
) -> Result<(), StreamError> {
    drive(
        input,
        output,
        progress,
        pace,
        &mut Mapper {
            edges: Edges::new(),
            in_word: false,
        },
    )
}

struct Mapper {
    edges: Edges,
    /// The bytes before were the beginning of a word. They are written; its end is not.
    in_word: bool,
}

impl Engine for Mapper {
    fn feed<W: Write>(
        &mut self,
        piece: &Piece,
        len: usize,
        output: &mut Output<'_, W>,
    ) -> Result<u64, StreamError> {
        self.edges.cut(&piece[..len], self.in_word);
        let room = output.room::<{ ROOM + SLACK }>()?;
        let words = self.edges.words();
        let mut to = 0;
        for &[start, end] in words {
            let (start, end) = (usize::from(start), usize::from(end));
            let len = end - start;
            copy(piece, start, room, to, len);
            to += len;
            // The mask changes nothing, as a piece never becomes that long; it spares the check.
            room[to & (ROOM - 1)..][..4].copy_from_slice(&ONE);
            to += 3;
        }
        let open = self.edges.open();
        if let Some(start) = open {
            copy(piece, start, room, to, len - start);
            to += len - start;
        }
        self.in_word = open.is_some();
        let count = words.len() as u64;
        output.advance(to, count);
        Ok(self.edges.newlines())
    }

    fn finish<W: Write>(&mut self, output: &mut Output<'_, W>) -> Result<(), StreamError> {
        if std::mem::take(&mut self.in_word) {
            output.put(&ONE[..3], 1)
        } else {
            Ok(())
        }
    }
}

/// Copies a word by 16 bytes, of which most words need one. What is too much lies in the slack, or is
/// overwritten by what comes next.
#[inline]
fn copy(piece: &Piece, from: usize, room: &mut [u8; ROOM + SLACK], to: usize, len: usize) {
    let mut done = 0;
    loop {
        let (from, to) = ((from + done) & (PIECE - 1), (to + done) & (ROOM - 1));
        room[to..to + 16].copy_from_slice(&piece[from..from + 16]);
        done += 16;
        if done >= len {
            break;
        }
    }
}
