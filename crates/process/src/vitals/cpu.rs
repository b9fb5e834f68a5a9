//! The CPU time of a tree of processes, which never decreases.

use std::time::Duration;

/// How many sums in a row must be lower before the meter believes them.
const BELIEVED_AFTER: u32 = 3;

/// Computes a time that only grows from sums over processes that come and go.
///
/// A process that ends takes its time out of the sum, and its parent's sum grows by it when the parent waits
/// for it: for a moment the time is in neither. A parent that ignores its children's ends, or has ended
/// itself, never takes it over. So a lower sum is at first taken for the first case, and for the second
/// when it stays lower.
#[derive(Clone, Debug, Default)]
pub(super) struct CpuMeter {
    total: Duration,
    /// Time of processes that nobody has waited for.
    lost: Duration,
    less: u32,
}

impl CpuMeter {
    /// The total time so far, given the `sum` over the processes that exist now.
    pub(super) fn read(&mut self, sum: Duration) -> Duration {
        if self.lost + sum >= self.total {
            self.total = self.lost + sum;
            self.less = 0;
        } else {
            self.less += 1;
            if self.less >= BELIEVED_AFTER {
                self.lost = self.total.saturating_sub(sum);
                self.less = 0;
            }
        }
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(sums: &[u64]) -> Vec<u64> {
        let mut meter = CpuMeter::default();
        let read = |sum: &u64| meter.read(Duration::from_secs(*sum)).as_secs();
        sums.iter().map(read).collect()
    }

    #[test]
    fn a_child_between_its_end_and_its_parents_wait_is_not_counted_twice() {
        assert_eq!(totals(&[5, 10, 3, 11, 12]), [5, 10, 10, 11, 12]);
    }

    #[test]
    fn the_time_of_a_child_that_nobody_waits_for_is_kept() {
        assert_eq!(
            totals(&[10, 3, 3, 4, 5, 6, 0, 0, 0, 1]),
            [10, 10, 10, 10, 11, 12, 12, 12, 12, 13]
        );
    }
}
