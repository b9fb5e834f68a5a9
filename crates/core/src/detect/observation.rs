//! A detector's input as lines of text: another rule can classify a recording later.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use strum::{Display, EnumIter, EnumString};

/// What was observed of a member, or of the listener itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumIter, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Sign {
    /// The member's silence begins: its value was read, and the next beat will be noticed.
    Heard,
    /// The member has beaten, and its value is being read.
    Reading,
    /// The member beats less often than the timeout assumes.
    Expect(Duration),
    /// The member is silent, but its process exists.
    Exists,
    /// Nothing is known of the silent member's process any more.
    Unknown,
    /// No beat is expected of the member any more.
    Left,
    /// The listener's own beat was acknowledged.
    Echo,
}

/// One input of a detector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The time, by the listener's monotonic clock.
    pub at: Duration,
    /// What was observed.
    pub sign: Sign,
    /// The member's name; empty for an echo.
    pub member: String,
}

impl fmt::Display for Observation {
    /// `<microseconds> <sign> <member>`; with [`Sign::Expect`] `<microseconds> expect <microseconds> <member>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.at.as_micros(), self.sign)?;
        if let Sign::Expect(extra) = self.sign {
            write!(f, "{} ", extra.as_micros())?;
        }
        f.write_str(&self.member)
    }
}

impl FromStr for Observation {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let (at, rest) = line.split_once(' ').ok_or(())?;
        let (sign, mut member) = rest.split_once(' ').ok_or(())?;
        let mut sign = sign.parse().map_err(drop)?;
        if let Sign::Expect(extra) = &mut sign {
            let (micros, rest) = member.split_once(' ').ok_or(())?;
            *extra = Duration::from_micros(micros.parse().map_err(drop)?);
            member = rest;
        }
        Ok(Self {
            at: Duration::from_micros(at.parse().map_err(drop)?),
            sign,
            member: member.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn a_line_is_read_back() {
        let signs = Sign::iter().filter(|sign| !matches!(sign, Sign::Expect(_)));
        for sign in signs.chain([Sign::Expect(Duration::from_millis(1))]) {
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
