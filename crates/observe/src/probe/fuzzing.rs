//! The parser of what a page says when it asks for a ticket, for the fuzz targets and the tests of the corpus.

use super::challenge::asks_for_ticket;

/// Parses each line as a header.
pub fn challenge(bytes: &[u8]) {
    const WORD: &[u8] = b"negotiate";
    let headers = || bytes.split(|byte| *byte == b'\n');
    if asks_for_ticket(headers()) {
        let has_word = |part: &[u8]| part.eq_ignore_ascii_case(WORD);
        assert!(bytes.windows(WORD.len()).any(has_word), "nobody asked");
    }
    assert!(asks_for_ticket(headers().chain([WORD])), "it was asked");
}
