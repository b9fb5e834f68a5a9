//! The watch of a member in line: it watches the claim before its own, reads the first claim now and then,
//! and reports which of them to depose. Pure: it uses the same detector as the master, with the same check
//! that it can hear at all.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::detect::{Detector, DetectorConfig};

/// The detector's name for the predecessor, the only watched member.
const PREDECESSOR: &str = "predecessor";

/// How long the first claim in line may go without a beat before any member deposes it; the predecessor's
/// allowed silence counts if that is longer. The first is very late by then: its successor should have
/// deposed it, but died with it.
const FIRST_CLAIM_TIMEOUT: Duration = Duration::from_millis(500);

/// How many times the longest time between two beats a follower ahead may be silent.
const BEATS: u32 = 4;

/// The state of a claim when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimView {
    /// The claim's version: how often it was set.
    pub version: i32,
    /// The version of the znode on which its holder beats as a follower; `None` if it does not, or if that was not
    /// read.
    pub member: Option<i32>,
    /// Whether its value has heartline's form: members do not judge another program's lock.
    pub is_ours: bool,
    /// Whether its value is a beat, of a master or of a waiting dedicated master.
    pub is_beat: bool,
}

/// A silent claim and its version: it is deposed only if it still has this version.
pub type Silent = (String, i32);

/// A claim ahead, with the echo clock's times since when it is as it was seen last.
#[derive(Clone, Debug)]
struct Ahead {
    claim: String,
    view: ClaimView,
    /// Since when neither the claim nor its holder has beaten.
    silent_since: Duration,
    /// Since when it is the first in line and its claim has not beaten; `None` while it is not the first.
    first_since: Option<Duration>,
}

