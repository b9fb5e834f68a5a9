//! When to ask the host of a silent member whether its process exists, and for how long an answer counts.

use std::time::Duration;

/// The shortest time between two questions.
pub(super) const PROBE_PAUSE: Duration = Duration::from_millis(100);

/// How long the detector waits for an answer. On a local network it takes a tenth of a millisecond.
const PROBE_TIMEOUT: Duration = Duration::from_millis(10);

/// What a probe of a silent member says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostState {
    /// Nothing: it has no address, or its host did not answer.
    Unknown,
    /// The probe is under way.
    Asked,
    /// The host answers, and the process exists.
    Answers,
}

impl HostState {
    /// What is known now: when the question under way was asked, and when the last one was answered, and how.
    pub(super) fn at(
        now: Duration,
        asked: Option<Duration>,
        answered: Option<(Duration, bool)>,
    ) -> Self {
        match (asked, answered) {
            (Some(since), _) if now.saturating_sub(since) < PROBE_TIMEOUT => Self::Asked,
            (None, Some((at, true))) if now.saturating_sub(at) < PROBE_PAUSE * 2 => Self::Answers,
            _ => Self::Unknown,
        }
    }
}

/// The questions to the host of one member. Pure: no clock, no IO.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostQuery {
    /// When the question under way was asked.
    asked: Option<Duration>,
    /// When the last one was answered, and whether the process exists.
    answered: Option<(Duration, bool)>,
}

impl HostQuery {
    /// The member is silent. Returns whether to ask now.
    pub fn doubt(&mut self, now: Duration) -> bool {
        let is_recent = |at| now.saturating_sub(at) < PROBE_PAUSE;
        let answered = self.answered.map(|(at, _)| at);
        let asks = !self.asked.is_some_and(is_recent) && !answered.is_some_and(is_recent);
        if asks {
            self.asked = Some(now);
        }
        asks
    }

    /// The answer: whether the process exists.
    pub fn answered(&mut self, now: Duration, exists: bool) {
        self.asked = None;
        self.answered = Some((now, exists));
    }

    /// What is known now.
    pub fn state(&self, now: Duration) -> HostState {
        HostState::at(now, self.asked, self.answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn an_answer_counts_until_the_next_one_is_due() {
        let mut query = HostQuery::default();
        assert_eq!(query.state(ms(0)), HostState::Unknown);
        assert!(query.doubt(ms(0)));
        assert!(!query.doubt(ms(5)));
        assert_eq!(query.state(ms(5)), HostState::Asked);
        assert_eq!(query.state(ms(10)), HostState::Unknown);
        query.answered(ms(11), true);
        assert_eq!(query.state(ms(110)), HostState::Answers);
        assert!(!query.doubt(ms(110)));
        assert!(query.doubt(ms(111)));
        assert_eq!(query.state(ms(112)), HostState::Asked);
        query.answered(ms(113), false);
        assert_eq!(query.state(ms(114)), HostState::Unknown);
    }
}
