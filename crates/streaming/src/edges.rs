//! Where words begin and end: the bytes at which a piece of input changes between whitespace and word.
//!
//! Words have about five letters, too few for a search from one blank to the next. So 64 bytes at a time are
//! turned into a bitmask of their whitespace; the mask XOR itself moved by one bit has a 1 at each edge.
//! This file holds the portable version, eight bytes in one integer; [`super::simd`] has the same for AVX2.

/// Bytes split at once: they and their edges stay in the first-level cache.
pub(super) const PIECE: usize = 8 * 1024;

/// Bytes in one bitmask.
pub(super) const CHUNK: usize = 64;

/// Whether Python's `bytes.split()` treats this byte as whitespace: 9 to 13 and 32. Rust's own
/// `is_ascii_whitespace` leaves out 11, the vertical tab.
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, 9..=13 | 32)
}

/// At most one position for each byte, one for a word that was open before, and room to store a chunk's positions
/// without checking how many there are.
const ROOM: usize = PIECE + 1 + CHUNK;

/// A piece cut into words: alternating positions of first bytes and of ends.
pub(super) struct Edges {
    at: Box<[u16; ROOM]>,
    len: usize,
    /// Newlines in the piece.
    newlines: u64,
    scan: fn(&[u8], bool, &mut Edges),
}

impl Edges {
    /// Room for one piece, to be filled by `scan`.
    pub(super) fn new(scan: fn(&[u8], bool, &mut Self)) -> Self {
        let Ok(at) = vec![0; ROOM].into_boxed_slice().try_into() else {
            unreachable!("made with that length");
        };
        Self {
            at,
            len: 0,
            newlines: 0,
            scan,
        }
    }

    /// Cuts `piece` (no longer than [`PIECE`]). `in_word` means that the input before it ended inside a word:
    /// then the first pair starts at 0, and is empty if the piece begins with whitespace.
    pub(super) fn cut(&mut self, piece: &[u8], in_word: bool) {
        assert!(piece.len() <= PIECE, "a piece of {} bytes", piece.len());
        (self.scan)(piece, in_word, self);
    }

    /// The words that end in this piece: first byte and end of each.
    pub(super) fn words(&self) -> &[[u16; 2]] {
        self.at[..self.len].as_chunks().0
    }

    /// The start of the word that is still open at the end of the piece, if there is one.
    pub(super) fn open(&self) -> Option<usize> {
        (self.len % 2 == 1).then(|| usize::from(self.at[self.len - 1]))
    }

    /// Newlines in the piece.
    pub(super) fn newlines(&self) -> u64 {
        self.newlines
    }

    /// Stores the positions of the bits of `edges`, eight at a time: a fixed number of steps costs less than
    /// a loop whose end the processor mispredicts once per chunk.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "must take on the target features of its caller"
    )]
    fn push(&mut self, mut edges: u64, base: u16) {
        let count = edges.count_ones() as usize;
        let Some(room) = self.at[self.len..].first_chunk_mut::<CHUNK>() else {
            unreachable!("a piece has no more edges than bytes");
        };
        for eight in room.as_chunks_mut::<8>().0 {
            for position in eight {
                // The count is 64 at most.
                #[expect(clippy::cast_possible_truncation)]
                let bit = edges.trailing_zeros() as u16;
                *position = base.wrapping_add(bit);
                edges &= edges.wrapping_sub(1);
            }
            if edges == 0 {
                break;
            }
        }
        self.len += count;
    }
}

/// Cuts a piece with `classify`, which returns the bitmasks of a chunk's whitespace and of its newlines.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "must take on the target features of its caller"
)]
pub(super) fn scan(
    piece: &[u8],
    in_word: bool,
    edges: &mut Edges,
    classify: impl Fn(&[u8; CHUNK]) -> (u64, u64),
) {
    edges.at[0] = 0;
    edges.len = usize::from(in_word);
    edges.newlines = 0;
    let mut before = u64::from(!in_word);
    let mut base = 0_u16;
    let (chunks, rest) = piece.as_chunks::<CHUNK>();
    for chunk in chunks {
        let (space, newline) = classify(chunk);
        edges.newlines += u64::from(newline.count_ones());
        edges.push(space ^ ((space << 1) | before), base);
        before = space >> 63;
        base = base.wrapping_add(64);
    }
    if !rest.is_empty() {
        let mut chunk = [0; CHUNK];
        chunk[..rest.len()].copy_from_slice(rest);
        let (space, newline) = classify(&chunk);
        let inside = (1 << rest.len()) - 1;
        edges.newlines += u64::from((newline & inside).count_ones());
        edges.push((space ^ ((space << 1) | before)) & inside, base);
    }
}