/// Watches the claims before a member's own claim.
///
/// - **Input**: [`seen`](Self::seen) and [`changed`](Self::changed) for the claim before its own,
///   [`looked`](Self::looked) for the first in line or all ahead, [`echo`](Self::echo) for each acknowledged
///   beat of the member itself.
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
    first_claim_timeout: Duration,
    /// The longest time between two beats of a follower.
    longest_gap: Duration,
    /// The claims ahead, in order, as far as they were read.
    ahead: Vec<Ahead>,
    /// The claims that were reported as silent: each silence is reported once.
    said: BTreeSet<Silent>,
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
            first_claim_timeout: FIRST_CLAIM_TIMEOUT.max(terms.timeout),
            longest_gap: terms.longest_gap,
            ahead: Vec::new(),
            said: BTreeSet::new(),
        }
    }

    /// Continues another watch of the same member, whose predecessor is another one now: what is known of the claims
    /// ahead stays known.
    #[must_use]
    pub fn continuing(self, now: Duration, before: Self) -> Self {
        let mut detector = before.detector;
        detector.left(now, PREDECESSOR);
        Self {
            // All times are of its clock.
            detector,
            ahead: before.ahead,
            said: before.said,
            ..self
        }
    }

    /// The predecessor's claim is gone.
    pub fn gone(&mut self) {
        self.version = None;
        self.beats = false;
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
        self.longest_gap = longest_gap;
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

    /// The claims ahead were read, in order: only the first, or all up to some number.
    pub fn looked(&mut self, now: Duration, seen: Vec<(String, ClaimView)>) {
        let now = self.detector.echo_clock().at(now);
        // Another program's lock is not judged, and those behind it wait for it.
        let seen = seen.into_iter().take_while(|(_, view)| view.is_ours);
        let mut ahead = Vec::new();
        for (claim, view) in seen {
            let before = self.ahead.iter().find(|one| one.claim == claim);
            let before = before.filter(|before| before.view.version == view.version);
            let unheard = before.filter(|before| {
                let versions = before.view.member.zip(view.member);
                versions.is_none_or(|(before, now)| before == now)
            });
            let first_since = before.and_then(|before| before.first_since);
            ahead.push(Ahead {
                first_since: ahead.is_empty().then(|| first_since.unwrap_or(now)),
                silent_since: unheard.map_or(now, |before| before.silent_since),
                claim,
                view,
            });
        }
        self.ahead = ahead;
        let is_known = |(claim, _): &Silent| {
            *claim == self.predecessor || self.ahead.iter().any(|one| one.claim == *claim)
        };
        self.said.retain(is_known);
    }

    /// The member's own beat was acknowledged.
    pub fn echo(&mut self, now: Duration) {
        self.detector.echo(now);
    }

    /// A claim that has been silent for too long; the next one after [`said`](Self::said). No claim behind a living one
    /// is among them, except the predecessor.
    pub fn silent(&self) -> Option<Silent> {
        let predecessor = self
            .version
            .filter(|_| self.detector.overdue().next().is_some());
        let predecessor = predecessor.map(|version| (self.predecessor.clone(), version));
        let now = self.detector.echo_clock().elapsed();
        let lasts = |since: Duration, limit| now.saturating_sub(since) >= limit;
        // One beat may be lost, and the next one late.
        let of_follower = self.first_claim_timeout.max(self.longest_gap * BEATS);
        let silent = self.ahead.iter().take_while(|one| {
            let leads_late = one
                .first_since
                .is_some_and(|since| lasts(since, self.first_claim_timeout));
            leads_late || lasts(one.silent_since, of_follower)
        });
        let silent = silent.map(|one| (one.claim.clone(), one.view.version));
        let mut silent = predecessor.into_iter().chain(silent);
        silent.find(|silent| !self.said.contains(silent))
    }

    /// The silence of this claim is dealt with: it is not reported again.
    pub fn said(&mut self, silent: Silent) {
        self.said.insert(silent);
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
            member: None,
            is_ours: true,
            is_beat: version > 0,
        }
    }

    fn echoes(predecessor_watch: &mut PredecessorWatch, from: u64, until: u64) {
        for at in (from..=until).step_by(5) {
            predecessor_watch.echo(ms(at));
        }
    }

    /// The next silent claim, which is dealt with.
    fn next(predecessor_watch: &mut PredecessorWatch) -> Option<Silent> {
        let silent = predecessor_watch.silent()?;
        predecessor_watch.said(silent.clone());
        Some(silent)
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
        assert_eq!(next(&mut predecessor_watch), None);
        predecessor_watch.echo(ms(25));
        assert_eq!(next(&mut predecessor_watch), Some(before(1)));
        assert_eq!(next(&mut predecessor_watch), None);
        // It beats at this moment and is spared; then it falls silent again.
        predecessor_watch.seen(ms(26), sight(2));
        echoes(&mut predecessor_watch, 30, 50);
        assert_eq!(next(&mut predecessor_watch), Some(before(2)));
    }

    #[test]
    fn one_that_has_beaten_before_is_judged_from_the_first_look_on() {
        let mut predecessor_watch = predecessor_watch(false);
        predecessor_watch.seen(ms(0), sight(17));
        assert!(predecessor_watch.is_listening());
        echoes(&mut predecessor_watch, 5, 20);
        assert_eq!(next(&mut predecessor_watch), Some(before(17)));
    }

    #[test]
    fn after_an_outage_the_master_may_be_back_later() {
        let mut predecessor_watch = predecessor_watch(true);
        predecessor_watch.seen(ms(0), sight(17));
        echoes(&mut predecessor_watch, 5, 10_000);
        assert_eq!(next(&mut predecessor_watch), None);
        predecessor_watch.seen(ms(10_000), sight(18));
        echoes(&mut predecessor_watch, 10_005, 10_020);
        assert_eq!(next(&mut predecessor_watch), Some(before(18)));
    }

    #[test]
    fn who_only_stands_in_line_does_not_beat() {
        let mut predecessor_watch = predecessor_watch(false);
        predecessor_watch.seen(ms(0), sight(0));
        echoes(&mut predecessor_watch, 5, 10_000);
        assert_eq!(next(&mut predecessor_watch), None);
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
        assert_eq!(next(&mut predecessor_watch), None);
    }

    #[test]
    fn the_first_in_line_is_deposed_when_whoever_should_has_died_too() {
        let mut predecessor_watch = predecessor_watch(false);
        predecessor_watch.seen(ms(0), sight(0));
        predecessor_watch.looked(ms(0), vec![("first".to_owned(), sight(7))]);
        echoes(&mut predecessor_watch, 5, 300);
        predecessor_watch.looked(ms(300), vec![("first".to_owned(), sight(9))]);
        echoes(&mut predecessor_watch, 305, 795);
        predecessor_watch.looked(ms(795), vec![("first".to_owned(), sight(9))]);
        assert_eq!(next(&mut predecessor_watch), None);
        predecessor_watch.echo(ms(800));
        assert_eq!(next(&mut predecessor_watch), Some(("first".to_owned(), 9)));
        assert_eq!(next(&mut predecessor_watch), None);
    }

    fn waits(member: i32) -> ClaimView {
        ClaimView {
            member: Some(member),
            ..sight(0)
        }
    }

    fn look(predecessor_watch: &mut PredecessorWatch, at: u64, seen: &[(&str, ClaimView)]) {
        let seen = seen
            .iter()
            .map(|(claim, view)| ((*claim).to_owned(), *view));
        predecessor_watch.looked(ms(at), seen.collect());
    }

    fn all_silent(predecessor_watch: &mut PredecessorWatch) -> Vec<String> {
        std::iter::from_fn(|| next(predecessor_watch).map(|(claim, _)| claim)).collect()
    }

    #[test]
    fn all_who_died_with_the_first_in_line_are_deposed_together() {
        let mut predecessor_watch = predecessor_watch(false);
        let line = |third| {
            [
                ("a", sight(7)),
                ("b", waits(1)),
                ("c", waits(1)),
                ("d", waits(third)),
                ("e", waits(1)),
            ]
        };
        look(&mut predecessor_watch, 0, &line(0));
        for at in (250..1000).step_by(250) {
            echoes(&mut predecessor_watch, at - 245, at);
            look(
                &mut predecessor_watch,
                at,
                &line(i32::try_from(at).expect("small")),
            );
        }
        echoes(&mut predecessor_watch, 755, 755);
        // Whoever stands behind one who lives is that one's matter.
        assert_eq!(all_silent(&mut predecessor_watch), ["a", "b", "c"]);
        assert_eq!(all_silent(&mut predecessor_watch), Vec::<String>::new());
        // Another predecessor changes nothing of that.
        let terms = DetectorConfig {
            rule: Rule::Fixed,
            timeout: ms(20),
            longest_gap: ms(10),
        };
        let after = PredecessorWatch::begin(4, "e".to_owned(), terms, false);
        let mut predecessor_watch = after.continuing(ms(756), predecessor_watch);
        // The one who lives is first now, and has as long to lead as any other.
        look(
            &mut predecessor_watch,
            760,
            &[("d", waits(751)), ("e", waits(1))],
        );
        echoes(&mut predecessor_watch, 760, 1200);
        assert_eq!(all_silent(&mut predecessor_watch), Vec::<String>::new());
        echoes(&mut predecessor_watch, 1205, 1260);
        assert_eq!(all_silent(&mut predecessor_watch), ["d", "e"]);
    }

    #[test]
    fn a_follower_ahead_that_beats_seldom_is_not_silent() {
        let mut predecessor_watch = predecessor_watch(false);
        predecessor_watch.beat_every(ms(1000));
        let line = [("a", sight(7)), ("b", waits(1))];
        look(&mut predecessor_watch, 0, &line);
        echoes(&mut predecessor_watch, 5, 3995);
        look(&mut predecessor_watch, 3995, &line);
        assert_eq!(all_silent(&mut predecessor_watch), ["a"]);
        echoes(&mut predecessor_watch, 4000, 4000);
        assert_eq!(all_silent(&mut predecessor_watch), ["b"]);
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
        predecessor_watch.looked(ms(900), vec![("first".to_owned(), sight(7))]);
        predecessor_watch.echo(ms(1000));
        predecessor_watch.echo(ms(2000));
        assert_eq!(next(&mut predecessor_watch), None);
        predecessor_watch.echo(ms(4000));
        assert_eq!(next(&mut predecessor_watch), Some(("first".to_owned(), 7)));
    }

    #[test]
    fn who_cannot_hear_deposes_nobody() {
        let mut predecessor_watch = predecessor_watch(false);
        predecessor_watch.seen(ms(0), sight(17));
        predecessor_watch.looked(ms(0), vec![("first".to_owned(), sight(7))]);
        predecessor_watch.echo(ms(30_000));
        assert_eq!(next(&mut predecessor_watch), None);
    }

    #[test]
    fn the_lock_of_another_program_is_left_alone() {
        let mut predecessor_watch = predecessor_watch(false);
        let foreign = ClaimView {
            is_ours: false,
            ..sight(0)
        };
        predecessor_watch.seen(ms(0), foreign);
        predecessor_watch.looked(ms(0), vec![("first".to_owned(), foreign)]);
        echoes(&mut predecessor_watch, 5, 10_000);
        assert_eq!(next(&mut predecessor_watch), None);
    }
}
