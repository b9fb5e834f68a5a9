//! Finds overdue members: those silent for longer than allowed, counted in time during which the listener
//! could hear.

mod groups;

use std::collections::BTreeMap;
use std::time::Duration;

use self::groups::Group;
use super::{DetectorConfig, EchoClock, IntervalWindow, Observation, Rule, Sign};

/// Maximum factor by which simultaneous silences prolong the allowed silence.
const MOST_COMPANY: u32 = 10;
/// Maximum time by which simultaneous silences prolong the allowed silence: pauses of a machine or a network
/// that silence many members at once do not depend on the beat interval.
const LONGEST_COMPANY: Duration = Duration::from_secs(1);
/// The factor by which the allowed silence is longer while the member's host answers and its process exists: it has no
/// processor, or it is stopped. A crash needs no silence to be found.
const PATIENCE: u32 = 10;
/// Maximum time by which the allowed silence is longer then.
const LONGEST_PATIENCE: Duration = Duration::from_secs(1);

/// Finds the members of a set that have been silent for longer than they are allowed.
///
/// - **Input**: [`heard`](Self::heard), [`reading`](Self::reading), [`left`](Self::left) and
///   [`echo`](Self::echo), in the order of the events; [`group_heard`](Self::group_heard) for members that beat by a
///   relay.
/// - **Output**: [`overdue`](Self::overdue) after each echo, if [`may_be_overdue`](Self::may_be_overdue) says
///   that a check of all members is worthwhile, and [`allowance`](Self::allowance).
#[derive(Clone, Debug)]
pub struct Detector {
    terms: DetectorConfig,
    echo_clock: EchoClock,
    members: BTreeMap<String, Arrivals>,
    /// The relays by which members beat together.
    groups: BTreeMap<u64, Group>,
    /// The echo clock's time before which no member can be overdue.
    due: Duration,
    /// The input since the last [`Detector::take_record`], if it is recorded.
    record: Option<Vec<Observation>>,
}

#[derive(Clone, Debug, Default)]
struct Arrivals {
    /// The echo clock's time when its silence began; `None` while its value is being read and a beat could
    /// not be noticed.
    silent_since: Option<Duration>,
    intervals: IntervalWindow,
    /// How long it may be silent beyond the timeout, since it beats less often.
    extra: Duration,
    /// The echo clock's time at which its process was known to exist although it was silent.
    exists: Option<Duration>,
    /// The relay by which it beats.
    group: Option<u64>,
    /// Whether the relay says that it does not beat.
    is_late: bool,
}

impl Detector {
    /// Creates a detector without members.
    pub fn new(terms: DetectorConfig) -> Self {
        Self {
            terms,
            echo_clock: EchoClock::new(terms.longest_gap),
            members: BTreeMap::new(),
            groups: BTreeMap::new(),
            due: Duration::MAX,
            record: None,
        }
    }

