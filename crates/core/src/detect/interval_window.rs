//! The known silences of a member: how long they last, and how long one may last.
//!
//! The phi accrual failure detector (Hayashibara, Défago, Yared, Katayama, "The φ Accrual Failure Detector",
//! SRDS 2004) keeps the last silences in a window; suspicion is φ = −log₁₀ of the probability that a silence
//! lasts longer than the present one. The paper assumes a normal distribution. The silences of processes that
//! wait for a processor do not follow it: their tail is that of an exponential distribution, which Cassandra
//! assumes (CASSANDRA-2597). This window uses a shifted exponential distribution, with the mean and the
//! deviation of the window.

use std::collections::VecDeque;
use std::time::Duration;

/// Maximum number of remembered silences: five seconds of beats every 5 ms, as in the paper's tests.
const WINDOW: usize = 1000;

/// Minimum number of silences before the window has an effect.
const ENOUGH: usize = 20;

/// φ = 5 in standard deviations above the mean: one silence in 10⁵ is longer. With e^−(1 + d) = 10^−φ that is
/// d = φ ln 10 − 1. In recordings under busy loops, φ = 8 spares few more members and delays all verdicts.
const DEVIATIONS: f64 = 10.51;

/// The last silences of one member, in whole microseconds: a running sum of integers does not drift. 32 bits hold an
/// hour; a master has one window for each of thousands of members.
#[derive(Clone, Debug, Default)]
pub struct IntervalWindow {
    window: VecDeque<u32>,
    sum: u64,
    squares: u128,
}

impl IntervalWindow {
    /// Adds a silence that has ended.
    pub fn add(&mut self, silence: Duration) {
        let micros = u32::try_from(silence.as_micros()).unwrap_or(u32::MAX);
        self.window.push_back(micros);
        self.sum += u64::from(micros);
        self.squares += u128::from(micros) * u128::from(micros);
        if self.window.len() > WINDOW
            && let Some(oldest) = self.window.pop_front()
        {
            self.sum -= u64::from(oldest);
            self.squares -= u128::from(oldest) * u128::from(oldest);
        }
    }

    /// The length of a silence that a beat almost never ends; zero while too few silences are known.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a microsecond more or less is none"
    )]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative"
    )]
    pub fn longest(&self) -> Duration {
        if self.window.len() < ENOUGH {
            return Duration::ZERO;
        }
        let count = self.window.len() as f64;
        let mean = self.sum as f64 / count;
        let variance = (self.squares as f64 / count - mean * mean).max(0.0);
        Duration::from_micros((mean + variance.sqrt() * DEVIATIONS) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn of(intervals: impl Iterator<Item = u64>) -> IntervalWindow {
        let mut known = IntervalWindow::default();
        intervals.for_each(|silence| known.add(ms(silence)));
        known
    }

    #[test]
    fn little_is_nothing() {
        assert_eq!(of((0..19).map(|_| 40)).longest(), ms(0));
        assert_eq!(of((0..20).map(|_| 40)).longest(), ms(40));
    }

    #[test]
    fn who_beats_irregularly_may_be_silent_for_longer() {
        // Mean 5 ms, and a deviation of 1 ms or 4 ms.
        let near = |intervals: IntervalWindow, expected: f64| {
            let found = intervals.longest().as_secs_f64() * 1000.0;
            assert!(
                (found - expected).abs() < 0.01,
                "{found} and not {expected}"
            );
        };
        near(of((0..1000).map(|n| 4 + n % 2 * 2)), 5.0 + 10.51);
        near(of((0..1000).map(|n| 1 + n % 2 * 8)), 5.0 + 4.0 * 10.51);
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let intervals = [300].into_iter().chain((0..1000).map(|_| 5));
        assert_eq!(of(intervals).longest(), ms(5));
    }
}
