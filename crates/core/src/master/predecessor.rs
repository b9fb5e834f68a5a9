//! The watch of a member in line: it watches the claim before its own, reads the first claim now and then,
//! and reports which of them to depose. Pure: it uses the same detector as the master, with the same check
//! that it can hear at all.

use std::time::Duration;

use crate::detect::{Detector, DetectorConfig};

/// The detector's name for the predecessor, the only watched member.
const PREDECESSOR: &str = "predecessor";

/// How long the first claim in line may go without a beat before any member deposes it; the predecessor's
/// allowed silence counts if that is longer. The first is very late by then: its successor should have
/// deposed it, but died with it.
const PATIENCE: Duration = Duration::from_millis(500);

/// The state of a claim when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimView {
    /// The claim's version: how often it was set.
    pub version: i32,
    /// Whether its value has heartline's form: members do not judge another program's lock.
    pub is_ours: bool,
    /// Whether its value is a beat, of a master or of a waiting dedicated master.
    pub is_beat: bool,
}

/// A silent claim and its version: it is deposed only if it still has this version.
pub type Silent = (String, i32);

/// Watches the claims before a member's own claim.
///
/// - **Input**: [`seen`](Self::seen) and [`changed`](Self::changed) for the claim before its own,
///   [`looked`](Self::looked) for the first in line, [`echo`](Self::echo) for each acknowledged beat of the
///   member itself.
/// - **Output**: [`silent`](Self::silent), after each echo.
#[derive(Debug)]
pub struct PredecessorWatch {
    generation: u64,
    predecessor: String,
    detector: Detector,
    /// The last version read of the predecessor's claim.
    version: Option<i32>,
    /// Whether the predecessor should beat: masters beat on their claims, members in line do not.
    beats: bool,
    /// Whether the member was disconnected a moment ago, so that others may not be back yet.
    lately_back: bool,
    patience: Duration,
    /// The first claim in line, and the echo clock's time when this version was first seen.
    first: Option<(Silent, Duration)>,
    /// The claim that was reported as silent last: each silence is reported once.
    said: Option<Silent>,
}

impl PredecessorWatch {
    /// Starts to watch the claim `predecessor`; the election's answers about it carry `generation`. If the
    /// member is `lately_back` from an outage, it expects no beat of a master before it has heard one.
    pub fn begin(
        generation: u64,
        predecessor: String,
        terms: DetectorConfig,
        lately_back: bool,
    ) -> Self {
        Self {
            generation,
            predecessor,
            detector: Detector::new(terms),
            version: None,
            beats: false,
            lately_back,
            patience: PATIENCE.max(terms.timeout),
            first: None,
            said: None,
        }
    }

    /// The generation of the answers about the predecessor.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the predecessor beats, so that the member must process each echo of its own beats.
    pub fn is_listening(&self) -> bool {
        self.beats
    }

    /// The member's own beats change their interval: `longest_gap` is the most that the time between two
    /// echoes can count for.
    pub fn beat_every(&mut self, longest_gap: Duration) {
        self.detector.beat_every(longest_gap);
    }

    /// The predecessor's claim was read; its next change will be reported.
    pub fn seen(&mut self, now: Duration, sight: ClaimView) {
        let known = self.version.is_some_and(|version| version != sight.version);
        self.beats = sight.is_beat && (self.beats || known || !self.lately_back);
        self.version = Some(sight.version);
        if self.beats {
            self.detector.heard(now, PREDECESSOR);
        }
    }

    /// The predecessor's claim has changed and is being read.
    pub fn changed(&mut self, now: Duration) {
        self.detector.reading(now, PREDECESSOR);
    }

    /// The first claim in line was read.
    pub fn looked(&mut self, now: Duration, claim: String, sight: ClaimView) {
        let seen = (claim, sight.version);
        if !sight.is_ours {
            self.first = None;
        } else if self
            .first
            .as_ref()
            .is_none_or(|(before, _)| *before != seen)
        {
            self.first = Some((seen, self.detector.echo_clock().at(now)));
        }
    }

    /// The member's own beat was acknowledged.
    pub fn echo(&mut self, now: Duration) {
        self.detector.echo(now);
    }

