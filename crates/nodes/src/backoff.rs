//! How long to wait before the next try to reach the server: each wait is twice as long as the last, less a random
//! part, so that a thousand agents do not all connect at the same moment when their server is back.

use std::time::Duration;

use fastrand::Rng;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(3);

/// The waits between tries.
#[derive(Debug)]
pub struct Backoff {
    random: Rng,
    next: Duration,
}

impl Backoff {
    /// Starts with the shortest wait; `seed` makes the random part reproducible.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            next: FIRST,
        }
    }

    /// The time to wait before the next try: a random time between half of the current maximum and all of it.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next.mul_f64(self.random.f64().mul_add(0.5, 0.5));
        self.next = (self.next * 2).min(LONGEST);
        wait
    }

    /// Makes the next wait short again, after a success.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_differ_and_end() {
        let waits = |seed| {
            let mut backoff = Backoff::new(seed);
            (0..12).map(|_| backoff.wait()).collect::<Vec<_>>()
        };
        let one = waits(1);
        assert!(one[0] >= FIRST / 2 && one[0] <= FIRST);
        assert!(one[11] >= LONGEST / 2 && one[11] <= LONGEST);
        assert_ne!(one, waits(2));
        let mut backoff = Backoff::new(1);
        backoff.wait();
        backoff.reset();
        assert!(backoff.wait() <= FIRST);
    }
}
