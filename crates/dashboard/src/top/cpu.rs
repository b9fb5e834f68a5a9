//! The share of a processor that a member uses, from the CPU time that its beats tell. Pure.

use std::collections::HashMap;
use std::time::Duration;

/// The least time over which a share is measured: beats tell a new CPU time a few times a second.
const OVER: Duration = Duration::from_secs(2);

/// The shares of all members.
#[derive(Clone, Debug, Default)]
pub(super) struct CpuShares {
    known: HashMap<String, Measured>,
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    /// CPU time in milliseconds at the beginning of the measurement.
    cpu_ms: f64,
    began: Duration,
    percent: Option<f64>,
    /// When it was told last.
    told: Duration,
}

impl CpuShares {
    /// A member tells its CPU time at `now`, on any monotonic clock.
    pub(super) fn take(&mut self, node: &str, cpu_ms: f64, now: Duration) {
        let new = Measured {
            cpu_ms,
            began: now,
            percent: None,
            told: now,
        };
        let Some(known) = self.known.get_mut(node) else {
            self.known.insert(node.to_owned(), new);
            return;
        };
        known.told = now;
        let used = cpu_ms - known.cpu_ms;
        if used < 0.0 {
            // Another process with this name.
            *known = new;
            return;
        }
        let over = now.saturating_sub(known.began);
        if over >= OVER {
            let percent = used / over.as_secs_f64() / 10.0;
            *known = Measured {
                percent: Some(percent),
                ..new
            };
        }
    }

    /// Forgets the members that told nothing at `now`.
    pub(super) fn forget_others(&mut self, now: Duration) {
        self.known.retain(|_, known| known.told == now);
    }

    /// The percentage of one processor; above 100 if it uses several.
    pub(super) fn percent(&self, node: &str) -> Option<f64> {
        self.known.get(node)?.percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_measured_over_seconds() {
        let mut shares = CpuShares::default();
        let at = Duration::from_millis;
        shares.take("a", 1000.0, at(0));
        shares.take("a", 1400.0, at(500));
        assert_eq!(shares.percent("a"), None);
        shares.take("a", 4000.0, at(2000));
        assert_eq!(shares.percent("a"), Some(150.0));
        shares.take("a", 10.0, at(2250));
        assert_eq!(shares.percent("a"), None, "another process");
        shares.take("b", 1.0, at(2500));
        shares.forget_others(at(2500));
        assert!(!shares.known.contains_key("a"));
    }
}
