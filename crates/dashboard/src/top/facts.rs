//! What is known of one member, by name: the fields of `heartline status --json`. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::states;
use super::text::millis;
use crate::history::KnownMember;

impl<'a> KnownMember<'a> {
    /// A field that is a text; empty if it is not known.
    pub(super) fn text(&self, key: &str) -> &'a str {
        let text = self.details.get(key).and_then(Value::as_str);
        text.unwrap_or_default()
    }

    /// A field that is a number.
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        let number = self.details.get(key).and_then(Value::as_f64);
        number.filter(|number| number.is_finite())
    }

    /// A field that is a time.
    pub(super) fn time(&self, key: &str) -> Option<DateTime<Utc>> {
        self.text(key).parse().ok()
    }

    /// Its name.
    pub(super) fn name(&self) -> &'a str {
        self.text("node")
    }

    /// Its state, as the character of its newest cell.
    pub(super) fn state(&self) -> char {
        self.strip.last().map_or('-', |cell| cell.state)
    }

    /// Whether it beats no more.
    pub(super) fn is_ended(&self) -> bool {
        states::is_ended(self.state())
    }

    /// The age of its last beat at `now`, on the clock of the readings; of a member that ended, since it ended.
    pub(super) fn lag(&self, now: Duration) -> Option<Duration> {
        let age = millis(self.number("age_ms")?);
        Some(age.saturating_add(now.saturating_sub(self.read)))
    }

    /// A rate; `None` if it has ended.
    pub(super) fn rate(&self, key: &str) -> Option<f64> {
        self.number(key).filter(|_| !self.is_ended())
    }

    /// `master`, `standing` or `follower`; nobody leads who has ended.
    pub(super) fn role(&self) -> &'a str {
        if self.is_ended() {
            "follower"
        } else {
            self.text("role")
        }
    }

    /// The attempt without what all attempts of a job have in common: `m_000003_0`.
    pub(super) fn short_attempt(&self) -> &'a str {
        let attempt = self.text("attempt");
        let end = attempt.rmatch_indices('_').nth(2);
        end.map_or(attempt, |(place, _)| &attempt[place + 1..])
    }
}
