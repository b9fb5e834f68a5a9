//! The fixed rule: overdue after a timeout of silence, counted in time spent hearing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Hearing;

/// Says which of a set of members have been silent for longer than a fixed timeout.
///
/// - **Told by** [`heard`](Self::heard), [`reading`](Self::reading), [`left`](Self::left) and
///   [`echo`](Self::echo), in the order in which things happened.
/// - **Asked by** [`overdue`](Self::overdue) after each echo.
#[derive(Clone, Debug)]
pub struct FixedTimeout<M> {
    timeout: Duration,
    hearing: Hearing,
    /// The stopwatch's reading when each one's silence began; `None` while its value is being read
    /// and a beat could not be noticed.
    silent_since: BTreeMap<M, Option<Duration>>,
}

impl<M: Ord + Clone> FixedTimeout<M> {
    /// No members yet; see [`Hearing::new`] for `longest_gap`.
    pub fn new(timeout: Duration, longest_gap: Duration) -> Self {
        Self {
            timeout,
            hearing: Hearing::new(longest_gap),
            silent_since: BTreeMap::new(),
        }
    }

    /// A beat of `member` was heard, or its value was looked at and the next beat will be noticed:
    /// its silence begins now. Makes it known if it was not.
    pub fn heard(&mut self, member: M) {
        self.silent_since
            .insert(member, Some(self.hearing.elapsed()));
    }

    /// `member` did beat, and its value is being read: until then a further beat cannot be noticed,
    /// so no time counts.
    pub fn reading(&mut self, member: &M) {
        if let Some(since) = self.silent_since.get_mut(member) {
            *since = None;
        }
    }

    /// `member` is gone: nothing is expected of it.
    pub fn left(&mut self, member: &M) {
        self.silent_since.remove(member);
    }

    /// The listener's own beat came back at `now`.
    pub fn echo(&mut self, now: Duration) {
        self.hearing.echo(now);
    }

    /// Those silent for the timeout or longer.
    pub fn overdue(&self) -> impl Iterator<Item = &M> {
        let now = self.hearing.elapsed();
        self.silent_since.iter().filter_map(move |(member, since)| {
            let silence = now.saturating_sub((*since)?);
            (silence >= self.timeout).then_some(member)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn overdue(detector: &FixedTimeout<char>) -> String {
        detector.overdue().collect()
    }

    /// A detector of 20 ms that has heard echoes every 5 ms up to `until`.
    fn echoes(detector: &mut FixedTimeout<char>, from: u64, until: u64) {
        for at in (from..=until).step_by(5) {
            detector.echo(ms(at));
        }
    }

    #[test]
    fn silence_of_a_timeout_is_overdue() {
        let mut detector = FixedTimeout::new(ms(20), ms(10));
        echoes(&mut detector, 0, 10);
        detector.heard('a');
        echoes(&mut detector, 15, 25);
        assert_eq!(overdue(&detector), "");
        echoes(&mut detector, 30, 30);
        assert_eq!(overdue(&detector), "a");
    }

    #[test]
    fn a_beat_ends_the_silence() {
        let mut detector = FixedTimeout::new(ms(20), ms(10));
        detector.heard('a');
        detector.heard('b');
        echoes(&mut detector, 0, 15);
        detector.heard('a');
        echoes(&mut detector, 20, 30);
        assert_eq!(overdue(&detector), "b");
    }

    #[test]
    fn nobody_is_overdue_when_the_listener_was_deaf() {
        let mut detector = FixedTimeout::new(ms(20), ms(10));
        detector.heard('a');
        detector.echo(ms(0));
        detector.echo(ms(30_000));
        assert_eq!(overdue(&detector), "");
    }

    #[test]
    fn no_time_counts_while_a_value_is_read() {
        let mut detector = FixedTimeout::new(ms(20), ms(10));
        detector.heard('a');
        detector.reading(&'a');
        echoes(&mut detector, 0, 100);
        assert_eq!(overdue(&detector), "");
        detector.heard('a');
        echoes(&mut detector, 105, 120);
        assert_eq!(overdue(&detector), "a");
    }

    #[test]
    fn who_left_is_not_expected() {
        let mut detector = FixedTimeout::new(ms(20), ms(10));
        detector.heard('a');
        detector.left(&'a');
        echoes(&mut detector, 0, 100);
        assert_eq!(overdue(&detector), "");
        // A late read of somebody who left does not bring it back.
        detector.reading(&'a');
        assert_eq!(overdue(&detector), "");
    }
}