/// Cuts a piece on processors without AVX2.
pub(super) fn scan_portable(piece: &[u8], in_word: bool, edges: &mut Edges) {
    scan(piece, in_word, edges, classify_portable);
}

/// Bitmasks of whitespace and newlines of 64 bytes, eight bytes at a time in an integer.
fn classify_portable(chunk: &[u8; CHUNK]) -> (u64, u64) {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const LOW: u64 = 0x7f * ONES;
    // Sets the high bit of each byte that is not zero; the sum cannot overflow into the next byte.
    let not_zero = |x: u64| ((x & LOW) + LOW) | x;
    // Gathers the high bits of the eight bytes in one byte.
    let gather = |x: u64| (((x >> 7) & ONES).wrapping_mul(0x0102_0408_1020_4080)) >> 56;
    let (mut space, mut newline) = (0, 0);
    for (index, &eight) in chunk.as_chunks::<8>().0.iter().enumerate() {
        let x = u64::from_le_bytes(eight);
        let low = x & LOW;
        // 9..=13: adding 0x77 sets the high bit from 9 on, adding 0x72 only from 14 on.
        let control = (low + 0x77 * ONES) & !(low + 0x72 * ONES) & !x;
        let blank = !not_zero(x ^ (0x20 * ONES));
        let line = !not_zero(x ^ (0x0a * ONES));
        space |= gather(control | blank) << (8 * index);
        newline |= gather(line) << (8 * index);
    }
    (space, newline)
}

#[cfg(test)]
mod tests {
    use super::super::simd::fastest;
    use super::super::testing::texty;
    use super::*;
    use proptest::prelude::*;

    /// The same result, computed byte by byte.
    fn plain(piece: &[u8], in_word: bool) -> (Vec<u16>, u64) {
        let mut at: Vec<u16> = if in_word { vec![0] } else { vec![] };
        let mut inside = in_word;
        for (index, &byte) in piece.iter().enumerate() {
            if is_space(byte) == inside {
                at.push(u16::try_from(index).unwrap());
                inside = !inside;
            }
        }
        (at, memchr::memchr_iter(b'\n', piece).count() as u64)
    }

    fn check(mut edges: Edges, piece: &[u8], in_word: bool) {
        edges.cut(piece, in_word);
        let (at, newlines) = plain(piece, in_word);
        assert_eq!(&edges.at[..edges.len], at);
        assert_eq!(edges.newlines(), newlines);
        assert_eq!(edges.words().len(), at.len() / 2);
        assert_eq!(edges.open().is_some(), at.len() % 2 == 1);
    }

    proptest! {
        #[test]
        fn every_way_finds_the_same_edges(piece in proptest::collection::vec(texty(), 0..400), in_word: bool) {
            check(Edges::new(scan_portable), &piece, in_word);
            check(fastest(), &piece, in_word);
        }
    }

    #[test]
    fn a_full_piece_of_edges_has_room() {
        let piece: Vec<u8> = [b'a', b' '].repeat(PIECE / 2);
        for in_word in [false, true] {
            for piece in [&piece[..], &piece[1..]] {
                check(Edges::new(scan_portable), piece, in_word);
                check(fastest(), piece, in_word);
            }
        }
    }

    #[test]
    fn every_byte_is_classified_as_python_does() {
        let spaces: Vec<u8> = (0..=255).filter(|&byte| is_space(byte)).collect();
        assert_eq!(spaces, b"\t\n\x0b\x0c\r ");
        for byte in 0..=255 {
            check(Edges::new(scan_portable), &[b'x', byte, b'y'], false);
            check(fastest(), &[b'x', byte, b'y'], false);
        }
    }
}
