//! Counts as they are written in a record, and sums that never wrap.

use super::edges::is_space;
use num_bigint::BigInt;
use std::str::FromStr;

/// The most digits that Python's `int()` accepts in text. The time of a conversion grows with the square of
/// the length, so a count of a hundred megabytes would stop the task.
const MOST_DIGITS: usize = 4300;

/// A count read from a record.
#[derive(Debug, PartialEq)]
pub(super) enum Count {
    /// A count that fits into 64 bits, as nearly all do.
    Small(i64),
    /// A count beyond 64 bits.
    Big(BigInt),
}

impl Count {
    /// Reads the count in a field like Python's `int()`: a sign, decimal digits, whitespace around them.
    /// More than 4300 digits are not an integer in Python, and not here. Underscores are not accepted.
    pub(super) fn parse(field: &[u8]) -> Option<Self> {
        // The usual case: a mapper writes 1.
        if let [digit @ b'0'..=b'9'] = field {
            return Some(Self::Small(i64::from(digit - b'0')));
        }
        let from = field.iter().position(|&byte| !is_space(byte))?;
        let to = field.iter().rposition(|&byte| !is_space(byte))? + 1;
        let number = &field[from..to];
        let signed = number.starts_with(b"+") || number.starts_with(b"-");
        let digits = &number[usize::from(signed)..];
        if digits.is_empty() || digits.len() > MOST_DIGITS || !digits.iter().all(u8::is_ascii_digit)
        {
            return None;
        }
        let text = str::from_utf8(number).ok()?;
        if let Ok(count) = text.parse() {
            return Some(Self::Small(count));
        }
        BigInt::from_str(text).ok().map(Self::Big)
    }
}

/// The field of a count that arrives in parts and is never held as a whole: reads what [`Count::parse`] would.
#[derive(Debug, Default)]
pub(super) struct CountField {
    /// The number without the whitespace around it, as long as it may be valid.
    number: Vec<u8>,
    state: FieldState,
}

#[derive(Debug, Default, PartialEq)]
enum FieldState {
    /// Only whitespace has come so far.
    #[default]
    Before,
    Within,
    /// Only whitespace may follow.
    After,
    /// Not a count, whatever follows.
    Wrong,
}

impl CountField {
    /// Adds the next part.
    pub(super) fn push(&mut self, mut part: &[u8]) {
        while let Some((&byte, rest)) = part.split_first() {
            match self.state {
                FieldState::Wrong => return,
                FieldState::Before | FieldState::After if is_space(byte) => {}
                FieldState::After => self.state = FieldState::Wrong,
                FieldState::Within if is_space(byte) => self.state = FieldState::After,
                // A sign and one digit too many are enough to decide.
                FieldState::Within if self.number.len() > MOST_DIGITS + 1 => {
                    self.state = FieldState::Wrong;
                }
                FieldState::Before | FieldState::Within => {
                    self.state = FieldState::Within;
                    self.number.push(byte);
                }
            }
            part = rest;
        }
    }

    /// The count, if the field holds one.
    pub(super) fn end(&self) -> Option<Count> {
        match self.state {
            FieldState::Within | FieldState::After => Count::parse(&self.number),
            FieldState::Before | FieldState::Wrong => None,
        }
    }
}

/// A sum of any size: a fast part, and the overflow of it.
#[derive(Debug, Default)]
pub(super) struct Sum {
    small: i128,
    big: BigInt,
}

impl Sum {
    /// Adds `count`, `times` times.
    #[inline]
    pub(super) fn add(&mut self, count: &Count, times: u64) {
        match count {
            // 63 bits and a sign times 64 bits are 127 bits and a sign.
            Count::Small(count) => self.add_small(i128::from(*count) * i128::from(times)),
            Count::Big(count) => self.big += count * times,
        }
    }

    fn add_small(&mut self, amount: i128) {
        if let Some(sum) = self.small.checked_add(amount) {
            self.small = sum;
        } else {
            self.big += std::mem::replace(&mut self.small, amount);
        }
    }

    /// Passes the sum in digits to `write`; then the sum is 0 again.
    pub(super) fn take<T>(&mut self, write: impl FnOnce(&[u8]) -> T) -> T {
        let small = std::mem::take(&mut self.small);
        if self.big == BigInt::ZERO {
            return write(itoa::Buffer::new().format(small).as_bytes());
        }
        let sum = std::mem::take(&mut self.big) + small;
        write(sum.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_int_takes_is_a_count() {
        for (field, count) in [
            (&b"1"[..], 1),
            (b"0", 0),
            (b"42", 42),
            (b" 7\t\r\x0b", 7),
            (b"+5", 5),
            (b"-5", -5),
            (b"-0", 0),
            (b"00012", 12),
            (b"9223372036854775807", i64::MAX),
            (b"-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(Count::parse(field), Some(Count::Small(count)), "{field:?}");
        }
    }

    #[test]
    fn what_int_refuses_is_none() {
        let too_long = [b'1'; MOST_DIGITS + 1];
        for field in [
            &b""[..],
            b" \r",
            b"+",
            b"-",
            b"--1",
            b"+ 1",
            b"1 2",
            b"1.0",
            b"1e3",
            b"0x1f",
            b"one",
            b"1_000",
            b"99999999999999999999_9",
            b"1\t2",
            b"1\x00",
            b"\xb2",
            &too_long,
        ] {
            assert_eq!(Count::parse(field), None, "{field:?}");
        }
        assert!(matches!(Count::parse(&too_long[1..]), Some(Count::Big(_))));
    }

    proptest! {
        #[test]
        fn a_field_in_parts_is_read_as_one_of_a_piece(
            field in "[ \\r]{0,3}[+-]{0,2}[0-9x ]{0,5}(0{4294,4300})?[ \t]{0,3}",
            size in 1..50_usize,
        ) {
            let mut parts = CountField::default();
            for part in field.as_bytes().chunks(size) {
                parts.push(part);
            }
            prop_assert_eq!(parts.end(), Count::parse(field.as_bytes()));
        }

        #[test]
        fn sums_are_those_of_big_integers(
            counts in proptest::collection::vec((any::<i128>(), 0..=130_u32, 1..1000_u64, 0..60_usize), 0..20),
        ) {
            let mut sum = Sum::default();
            let mut expected = BigInt::ZERO;
            for (count, shift, times, zeros) in counts {
                let field = format!("{}{}", count.checked_shr(shift).unwrap_or(1), "0".repeat(zeros));
                sum.add(&Count::parse(field.as_bytes()).unwrap(), times);
                expected += BigInt::from_str(&field).unwrap() * times;
            }
            let digits = sum.take(<[u8]>::to_vec);
            prop_assert_eq!(String::from_utf8(digits).unwrap(), expected.to_string());
            prop_assert_eq!(sum.take(<[u8]>::to_vec), b"0");
        }
    }

    #[test]
    fn a_sum_beyond_128_bits_does_not_wrap() {
        let mut sum = Sum::default();
        let large = Count::Small(i64::MAX);
        for _ in 0..4 {
            sum.add(&large, u64::MAX);
        }
        let expected: BigInt = BigInt::from(i64::MAX) * u64::MAX * 4;
        assert_eq!(sum.take(<[u8]>::to_vec), expected.to_string().as_bytes());
    }
}
