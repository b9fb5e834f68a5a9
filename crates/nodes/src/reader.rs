//! Splits a stream of bytes into messages. The seed sends JSON objects one after the other without a separator: this
//! reader finds each object's end by its braces, in one pass over the bytes, however they are split. White space
//! between objects is ignored.

use memchr::memchr2;
use thiserror::Error;

/// The maximum depth of a message; the JSON parser recurses as deep.
const DEEPEST: usize = 16;
/// The maximum number of blanks between two messages.
const MOST_BLANKS: usize = 4096;
/// The capacity in bytes that is kept for the next message.
const KEPT_ROOM: usize = 64 << 10;

/// Bytes that cannot become a message any more. The connection is then useless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Something other than an object stands between messages.
    #[error("a message begins with '{{', not with the byte 0x{0:02x}")]
    Begin(u8),
    /// A message exceeds the maximum length.
    #[error("a message is longer than {0} bytes")]
    TooLong(usize),
    /// A message has too many levels of objects and arrays.
    #[error("a message is nested deeper than {DEEPEST} levels")]
    TooDeep,
    /// A closing bracket does not match the opening one.
    #[error("a message's brackets do not match")]
    Brackets,
    /// Too many blanks stand between two messages.
    #[error("more than {MOST_BLANKS} blanks stand between two messages")]
    Blanks,
}

/// Collects bytes and returns complete objects.
#[derive(Debug)]
pub struct Reader {
    longest: usize,
    bytes: Vec<u8>,
    /// The offset of the object that is being read.
    begin: usize,
    /// The offset up to which the bytes were scanned.
    scanned: usize,
    /// The brackets that are still open.
    open: Vec<u8>,
    in_string: bool,
    /// Whether the last byte within a string was a backslash.
    escaped: bool,
    blanks: usize,
}

impl Reader {
    /// A reader for messages of at most `longest` bytes.
    pub fn new(longest: usize) -> Self {
        Self {
            longest,
            bytes: Vec::new(),
            begin: 0,
            scanned: 0,
            open: Vec::new(),
            in_string: false,
            escaped: false,
            blanks: 0,
        }
    }

    /// Sets the maximum message length in bytes from now on.
    pub fn allow(&mut self, longest: usize) {
        self.longest = longest;
    }

