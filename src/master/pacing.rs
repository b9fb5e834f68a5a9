//! How often followers are to beat: as often as they were set to, or as the budget allows.

use std::time::Duration;

/// Beyond this many followers more than the interval was made for, or fewer, it is made anew: one that
/// comes or goes does not change it for all.
const SLACK: usize = 8;

/// Works out the interval of all followers.
#[derive(Clone, Copy, Debug)]
pub struct Pacing {
    /// What followers are set to: the shortest interval that is given without being asked for.
    base: Duration,
    /// How many beats all members together may write in a second.
    budget: u32,
    /// What an operator has asked for.
    asked: Option<Duration>,
    /// The interval in force, and the number of followers that it was made for.
    given: (Duration, usize),
}

impl Pacing {
    /// Nobody beats yet.
    pub fn new(base: Duration, budget: u32, asked: Option<Duration>) -> Self {
        Self {
            base,
            budget,
            asked,
            given: (base, 0),
        }
    }

    /// What an operator asks for from now on.
    pub fn ask(&mut self, interval: Option<Duration>) {
        self.asked = interval;
    }

    /// What an operator has asked for.
    pub fn asked(&self) -> Option<Duration> {
        self.asked
    }

    /// The interval for so many followers.
    pub fn interval(&mut self, followers: usize) -> Duration {
        if let Some(asked) = self.asked {
            return asked;
        }
        let (given, of) = self.given;
        let fits = self.fitting(followers) <= given;
        let is_too_long = of > followers + followers / 4 + SLACK;
        if !fits || is_too_long {
            // With some room, so that the next ones to come do not change it again.
            let room = followers + followers / 8;
            self.given = (self.fitting(room), room);
        }
        self.given.0
    }

    /// The shortest interval at which so many stay within the budget, the master and who is to follow it beside
    /// them.
    fn fitting(&self, followers: usize) -> Duration {
        // Those two beat at the base interval, and the second is a follower, or a standing master that waits.
        let own = 2.0 / self.base.as_secs_f64();
        let left = (f64::from(self.budget) - own).max(1.0);
        let followers = u32::try_from(followers.saturating_sub(1)).unwrap_or(u32::MAX);
        let least = Duration::from_secs_f64(f64::from(followers) / left);
        // Whole milliseconds: what is said to people and to the timer.
        let millis = u64::try_from(least.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        self.base.max(Duration::from_millis(millis))
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
