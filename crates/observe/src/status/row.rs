//! One member's row: what it reports, and what two looks at it show. Pure.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Serialize, Serializer};
use strum::Display;

use super::gather::Node;
use heartline_core::condition::Condition;
use heartline_core::detect::DeathCause;
use heartline_core::protocol::{Beat, Dead, Ending, Identity, Status};

/// A member is late when its last beat is older than this many of its own intervals.
const BEATS: u32 = 4;
/// How long a member is shown as returned.
const RETURNED: Duration = Duration::from_secs(60);
/// The minimum age of a late beat: reading takes time too.
const LEAST: Duration = Duration::from_millis(100);

/// A member's role in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum MemberRole {
    /// The first in line.
    Master,
    /// A dedicated master that waits for its turn.
    Standing,
    /// Any other member.
    Follower,
}

/// The state of a member as the reader judges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberVerdict {
    /// The master has declared it dead.
    Dead,
    /// It makes no progress by its own fault; the condition says why, if known.
    Stalled(Option<Condition>),
    /// Its last beat is older than it should be.
    Late,
    /// It has reported its end.
    Ended(Ending),
    /// It was declared dead and has joined again a short time ago; the condition is that of its work.
    Returned(Option<Condition>),
    /// It beats, and reports the condition of its work.
    Doing(Condition),
    /// It beats.
    Alive,
    /// Its value cannot be read.
    Unreadable,
}

impl MemberVerdict {
    /// Whether an operator should look at it.
    pub(super) fn is_bad(self) -> bool {
        matches!(self, Self::Dead | Self::Stalled(_))
    }

    /// Sort key: the worst first.
    fn severity(self) -> u8 {
        match self {
            Self::Dead => 0,
            Self::Stalled(_) => 1,
            Self::Late | Self::Unreadable => 2,
            Self::Returned(_) | Self::Ended(_) | Self::Doing(_) | Self::Alive => 3,
        }
    }

    /// The verdict on a member's beat.
    fn on(beat: &Beat, Ages { last, joined }: Ages, terms: RowContext) -> Self {
        let status = &beat.status;
        if let Some(ending) = beat.ending {
            return Self::Ended(ending);
        }
        if status.stalled_ms.is_some() {
            return Self::Stalled(status.condition);
        }
        let own = (!status.interval.is_zero()).then_some(status.interval);
        if let Some(interval) = own.or(terms.usual)
            && last > (interval * BEATS).max(LEAST + terms.slow)
        {
            return Self::Late;
        }
        if beat.identity.returns > 0 && joined < RETURNED {
            return Self::Returned(status.condition);
        }
        status.condition.map_or(Self::Alive, Self::Doing)
    }
}

impl fmt::Display for MemberVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dead => f.write_str("dead"),
            Self::Stalled(Some(condition)) => write!(f, "stalled: {condition}"),
            Self::Stalled(None) => f.write_str("stalled"),
            Self::Late => f.write_str("late"),
            Self::Ended(ending) => ending.fmt(f),
            Self::Returned(Some(condition)) => write!(f, "returned: {condition}"),
            Self::Returned(None) => f.write_str("returned"),
            Self::Doing(condition) => condition.fmt(f),
            Self::Alive => f.write_str("alive"),
            Self::Unreadable => f.write_str("unreadable"),
        }
    }
}

impl Serialize for MemberVerdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How long ago two events of a member were.
#[derive(Clone, Copy, Debug)]
struct Ages {
    /// Since its last beat.
    last: Duration,
    /// Since it last joined.
    joined: Duration,
}

/// Everything known about one member.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whether it is the master.
    pub role: MemberRole,
    /// Its name.
    pub node: String,
    /// The state in which it seems to be.
    pub verdict: MemberVerdict,
    /// Why it was declared dead, if it is dead and the master has reported it.
    pub cause: Option<DeathCause>,
    /// When its last beat was written, on the server's clock; for a dead member, when it was declared dead.
    pub last: DateTime<Utc>,
    /// The age of that beat or declaration.
    pub age: Duration,
    /// When it joined last, on the server's clock; `None` for a dead member.
    pub joined: Option<DateTime<Utc>>,
    /// Why its value cannot be read, if it cannot.
    pub problem: Option<String>,
    /// Its last beat; `None` for a dead member, and for one whose value cannot be read.
    pub beat: Option<Beat>,
    /// Its identity, as far as known.
    pub identity: Identity,
    /// Beats in ZooKeeper; `None` if it was missing in the first look.
    pub beats_per_second: Option<f64>,
    /// Input records; `None` if it was missing in the first look, or counts no records.
    pub records_per_second: Option<f64>,
}