    /// Adds received bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.begin > 0 {
            self.bytes.drain(..self.begin);
            self.scanned -= self.begin;
            self.begin = 0;
            if self.bytes.is_empty() && self.bytes.capacity() > KEPT_ROOM {
                self.bytes = Vec::new();
            }
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next complete object; `None` if more bytes are needed. After an error, no further call succeeds.
    pub fn object(&mut self) -> Result<Option<&[u8]>, Malformed> {
        while self.scanned < self.bytes.len() {
            if self.in_string {
                self.pass_string();
                continue;
            }
            let byte = self.bytes[self.scanned];
            self.scanned += 1;
            if self.open.is_empty() {
                self.between(byte)?;
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    if self.open.len() == DEEPEST {
                        return Err(Malformed::TooDeep);
                    }
                    self.open.push(byte);
                }
                b'}' | b']' => {
                    // In ASCII, a closing brace or bracket is the opening one plus two.
                    if self.open.pop() != Some(byte - 2) {
                        return Err(Malformed::Brackets);
                    }
                    if self.open.is_empty() {
                        return self.whole().map(Some);
                    }
                }
                _ => {}
            }
        }
        if self.scanned - self.begin > self.longest {
            return Err(Malformed::TooLong(self.longest));
        }
        Ok(None)
    }

    /// Skips to the end of a string, or of the bytes so far.
    fn pass_string(&mut self) {
        if self.escaped {
            self.escaped = false;
            self.scanned += 1;
            return;
        }
        match memchr2(b'"', b'\\', &self.bytes[self.scanned..]) {
            None => self.scanned = self.bytes.len(),
            Some(far) => {
                self.scanned += far + 1;
                match self.bytes[self.scanned - 1] {
                    b'"' => self.in_string = false,
                    _ => self.escaped = true,
                }
            }
        }
    }

    fn between(&mut self, byte: u8) -> Result<(), Malformed> {
        match byte {
            b'{' => {
                self.open.push(byte);
                self.begin = self.scanned - 1;
                self.blanks = 0;
            }
            b' ' | b'\t' | b'\r' | b'\n' => {
                self.begin = self.scanned;
                self.blanks += 1;
                if self.blanks > MOST_BLANKS {
                    return Err(Malformed::Blanks);
                }
            }
            other => return Err(Malformed::Begin(other)),
        }
        Ok(())
    }

    fn whole(&mut self) -> Result<&[u8], Malformed> {
        let begin = self.begin;
        self.begin = self.scanned;
        let object = &self.bytes[begin..self.scanned];
        if object.len() > self.longest {
            return Err(Malformed::TooLong(self.longest));
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(pieces: &[&[u8]], longest: usize) -> Result<Vec<String>, Malformed> {
        let mut reader = Reader::new(longest);
        let mut found = Vec::new();
        for piece in pieces {
            reader.feed(piece);
            while let Some(object) = reader.object()? {
                found.push(String::from_utf8_lossy(object).into_owned());
            }
        }
        Ok(found)
    }

    #[test]
    fn objects_come_in_pieces_and_together() {
        let found = all(&[b"{\"a\":", b"1}", b"\r\n{\"b\":[2]} {}", b"{"], 100);
        let expected = ["{\"a\":1}", "{\"b\":[2]}", "{}"].map(str::to_owned);
        assert_eq!(found, Ok(expected.to_vec()));
    }

    #[test]
    fn braces_in_strings_are_letters() {
        let text: &[u8] = br#"{"a}":"\"}\\"}{"b":"{"}"#;
        let found = all(&[text], 100).expect("two objects");
        assert_eq!(found, [r#"{"a}":"\"}\\"}"#, r#"{"b":"{"}"#]);
    }

    #[test]
    fn what_can_be_no_message_is_refused_at_once() {
        assert_eq!(all(&[b"GET / HTTP"], 100), Err(Malformed::Begin(b'G')));
        assert_eq!(all(&[b"[1]"], 100), Err(Malformed::Begin(b'[')));
        assert_eq!(all(&[b"{]"], 100), Err(Malformed::Brackets));
        assert_eq!(
            all(&[&b"{\"a\":[[".repeat(9)], 999),
            Err(Malformed::TooDeep)
        );
        assert_eq!(
            all(&[b"{\"a\":\"", b"aaaaaaaa"], 10),
            Err(Malformed::TooLong(10))
        );
        assert_eq!(
            all(&[b"{\"a\":\"aaaaaaaa\"}"], 10),
            Err(Malformed::TooLong(10))
        );
        assert_eq!(all(&[&[b' '; 5000]], 10), Err(Malformed::Blanks));
    }

    proptest! {
        #[test]
        fn any_messages_in_any_pieces_are_found(
            texts in prop::collection::vec(any::<(String, Vec<String>)>(), 0..6),
            cuts in prop::collection::vec(0_usize..400, 0..12),
        ) {
            let messages: Vec<String> = texts
                .iter()
                .map(|(key, list)| serde_json::json!({ key.as_str(): list }).to_string())
                .collect();
            let bytes = messages.join("\n ").into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(all(&pieces, 1 << 20), Ok(messages));
        }

        #[test]
        fn any_bytes_at_all_do_no_harm(pieces in prop::collection::vec(
            prop::collection::vec(prop::sample::select(b"{}[]\"\\ \n:,a1\xff".to_vec()), 0..40), 0..20,
        )) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let joined = pieces.concat();
            // The result does not depend on how the bytes are split, and each result is a complete object.
            let found = all(&pieces, 64);
            if let Ok(objects) = &found {
                prop_assert_eq!(&all(&[&joined], 64), &found);
                for object in objects {
                    let is_whole = object.starts_with('{') && object.ends_with('}');
                    prop_assert!(is_whole);
                }
            }
        }
    }
}
