//! Foreign names and texts inside a line: characters that would end a word or a line are escaped when
//! written, and [`unescape`] restores them.
//!
//! ZooKeeper accepts almost any text as a name, including blanks and backslashes. A character that would
//! confuse a reader is written as `\u{20}`, in Rust's notation; all usual names stay unchanged.

use std::fmt;

/// The beginning of an escape sequence.
const BEGIN: &str = "\\u{";

/// Maximum length in bytes of a name from others: of a znode (which ZooKeeper lets be as long as a request), a host, a job or
/// an attempt. Longer ones are treated as
/// unknown, so that what a master carries over from one value to the next stays bounded. heartline's own names have at
/// most 200 bytes.
pub const LONGEST_NAME: usize = 255;

/// A text as one word of a line: no blank, no control character, and not empty.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a>(pub &'a str);

/// A text as the rest of a line: no control character and no line break.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a>(pub &'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            // An empty word would be invisible between two blanks.
            return f.write_str("\\u{}");
        }
        write(f, self.0, |c| {
            c == '\\' || c.is_whitespace() || c.is_control()
        })
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0, |c| {
            c == '\\' || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
        })
    }
}

fn write(f: &mut fmt::Formatter<'_>, text: &str, is_escaped: impl Fn(char) -> bool) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(&is_escaped) {
        f.write_str(&rest[..at])?;
        let mut after = rest[at..].chars();
        if let Some(c) = after.next() {
            write!(f, "{BEGIN}{:x}}}", u32::from(c))?;
        }
        rest = after.as_str();
    }
    f.write_str(rest)
}

/// Restores the text of a [`Word`] or a [`Line`]. Never fails: anything that is not an escape sequence stays
/// as it is, as in a value that another program wrote.
pub fn unescape(word: &str) -> String {
    let (mut text, mut rest) = (String::with_capacity(word.len()), word);
    while let Some((before, escape)) = rest.split_once(BEGIN) {
        text.push_str(before);
        let read = escape.split_once('}').and_then(|(digits, after)| {
            if digits.is_empty() {
                return Some((None, after));
            }
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
            Some((Some(char::from_u32(number)?), after))
        });
        if let Some((c, after)) = read {
            text.extend(c);
            rest = after;
        } else {
            text.push_str(BEGIN);
            rest = escape;
        }
    }
    text.push_str(rest);
    text
}

/// Restores a name; `None` if it is longer than [`LONGEST_NAME`].
pub fn name(word: &str) -> Option<String> {
    Some(unescape(word)).filter(|name| name.len() <= LONGEST_NAME)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_names_stand_as_they_are() {
        for name in ["map1609240709.574485", "attempt_1_0001_m_000000_0", "ü"] {
            assert_eq!(Word(name).to_string(), name);
        }
        let file = "hdfs://nn/in/a b%20.txt";
        assert_eq!(Line(file).to_string(), file);
    }

    #[test]
    fn what_would_end_a_word_is_escaped() {
        assert_eq!(Word("m2 x").to_string(), "m2\\u{20}x");
        assert_eq!(Line("a b\nc").to_string(), "a b\\u{a}c");
        assert_eq!(Word("").to_string(), "\\u{}");
    }

    #[test]
    fn what_is_no_escape_stands_for_itself() {
        for odd in ["\\", "\\u", "\\u{", "\\u{zz}", "\\u{d800}", "\\u{+41}"] {
            assert_eq!(unescape(odd), odd);
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in any::<String>()) {
            let word = Word(&text).to_string();
            prop_assert!(!word.is_empty() && !word.contains(char::is_whitespace));
            prop_assert_eq!(unescape(&word), text.clone());
            let line = Line(&text).to_string();
            prop_assert_eq!(line.lines().count(), usize::from(!text.is_empty()));
            prop_assert_eq!(unescape(&line), text);
        }
    }
}