    /// The claim that has been silent for too long, once per silence.
    pub fn silent(&mut self) -> Option<Silent> {
        let predecessor = self
            .version
            .filter(|_| self.detector.overdue().next().is_some());
        let predecessor = predecessor.map(|version| (self.predecessor.clone(), version));
        let now = self.detector.echo_clock().elapsed();
        let first = self.first.as_ref();
        let first = first.filter(|(_, since)| now.saturating_sub(*since) >= self.patience);
        let silent = predecessor.or_else(|| first.map(|(silent, _)| silent.clone()))?;
        if self.said.as_ref() == Some(&silent) {
            return None;
        }
        self.said = Some(silent.clone());
        Some(silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Rule;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn predecessor_watch(lately_back: bool) -> PredecessorWatch {
        let terms = DetectorConfig {
            rule: Rule::Fixed,
            timeout: ms(20),
            longest_gap: ms(10),
        };
        let mut predecessor_watch =
            PredecessorWatch::begin(3, "before".to_owned(), terms, lately_back);
        predecessor_watch.echo(ms(0));
        predecessor_watch
    }

    fn sight(version: i32) -> ClaimView {
        ClaimView {
            version,
            is_ours: true,
            is_beat: version > 0,
        }
    }

    fn echoes(predecessor_watch: &mut PredecessorWatch, from: u64, until: u64) {
        for at in (from..=until).step_by(5) {
            predecessor_watch.echo(ms(at));
        }
    }

    fn before(version: i32) -> Silent {
        ("before".to_owned(), version)
    }

    #[test]
    fn one_that_beat_and_fell_silent_is_deposed_once() {
        let mut predecessor_watch = predecessor_watch(false);
        predecessor_watch.seen(ms(0), sight(0));
        predecessor_watch.echo(ms(5));
        predecessor_watch.changed(ms(5));
        predecessor_watch.seen(ms(5), sight(1));
        echoes(&mut predecessor_watch, 10, 20);
        assert_eq!(predecessor_watch.silent(), None);
        predecessor_watch.echo(ms(25));
        assert_eq!(predecessor_watch.silent(), Some(before(1)));
        assert_eq!(predecessor_watch.silent(), None);
        // It beats at this moment and is spared; then it falls silent again.
        predecessor_watch.seen(ms(26), sight(2));
        echoes(&mut predecessor_watch, 30, 50);
        assert_eq!(predecessor_watch.silent(), Some(before(2)));
    }

    #[test]
    fn one_that_has_beaten_before_is_judged_from_the_first_look_on() {
        let mut predecessor_watch = predecessor_watch(false);
        predecessor_watch.seen(ms(0), sight(17));
        assert!(predecessor_watch.is_listening());
        echoes(&mut predecessor_watch, 5, 20);
        assert_eq!(predecessor_watch.silent(), Some(before(17)));
    }

    #[test]
    fn after_an_outage_the_master_may_be_back_later() {
        let mut predecessor_watch = predecessor_watch(true);
        predecessor_watch.seen(ms(0), sight(17));
        echoes(&mut predecessor_watch, 5, 10_000);
        assert_eq!(predecessor_watch.silent(), None);
        predecessor_watch.seen(ms(10_000), sight(18));
        echoes(&mut predecessor_watch, 10_005, 10_020);
        assert_eq!(predecessor_watch.silent(), Some(before(18)));
    }

    #[test]
    fn who_only_stands_in_line_does_not_beat() {
        let mut predecessor_watch = predecessor_watch(false);
        predecessor_watch.seen(ms(0), sight(0));
        echoes(&mut predecessor_watch, 5, 10_000);
        assert_eq!(predecessor_watch.silent(), None);
        assert!(!predecessor_watch.is_listening());
    }

    #[test]
    fn who_was_about_to_lead_and_was_overtaken_does_not_beat() {
        let mut predecessor_watch = predecessor_watch(false);
        let touched = ClaimView {
            is_beat: false,
            ..sight(1)
        };
        predecessor_watch.seen(ms(0), touched);
        echoes(&mut predecessor_watch, 5, 10_000);
        assert_eq!(predecessor_watch.silent(), None);
    }

    #[test]
    fn the_first_in_line_is_deposed_when_whoever_should_has_died_too() {
        let mut predecessor_watch = predecessor_watch(false);
        predecessor_watch.seen(ms(0), sight(0));
        predecessor_watch.looked(ms(0), "first".to_owned(), sight(7));
        echoes(&mut predecessor_watch, 5, 300);
        predecessor_watch.looked(ms(300), "first".to_owned(), sight(9));
        echoes(&mut predecessor_watch, 305, 795);
        predecessor_watch.looked(ms(795), "first".to_owned(), sight(9));
        assert_eq!(predecessor_watch.silent(), None);
        predecessor_watch.echo(ms(800));
        assert_eq!(predecessor_watch.silent(), Some(("first".to_owned(), 9)));
        assert_eq!(predecessor_watch.silent(), None);
    }

    #[test]
    fn a_long_timeout_holds_for_the_first_in_line_too() {
        let terms = DetectorConfig {
            rule: Rule::Fixed,
            timeout: ms(3000),
            longest_gap: ms(2000),
        };
        let mut predecessor_watch = PredecessorWatch::begin(3, "before".to_owned(), terms, false);
        predecessor_watch.echo(ms(0));
        predecessor_watch.looked(ms(900), "first".to_owned(), sight(7));
        predecessor_watch.echo(ms(1000));
        predecessor_watch.echo(ms(2000));
        assert_eq!(predecessor_watch.silent(), None);
        predecessor_watch.echo(ms(4000));
        assert_eq!(predecessor_watch.silent(), Some(("first".to_owned(), 7)));
    }

    #[test]
    fn who_cannot_hear_deposes_nobody() {
        let mut predecessor_watch = predecessor_watch(false);
        predecessor_watch.seen(ms(0), sight(17));
        predecessor_watch.looked(ms(0), "first".to_owned(), sight(7));
        predecessor_watch.echo(ms(30_000));
        assert_eq!(predecessor_watch.silent(), None);
    }

    #[test]
    fn the_lock_of_another_program_is_left_alone() {
        let mut predecessor_watch = predecessor_watch(false);
        let foreign = ClaimView {
            is_ours: false,
            ..sight(0)
        };
        predecessor_watch.seen(ms(0), foreign);
        predecessor_watch.looked(ms(0), "first".to_owned(), foreign);
        echoes(&mut predecessor_watch, 5, 10_000);
        assert_eq!(predecessor_watch.silent(), None);
    }
}
