//! How much of each kind one report and one transaction hold, so that ZooKeeper takes them: a request larger
//! than `jute.maxbuffer` of the server (0xfffff bytes unless it was set) ends the connection.

/// The largest request that a server takes by default, less some room for what stands around the values.
pub const DEFAULT: usize = 0xfffff - 0x7fff;

/// Less is of no use: one report of one follower has some hundred bytes.
pub const LEAST: usize = 16 * 1024;

/// How many followers one transaction removes at the most.
pub(super) const MOST_REMOVED: usize = 256;

/// The bytes that are free for each part of a transaction; together less than the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReportLimits {
    /// The lines of the events of the last second.
    pub(super) events: usize,
    /// The messages of those that are told for the first time.
    pub(super) messages: usize,
    /// The messages of who is alive.
    pub(super) alive: usize,
    /// The names of the followers.
    pub(super) names: usize,
    /// The fingerprints of those whose names do not fit.
    pub(super) fingerprints: usize,
    /// The dead of the last minutes.
    pub(super) dead: usize,
    /// The paths of the followers to be removed.
    pub(super) removed: usize,
}

impl ReportLimits {
    /// The room in a request of so many bytes.
    pub(super) fn of(request: usize) -> Self {
        let share = |percent: usize| request / 100 * percent;
        Self {
            events: share(40),
            messages: share(12),
            alive: share(5),
            names: share(8),
            fingerprints: share(18),
            dead: share(3),
            removed: share(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_fit_into_a_request() {
        for request in [LEAST, 100_000, DEFAULT] {
            let room = ReportLimits::of(request);
            let sum = room.events + room.messages + room.alive + room.names;
            let sum = sum + room.fingerprints + room.dead + room.removed;
            assert!(sum <= request / 100 * 96, "{room:?}");
        }
    }
}
