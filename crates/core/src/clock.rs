//! Time as a value: decisions receive a [`Now`] and never read a clock themselves.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// One moment, on two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time since the clock was created, for intervals and timeouts.
    pub elapsed: Duration,
    /// Wall-clock time, for people and other machines.
    pub wall: DateTime<Utc>,
}

/// The machine's own clocks, read together.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts at zero now.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// The current time.
    pub fn now(&self) -> Now {
        Now {
            elapsed: self.start.elapsed(),
            wall: Utc::now(),
        }
    }
}
