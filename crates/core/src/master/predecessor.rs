//! The watch of a member in line: it watches the claim before its own, reads the first claim now and then,
//! and reports which of them to depose. Pure: it uses the same detector as the master, with the same check
//! that it can hear at all.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::detect::{DeathCause, Detector, DetectorConfig, HostQuery, HostState};

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

/// A claim whose holder is dead, and the claim's version: it is deposed only if it still has this version.
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
///   beat of the member itself, [`answered`](Self::answered) for what its predecessor's host says.
/// - **Output**: [`silent`](Self::silent) and [`take_question`](Self::take_question), after each echo.
#[derive(Debug)]
pub struct PredecessorWatch {
    generation: u64,
    predecessor: String,
    detector: Detector,
    /// The last version read of the predecessor's claim.
    version: Option<i32>,
    /// When the last beat of the predecessor was noticed.
    last_beat: Option<Duration>,
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
    /// A claim whose holder's process has ended, and how that was found.
    ended: Option<(String, DeathCause)>,
    /// The claim whose holder's host can be asked whether the holder's process exists.
    reachable: Option<String>,
    host: HostQuery,
    /// Whether to ask it now.
    asks: bool,
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
            last_beat: None,
            beats: false,
            lately_back,
            first_claim_timeout: FIRST_CLAIM_TIMEOUT.max(terms.timeout),
            longest_gap: terms.longest_gap,
            ahead: Vec::new(),
            said: BTreeSet::new(),
            ended: None,
            reachable: None,
            host: HostQuery::default(),
            asks: false,
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
            ended: before.ended,
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
            self.last_beat = Some(now);
            self.detector.heard(now, PREDECESSOR);
        }
    }

    /// When the last beat of the predecessor was noticed, if any was.
    pub fn last_beat(&self) -> Option<Duration> {
        self.last_beat
    }

    /// The predecessor's claim has changed and is being read.
    pub fn changed(&mut self, now: Duration) {
        self.detector.reading(now, PREDECESSOR);
    }

    /// The process of a claim's holder has ended, if there is a cause; otherwise the holder is connected again.
    pub fn ended(&mut self, claim: &str, cause: Option<DeathCause>) {
        self.ended = cause.map(|cause| (claim.to_owned(), cause));
    }

    /// The host of this claim's holder can be asked whether the holder's process exists.
    pub fn reachable(&mut self, claim: Option<&String>) {
        self.reachable = claim.cloned();
    }

    /// Whether to ask the host of the predecessor's process now, since it is silent.
    pub fn take_question(&mut self) -> bool {
        std::mem::take(&mut self.asks)
    }

    /// The answer: whether the process of this claim's holder exists.
    pub fn answered(&mut self, now: Duration, claim: &str, exists: bool) {
        if self.predecessor == claim {
            self.host.answered(now, exists);
            self.doubt(now);
        }
    }

    /// While the predecessor is silent but its process exists, it may be silent for longer, except by the fixed rule. A
    /// verdict waits for the answer.
    fn doubt(&mut self, now: Duration) {
        let is_reachable = self.reachable.as_ref() == Some(&self.predecessor);
        if !is_reachable || self.detector.doubtful().next().is_none() {
            return;
        }
        self.asks |= self.host.doubt(now);
        let exists = self.host.state(now) != HostState::Unknown;
        self.detector.exists(now, PREDECESSOR, exists);
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
        self.doubt(now);
    }

    /// A claim whose holder is dead, and why; the next one after [`said`](Self::said). No claim behind a living one is
    /// among them, except the predecessor.
    pub fn silent(&self) -> Option<(Silent, DeathCause)> {
        self.ended_predecessor()
            .or_else(|| Some((self.next_silent()?, DeathCause::Silent)))
    }

    /// The predecessor, if its process has ended.
    fn ended_predecessor(&self) -> Option<(Silent, DeathCause)> {
        let (claim, cause) = self.ended.as_ref()?;
        let silent = (claim.clone(), self.version?);
        let is_new = *claim == self.predecessor && !self.said.contains(&silent);
        is_new.then_some((silent, *cause))
    }

    fn next_silent(&self) -> Option<Silent> {
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
mod tests;
