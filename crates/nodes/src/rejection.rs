//! Why a request was rejected: one line, for the sender and for the log.

use std::fmt;

/// The maximum number of characters that are quoted from a foreign text.
const LONGEST_QUOTE: usize = 160;

/// The reason in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Rejection(String);

impl Rejection {
    /// A rejection for this reason. Foreign text in it must pass through `quoted`.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes foreign text safe for one line of a log: short, and without control characters.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST_QUOTE).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let escaped = shown.chars().map(|c| match c {
        '\'' | '"' => c.to_string(),
        c => c.escape_debug().to_string(),
    });
    format!("'{}'", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_stays_in_one_short_line() {
        assert_eq!(quoted("a\nb\u{1b}[2J"), r"'a\nb\u{1b}[2J'");
        assert_eq!(quoted("it's \"so\""), "'it's \"so\"'");
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), 163);
    }
}
