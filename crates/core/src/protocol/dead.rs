//! The members that died recently: part of every report, since the znodes of the dead are gone.

use std::fmt;
use std::str::FromStr;

use super::escape::{Word, name};
use super::time::{moment, stamp};
use crate::detect::DeathCause;
use chrono::{DateTime, Utc};

/// The prefix of a line about a dead member.
const DEAD: &str = "dead ";
/// The placeholder for a missing attempt.
const NONE: &str = "-";

/// A member that was declared dead and has not returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// Its name.
    pub node: String,
    /// When it was declared dead.
    pub time: DateTime<Utc>,
    /// The task attempt that it ran.
    pub attempt: Option<String>,
    /// Why it was declared dead; `None` in a value of an older version.
    pub cause: Option<DeathCause>,
}

impl fmt::Display for Dead {
    /// `dead <node> <time> <attempt> <cause>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DEAD}{} {} ", Word(&self.node), stamp(self.time))?;
        match self.attempt.as_deref() {
            None => f.write_str(NONE)?,
            // An attempt with this very name.
            Some(NONE) => f.write_str("\\u{2d}")?,
            Some(attempt) => Word(attempt).fmt(f)?,
        }
        self.cause.map_or(Ok(()), |cause| write!(f, " {cause}"))
    }
}

impl FromStr for Dead {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.strip_prefix(DEAD).ok_or(())?.splitn(4, ' ');
        let mut word = || words.next().ok_or(());
        Ok(Self {
            node: name(word()?).ok_or(())?,
            time: moment(word()?).ok_or(())?,
            attempt: Some(word()?).filter(|word| *word != NONE).and_then(name),
            cause: words.next().and_then(|word| word.parse().ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back() {
        for (attempt, cause) in [
            (None, None),
            (Some("-"), Some(DeathCause::Closed)),
            (Some("a b"), Some(DeathCause::Refused)),
            (Some("attempt_1_0001_m_000000_0"), Some(DeathCause::Silent)),
        ] {
            let attempt = attempt.map(str::to_owned);
            let dead = Dead {
                node: "map1.5".to_owned(),
                time: DateTime::from_timestamp_micros(1_609_240_719_574_485).unwrap(),
                attempt,
                cause,
            };
            assert_eq!(dead.to_string().parse(), Ok(dead));
        }
        assert_eq!("delete node map1".parse::<Dead>(), Err(()));
    }
}