    /// Records the input for [`Detector::take_record`].
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.record = Some(Vec::new());
        self
    }

    /// The recorded input since the last call.
    pub fn take_record(&mut self) -> Vec<Observation> {
        self.record.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// A beat of `member` was heard, or its value was read, and the next beat will be noticed: its silence
    /// begins now. Adds the member if it is unknown.
    pub fn heard(&mut self, now: Duration, member: &str) {
        self.note(now, Sign::Heard, member);
        let reading = self.echo_clock.at(now);
        if !self.members.contains_key(member) {
            self.members.insert(member.to_owned(), Arrivals::default());
        }
        self.end_silence(reading, member);
        if let Some(member) = self.members.get_mut(member) {
            member.silent_since = Some(reading);
            self.due = self.due.min(reading + self.terms.timeout + member.extra);
        }
    }

    /// `member` beats less often than the timeout assumes: it may be silent for `extra` longer.
    pub fn expect(&mut self, now: Duration, member: &str, extra: Duration) {
        if let Some(known) = self.members.get_mut(member)
            && known.extra != extra
        {
            known.extra = extra;
            if let Some(since) = known.silent_since {
                // The last word of its relay may be later: then nobody is overdue yet.
                self.due = self.due.min(since + self.terms.timeout + extra);
            }
            // Its earlier intervals say nothing about the new ones.
            known.intervals = IntervalWindow::default();
            self.note(now, Sign::Expect(extra), member);
        }
    }

    /// `member` is silent, but its host answers and its process exists: until it is heard again it may be silent for
    /// longer, except by the fixed rule.
    pub fn exists(&mut self, now: Duration, member: &str, exists: bool) {
        let is_known = self.members.get(member).map(|known| self.is_patient(known));
        if is_known.is_some_and(|is_known| is_known != exists)
            && let Some(known) = self.members.get_mut(member)
        {
            known.exists = exists.then(|| self.echo_clock.elapsed());
            self.due = Duration::ZERO;
            self.note(
                now,
                if exists { Sign::Exists } else { Sign::Unknown },
                member,
            );
        }
    }

    /// The members that have been silent for half of the timeout or longer.
    pub fn doubtful(&self) -> impl Iterator<Item = &str> {
        let is_doubtful = |(_, member): &(&String, &Arrivals)| self.is_in_doubt(member);
        let members = self.members.iter().filter(is_doubtful);
        members.map(|(name, _)| name.as_str())
    }

    /// `member` has beaten, and its value is being read. Until then another beat cannot be noticed, so no
    /// time counts.
    pub fn reading(&mut self, now: Duration, member: &str) {
        self.note(now, Sign::Reading, member);
        self.end_silence(self.echo_clock.at(now), member);
    }

    /// When the silence of a member began; `None` while that is unknown.
    fn since(&self, member: &Arrivals) -> Option<Duration> {
        let since = member.silent_since?;
        let group = member.group.filter(|_| !member.is_late);
        let group = group.and_then(|group| self.groups.get(&group));
        Some(group.map_or(since, |group| since.max(group.heard)))
    }

    /// Whether a member is silent, and its process was known to exist since then.
    fn is_patient(&self, member: &Arrivals) -> bool {
        let since = self.since(member);
        member
            .exists
            .zip(since)
            .is_some_and(|(exists, since)| exists >= since)
    }

    fn end_silence(&mut self, now: Duration, member: &str) {
        let since = self.members.get(member).and_then(|known| self.since(known));
        if let (Some(known), Some(since)) = (self.members.get_mut(member), since) {
            known.intervals.add(now.saturating_sub(since));
            known.silent_since = None;
            known.exists = None;
            known.is_late = false;
        }
    }

    /// `member` is gone: no beat is expected of it.
    pub fn left(&mut self, now: Duration, member: &str) {
        self.note(now, Sign::Left, member);
        self.members.remove(member);
    }

    /// The listener's own beat was acknowledged at `now`.
    pub fn echo(&mut self, now: Duration) {
        self.note(now, Sign::Echo, "");
        self.echo_clock.echo(now);
    }

    /// The listener's beat interval changes: `longest_gap` is the most that the time between two echoes can
    /// count for from now on.
    pub fn beat_every(&mut self, longest_gap: Duration) {
        self.echo_clock.beat_every(longest_gap);
    }

    /// Applies the recorded input of another detector.
    pub fn tell(&mut self, seen: &Observation) {
        match seen.sign {
            Sign::Heard => self.heard(seen.at, &seen.member),
            Sign::Reading => self.reading(seen.at, &seen.member),
            Sign::Expect(extra) => self.expect(seen.at, &seen.member, extra),
            Sign::Exists => self.exists(seen.at, &seen.member, true),
            Sign::Unknown => self.exists(seen.at, &seen.member, false),
            Sign::Left => self.left(seen.at, &seen.member),
            Sign::Echo => self.echo(seen.at),
        }
    }

    /// The clock that silences are measured by.
    pub fn echo_clock(&self) -> &EchoClock {
        &self.echo_clock
    }

    /// Whether any member can be overdue by now: checks all members only when the first of them can be.
    pub fn may_be_overdue(&mut self) -> bool {
        let now = self.echo_clock.elapsed();
        if now < self.due {
            return false;
        }
        let silent = self.members.values();
        let due = silent.filter_map(|member| Some(self.since(member)? + self.timeout(member)));
        self.due = due.min().unwrap_or(Duration::MAX);
        now >= self.due
    }

    /// Whether any member can have been silent for half of the timeout by now.
    pub fn may_be_doubtful(&self) -> bool {
        self.echo_clock.elapsed() + self.terms.timeout / 2 >= self.due
    }

    /// The members that have been silent for as long as allowed, or longer.
    pub fn overdue(&self) -> impl Iterator<Item = &str> {
        let company = self.company();
        self.members
            .iter()
            .filter(move |(_, member)| self.is_silent(member, company))
            .map(|(name, _)| name.as_str())
    }

    /// Whether `member` lives only by patience: it was silent for too long, but its process exists.
    pub fn is_spared(&self, member: &str) -> bool {
        let member = self.members.get(member);
        let member = member.filter(|member| self.is_patient(member));
        member.is_some_and(|member| {
            let silence = self.silence(member);
            silence.is_some_and(|silence| silence >= self.allowed_without_patience(member))
        })
    }

    /// Whether the silence of `member` counts: not while its value is being read, and not if it is unknown.
    pub fn is_counting(&self, member: &str) -> bool {
        let member = self.members.get(member);
        member.is_some_and(|member| member.silent_since.is_some())
    }

    /// Whether `member` is overdue, given the number of simultaneous silences ([`company`](Self::company)).
    pub fn is_overdue(&self, member: &str, company: u32) -> bool {
        let member = self.members.get(member);
        member.is_some_and(|member| self.is_silent(member, company))
    }

    fn is_silent(&self, member: &Arrivals, company: u32) -> bool {
        let Some(silence) = self.silence(member) else {
            return false;
        };
        // Compute the allowance only for members in doubt.
        silence >= self.timeout(member) && {
            let allowed = self.allowed(member);
            silence >= (allowed * company.max(1)).min(allowed + LONGEST_COMPANY)
        }
    }

    /// The number of members that have been silent for half of the timeout now, ten at most. Each member's
    /// allowance is multiplied by it, but prolonged by a second at most. Always one by the fixed rule.
    ///
    /// Members that fall silent at the same moment have more likely lost their processor, machine or network
    /// for a while than died one by one, and the listener's echo may take another path. Eureka calls this
    /// self-preservation, and Kubernetes does the same when many nodes of a zone are not ready: when many are
    /// silent at once, it removes them slowly.
    pub fn company(&self) -> u32 {
        match self.terms.rule {
            Rule::Fixed => 1,
            Rule::Adaptive => {
                let silent = self.members.values().filter(|one| self.is_in_doubt(one));
                let most = MOST_COMPANY as usize;
                u32::try_from(silent.take(most).count()).unwrap_or(MOST_COMPANY)
            }
        }
    }

    fn is_in_doubt(&self, member: &Arrivals) -> bool {
        let silence = self.silence(member);
        // Half of the timeout; a slower member is not in doubt before its next beat.
        let doubt = self.terms.timeout / 2 + member.extra * 3 / 4;
        silence.is_some_and(|silence| silence >= doubt)
    }

    /// How long `member` has been silent at `now`, by the echo clock; `None` if it is unknown, or while its value is being
    /// read.
    pub fn silence_of(&self, now: Duration, member: &str) -> Option<Duration> {
        let since = self.since(self.members.get(member)?)?;
        Some(self.echo_clock.at(now).saturating_sub(since))
    }

    fn silence(&self, member: &Arrivals) -> Option<Duration> {
        let since = self.since(member)?;
        Some(self.echo_clock.elapsed().saturating_sub(since))
    }

    /// How long `member` may be silent if no other member is; `None` if it is unknown.
    pub fn allowance(&self, member: &str) -> Option<Duration> {
        self.members.get(member).map(|member| self.allowed(member))
    }

    fn allowed(&self, member: &Arrivals) -> Duration {
        match self.terms.rule {
            Rule::Fixed => self.timeout(member),
            Rule::Adaptive if self.is_patient(member) => {
                let allowed = self.allowed_without_patience(member);
                (allowed * PATIENCE).min(allowed + LONGEST_PATIENCE)
            }
            Rule::Adaptive => self.allowed_without_patience(member),
        }
    }

    fn allowed_without_patience(&self, member: &Arrivals) -> Duration {
        self.timeout(member).max(member.intervals.longest())
    }

    fn timeout(&self, member: &Arrivals) -> Duration {
        self.terms.timeout + member.extra
    }

    fn note(&mut self, at: Duration, sign: Sign, member: &str) {
        if let Some(record) = &mut self.record {
            record.push(Observation {
                at,
                sign,
                member: member.to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
