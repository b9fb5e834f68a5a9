//! How much of each kind one report and one transaction may hold, so that ZooKeeper accepts them: the server
//! closes the connection after a request that is larger than `jute.maxbuffer` (0xfffff bytes by default).

/// The largest request in bytes that a server accepts by default, less some room for the data around the
/// values.
pub const DEFAULT: usize = 0xfffff - 0x7fff;

/// A smaller limit is of no use: a report of one follower already has some hundred bytes.
pub const LEAST: usize = 16 * 1024;

/// Maximum number of bytes of followers' names in a report, and of the messages that followers are alive. Every report
/// has the names, so they must cost little; up to this size a report costs no credit of the budget.
pub const NAMES: usize = 16 * 1024;

/// Maximum number of followers that one transaction removes.
pub(super) const MOST_REMOVED: usize = 256;

/// The bytes available for each part of a transaction; together less than the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReportLimits {
    /// The lines of the events of the last second.
    pub(super) events: usize,
    /// The messages of new events.
    pub(super) messages: usize,
    /// The messages of followers that are alive.
    pub(super) alive: usize,
    /// The names of the followers.
    pub(super) names: usize,
    /// The fingerprints of followers that can be neither named nor counted.
    pub(super) fingerprints: usize,
    /// The followers that died in the last minutes.
    pub(super) dead: usize,
    /// The paths of followers to be removed.
    pub(super) removed: usize,
    /// The standing orders, in a transaction that removes nobody.
    pub(super) orders: usize,
}

impl ReportLimits {
    /// The limits of a request of `request` bytes, of which names take at most `names`.
    pub(super) fn of(request: usize, names: usize) -> Self {
        let share = |percent: usize| request / 100 * percent;
        Self {
            events: share(40),
            messages: share(12),
            alive: share(5).min(NAMES),
            names: share(8).min(names),
            fingerprints: share(18),
            dead: share(3),
            removed: share(10),
            orders: share(10),
        }
    }
}

/// How many of the first of these sizes fit together into `room` bytes.
pub(super) fn fitting(sizes: impl Iterator<Item = usize>, room: usize) -> usize {
    let mut left = room;
    let fit = sizes.take_while(|bytes| {
        let fits = *bytes <= left;
        left = left.saturating_sub(*bytes);
        fits
    });
    fit.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_fit_into_a_request() {
        for request in [LEAST, 100_000, DEFAULT] {
            let room = ReportLimits::of(request, usize::MAX);
            let sum = room.events + room.messages + room.alive + room.names;
            let sum = sum + room.fingerprints + room.dead + room.removed.max(room.orders);
            assert!(sum <= request / 100 * 96, "{room:?}");
        }
    }
}
