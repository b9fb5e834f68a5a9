//! The beat interval of the followers: the configured one, or a longer one that the budget allows.

use std::time::Duration;

/// How far the number of followers may differ from the number that the interval was computed for. Only beyond
/// that a new interval is computed, so that one follower that joins or leaves does not change it for all.
const SLACK: usize = 8;

/// Maximum number of beats per second by all direct connections; a relay and its members have one: 200 hosts at 5 ms, and
/// some more. `scripts/bench members --parts curve` measures what they cost the master.
const MOST_DIRECT_BEATS: u32 = 50_000;

/// Computes the intervals of all followers.
#[derive(Clone, Copy, Debug)]
pub struct Pacing {
    /// The configured interval of followers: the shortest one that is set without a request of an operator.
    base: Duration,
    /// The interval that an operator has requested.
    asked: Option<Duration>,
    /// The share of each follower in the beats that ZooKeeper takes.
    zookeeper: Share,
    /// The share of each follower in the beats that the master takes by direct connections.
    direct: Share,
}

/// The share of each follower in the beats of a second.
#[derive(Clone, Copy, Debug)]
struct Share {
    /// Maximum number of followers' beats per second.
    beats: f64,
    /// The current interval, and the number of followers that it was computed for.
    given: (Duration, usize),
}

impl Pacing {
    /// Creates a pacing without followers. `budget` is the maximum number of beats per second in ZooKeeper, of all members
    /// together.
    pub fn new(base: Duration, budget: u32, asked: Option<Duration>) -> Self {
        // The master and its successor beat at the base interval; the successor is a follower, or a standing
        // master that waits.
        let own = 2.0 / base.as_secs_f64();
        let share = |beats: f64| Share {
            beats: beats.max(1.0),
            given: (base, 0),
        };
        Self {
            base,
            asked,
            zookeeper: share(f64::from(budget) - own),
            direct: share(f64::from(MOST_DIRECT_BEATS)),
        }
    }

    /// Sets the interval that an operator requests; `None` cancels the request.
    pub fn ask(&mut self, interval: Option<Duration>) {
        self.asked = interval;
    }

    /// The interval that an operator has requested.
    pub fn asked(&self) -> Option<Duration> {
        self.asked
    }

    /// The interval of beats in ZooKeeper for this number of followers.
    pub fn interval(&mut self, followers: usize) -> Duration {
        let base = self.base;
        // The successor beats at the base interval whatever this is.
        let interval = self.zookeeper.interval(base, followers.saturating_sub(1));
        self.asked.unwrap_or(interval)
    }

    /// The interval of beats by direct connections for this number of connections.
    pub fn direct_interval(&mut self, connections: usize) -> Duration {
        let interval = self.direct.interval(self.base, connections);
        self.asked.unwrap_or(interval)
    }
}

impl Share {
    fn interval(&mut self, base: Duration, followers: usize) -> Duration {
        let (given, of) = self.given;
        let fits = self.fitting(base, followers) <= given;
        let is_too_long = of > followers + followers / 4 + SLACK;
        if !fits || is_too_long {
            // Leave some room, so that the next followers that join do not change the interval again.
            let room = followers + followers / 8;
            self.given = (self.fitting(base, room), room);
        }
        self.given.0
    }

    /// The shortest interval at which this number of followers stays within the limit.
    fn fitting(&self, base: Duration, followers: usize) -> Duration {
        let followers = u32::try_from(followers).unwrap_or(u32::MAX);
        let least = Duration::from_secs_f64(f64::from(followers) / self.beats);
        // Whole milliseconds, for messages and for the timer.
        let millis = u64::try_from(least.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        base.max(Duration::from_millis(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(5);

    fn pacing() -> Pacing {
        Pacing::new(BASE, 5000, None)
    }

    #[test]
    fn few_beat_as_they_are_set_to() {
        let mut pacing = pacing();
        for followers in 0..=24 {
            assert_eq!(pacing.interval(followers), BASE, "{followers}");
        }
    }

    #[test]
    fn many_stay_within_the_budget() {
        let mut pacing = pacing();
        for followers in 0..2000 {
            let interval = pacing.interval(followers).as_secs_f64();
            let others = u32::try_from(followers).unwrap().saturating_sub(1);
            let writes = 400.0 + f64::from(others) / interval;
            assert!(writes <= 5000.0, "{followers}: {writes}");
        }
        assert!(pacing.interval(500) >= Duration::from_millis(104));
    }

    #[test]
    fn direct_beats_stay_at_the_base_interval_for_longer() {
        let mut pacing = pacing();
        assert_eq!(pacing.direct_interval(220), BASE);
        for followers in [240, 1000, 10_000] {
            let direct = pacing.direct_interval(followers);
            assert!(direct < pacing.interval(followers), "{followers}");
            let beats = f64::from(u32::try_from(followers).unwrap()) / direct.as_secs_f64();
            assert!(
                beats <= f64::from(MOST_DIRECT_BEATS),
                "{followers}: {beats}"
            );
        }
        pacing.ask(Some(Duration::from_millis(20)));
        assert_eq!(pacing.direct_interval(1), Duration::from_millis(20));
    }

    #[test]
    fn it_is_not_changed_for_each_that_comes_or_goes() {
        let mut pacing = pacing();
        let mut changes = 0;
        let mut last = pacing.interval(0);
        for followers in (0..500).chain((0..500).rev()) {
            let next = pacing.interval(followers);
            changes += usize::from(next != last);
            last = next;
        }
        assert!(changes < 60, "{changes}");
        assert_eq!(last, BASE);
    }

    #[test]
    fn an_operator_has_the_last_word() {
        let mut pacing = pacing();
        pacing.ask(Some(Duration::from_millis(20)));
        assert_eq!(pacing.interval(1), Duration::from_millis(20));
        assert_eq!(pacing.interval(500), Duration::from_millis(20));
        pacing.ask(None);
        assert_eq!(pacing.interval(1), BASE);
    }
}