/// Values that are the same for all rows of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowContext {
    /// The current time on the server's clock.
    pub(super) now: DateTime<Utc>,
    /// The interval set for all members.
    pub(super) usual: Option<Duration>,
    /// How long the second look took.
    pub(super) slow: Duration,
}

impl Row {
    /// The row of a znode that was read twice, or once.
    pub(super) fn of(
        (role, node): (MemberRole, String),
        (before, after): (Option<&Node>, &Node),
        parse: fn(&[u8]) -> Beat,
        terms: RowContext,
    ) -> Self {
        let beat = parse(&after.value.bytes);
        let stat = &after.value.stat;
        let age = since(stat.written, terms.now);
        let joined = since(stat.made, terms.now);
        // A znode that was created again counts from zero.
        let before = before.filter(|before| before.value.stat.created == stat.created);
        // A busy reader may have processed the first answer with more delay than the second.
        let seconds = before.map(|before| {
            let written = since(before.value.stat.written, stat.written);
            let read = after.read.saturating_sub(before.read);
            read.max(written).as_secs_f64()
        });
        let seconds = seconds.filter(|seconds| *seconds > 0.0);
        let per_second = |count: f64| seconds.map(|seconds| count / seconds);
        let beats = before.and_then(|before| {
            let count = stat.version.wrapping_sub(before.value.stat.version);
            per_second(f64::from(count.max(0)))
        });
        let records = before.filter(|_| counts(&beat.status)).and_then(|before| {
            let earlier = parse(&before.value.bytes).status.records_in;
            let count = beat.status.records_in.saturating_sub(earlier);
            #[expect(
                clippy::cast_precision_loss,
                reason = "a rate is shown in a few digits"
            )]
            per_second(count as f64)
        });
        let verdict = match after.problem {
            Some(_) => MemberVerdict::Unreadable,
            None => MemberVerdict::on(&beat, Ages { last: age, joined }, terms),
        };
        Self {
            verdict,
            cause: None,
            last: stat.written,
            age,
            joined: (stat.created != 0).then_some(stat.made),
            identity: beat.identity.clone(),
            beat: after.problem.is_none().then_some(beat),
            problem: after.problem.clone(),
            beats_per_second: beats.filter(|_| stat.created != 0),
            records_per_second: records,
            role,
            node,
        }
    }

    /// The row of a dead member, whose znode is gone.
    pub(super) fn of_dead(dead: &Dead, now: DateTime<Utc>) -> Self {
        Self {
            role: MemberRole::Follower,
            node: dead.node.clone(),
            verdict: MemberVerdict::Dead,
            cause: dead.cause,
            last: dead.time,
            age: since(dead.time, now),
            joined: None,
            beat: None,
            problem: None,
            identity: Identity {
                attempt: dead.attempt.clone(),
                ..Identity::default()
            },
            beats_per_second: None,
            records_per_second: None,
        }
    }

    /// The verdict for people: `dead: closed`.
    pub(super) fn verdict_and_cause(&self) -> String {
        let cause = self.cause.map(|cause| format!(": {cause}"));
        format!("{}{}", self.verdict, cause.unwrap_or_default())
    }

    /// The age of its last beat, if known.
    pub fn known_age(&self) -> Option<Duration> {
        let is_known = self.problem.is_none() || self.last != DateTime::UNIX_EPOCH;
        is_known.then_some(self.age)
    }

    /// What its last beat says about its work.
    pub fn status(&self) -> Option<&Status> {
        self.beat.as_ref().map(|beat| &beat.status)
    }

    /// Whether `target` is its name or the id of its attempt.
    pub(super) fn is(&self, target: &str) -> bool {
        self.node == target || self.identity.attempt.as_deref() == Some(target)
    }

    /// The order in a table: by role, then the worst first, then by name in natural order.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let key = |row: &Self| (row.role, row.verdict.severity());
        let by_name = || alphanumeric_sort::compare_str(&self.node, &other.node);
        key(self).cmp(&key(other)).then_with(by_name)
    }
}

/// Whether a value contains a count of records: every beat does, and contains its interval too.
fn counts(status: &Status) -> bool {
    !status.interval.is_zero() || status.records_in > 0
}

/// The time since `then`; zero if `then` is in the future.
pub(super) fn since(then: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (now - then)
        .max(TimeDelta::zero())
        .to_std()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
