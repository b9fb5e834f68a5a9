//! Texts of others and numbers, in forms that fit a column. Pure.

use std::time::Duration;

use heartline_core::text;
use heartline_observe::status::{UNKNOWN, age};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A text of others on one line, as [`text::cell`] cleans it. A character without a width of its own, such as an accent
/// behind a letter, is replaced too: terminals do not agree where it stands, and columns would move.
pub(super) fn shown(of_others: &str) -> String {
    let clean = text::cell(of_others);
    let own = |c: char| match c.width() {
        None | Some(0) => char::REPLACEMENT_CHARACTER,
        Some(_) => c,
    };
    clean.chars().map(own).collect()
}

/// Number of columns of a text.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text in `most` columns at most: without its middle, if it is longer.
pub(super) fn fit(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(1);
    let head = taken(text.chars(), room - room * 2 / 5);
    let tail = taken(text.chars().rev(), room - width(&head));
    let tail: String = tail.chars().rev().collect();
    let whole = format!("{head}…{tail}");
    // With no room at all.
    taken(whole.chars(), most)
}

/// The text in `most` columns at most: without its end, if it is longer.
pub(super) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most || most == 0 {
        return taken(text.chars(), most);
    }
    format!("{}…", taken(text.chars(), most - 1))
}

/// The first characters that fit into `most` columns.
fn taken(letters: impl Iterator<Item = char>, most: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= most
    };
    letters.take_while(fits).collect()
}

/// A rate of any size: `0.4`, `812`, `99999`, `123k`, `1.2M`.
pub(super) fn short(rate: Option<f64>) -> String {
    match rate {
        None => UNKNOWN.to_owned(),
        Some(rate) if rate >= 1e9 => format!("{:.1}G", rate / 1e9),
        Some(rate) if rate >= 1e6 => format!("{:.1}M", rate / 1e6),
        Some(rate) if rate >= 1e5 => format!("{:.0}k", rate / 1e3),
        Some(rate) if rate > 0.0 && rate < 9.95 => format!("{rate:.1}"),
        Some(rate) => format!("{rate:.0}"),
    }
}

/// An age in two units at most: `4ms`, `3m 20s`, `1day 3h`.
pub(super) fn short_age(duration: Option<Duration>) -> String {
    let Some(duration) = duration else {
        return UNKNOWN.to_owned();
    };
    let whole = age(duration);
    let units: Vec<&str> = whole.split(' ').take(2).collect();
    units.join(" ")
}

/// A duration of a JSON field in milliseconds.
pub(super) fn millis(millis: f64) -> Duration {
    // A member may report any number.
    Duration::try_from_secs_f64((millis / 1e3).max(0.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_keep_their_columns() {
        assert_eq!(shown("a\u{1b}[2J\u{202e}b"), "a\u{fffd}[2J\u{fffd}b");
        assert_eq!(shown("e\u{301}\u{200d}x"), "e\u{fffd}\u{fffd}x");
        assert_eq!(width(&shown("日本")), 4);
    }

    #[test]
    fn a_long_text_loses_its_middle() {
        assert_eq!(fit("map1795260688.574", 9), "map17…574");
        assert_eq!(fit("short", 5), "short");
        assert_eq!(cut("back-pressured", 8), "back-pr…");
        assert_eq!(fit("日本語日本語", 6), "日…語");
        for most in 0..8 {
            assert!(width(&fit("日本語 and more", most)) <= most);
        }
    }

    #[test]
    fn numbers_stay_short() {
        let rates =
            [0.0, 0.42, 9.96, 99_999.0, 123_456.0, 1.25e6, 3e9].map(|rate| short(Some(rate)));
        assert_eq!(rates, ["0", "0.4", "10", "99999", "123k", "1.2M", "3.0G"]);
        let age = short_age(Some(Duration::from_secs(90_061)));
        assert_eq!((age.as_str(), short_age(None).as_str()), ("1day 1h", "-"));
        assert_eq!(millis(f64::NAN), Duration::ZERO);
        assert_eq!(millis(-5.0), Duration::ZERO);
    }
}
