//! Time as a value: decisions are handed a [`Now`] and never look at a clock themselves.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// One moment, on the two clocks that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time since the clock was made: what intervals and timeouts are measured in.
    pub elapsed: Duration,
    /// Wall-clock time: what people and other machines are told.
    pub wall: DateTime<Utc>,
}

/// The machine's own clocks, read together.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts to run now.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// The present moment.
    pub fn now(&self) -> Now {
        Now {
            elapsed: self.start.elapsed(),
            wall: Utc::now(),
        }
    }
}
