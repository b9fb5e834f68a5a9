//! The name of a member: `map<TS>`, with the time of its start.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use heartline_core::protocol::seconds;

/// Maximum length of a name that a user may set; Hadoop's attempt ids have about 40 characters.
const LONGEST: usize = 200;

/// A member's name: usable as one component of a znode path and of a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    text: String,
    given: bool,
}

impl Name {
    /// The name of a mapper that starts at `now`: `map1609240709.574485` and six more digits from `entropy`.
    /// The extra digits are needed because mappers often start in the same microsecond when a job starts on
    /// many hosts, and two attempts of one task may run at once.
    pub fn of_mapper(now: DateTime<Utc>, entropy: u128) -> Self {
        Self::of("map", now, entropy)
    }

    fn of(kind: &str, now: DateTime<Utc>, entropy: u128) -> Self {
        Self {
            text: format!("{kind}{}{:06}", seconds(now), entropy % 1_000_000),
            given: false,
        }
    }

    /// The name of a mapper that starts now, with random digits from the system.
    pub fn of_new_mapper() -> Self {
        Self::of_mapper(Utc::now(), Uuid::new_v4().as_u128())
    }

    /// The name of a reducer that starts now: `reduce1609240709.574485` and six more digits.
    pub fn of_new_reducer() -> Self {
        Self::of("reduce", Utc::now(), Uuid::new_v4().as_u128())
    }

    /// The name of a dedicated master that starts now: `master1609240709.574485` and six more digits.
    pub fn of_new_master() -> Self {
        Self::of("master", Utc::now(), Uuid::new_v4().as_u128())
    }

    /// Whether the user set this name, so that no other name may replace it.
    pub fn is_given(&self) -> bool {
        self.given
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if text.is_empty() || text.len() > LONGEST || !text.chars().all(plain) {
            return Err(format!(
                "a name has 1 to {LONGEST} letters, digits, '.', '-' or '_'"
            ));
        }
        if text.starts_with('.') {
            return Err("a name does not begin with '.'".to_owned());
        }
        Ok(Self {
            text: text.to_owned(),
            given: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_moment_and_some_digits() {
        let now = DateTime::from_timestamp_micros(1_609_240_709_004_485).unwrap();
        assert_eq!(
            Name::of_mapper(now, 7).as_ref(),
            "map1609240709.004485000007"
        );
        assert_ne!(Name::of_mapper(now, 7), Name::of_mapper(now, 8));
        // The name still looks like a float: the form that other programs expect.
        let text = Name::of_new_mapper().to_string();
        assert!(
            text.strip_prefix("map").unwrap().parse::<f64>().is_ok(),
            "{text}"
        );
    }

    #[test]
    fn a_given_name_is_safe_in_a_path() {
        assert!("attempt_1_0001_m_000000_0".parse::<Name>().is_ok());
        for wrong in ["", "a/b", "..", ".a", "a b", "a\n", &"x".repeat(201)] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong:?}");
        }
    }
}
