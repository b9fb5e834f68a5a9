//! How long a member may be silent: the rules to choose from, and the terms that they need.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How long a member may be silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// The timeout, whatever is known of the member.
    Fixed,
    /// The timeout at least, and longer for a member whose silences were long of late, and for all
    /// when several are silent at once.
    #[default]
    Adaptive,
}

impl Rule {
    const WORDS: [(Self, &'static str); 2] = [(Self::Fixed, "fixed"), (Self::Adaptive, "adaptive")];
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(rule, _)| rule == self);
        f.write_str(word.map_or("", |(_, word)| word))
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::WORDS.iter().find(|(_, known)| *known == word);
        known
            .map(|(rule, _)| *rule)
            .ok_or_else(|| "write fixed or adaptive".to_owned())
    }
}

/// What a detector goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The rule.
    pub rule: Rule,
    /// The silence that is allowed, or that is allowed at least.
    pub timeout: Duration,
    /// The most that the time between two echoes can count for; see [`Hearing`](super::Hearing).
    pub longest_gap: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_word() {
        for (rule, word) in Rule::WORDS {
            assert_eq!(word.parse(), Ok(rule));
            assert_eq!(rule.to_string(), word);
        }
        assert!("phi".parse::<Rule>().is_err());
    }
}
