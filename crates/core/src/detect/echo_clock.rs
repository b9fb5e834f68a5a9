//! A clock that runs only while the listener hears its own echo.
//!
//! A pause of ZooKeeper, of the network or of the listener silences all members at once, and proves nothing
//! about any of them. The listener's own beat takes the same path as the others'; as long as its echo is
//! missing, no time counts against them. The idea is Lifeguard's local health awareness (Dadgar, Phillips,
//! Currey, "Lifeguard: Local Health Awareness for More Accurate Failure Detection", arXiv 1707.00788): doubt
//! yourself first.

use std::time::Duration;

/// The time during which the listener could hear.
#[derive(Clone, Debug)]
pub struct EchoClock {
    /// The most that one gap between two echoes can count for.
    longest_gap: Duration,
    last_echo: Option<Duration>,
    heard: Duration,
}

impl EchoClock {
    /// Creates a clock at zero. The time between two echoes counts for `longest_gap` at most: in the rest of
    /// a longer gap, the listener may have been unable to hear, so it proves nothing.
    pub fn new(longest_gap: Duration) -> Self {
        Self {
            longest_gap,
            last_echo: None,
            heard: Duration::ZERO,
        }
    }

    /// Changes the most that the time between two echoes can count for.
    pub fn beat_every(&mut self, longest_gap: Duration) {
        self.longest_gap = longest_gap;
    }

    /// The listener's own beat was acknowledged at `now`.
    pub fn echo(&mut self, now: Duration) {
        if let Some(last) = self.last_echo {
            self.heard += now.saturating_sub(last).min(self.longest_gap);
        }
        self.last_echo = Some(now);
    }

    /// The clock's time: how long the listener is known to have heard.
    pub fn elapsed(&self) -> Duration {
        self.heard
    }

    /// The clock's time at `now`, if the next echo comes at once: the time of an event between two echoes.
    pub fn at(&self, now: Duration) -> Duration {
        let since = self
            .last_echo
            .map_or(Duration::ZERO, |last| now.saturating_sub(last));
        self.heard + since.min(self.longest_gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn time_runs_from_echo_to_echo() {
        let mut echo_clock = EchoClock::new(ms(10));
        echo_clock.echo(ms(100));
        assert_eq!(echo_clock.elapsed(), ms(0));
        echo_clock.echo(ms(105));
        echo_clock.echo(ms(111));
        assert_eq!(echo_clock.elapsed(), ms(11));
    }

    #[test]
    fn an_outage_counts_for_one_gap_only() {
        let mut echo_clock = EchoClock::new(ms(10));
        echo_clock.echo(ms(0));
        echo_clock.echo(ms(30_000));
        assert_eq!(echo_clock.elapsed(), ms(10));
    }

    #[test]
    fn between_two_echoes_it_reads_what_the_next_will_confirm() {
        let mut echo_clock = EchoClock::new(ms(10));
        assert_eq!(echo_clock.at(ms(7)), ms(0));
        echo_clock.echo(ms(100));
        assert_eq!(echo_clock.at(ms(103)), ms(3));
        assert_eq!(echo_clock.at(ms(150)), ms(10));
        echo_clock.echo(ms(150));
        assert_eq!(echo_clock.elapsed(), ms(10));
    }

    #[test]
    fn a_clock_that_goes_back_adds_nothing() {
        let mut echo_clock = EchoClock::new(ms(10));
        echo_clock.echo(ms(50));
        echo_clock.echo(ms(40));
        assert_eq!(echo_clock.elapsed(), ms(0));
    }
}
