//! How long a command may stand still by its own fault: set by the user, or learned.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::detect::IntervalWindow;

/// The stall timeout while little is known, and the default.
const AT_FIRST: Duration = Duration::from_secs(10);

/// The minimum of a learned stall timeout: a garbage collection or a slow disk causes pauses of a second.
const LEAST: Duration = Duration::from_secs(2);

/// The maximum of a learned stall timeout: half of the time after which Hadoop ends a task that reports
/// nothing (`mapreduce.task.timeout`, 600 s), so that a stall is reported while it can still be examined.
const MOST: Duration = Duration::from_secs(300);

/// Minimum number of known pauses before they have an effect, as in [`IntervalWindow`].
const ENOUGH: usize = 20;

/// How long a command must have been watched before its pauses have an effect: rare events, such as a large
/// record, do not show in the first seconds.
const LONG_ENOUGH: Duration = Duration::from_secs(30);

/// The factor by which a pause may exceed the longest one that ended with progress. A pause that happens once
/// in a thousand hardly shows in mean and deviation, and still happens again.
const MARGIN: u32 = 2;

/// How long a command may stand still by its own fault before it counts as stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StallTimeout {
    /// Forever: no command counts as stalled.
    Off,
    /// For this time.
    After(Duration),
    /// As long as its own pauses suggest: by the φ accrual method over its last 1000 pauses (Hayashibara and
    /// others, 2004; see [`IntervalWindow`]), and at least twice its longest one. Never below 2 s or above 5
    /// min, and 10 s until 20 pauses and 30 s are known.
    Auto,
}

impl Default for StallTimeout {
    fn default() -> Self {
        Self::After(AT_FIRST)
    }
}

/// The text is not a valid stall timeout.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("write a duration as 10s, 0, or auto")]
pub struct StallTimeoutError;

impl FromStr for StallTimeout {
    type Err = StallTimeoutError;

    fn from_str(text: &str) -> Result<Self, StallTimeoutError> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            "off" | "0" => Ok(Self::Off),
            text => match humantime::parse_duration(text) {
                Ok(Duration::ZERO) => Ok(Self::Off),
                Ok(duration) => Ok(Self::After(duration)),
                Err(_) => Err(StallTimeoutError),
            },
        }
    }
}

impl fmt::Display for StallTimeout {
    /// Formats the value as on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("0"),
            Self::After(duration) => humantime::format_duration(*duration).fmt(f),
            Self::Auto => f.write_str("auto"),
        }
    }
}

/// The current value of a [`StallTimeout`] for one command, from its known pauses.
#[derive(Clone, Debug)]
pub(super) struct Allowance {
    stall_timeout: StallTimeout,
    pauses: IntervalWindow,
    known: usize,
    longest: Duration,
    watched: Duration,
}

impl Allowance {
    pub(super) fn new(stall_timeout: StallTimeout) -> Self {
        Self {
            stall_timeout,
            pauses: IntervalWindow::default(),
            known: 0,
            longest: Duration::ZERO,
            watched: Duration::ZERO,
        }
    }

    /// Adds time during which the command was watched.
    pub(super) fn watched(&mut self, step: Duration) {
        self.watched += step;
    }

    /// Adds a pause that ended with progress. The time that it waited for others is not part of it.
    pub(super) fn paused(&mut self, pause: Duration) {
        self.pauses.add(pause);
        self.known += 1;
        self.longest = self.longest.max(pause);
    }

    /// How long the command may stand still now; `None` means forever.
    pub(super) fn now(&self) -> Option<Duration> {
        match self.stall_timeout {
            StallTimeout::Off => None,
            StallTimeout::After(duration) => Some(duration),
            StallTimeout::Auto if self.known < ENOUGH || self.watched < LONG_ENOUGH => {
                // The pauses known so far can only prolong it.
                Some(AT_FIRST.max((self.longest * MARGIN).min(MOST)))
            }
            StallTimeout::Auto => {
                let learned = self.pauses.longest().max(self.longest * MARGIN);
                Some(learned.clamp(LEAST, MOST))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn what_is_written_is_understood() {
        for off in ["0", "0s", "off", "0ms"] {
            assert_eq!(off.parse(), Ok(StallTimeout::Off), "{off}");
        }
        assert_eq!("auto".parse(), Ok(StallTimeout::Auto));
        assert_eq!("10s".parse(), Ok(StallTimeout::default()));
        assert_eq!(
            "1m 500ms".parse(),
            Ok(StallTimeout::After(Duration::from_millis(60_500)))
        );
        for wrong in ["", "ten", "-1s", "10", "Auto!"] {
            let error = wrong.parse::<StallTimeout>().unwrap_err().to_string();
            assert_eq!(error, "write a duration as 10s, 0, or auto", "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for stall_timeout in [
            StallTimeout::Off,
            StallTimeout::Auto,
            StallTimeout::default(),
            StallTimeout::After(ms(90_250)),
        ] {
            assert_eq!(stall_timeout.to_string().parse(), Ok(stall_timeout));
        }
    }

    fn learned(pauses: impl Iterator<Item = u64>) -> Duration {
        let mut allowance = Allowance::new(StallTimeout::Auto);
        allowance.watched(LONG_ENOUGH);
        pauses.for_each(|pause| allowance.paused(ms(pause)));
        allowance.now().unwrap()
    }

    #[test]
    fn little_knowledge_allows_ten_seconds() {
        assert_eq!(learned((0..19).map(|_| 200)), AT_FIRST);
        let mut allowance = Allowance::new(StallTimeout::Auto);
        (0..1000).for_each(|_| allowance.paused(ms(200)));
        assert_eq!(allowance.now(), Some(AT_FIRST));
        // A longer pause was seen.
        allowance.paused(ms(8_000));
        assert_eq!(allowance.now(), Some(ms(16_000)));
    }

    #[test]
    fn a_steady_command_is_allowed_little_and_an_irregular_one_more() {
        assert_eq!(learned((0..100).map(|_| 0)), LEAST);
        let irregular = learned((0..100).map(|n| n % 2 * 2000));
        assert!(irregular > ms(11_000) && irregular < ms(12_000));
        assert_eq!(learned((0..100).map(|_| 400_000)), MOST);
    }

    #[test]
    fn a_rare_pause_may_come_again() {
        assert_eq!(
            learned((0..2000).map(|n| if n == 0 { 20_000 } else { 0 })),
            ms(40_000)
        );
    }

    #[test]
    fn what_the_user_says_is_not_learned() {
        let mut allowance = Allowance::new(StallTimeout::After(ms(300)));
        allowance.watched(LONG_ENOUGH);
        (0..100).for_each(|_| allowance.paused(ms(5000)));
        assert_eq!(allowance.now(), Some(ms(300)));
        assert_eq!(Allowance::new(StallTimeout::Off).now(), None);
    }
}
