//! Hadoop's own binary formats (`Writable`): numbers of variable length, and two formats of text.

/// Writes a number like `WritableUtils.writeVInt`.
pub(super) fn put_number(out: &mut Vec<u8>, number: i64) {
    if let Ok(small) = i8::try_from(number)
        && small >= -112
    {
        out.extend(small.to_be_bytes());
        return;
    }
    // The first byte holds the sign and the number of bytes that follow; a negative number is sent inverted.
    let (base, plain) = if number < 0 {
        (-120_i8, !number)
    } else {
        (-112, number)
    };
    let bytes = plain.to_be_bytes();
    let skipped = bytes
        .iter()
        .take_while(|byte| **byte == 0)
        .count()
        .min(bytes.len() - 1);
    let length = i8::try_from(bytes.len() - skipped).unwrap_or(i8::MAX);
    out.extend((base - length).to_be_bytes());
    out.extend(&bytes[skipped..]);
}

/// Writes a text like `Text.writeString`.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, i64::try_from(text.len()).unwrap_or(i64::MAX));
    out.extend(text.as_bytes());
}

/// Writes a text like `UTF8.writeString`, which knows only 16-bit characters: others are sent as two.
/// A text longer than its length field allows is cut.
pub(super) fn put_utf8(out: &mut Vec<u8>, text: &str) {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        let low = |shift: u32| 0x80 | (unit >> shift & 0x3f);
        let encoded = match unit {
            1..=0x7f => [0, 0, unit],
            0 | 0x80..=0x7ff => [0, 0xc0 | unit >> 6, low(0)],
            0x800.. => [0xe0 | unit >> 12, low(6), low(0)],
        };
        let encoded = encoded.map(|byte| u8::try_from(byte).unwrap_or(b'?'));
        let encoded: Vec<u8> = encoded.into_iter().filter(|byte| *byte != 0).collect();
        if bytes.len() + encoded.len() > usize::from(u16::MAX) {
            break;
        }
        bytes.extend(encoded);
    }
    out.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(bytes);
}

/// Reads these formats from the front of some bytes; `None` where the bytes end too early.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taker<'a>(pub(super) &'a [u8]);

impl<'a> Taker<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Reads a number like `WritableUtils.readVInt`.
    pub(super) fn number(&mut self) -> Option<i64> {
        let first = i8::from_be_bytes([*self.bytes(1)?.first()?]);
        let (length, is_negative) = match first {
            -112.. => return Some(first.into()),
            -120..-112 => (-112 - first, false),
            _ => (-120 - first, true),
        };
        let bytes = self.bytes(usize::try_from(length).ok()?)?;
        let plain = bytes
            .iter()
            .fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
        Some(if is_negative { !plain } else { plain })
    }

    /// Reads bytes prefixed by their length.
    pub(super) fn counted(&mut self) -> Option<&'a [u8]> {
        let count = self.number()?;
        self.bytes(usize::try_from(count).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Hadoop 3.4.2.
    const NUMBERS: [(i64, &[u8]); 14] = [
        (0, &[0]),
        (1, &[1]),
        (127, &[0x7f]),
        (128, &[0x8f, 0x80]),
        (200, &[0x8f, 0xc8]),
        (255, &[0x8f, 0xff]),
        (256, &[0x8e, 1, 0]),
        (65_535, &[0x8e, 0xff, 0xff]),
        (65_536, &[0x8d, 1, 0, 0]),
        (1 << 30, &[0x8c, 0x40, 0, 0, 0]),
        (-1, &[0xff]),
        (-112, &[0x90]),
        (-113, &[0x87, 0x70]),
        (-129, &[0x87, 0x80]),
    ];

    #[test]
    fn numbers_are_hadoops() {
        for (number, bytes) in NUMBERS {
            let mut out = Vec::new();
            put_number(&mut out, number);
            assert_eq!(out, bytes, "{number}");
            assert_eq!(Taker(bytes).number(), Some(number));
            assert_eq!(Taker(&bytes[..bytes.len() - 1]).number(), None, "{number}");
        }
        for number in [i64::MIN, i64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, number);
            assert_eq!(Taker(&out).number(), Some(number));
        }
    }

    #[test]
    fn text_is_hadoops() {
        let mut out = Vec::new();
        put_utf8(&mut out, "hält 😀");
        // Written by Hadoop 3.4.2: a character beyond 16 bits becomes two.
        let expected = b"\x00\x0ch\xc3\xa4lt \xed\xa0\xbd\xed\xb8\x80";
        assert_eq!(out, expected);
        out.clear();
        put_utf8(&mut out, "a\0b");
        assert_eq!(out, b"\x00\x04a\xc0\x80b");
        out.clear();
        put_text(&mut out, "MAP");
        assert_eq!(out, b"\x03MAP");
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let mut out = Vec::new();
        put_utf8(&mut out, &"€".repeat(30_000));
        assert_eq!(out.len(), 2 + 65_535);
        assert_eq!(out[..2], [0xff, 0xff]);
        out.clear();
        put_utf8(&mut out, &"ä".repeat(40_000));
        assert_eq!(out[..2], [0xff, 0xfe]);
    }

    #[test]
    fn what_ends_too_early_is_nothing() {
        assert_eq!(Taker(&[3, 1, 2]).counted(), None);
        assert_eq!(Taker(&[0xff]).counted(), None);
        assert_eq!(Taker(&[]).number(), None);
        assert_eq!(Taker(&[2, 1, 2, 9]).counted(), Some([1, 2].as_slice()));
    }
}
