//! The mapper: `word<TAB>1` for every word.

use super::StreamError;
use super::blocks::{Engine, Output, Piece, SLACK, drive};
use super::edges::{Edges, PIECE};
use super::simd::fastest;
use heartline_process::progress::Progress;
use std::io::{Read, Write};
use std::time::Duration;

/// The bytes after a word, with a fourth byte that the next word overwrites: one store instead of three.
const ONE: [u8; 4] = *b"\t1\n\0";

/// The longest output of a piece: a word of one byte and its blank become four bytes, and a word that was
/// open before adds three bytes for its end. A power of two, for masking, plus the excess of copying.
const ROOM: usize = 4 * PIECE;

/// Writes `word<TAB>1` for each word of `input`, in order.
///
/// Words are separated by the bytes 9 to 13 and 32, as in Python's `bytes.split`; every other byte is
/// written unchanged. Neither lines nor words are ever held as a whole, so both may be of any length.
///
/// With `pace` the work pauses that long after each input line, so that it can be watched; its output is passed on
/// at least every 50 ms.
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
            edges: fastest(),
            in_word: false,
        },
    )
}

struct Mapper {
    edges: Edges,
    /// The previous bytes were the beginning of a word. They are written; the end of the word is not.
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
            // The mask changes nothing, as a piece never becomes that long; it avoids the bounds check.
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

/// Copies a word 16 bytes at a time; most words need one step. The excess is in the slack, or is
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

#[cfg(test)]
mod tests {
    use super::super::blocks::BLOCK;
    use super::super::testing::{Broken, Chunked, Narrow, lines, ones, sizes, text, words};
    use super::*;
    use proptest::prelude::*;
    use std::time::Instant;

    fn map(mut input: impl Read, pace: Option<Duration>) -> (Vec<u8>, Progress) {
        let (mut output, progress) = (Vec::new(), Progress::new());
        map_words(&mut input, &mut output, &progress, pace).unwrap();
        (output, progress)
    }

    fn check(text: &[u8], sizes: &[usize], pace: Option<Duration>) {
        let (output, progress) = map(Chunked::new(text, sizes), pace);
        assert!(
            output == ones(text),
            "{} bytes of {} words went wrong",
            text.len(),
            words(text).count()
        );
        assert_eq!(progress.lines_in(), lines(text));
        assert_eq!(progress.bytes_in(), text.len() as u64);
        assert_eq!(progress.records_out(), words(text).count() as u64);
        assert_eq!(progress.bytes_out(), output.len() as u64);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(80))]

        #[test]
        fn each_word_is_written_however_the_input_is_cut(text in text(), sizes in sizes()) {
            check(&text, &sizes, None);
        }

        #[test]
        fn a_paced_mapper_writes_the_same(text in text(), sizes in sizes()) {
            check(&text, &sizes, Some(Duration::ZERO));
        }
    }

    #[test]
    fn words_as_long_as_a_piece_or_a_block_are_whole() {
        for size in [15, 16, 17, 64, PIECE, 64 * 1024, BLOCK, 2 * BLOCK] {
            for len in size - 1..=size + 1 {
                let word = vec![b'x'; len];
                check(&word, &[usize::MAX], None);
                check(&[b"a ", &word[..], b"\nb\n"].concat(), &[usize::MAX], None);
                check(
                    &[&word[..], b" ", &word[..], b"\r\n"].concat(),
                    &[usize::MAX],
                    None,
                );
            }
        }
    }

    #[test]
    fn the_densest_text_has_room() {
        let text = b"a ".repeat(3 * BLOCK);
        check(&text, &[usize::MAX], None);
        check(&text[1..], &[usize::MAX], None);
        check(&b" \n".repeat(BLOCK), &[usize::MAX], None);
    }

    #[test]
    fn what_a_paced_mapper_wrote_is_soon_handed_on() {
        let text = b"word and word\n".repeat(60);
        let mut output = Narrow {
            taken: Vec::new(),
            room: usize::MAX,
            interrupted: false,
        };
        let progress = Progress::new();
        let start = Instant::now();
        std::thread::scope(|scope| {
            let mapper = scope.spawn(|| {
                let pace = Some(Duration::from_millis(5));
                map_words(&mut &text[..], &mut output, &progress, pace)
            });
            // The whole input is one block and takes 300 ms: some output must come long before the end.
            while progress.bytes_out() == 0 && !mapper.is_finished() {
                std::thread::yield_now();
            }
            assert!(
                !mapper.is_finished(),
                "all came at the end, after {:?}",
                start.elapsed()
            );
            mapper.join().unwrap().unwrap();
        });
        assert!(start.elapsed() >= Duration::from_millis(300));
        assert_eq!(output.taken, ones(&text));
    }

    #[test]
    fn interrupted_and_short_writes_go_on() {
        let mut output = Narrow {
            taken: Vec::new(),
            room: usize::MAX,
            interrupted: false,
        };
        map_words(
            &mut &b"some words\n"[..],
            &mut output,
            &Progress::new(),
            None,
        )
        .unwrap();
        assert_eq!(output.taken, b"some\t1\nwords\t1\n");
    }

    #[test]
    fn a_failure_says_on_which_side_it_was() {
        let mut closed = Narrow {
            taken: Vec::new(),
            room: 3,
            interrupted: false,
        };
        let error = map_words(
            &mut &b"some words\n"[..],
            &mut closed,
            &Progress::new(),
            None,
        );
        assert!(error.unwrap_err().is_broken_pipe());
        let error = map_words(&mut Broken, &mut Vec::new(), &Progress::new(), None).unwrap_err();
        assert_eq!(error.to_string(), "cannot read stdin: the disk is gone");
    }
}
