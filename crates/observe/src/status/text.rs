//! Numbers and times in short forms for people; `-` for what is not known.

use std::time::Duration;

use bytesize::ByteSize;
use chrono::{DateTime, Local, Utc};

/// Shown for an unknown value.
pub const UNKNOWN: &str = "-";

/// The age of something: `4ms`, `1.2s`, `3m 20s`.
pub fn age(age: Duration) -> String {
    if age < Duration::from_secs(1) {
        return format!("{}ms", age.as_millis());
    }
    // What rounds to a minute is shown as a minute.
    if age < Duration::from_millis(59_950) {
        return format!("{:.1}s", age.as_secs_f64());
    }
    let seconds = age.as_secs_f64().round();
    humantime::format_duration(Duration::from_secs_f64(seconds)).to_string()
}

/// A rate per second: `198`, `0.5`.
pub(super) fn rate(rate: Option<f64>) -> String {
    match rate {
        None => UNKNOWN.to_owned(),
        Some(rate) if rate > 0.0 && rate < 9.95 => format!("{rate:.1}"),
        Some(rate) => format!("{rate:.0}"),
    }
}

/// A percentage: `41.5%`.
pub(super) fn percent(percent: Option<f64>) -> String {
    // A member may report any number.
    let percent = percent.filter(|percent| percent.abs() < 1e4);
    percent.map_or_else(|| UNKNOWN.to_owned(), |percent| format!("{percent:.1}%"))
}

/// A number of bytes: `12.3MiB`.
pub fn bytes(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string().replace(' ', "")
}

/// A time on the reader's own clock.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    let at = at.with_timezone(&Local);
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        let words = [
            (0, "0ms"),
            (999, "999ms"),
            (1234, "1.2s"),
            (59_949, "59.9s"),
            (59_960, "1m"),
            (200_400, "3m 20s"),
        ];
        for (millis, word) in words {
            assert_eq!(age(Duration::from_millis(millis)), word);
        }
    }

    #[test]
    fn numbers_have_the_digits_that_matter() {
        let rates = [0.0, 0.52, 9.96, 198.4].map(|number| rate(Some(number)));
        assert_eq!(rates, ["0", "0.5", "10", "198"]);
        assert_eq!((rate(None), percent(None)), ("-".into(), "-".into()));
        assert_eq!(percent(Some(41.52)), "41.5%");
        assert_eq!(bytes(12_897_485), "12.3MiB");
        assert_eq!(bytes(512), "512B");
    }
}
