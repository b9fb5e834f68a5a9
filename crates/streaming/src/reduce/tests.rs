//! Tests of the `reduce` module: against the standard library, however the input is cut.

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

/// The same result, line by line, with the standard library.
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

/// Streams in which lines repeat, some of them not records.
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
    let line = (key, count, 1..40_usize)
        .prop_map(|(key, count, times)| [&key[..], count.as_bytes(), b"\n"].concat().repeat(times));
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
        // The last key is not lost, with or without a newline, whatever comes last.
        (b"a\t1\nb\t1", b"a\t1\nb\t1\n", skipped(0, 0)),
        (b"a\t1\nb\tx\n", b"a\t1\n", skipped(0, 1)),
        // A run continues after skipped lines.
        (
            b"a\t1\nnothing\na\tone\nb\t\n\na\t1\n",
            b"a\t2\n",
            skipped(2, 2),
        ),
        // Only the first tab ends a key; an empty key is one.
        (b"a\t1\t1\n", b"", skipped(0, 1)),
        (b"\t1\n\t1\na\t1\n", b"\t2\na\t1\n", skipped(0, 0)),
        (b"\tx\n\n", b"", skipped(1, 1)),
        // An unsorted stream gives one line for each run.
        (b"a\t1\nb\t1\na\t1\n", b"a\t1\nb\t1\na\t1\n", skipped(0, 0)),
        (b"a\t0\n", b"a\t0\n", skipped(0, 0)),
        // Keys are bytes; a common beginning does not make two keys equal.
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
