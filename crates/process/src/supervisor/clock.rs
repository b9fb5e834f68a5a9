//! The clock that measures a command's time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time since the machine was started, including the time it slept, because other machines did not sleep with it.
/// All processes of a machine read the same clock.
pub fn boot_time() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}
