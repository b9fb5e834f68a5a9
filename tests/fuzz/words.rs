//! The data path compared with simple oracles, for any bytes in pieces of any size.

use std::collections::BTreeMap;
use std::io::{self, Read};

use heartline::progress::Progress;
use heartline::streaming::{map_combined, map_words, reduce as sum};

/// Returns its bytes in pieces of one size.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.1.min(into.len());
        self.0.read(&mut into[..size])
    }
}

/// The first byte says how long the pieces are.
fn pieces(bytes: &[u8]) -> Pieces<'_> {
    match bytes.split_first() {
        Some((0, text)) => Pieces(text, usize::MAX),
        Some((size, text)) => Pieces(text, usize::from(*size)),
        None => Pieces(bytes, 1),
    }
}

/// Splits like `bytes.split()` of Python.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_space = |byte: &u8| matches!(byte, 9..=13 | 32);
    text.split(is_space).filter(|word| !word.is_empty())
}

/// `word<TAB>1` for each word, in order.
pub(super) fn map(bytes: &[u8]) {
    let mut input = pieces(bytes);
    let expected: Vec<u8> = words(input.0)
        .flat_map(|word| [word, b"\t1\n"].concat())
        .collect();
    let (length, mut output, progress) = (input.0.len(), Vec::new(), Progress::new());
    map_words(&mut input, &mut output, &progress, None).expect("nothing fails");
    assert!(
        output == expected,
        "{} bytes of {length} differ",
        output.len()
    );
    assert_eq!(progress.bytes_in(), length as u64);
    assert_eq!(progress.bytes_out(), output.len() as u64);
}

/// The same sums, whatever the order of the words.
pub(super) fn combine(bytes: &[u8]) {
    let mut input = pieces(bytes);
    let mut expected = BTreeMap::new();
    for word in words(input.0) {
        *expected.entry(word.to_vec()).or_insert(0_u64) += 1;
    }
    // So little memory that the sums are written, and start again at zero.
    let (mut output, progress) = (Vec::new(), Progress::new());
    map_combined(&mut input, &mut output, &progress, 0, None).expect("nothing fails");
    let mut found = BTreeMap::new();
    for line in output.split_inclusive(|byte| *byte == b'\n') {
        let (word, count) = record(line).expect("a record");
        *found.entry(word.to_vec()).or_insert(0) += u64::try_from(count).expect("a count");
    }
    assert!(
        found == expected,
        "{} words and not {}",
        found.len(),
        expected.len()
    );
}

/// The sum of each run of lines with one key; lines that are no records are skipped.
pub(super) fn reduce(bytes: &[u8]) {
    let mut input = pieces(bytes);
    let text = input.0;
    let mut runs: Vec<(&[u8], i128)> = Vec::new();
    let mut skipped = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match record(line) {
            Ok((key, count)) => match runs.last_mut() {
                Some((last, sum)) if *last == key => *sum += count,
                _ => runs.push((key, count)),
            },
            Err(true) => skipped += 1,
            // Numbers that this oracle does not handle.
            Err(false) => return,
        }
    }
    let expected: Vec<u8> = runs
        .iter()
        .flat_map(|(key, sum)| [key, format!("\t{sum}\n").as_bytes()].concat())
        .collect();
    let (mut output, progress) = (Vec::new(), Progress::new());
    let summed = sum(&mut input, &mut output, &progress).expect("nothing fails");
    assert_eq!(summed.total(), skipped);
    assert!(output == expected, "{:?}", String::from_utf8_lossy(&output));
}

/// Key and count of a line, and whether the line is certainly no record.
fn record(line: &[u8]) -> Result<(&[u8], i128), bool> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let tab = line.iter().position(|byte| *byte == b'\t').ok_or(true)?;
    let count = &line[tab + 1..];
    let is_space = |byte: &u8| matches!(byte, 9..=13 | 32);
    let from = count.iter().position(|byte| !is_space(byte)).ok_or(true)?;
    let to = count.iter().rposition(|byte| !is_space(byte)).ok_or(true)?;
    let count = &count[from..=to];
    let digits = match count.split_first() {
        Some((b'+' | b'-', digits)) => digits,
        _ => count,
    };
    // Python accepts this number of digits, and not one more.
    if digits.is_empty() || digits.len() > 4300 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(true);
    }
    let count = std::str::from_utf8(count).map_err(|_| true)?;
    let number: i64 = count.parse().map_err(|_| false)?;
    Ok((&line[..tab], number.into()))
}
