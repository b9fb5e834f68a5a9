//! What the tests of the data path share: awkward readers, texts, and a second way to count.

use super::edges::is_space;
use proptest::prelude::*;
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};

/// Returns its bytes in parts of the given sizes, over and over, with an interruption before each part.
pub(super) struct Chunked<'a> {
    rest: &'a [u8],
    sizes: Vec<usize>,
    turn: usize,
    interrupted: bool,
}

impl<'a> Chunked<'a> {
    pub(super) fn new(rest: &'a [u8], sizes: &[usize]) -> Self {
        let sizes = sizes.to_vec();
        Self {
            rest,
            sizes,
            turn: 0,
            interrupted: false,
        }
    }
}

impl Read for Chunked<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(ErrorKind::Interrupted.into());
        }
        let size = self.sizes[self.turn % self.sizes.len()].min(into.len());
        self.turn += 1;
        self.rest.read(&mut into[..size])
    }
}

/// Accepts one byte per call, with an interruption before each, and fails after `room` bytes.
pub(super) struct Narrow {
    pub(super) taken: Vec<u8>,
    pub(super) room: usize,
    pub(super) interrupted: bool,
}

impl Write for Narrow {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(ErrorKind::Interrupted.into());
        }
        if self.taken.len() == self.room {
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.taken.push(from[0]);
        Ok(1)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails at once.
pub(super) struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

/// Bytes in which each kind of whitespace, and the bytes next to it in the code, are frequent.
pub(super) fn texty() -> impl Strategy<Value = u8> {
    prop_oneof![
        8..=14_u8,
        31..=33_u8,
        Just(b'\n'),
        0x88..=0x8e_u8,
        0x9f..=0xa1_u8,
        any::<u8>()
    ]
}

/// Texts in which words repeat, some of them longer than a table stores inline.
pub(super) fn text() -> impl Strategy<Value = Vec<u8>> {
    let letter = prop_oneof![8 => b'a'..=b'c', 1 => Just(0_u8), 1 => any::<u8>()];
    let word = prop_oneof![
        8 => proptest::collection::vec(letter, 1..4),
        2 => (b'a'..=b'b', 12..20_usize).prop_map(|(letter, len)| vec![letter; len]),
        1 => proptest::collection::vec(texty(), 0..80),
        1 => (b'a'..=b'b', 200..400_usize).prop_map(|(letter, len)| vec![letter; len]),
    ];
    let gap = proptest::sample::select(vec![&b" "[..], b"\n", b"\r\n", b" \t\x0b\x0c"]);
    let parts = proptest::collection::vec((word, gap), 0..200);
    (parts, any::<bool>()).prop_map(|(parts, end)| {
        let mut text: Vec<u8> = parts
            .iter()
            .flat_map(|(word, gap)| [word, *gap].concat())
            .collect();
        if end {
            text.extend(b"end");
        }
        text
    })
}

/// The sizes of the parts in which an input arrives.
pub(super) fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        Just(vec![1]),
        Just(vec![usize::MAX]),
        proptest::collection::vec(1..200_usize, 1..20)
    ]
}

/// The words of a text, split with the standard library.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| is_space(byte))
        .filter(|word| !word.is_empty())
}

/// What a mapper must write for `text`.
pub(super) fn ones(text: &[u8]) -> Vec<u8> {
    words(text)
        .flat_map(|word| [word, b"\t1\n"].concat())
        .collect()
}

/// How often each word occurs.
pub(super) fn counts(text: &[u8]) -> HashMap<Vec<u8>, u64> {
    let mut counts = HashMap::new();
    for word in words(text) {
        *counts.entry(word.to_vec()).or_default() += 1;
    }
    counts
}

/// The sums that a combiner wrote, and the number of its lines.
pub(super) fn sums(output: &[u8]) -> (HashMap<Vec<u8>, u64>, u64) {
    let mut sums = HashMap::new();
    let mut lines = 0;
    let whole = output.strip_suffix(b"\n").unwrap_or(output);
    for line in whole
        .split(|&byte| byte == b'\n')
        .filter(|_| !whole.is_empty())
    {
        let tab = line
            .iter()
            .position(|&byte| byte == b'\t')
            .expect("a tab in each line");
        let count: u64 = str::from_utf8(&line[tab + 1..]).unwrap().parse().unwrap();
        *sums.entry(line[..tab].to_vec()).or_default() += count;
        lines += 1;
    }
    (sums, lines)
}

/// The number of lines of a text, including a last one without a newline.
pub(super) fn lines(text: &[u8]) -> u64 {
    let newlines = memchr::memchr_iter(b'\n', text).count();
    newlines as u64 + u64::from(text.last().is_some_and(|&byte| byte != b'\n'))
}
