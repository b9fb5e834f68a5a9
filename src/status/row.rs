//! One member's row: what it says, and what follows from two looks at it. Pure.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Serialize, Serializer};
use strum::Display;

use super::gather::Node;
use crate::condition::Condition;
use crate::protocol::{Beat, Dead, Ending, Identity, Status};

/// How many of its own intervals a member's last beat may be old before it is late.
const BEATS: u32 = 4;
/// For how long it is said of a member that it has returned.
const RETURNED: Duration = Duration::from_secs(60);
/// Nobody is late before that: reading takes its time too.
const LEAST: Duration = Duration::from_millis(100);

/// What a member is in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(super) enum MemberRole {
    /// First in line.
    Master,
    /// A master without work, which waits for its turn.
    Standing,
    /// Everybody else.
    Follower,
}

/// What is to be thought of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The master has declared it dead.
    Dead,
    /// It stands still by its own fault; what it does instead, if that is known.
    Stalled(Option<Condition>),
    /// Its last beat is older than it should be.
    Late,
    /// It has said its last word.
    Ended(Ending),
    /// It was taken for dead, and has joined again a short time ago; what its work is doing.
    Returned(Option<Condition>),
    /// It beats, and says what its work is doing.
    Doing(Condition),
    /// It beats.
    Alive,
    /// What it says cannot be read.
    Unreadable,
}

impl Verdict {
    /// Whether somebody should look after it.
    pub(super) fn is_bad(self) -> bool {
        matches!(self, Self::Dead | Self::Stalled(_))
    }

    /// Worst first.
    fn severity(self) -> u8 {
        match self {
            Self::Dead => 0,
            Self::Stalled(_) => 1,
            Self::Late | Self::Unreadable => 2,
            Self::Returned(_) | Self::Ended(_) | Self::Doing(_) | Self::Alive => 3,
        }
    }

    /// The verdict on what a member says.
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

impl fmt::Display for Verdict {
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

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How long ago something of a member's was.
#[derive(Clone, Copy, Debug)]
struct Ages {
    /// Its last beat.
    last: Duration,
    /// That it joined, the last time.
    joined: Duration,
}

/// All that is known of one member.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) role: MemberRole,
    /// Its name.
    pub(super) node: String,
    pub(super) verdict: Verdict,
    /// When its last beat was written, by the server's clock; of a dead one, when it was declared dead.
    pub(super) last: DateTime<Utc>,
    /// How old that is.
    pub(super) age: Duration,
    /// Why it cannot be read, if so.
    pub(super) trouble: Option<String>,
    /// What its last beat says; `None` of a dead one, and of one that cannot be read.
    pub(super) beat: Option<Beat>,
    /// Who it is, as far as that is known.
    pub(super) identity: Identity,
    /// `None` if it was not there before.
    pub(super) beats_per_second: Option<f64>,
    /// `None` if it was not there before, or counts no records.
    pub(super) records_per_second: Option<f64>,
}

/// What is the same for all rows of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowContext {
    /// The present moment by the server's clock.
    pub(super) now: DateTime<Utc>,
    /// The interval that all are told.
    pub(super) usual: Option<Duration>,
    /// How long the second look took.
    pub(super) slow: Duration,
}

impl Row {
    /// The row of a znode that was looked at twice, or once.
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
        // One that was created anew counts from zero again.
        let before = before.filter(|before| before.value.stat.created == stat.created);
        // Of a busy reader's two answers the first may have waited for it longer than the second.
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
        let verdict = match after.trouble {
            Some(_) => Verdict::Unreadable,
            None => Verdict::on(&beat, Ages { last: age, joined }, terms),
        };
        Self {
            verdict,
            last: stat.written,
            age,
            identity: beat.identity.clone(),
            beat: after.trouble.is_none().then_some(beat),
            trouble: after.trouble.clone(),
            beats_per_second: beats.filter(|_| stat.created != 0),
            records_per_second: records,
            role,
            node,
        }
    }

    /// The row of one whose znode is gone.
    pub(super) fn of_dead(dead: &Dead, now: DateTime<Utc>) -> Self {
        Self {
            role: MemberRole::Follower,
            node: dead.node.clone(),
            verdict: Verdict::Dead,
            last: dead.time,
            age: since(dead.time, now),
            beat: None,
            trouble: None,
            identity: Identity {
                attempt: dead.attempt.clone(),
                ..Identity::default()
            },
            beats_per_second: None,
            records_per_second: None,
        }
    }

    /// How old its last beat is, if that is known.
    pub(super) fn known_age(&self) -> Option<Duration> {
        let is_known = self.trouble.is_none() || self.last != DateTime::UNIX_EPOCH;
        is_known.then_some(self.age)
    }

    /// What its last beat says of its work.
    pub(super) fn status(&self) -> Option<&Status> {
        self.beat.as_ref().map(|beat| &beat.status)
    }

    /// Whether it is called so, or runs the attempt of this id.
    pub(super) fn is(&self, whom: &str) -> bool {
        self.node == whom || self.identity.attempt.as_deref() == Some(whom)
    }

    /// The order of a table: by role, then the worst first, then by name as people count.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let key = |row: &Self| (row.role, row.verdict.severity());
        let by_name = || alphanumeric_sort::compare_str(&self.node, &other.node);
        key(self).cmp(&key(other)).then_with(by_name)
    }
}

/// Whether a value tells how many records were taken: every beat does, and tells its interval too.
fn counts(status: &Status) -> bool {
    !status.interval.is_zero() || status.records_in > 0
}

/// How long ago that was; nothing is written in the future.
pub(super) fn since(then: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (now - then)
        .max(TimeDelta::zero())
        .to_std()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
