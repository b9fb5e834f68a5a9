//! How long to wait before the server is tried again: twice as long each time, and by chance a little less, so that
//! a thousand agents whose server is back do not all come in the same moment.

use std::time::Duration;

use fastrand::Rng;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(3);

/// Waits between tries.
#[derive(Debug)]
pub struct Backoff {
    random: Rng,
    next: Duration,
}

impl Backoff {
    /// One with a chance of its own.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            next: FIRST,
        }
    }

    /// How long to wait this time: between half of the longest and all of it.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next.mul_f64(self.random.f64().mul_add(0.5, 0.5));
        self.next = (self.next * 2).min(LONGEST);
        wait
    }

    /// It went well: the next wait is short again.
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
