//! What a job's members have done in the last minute, from one reading after the other. Pure.
//!
//! A member keeps its index for as long as it is known. Members that are gone stay for a while, since people look for
//! those.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::strip::{Cell, DEAD, FAILED, FINISHED, STATES, Strip};
use heartline_core::protocol::{Event, EventKind, stamp};
use heartline_observe::status::{Overview, Row, member_json};

/// Maximum number of members that are shown; further ones are counted.
pub(crate) const MOST_MEMBERS: usize = 20_000;
/// How long a member that is gone stays at least.
const GONE: Duration = Duration::from_secs(600);
/// The least time between two times at which such members are forgotten: all clients then get everything anew.
const FORGET_PAUSE: Duration = Duration::from_secs(60);
/// Maximum number of members whose changed details one tick tells; the others follow with the next ones. The cells of all
/// are always told.
const MOST_ROWS: usize = 250;
/// The least time between two tellings of the same member's details.
const ROW_PAUSE: Duration = Duration::from_secs(1);

/// A member, as clients know it.
#[derive(Clone, Debug)]
struct Member {
    strip: Strip,
    /// Its details, as JSON; those of its last reading if it is gone.
    details: Map<String, Value>,
    /// When it was read last.
    read: Duration,
    /// The last reading that has given it a cell.
    seen: Duration,
    /// When its details were told last, and whether they have changed since then.
    told: Duration,
    is_changed: bool,
    /// The state in which it left, if an event said so, and when that was.
    end: Option<(char, Duration)>,
}

/// What is known of one member, for those who show it in this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownMember<'a> {
    /// The fields of `heartline status --json`; those of its last reading if it is gone.
    pub(crate) details: &'a Map<String, Value>,
    /// Its last cells.
    pub(crate) strip: &'a Strip,
    /// When it was read last, on the clock of the readings.
    pub(crate) read: Duration,
}

/// The members of one job.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobHistory {
    members: Vec<Member>,
    indexes: HashMap<String, usize>,
    /// The time of the last reading.
    read: Option<Duration>,
    /// When members were forgotten last.
    forgot: Duration,
    /// Where the search for members with changed details goes on.
    next: usize,
    /// Number of members of the last reading that are not shown.
    unshown: usize,
    /// What all members have in common, as JSON.
    job: Map<String, Value>,
}

impl JobHistory {
    /// Takes a reading that began at `began` and ended at `now`, on any monotonic clock. Returns whether the indexes have
    /// changed, so that clients need everything again.
    pub(crate) fn read(&mut self, began: Duration, now: Duration, overview: &Overview) -> bool {
        let since = self
            .read
            .map_or(Duration::ZERO, |read| now.saturating_sub(read));
        self.read = Some(now);
        self.unshown = 0;
        self.job = job(overview);
        for row in &overview.rows {
            let index = match self.indexes.get(&row.node) {
                Some(index) => *index,
                None if self.members.len() >= MOST_MEMBERS => {
                    self.unshown += 1;
                    continue;
                }
                None => self.add(now, row),
            };
            let cell = Cell::of(row, overview.interval, since);
            self.members[index].take((began, now), row, cell);
        }
        for member in self.members.iter_mut().filter(|one| one.seen != now) {
            member.seen = now;
            member.miss();
        }
        self.forget(now)
    }

    fn add(&mut self, now: Duration, row: &Row) -> usize {
        let index = self.members.len();
        self.indexes.insert(row.node.clone(), index);
        self.members.push(Member {
            strip: Strip::default(),
            details: Map::new(),
            read: now,
            seen: Duration::MAX,
            told: Duration::ZERO,
            is_changed: true,
            end: None,
        });
        index
    }

    /// An event says how a member left. The master's list of the dead may come later, and the others are on no list.
    pub(crate) fn event(&mut self, now: Duration, event: &Event) {
        let index = event.node.as_ref().and_then(|node| self.indexes.get(node));
        let Some(member) = index.map(|index| &mut self.members[*index]) else {
            return;
        };
        let end = match event.event {
            EventKind::Died => Some((DEAD, "dead")),
            EventKind::Finished => Some((FINISHED, "finished")),
            EventKind::Failed => Some((FAILED, "failed")),
            EventKind::Joined | EventKind::Returned => None,
            _ => return,
        };
        member.end = end.map(|(state, _)| (state, now));
        if let Some((_, verdict)) = end {
            let details = &mut member.details;
            details.insert("verdict".to_owned(), verdict.into());
            details.insert("last".to_owned(), stamp(event.time).into());
            details.insert("beats_per_second".to_owned(), Value::Null);
            details.insert("records_per_second".to_owned(), Value::Null);
            if let Some(cause) = event.cause {
                details.insert("cause".to_owned(), cause.to_string().into());
            }
            member.is_changed = true;
        }
    }

