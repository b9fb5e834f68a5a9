//! Times and durations as they stand in values.

use std::time::Duration;

use chrono::{DateTime, Local, SecondsFormat, Utc};
use serde::Serializer;

/// The longest accepted interval, which is also the limit of the options: a sum of several intervals then
/// never overflows.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Formats seconds and microseconds since 1970 as `1609240709.574485`: Python's `%f` of `time.time()`.
pub fn seconds(at: DateTime<Utc>) -> String {
    format!("{}.{:06}", at.timestamp(), at.timestamp_subsec_micros())
}

/// Formats a time like C's `asctime`, in local time, as at the beginning of the master's messages.
pub(crate) fn asctime(at: DateTime<Utc>) -> impl std::fmt::Display {
    at.with_timezone(&Local).format("%a %b %e %H:%M:%S %Y")
}

/// Parses a foreign time. A time outside the years that RFC 3339 allows becomes the first or the last allowed
/// second, so that calculations with it never leave the calendar.
pub(super) fn moment(word: &str) -> Option<DateTime<Utc>> {
    /// The first second of the year 0 and the last of the year 9999.
    const SECONDS: [i64; 2] = [-62_167_219_200, 253_402_300_799];
    let [first, last] =
        SECONDS.map(|second| DateTime::from_timestamp(second, 0).unwrap_or_default());
    let time: DateTime<Utc> = word.parse().ok()?;
    Some(time.clamp(first, last))
}

/// Formats a time as in all of heartline's JSON output.
pub fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Serializes a time as [`stamp`] formats it, for serde's `serialize_with`.
pub fn rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&stamp(*time))
}

#[expect(clippy::ref_option, reason = "serde hands over a field as it is")]
pub(super) fn maybe_rfc3339<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => rfc3339(time, serializer),
        None => serializer.serialize_none(),
    }
}

pub(super) fn micros(text: &str) -> Option<Duration> {
    let micros = text.strip_suffix("us")?.parse().ok()?;
    Some(Duration::from_micros(micros).min(LONGEST))
}
