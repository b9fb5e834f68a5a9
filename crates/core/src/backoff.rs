//! How long to wait between two attempts: each wait is twice as long as the last, up to a limit.
//!
//! A seeded backoff shortens each wait by up to half, so that clients that were refused at the same moment do not
//! come back at the same moment ("equal jitter" in AWS's comparison, "Exponential Backoff And Jitter", 2015).

use std::time::Duration;

use fastrand::Rng;

/// The waits between attempts that fail.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
    random: Option<Rng>,
}

impl Backoff {
    /// Waits from `first` to `longest`, the same in each run.
    pub fn between(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
            random: None,
        }
    }

    /// The same waits, each shortened by up to half; the same `seed` shortens them by the same parts.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Self {
            random: Some(Rng::with_seed(seed)),
            ..self
        }
    }

    /// The time to wait before the next attempt.
    pub fn next_wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.longest);
        let part = self
            .random
            .as_mut()
            .map_or(1.0, |random| random.f64().mul_add(0.5, 0.5));
        whole.mul_f64(part)
    }

    /// Starts again with the first wait, after a successful attempt.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(3);

    fn waits(mut backoff: Backoff) -> Vec<Duration> {
        (0..12).map(|_| backoff.next_wait()).collect()
    }

    #[test]
    fn waits_double_up_to_the_limit() {
        let waits = waits(Backoff::between(FIRST, LONGEST));
        assert_eq!(waits[..3], [FIRST, FIRST * 2, FIRST * 4]);
        assert_eq!(waits[11], LONGEST);
    }

    #[test]
    fn seeded_waits_differ_and_keep_half() {
        let of = |seed| waits(Backoff::between(FIRST, LONGEST).seeded(seed));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        for seed in 0..100 {
            let waits = of(seed);
            assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST, "{seed}");
            assert!(waits[11] >= LONGEST / 2 && waits[11] <= LONGEST, "{seed}");
        }
    }

    #[test]
    fn a_success_begins_again() {
        let mut backoff = Backoff::between(FIRST, LONGEST);
        backoff.next_wait();
        backoff.reset();
        assert_eq!(backoff.next_wait(), FIRST);
    }
}