    /// Number of members by the name of their state.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, i64> {
        let mut counts: BTreeMap<_, _> = STATES.iter().map(|(_, name)| (*name, 0)).collect();
        for member in &self.members {
            let state = member.strip.last().map(|cell| cell.state);
            let known = STATES.iter().find(|(one, _)| Some(*one) == state);
            if let Some((_, name)) = known {
                *counts.entry(name).or_default() += 1;
            }
        }
        counts
    }

    /// Forgets the members that have been gone for long, now and then.
    fn forget(&mut self, now: Duration) -> bool {
        let is_old = |member: &Member| now.saturating_sub(member.read) > GONE;
        let is_due = now.saturating_sub(self.forgot) >= FORGET_PAUSE;
        if !is_due || !self.members.iter().any(is_old) {
            return false;
        }
        self.forgot = now;
        self.members.retain(|member| !is_old(member));
        self.indexes.clear();
        for (index, member) in self.members.iter().enumerate() {
            self.indexes.insert(member.name().to_owned(), index);
        }
        self.next = 0;
        true
    }

    /// When it was read last; `None` before the first reading.
    pub(crate) fn last_read(&self) -> Option<Duration> {
        self.read
    }

    /// Everything, for a client that knows nothing.
    pub(crate) fn snapshot(&self) -> Map<String, Value> {
        let members = self.members.iter().enumerate().map(|(index, member)| {
            let mut all = member.numbered(index);
            all.insert("states".to_owned(), member.strip.states().into());
            all.insert("beats".to_owned(), member.strip.beats().into());
            Value::Object(all)
        });
        let mut snapshot = self.job.clone();
        snapshot.insert("members".to_owned(), members.collect());
        if self.unshown > 0 {
            snapshot.insert("unshown".to_owned(), self.unshown.into());
        }
        snapshot
    }

    /// What is new since the last reading: a cell of each member, and the details of some. Call it once for each reading.
    pub(crate) fn tick(&mut self, now: Duration) -> Map<String, Value> {
        let mut tick = self.job.clone();
        let last = |member: &Member| member.strip.last().unwrap_or(Cell::ABSENT);
        let states: String = self.members.iter().map(|one| last(one).state).collect();
        let beats: String = self.members.iter().map(|one| last(one).beats).collect();
        tick.insert("states".to_owned(), states.into());
        tick.insert("beats".to_owned(), beats.into());
        tick.insert("rows".to_owned(), self.rows(now).into());
        tick
    }

    fn rows(&mut self, now: Duration) -> Vec<Value> {
        let mut rows = Vec::new();
        let count = self.members.len();
        for step in 0..count {
            let index = (self.next + step) % count;
            let member = &mut self.members[index];
            let is_new = member.told == Duration::ZERO;
            if member.is_changed && (is_new || now.saturating_sub(member.told) >= ROW_PAUSE) {
                if rows.len() == MOST_ROWS {
                    self.next = index;
                    return rows;
                }
                member.is_changed = false;
                member.told = now;
                rows.push(Value::Object(member.numbered(index)));
            }
        }
        rows
    }

    /// All members by their indexes, also those that are gone.
    pub(crate) fn members(&self) -> impl ExactSizeIterator<Item = KnownMember<'_>> {
        self.members.iter().map(Member::known)
    }

    /// The member with this index, if there is one.
    pub(crate) fn known(&self, index: usize) -> Option<KnownMember<'_>> {
        self.members.get(index).map(Member::known)
    }

    /// The index of the member with this name, until members are forgotten.
    pub(crate) fn index(&self, node: &str) -> Option<usize> {
        self.indexes.get(node).copied()
    }

    /// Number of members of the last reading that are not shown.
    pub(crate) fn unshown(&self) -> usize {
        self.unshown
    }

    /// The details of one member by its name.
    pub(crate) fn member(&self, node: &str) -> Option<Map<String, Value>> {
        let index = *self.indexes.get(node)?;
        Some(self.members[index].numbered(index))
    }
}

impl Member {
    fn take(&mut self, (began, now): (Duration, Duration), row: &Row, cell: Cell) {
        self.seen = now;
        // It was read before it left.
        if row.beat.is_some() && self.end.is_some_and(|(_, ended)| began < ended) {
            return self.miss();
        }
        self.read = now;
        self.strip.push(cell);
        let Ok(Value::Object(mut details)) = member_json(row) else {
            return;
        };
        if row.beat.is_none() {
            // Of the dead, the report says little; what was known before stays.
            let known = self.details.iter();
            for (key, value) in known.filter(|(key, _)| !key.ends_with("_per_second")) {
                let is_known = details.get(key).is_some_and(|new| !new.is_null());
                if !is_known {
                    details.insert(key.clone(), value.clone());
                }
            }
        } else {
            self.end = None;
        }
        // The age changes with each reading and is no news by itself.
        let is_same = |key: &str| self.details.get(key) == details.get(key);
        let keys = details.keys().chain(self.details.keys());
        self.is_changed |= !keys
            .filter(|key| !matches!(key.as_str(), "age_ms" | "last"))
            .all(|key| is_same(key));
        self.details = details;
    }

    /// It was not there in a reading.
    fn miss(&mut self) {
        let state = self.end.map_or(Cell::ABSENT.state, |(state, _)| state);
        self.strip.push(Cell {
            state,
            ..Cell::ABSENT
        });
    }

    fn known(&self) -> KnownMember<'_> {
        KnownMember {
            details: &self.details,
            strip: &self.strip,
            read: self.read,
        }
    }

    fn name(&self) -> &str {
        let name = self.details.get("node").and_then(Value::as_str);
        name.unwrap_or_default()
    }

    fn numbered(&self, index: usize) -> Map<String, Value> {
        let mut numbered = self.details.clone();
        numbered.insert("index".to_owned(), index.into());
        numbered
    }
}

/// What all members have in common.
fn job(overview: &Overview) -> Map<String, Value> {
    let job = json!({
        "time": stamp(overview.now),
        "master": overview.master,
        "interval_ms": overview.interval.map(|interval| interval.as_secs_f64() * 1e3),
        "unreadable": overview.unreadable,
    });
    match job {
        Value::Object(job) => job,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
