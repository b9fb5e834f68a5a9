//! The five conditions of a running command.

use serde::Serialize;
use strum::{Display, EnumIter, EnumString, FromRepr};

/// What a running command is doing.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Display,
    EnumIter,
    EnumString,
    FromRepr,
)]
#[repr(u8)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Condition {
    /// Bytes come in or go out.
    #[default]
    Working,
    /// It waits for its input, which has not ended.
    Starved,
    /// It waits for the reader of its output.
    BackPressured,
    /// It uses CPU time, but no byte comes in or goes out.
    Spinning,
    /// It does nothing, and waits for neither its input nor the reader of its output.
    Blocked,
}

impl Condition {
    /// Whether the command itself is the reason that nothing moves: this counts towards a stall.
    pub fn is_its_own(self) -> bool {
        matches!(self, Self::Spinning | Self::Blocked)
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn every_condition_has_a_word_of_its_own() {
        for condition in Condition::iter() {
            let word = condition.to_string();
            assert_eq!(word.parse(), Ok(condition));
            assert_eq!(
                serde_json::to_string(&condition).unwrap(),
                format!("\"{word}\"")
            );
        }
        assert_eq!(Condition::BackPressured.to_string(), "back-pressured");
    }
}
