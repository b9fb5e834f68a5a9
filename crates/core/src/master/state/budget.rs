//! Limits the bytes of reports that a master writes.
//!
//! A ZooKeeper server keeps the last 500 transactions in memory (`zookeeper.commitLogCount`; class
//! `ZKDatabase`), each about three times: as the request, as the transaction and as the proposal. 500 reports
//! of a megabyte would fill its default heap of 1000 MB. Every other write pushes one of them out.

use std::time::Duration;

/// Maximum number of report bytes per second.
const BYTES_PER_SECOND: u32 = 8 * 1024 * 1024;
/// Maximum number of bytes per second of reports that list living followers. People read these lists and nothing depends
/// on them, so many followers are listed more rarely, not in more bytes. As much as 140 followers take every 20 ms.
const ROUTINE_BYTES_PER_SECOND: u32 = 512 * 1024;
/// Bytes of each report that cost no credit.
const FREE: usize = 16 * 1024;
/// Maximum number of bytes of larger reports in a burst.
const BURST: i64 = 8 * 1024 * 1024;
/// Credit in bytes for each write to ZooKeeper, by any member. With the burst, the last 500 transactions hold
/// about 20 MiB of reports.
const PER_WRITE: i64 = 8 * 1024;
/// Credit in bytes per second, for a master that hears of no writes, for example when all sessions end at
/// once.
const PER_SECOND: i64 = 1024 * 1024;

/// The pause after a large report. Beats are sent in the meantime.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReportBudget {
    /// Bytes that may be written; negative after a report that exceeded the remaining credit.
    credit: i64,
    /// The time up to which `credit` includes the credit per second.
    counted: Duration,
    /// The earliest time of the next report.
    next: Duration,
    /// The earliest time of the next list of living followers.
    next_routine: Duration,
}

impl ReportBudget {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            credit: BURST,
            counted: now,
            next: now,
            next_routine: now,
        }
    }

    /// Adds the credit of a write to ZooKeeper, by the master or by a follower.
    pub(super) fn see_write(&mut self) {
        self.credit = BURST.min(self.credit + PER_WRITE);
    }

    /// Charges a report of `bytes` bytes.
    pub(super) fn spend(&mut self, now: Duration, bytes: usize) {
        let bytes = bytes.saturating_sub(FREE);
        self.credit = self.credit_at(now);
        self.counted = now;
        self.credit -= i64::try_from(bytes).unwrap_or(BURST);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.next = now + Duration::from_secs(1) * bytes / BYTES_PER_SECOND;
    }

    /// Charges a report of `bytes` bytes that lists living followers, beside [`ReportBudget::spend`].
    pub(super) fn spend_routine(&mut self, now: Duration, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.next_routine = now + Duration::from_secs(1) * bytes / ROUTINE_BYTES_PER_SECOND;
    }

    /// Whether the next report may list living followers.
    pub(super) fn allows_routine(&self, now: Duration) -> bool {
        now >= self.next_routine
    }

    /// Whether the next report may be written.
    pub(super) fn allows(&self, now: Duration) -> bool {
        now >= self.next && self.credit_at(now) >= 0
    }

    fn credit_at(&self, now: Duration) -> i64 {
        let millis = now.saturating_sub(self.counted).as_millis();
        let given = i64::try_from(millis)
            .unwrap_or(i64::MAX)
            .saturating_mul(PER_SECOND)
            / 1000;
        BURST.min(self.credit.saturating_add(given))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const LARGE: usize = 900 * 1024;

    /// The maximum number of report bytes among the last 500 writes, for a master that writes a large report
    /// every `interval`, or a beat if the budget does not allow the report.
    fn most_kept(interval: Duration, writes: u32) -> usize {
        let mut budget = ReportBudget::new(Duration::ZERO);
        let (mut log, mut most) = (VecDeque::new(), 0);
        for number in 0..writes {
            let now = interval * number;
            let bytes = if budget.allows(now) { LARGE } else { 100 };
            if bytes == LARGE {
                budget.spend(now, bytes);
            }
            budget.see_write();
            log.push_back(bytes);
            if log.len() > 500 {
                log.pop_front();
            }
            most = most.max(log.iter().sum());
        }
        most
    }

    #[test]
    fn the_servers_log_of_transactions_stays_small() {
        for interval in [5, 20] {
            let most = most_kept(Duration::from_millis(interval), 3000);
            assert!(most < 24 * 1024 * 1024, "{interval} ms: {most}");
        }
    }

    #[test]
    fn a_burst_may_follow_a_quiet_time() {
        let mut budget = ReportBudget::new(Duration::ZERO);
        let mut now = Duration::ZERO;
        let mut written = 0;
        while budget.allows(now) {
            budget.spend(now, LARGE);
            written += 1;
            now += Duration::from_millis(120);
        }
        assert!((10..=14).contains(&written), "{written}");
        assert!(budget.allows(now + Duration::from_secs(1)));
    }
}
