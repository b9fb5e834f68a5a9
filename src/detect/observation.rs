//! What a detector was told, as a line of text: a recording can be judged again by another rule.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use strum::{Display, EnumIter, EnumString};

/// What was noticed of a member, or of the listener itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumIter, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Sign {
    /// Its silence begins: its value was read, and the next beat will be noticed.
    Heard,
    /// It did beat, and its value is being read.
    Reading,
    /// Nothing is expected of it any more.
    Left,
    /// The listener's own beat came back.
    Echo,
}

/// One thing that a detector was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When, by the listener's monotonic clock.
    pub at: Duration,
    /// What.
    pub sign: Sign,
    /// Of whom; empty for an echo.
    pub member: String,
}

impl fmt::Display for Observation {
    /// `<microseconds> <sign> <member>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.at.as_micros(), self.sign, self.member)
    }
}

impl FromStr for Observation {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.splitn(3, ' ');
        let micros = words.next().and_then(|word| word.parse().ok()).ok_or(())?;
        Ok(Self {
            at: Duration::from_micros(micros),
            sign: words.next().and_then(|word| word.parse().ok()).ok_or(())?,
            member: words.next().unwrap_or_default().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn a_line_is_read_back() {
        for sign in Sign::iter() {
            let seen = Observation {
                at: Duration::from_micros(1_234_567),
                sign,
                member: "map1.5".to_owned(),
            };
            assert_eq!(seen.to_string().parse(), Ok(seen));
        }
        assert_eq!("x".parse::<Observation>(), Err(()));
        assert_eq!("5 sang map1".parse::<Observation>(), Err(()));
    }
}
