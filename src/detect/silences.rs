//! What is known of a member's silences: how long they last, and how long one may last.
//!
//! The phi accrual failure detector (Hayashibara, Défago, Yared, Katayama, "The φ Accrual Failure
//! Detector", SRDS 2004): the last silences are kept in a window and taken as normally distributed;
//! suspicion is φ = −log₁₀ of the chance that a silence lasts longer than the present one. A
//! threshold of φ is a number of standard deviations above the mean. As in Akka and Cassandra the
//! threshold is 8, and a pause that has to be accepted is added: the timeout of the fixed rule.

use std::collections::VecDeque;
use std::time::Duration;

/// How many silences are remembered: five seconds of beats every 5 ms, as in the paper's tests.
const WINDOW: usize = 1000;

/// How many there must be before they count for anything.
const ENOUGH: usize = 20;

/// φ = 8 in standard deviations of a normal distribution: one silence in 10⁸ is longer.
const DEVIATIONS: f64 = 5.612;

/// The last silences of one member, in whole microseconds: a running sum of integers does not drift.
#[derive(Clone, Debug, Default)]
pub struct Silences {
    window: VecDeque<u64>,
    sum: u64,
    squares: u128,
}

impl Silences {
    /// A silence that has ended.
    pub fn add(&mut self, silence: Duration) {
        let micros = u64::try_from(silence.as_micros()).unwrap_or(u64::MAX);
        self.window.push_back(micros);
        self.sum += micros;
        self.squares += u128::from(micros) * u128::from(micros);
        if self.window.len() > WINDOW
            && let Some(oldest) = self.window.pop_front()
        {
            self.sum -= oldest;
            self.squares -= u128::from(oldest) * u128::from(oldest);
        }
    }

    /// How long a silence may last beyond what is accepted of everybody.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a microsecond more or less is none"
    )]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative"
    )]
    pub fn margin(&self) -> Duration {
        if self.window.len() < ENOUGH {
            return Duration::ZERO;
        }
        let count = self.window.len() as f64;
        let mean = self.sum as f64 / count;
        let variance = (self.squares as f64 / count - mean * mean).max(0.0);
        Duration::from_micros((variance.sqrt() * DEVIATIONS) as u64)
    }
}
