//! How many bytes of reports a master may write, and when.
//!
//! A ZooKeeper server keeps the last 500 transactions in memory (`zookeeper.commitLogCount`; class `ZKDatabase`), each
//! some three times: as the request, as the transaction and as the proposal. 500 reports of a megabyte would fill the
//! heap of 1000 MB that it has by default. Every other write pushes one of them out.

use std::time::Duration;

/// How many bytes of reports a master writes in a second at the most.
const BYTES_PER_SECOND: u32 = 8 * 1024 * 1024;
/// A report of as many bytes costs nothing.
const FREE: usize = 16 * 1024;
/// How many bytes of larger reports may be written in a burst.
const BURST: i64 = 8 * 1024 * 1024;
/// What each write to ZooKeeper gives back, by whoever. With the burst, the last 500 transactions hold some 20 MiB of reports.
const PER_WRITE: i64 = 8 * 1024;
/// What each second gives back, for a master that hears of no writes: those whose sessions all end at once.
const PER_SECOND: i64 = 1024 * 1024;

/// The pause behind a large report, in which beats go out all the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReportBudget {
    /// What may be written; less than nothing behind a report that was larger than what was left.
    credit: i64,
    /// Until when `credit` holds what time gives back.
    counted: Duration,
    /// When the next report may be written at the earliest.
    next: Duration,
}

impl ReportBudget {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            credit: BURST,
            counted: now,
            next: now,
        }
    }

    /// A write to ZooKeeper was made, or heard of.
    pub(super) fn see_write(&mut self) {
        self.credit = BURST.min(self.credit + PER_WRITE);
    }

    /// A report of so many bytes is written.
    pub(super) fn spend(&mut self, now: Duration, bytes: usize) {
        let bytes = bytes.saturating_sub(FREE);
        self.credit = self.credit_at(now);
        self.counted = now;
        self.credit -= i64::try_from(bytes).unwrap_or(BURST);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.next = now + Duration::from_secs(1) * bytes / BYTES_PER_SECOND;
    }

    /// Whether another report may be written.
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

    /// The bytes of reports among the last 500 writes, at most, of a master that writes every `interval` a large report
    /// or, if that is not allowed, a beat.
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
