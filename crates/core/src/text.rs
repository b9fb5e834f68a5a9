//! Cleans text from other programs before it goes to a terminal, a log or a JSON line: the text cannot control what
//! shows it, and no line is longer than people read.
//!
//! Other programs write names, reasons, snapshots and whole znodes. An escape sequence in one of them could
//! move the cursor, change a title or hide a line; a bidirectional override makes a name look like
//! another one. All text for people passes through here.

use std::borrow::Cow;
use std::fmt::Write;

use serde::Serialize;

/// The most characters of one line.
const LONGEST_LINE: usize = 4096;
/// The most characters of one word in a table.
const LONGEST_CELL: usize = 256;

/// Whether a character affects a terminal or the text around it, instead of being shown.
pub fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Bidirectional marks, embeddings, overrides and isolates.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Line and paragraph separators.
            | '\u{2028}' | '\u{2029}'
            // Invisible characters: byte order mark, annotation marks, tags.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// One line: each steering character is replaced, and a line that is too long is cut, with a note.
pub fn line(text: &str) -> Cow<'_, str> {
    bounded(text, LONGEST_LINE)
}

/// A word of a table: like [`line()`], but shorter.
pub fn cell(text: &str) -> Cow<'_, str> {
    bounded(text, LONGEST_CELL)
}

/// Several lines: line ends and tabs stay, everything else is as in [`line()`].
pub fn lines(text: &str) -> String {
    lines_within(text, LONGEST_LINE)
}

/// Lines of a log that a user requests: like [`lines`], but none is cut.
pub fn log(text: &str) -> String {
    lines_within(text, usize::MAX)
}

fn lines_within(text: &str, most: usize) -> String {
    let mut clean = String::with_capacity(text.len());
    for whole in text.split_inclusive('\n') {
        let part = whole.strip_suffix('\n').unwrap_or(whole);
        let part = part.strip_suffix('\r').unwrap_or(part);
        for (place, word) in part.split('\t').enumerate() {
            if place > 0 {
                clean.push('\t');
            }
            clean.push_str(&bounded(word, most));
        }
        if whole.ends_with('\n') {
            clean.push('\n');
        }
    }
    clean
}

/// A value as JSON in one line. Steering characters are escaped, which JSON itself requires only below U+0020: a
/// program reads the same text, and the line does not affect a terminal.
pub fn json<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let json = serde_json::to_string(value)?;
    Ok(match escaped(&json) {
        Cow::Borrowed(_) => json,
        Cow::Owned(escaped) => escaped,
    })
}

/// JSON from another program, in one line and escaped like [`json`].
pub fn escaped(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_steering) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if c.is_ascii_whitespace() {
            // Outside strings it is whitespace; inside a string JSON allows no line break, only a blank.
            escaped.push(' ');
        } else if is_steering(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Only running out of memory could fail, and that panics.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

fn bounded(text: &str, most: usize) -> Cow<'_, str> {
    let too_long = text.len() > most && text.chars().nth(most).is_some();
    if !too_long && !text.chars().any(is_steering) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| {
        if is_steering(c) {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    let mut clean: String = text.chars().take(most).map(shown).collect();
    if too_long {
        let left = text.chars().skip(most).count();
        let _ = write!(clean, "… ({left} more characters)");
    }
    Cow::Owned(clean)
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The bytes that hexadecimal digits stand for; `None` if the text is anything else.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() {
        bytes.collect()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_back_from_their_digits() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&all)), Some(all));
        assert_eq!(hex(&[0, 15, 255]), "000fff");
        for wrong in ["0", "0g", "\u{e4}", "+1", " 1"] {
            assert_eq!(unhex(wrong), None, "{wrong:?}");
        }
    }

    /// Characters that must never reach a terminal.
    const STEERING: &str = "\u{1b}\u{7}\r\u{7f}\u{80}\u{9b}\u{9f}\u{202e}\u{2066}\u{2028}\u{feff}";

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(line("a\u{1b}[31mb\r\n"), "a\u{fffd}[31mb\u{fffd}\u{fffd}");
        let shown = "\u{fffd}".repeat(STEERING.chars().count());
        assert_eq!(line(STEERING), shown);
        assert_eq!(lines(STEERING), shown);
        for plain in ["map1.5 \u{e4}\u{65e5}", "", "a b"] {
            assert_eq!(line(plain), plain);
        }
    }

    #[test]
    fn lines_keep_their_ends_and_tabs() {
        assert_eq!(lines("a\tb\n\n\tc\u{1b}\r\nd"), "a\tb\n\n\tc\u{fffd}\nd");
        assert_eq!(lines("a\n"), "a\n");
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let long = "\u{e4}".repeat(5000);
        let shown = line(&long);
        assert!(shown.ends_with("\u{e4}… (904 more characters)"), "{shown}");
        assert_eq!(line(&long[..8192]), long[..8192]);
        assert!(cell(&long).chars().count() < 300);
        assert!(lines(&format!("{long}\n{long}")).lines().count() == 2);
    }

    #[test]
    fn json_holds_the_same_text_without_a_control_character() {
        let text = format!("{STEERING}\u{e0001} \u{e4}\n\"\\");
        let json = json(&text).unwrap();
        assert!(!json.chars().any(is_steering), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        let pretty = "{\n\t\"a\": \"\u{9b}31m\"\r\n}";
        assert_eq!(escaped(pretty), "{  \"a\": \"\\u009b31m\"  }");
    }
}
