//! Why and after which silence a node was declared dead: the last words of a death's line, and `silence_ms` in JSON.

use std::time::Duration;

use serde::Serializer;

use super::time::micros;
use crate::detect::DeathCause;

/// ` <cause> <silence>` each only if it is known, and a silence behind a cause only. A reader that knows no silence
/// takes such a death for one without a cause.
pub(super) fn death_words(cause: Option<DeathCause>, silence: Option<Duration>) -> String {
    let Some(cause) = cause else {
        return String::new();
    };
    match silence {
        Some(silence) => format!(" {cause} {}us", silence.as_micros()),
        None => format!(" {cause}"),
    }
}

/// Reads the words back. What is no cause, or no plausible silence, is left out.
pub(super) fn death_of_words(words: &str) -> (Option<DeathCause>, Option<Duration>) {
    let (cause, silence) = words.split_once(' ').unwrap_or((words, ""));
    let Ok(cause) = cause.parse() else {
        return (None, None);
    };
    (Some(cause), micros(silence))
}

/// Serializes a silence in milliseconds, with three decimals.
#[expect(clippy::ref_option, reason = "serde hands over a field as it is")]
pub(super) fn maybe_millis<S: Serializer>(
    silence: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let millis = silence.map(|silence| (silence.as_secs_f64() * 1e6).round() / 1e3);
    match millis {
        Some(millis) => serializer.serialize_f64(millis),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn the_words_are_read_back() {
        for cause in DeathCause::iter() {
            for silence in [None, Some(0), Some(23_415), Some(86_400_000_000)] {
                let silence = silence.map(Duration::from_micros);
                let words = death_words(Some(cause), silence);
                assert_eq!(death_of_words(words.trim_start()), (Some(cause), silence));
            }
        }
        assert_eq!(death_words(None, Some(Duration::ZERO)), "");
    }

    #[test]
    fn what_is_not_plausible_is_left_out() {
        let silent = Some(DeathCause::Silent);
        for (words, read) in [
            ("", (None, None)),
            ("17", (None, None)),
            ("bored 17", (None, None)),
            ("silent", (silent, None)),
            ("silent 17", (silent, None)),
            ("silent -1us", (silent, None)),
            ("silent 1e9us", (silent, None)),
            ("silent 99999999999999999999us", (silent, None)),
            ("silent 17us 18us", (silent, None)),
            (
                "silent 9999999999999999999us",
                (silent, Some(Duration::from_secs(86_400))),
            ),
        ] {
            assert_eq!(death_of_words(words), read, "{words}");
        }
    }
}
