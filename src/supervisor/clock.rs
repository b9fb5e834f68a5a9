//! The clock that a command's time is measured by.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time since the machine was started, also while it slept: other machines did not sleep with it.
/// All processes of a machine read the same clock.
pub fn boot_time() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}
