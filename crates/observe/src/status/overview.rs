//! What two looks at a namespace, a moment apart, say about all its members. Pure.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::gather::{Look, Node, Unreadable};
use super::row::{MemberRole, Row, RowContext, since};
use heartline_core::protocol::claim::{holder, is_beat, is_standing};
use heartline_core::protocol::control::Control;
use heartline_core::protocol::rfc3339;
use heartline_core::protocol::{Beat, MasterInfo, PreviousMaster, Report};

/// How long the list of the dead stays valid in a report that no master updates: as long as a master repeats it.
const DEAD_SHOWN: TimeDelta = TimeDelta::minutes(10);

/// The current master.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CurrentMaster {
    /// Its name.
    pub node: String,
    /// The name of its claim in the line.
    pub claim: String,
    /// Its own report of its term; `None` before its first report.
    #[serde(flatten)]
    pub term: Option<MasterTerm>,
}

/// The term of one master, by its own report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MasterTerm {
    /// When it took over, by its own clock.
    #[serde(serialize_with = "rfc3339")]
    pub since: DateTime<Utc>,
    /// The zxid of its first beat.
    pub epoch: Option<i64>,
    /// How many beats a second in ZooKeeper it allows all members together.
    pub beat_budget: Option<u32>,
    /// The master before it.
    pub previous: Option<PreviousMaster>,
}

/// Everything that is shown about a namespace.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The current time, on the server's clock if anything has been written.
    pub now: DateTime<Utc>,
    /// The current master, if there is one.
    pub master: Option<CurrentMaster>,
    /// The last event that the report tells: the epoch of its master, and the event's number.
    pub reported: Option<(i64, u64)>,
    /// How long the answer with the master's report took; `None` without a report.
    pub round_trip: Option<Duration>,
    /// The interval set for all members.
    pub interval: Option<Duration>,
    /// All members, in the order of a table.
    pub rows: Vec<Row>,
    /// Whether only the job's own identity may read the claims: then the master, and who else holds one alone, have no row.
    pub has_private_claims: bool,
    /// Everything that could not be read, except members.
    pub unreadable: Vec<Unreadable>,
}

impl Overview {
    /// The overview of two looks; `wall` is the reader's own clock, for what no other clock shows.
    pub(super) fn of(first: &Look, second: &Look, wall: DateTime<Utc>) -> Self {
        let now = server_time(first, second).unwrap_or(wall);
        let report = second.report();
        let line = claims(second);
        let of_report = second.has_private_claims.then(|| reported_master(&report));
        let master = of_report.unwrap_or_else(|| master(&line, &report));
        let control = second.control.as_ref();
        let interval = control.and_then(|node| Control::parse(&node.value.bytes).interval);
        let terms = RowContext {
            now,
            usual: interval,
            slow: second.ended.saturating_sub(second.began),
        };
        let mut rows = Vec::with_capacity(second.members.len() + 1);
        // Members that already have a row.
        let mut named = HashSet::new();
        let (earlier_line, earlier) = (by_name(&first.line), by_name(&first.members));
        for node in line.iter().filter(|node| is_beat(&node.value.bytes)) {
            let role = role(&node.name, master.as_ref());
            let name = holder(&node.value.bytes);
            let mut row = Row::of(
                (role, name),
                (earlier_line.get(node.name.as_str()).copied(), node),
                beat_of_claim,
                terms,
            );
            if is_standing(&node.name) {
                // It has no work.
                row.records_per_second = None;
            }
            named.insert(row.node.clone());
            rows.push(row);
        }
        for node in &second.members {
            // A member that has just become master may still have its follower's znode.
            if named.insert(node.name.clone()) {
                let name = (MemberRole::Follower, node.name.clone());
                rows.push(Row::of(
                    name,
                    (earlier.get(node.name.as_str()).copied(), node),
                    Beat::parse,
                    terms,
                ));
            }
        }
        // One that was dead and leads now may have a claim that cannot be read here, and so no row.
        named.extend(master.iter().map(|master| master.node.clone()));
        let reports = master.as_ref().is_some_and(|master| master.term.is_some());
        for dead in &report.dead {
            let of_late = reports || wall - dead.time < DEAD_SHOWN;
            if of_late && named.insert(dead.node.clone()) {
                rows.push(Row::of_dead(dead, now));
            }
        }
        rows.sort_by(Row::order);
        Self {
            now,
            master,
            reported: report.epoch.map(|epoch| (epoch, report.sequence)),
            round_trip: second.round_trip(),
            interval,
            rows,
            has_private_claims: second.has_private_claims,
            unreadable: second.unreadable.clone(),
        }
    }

    /// Whether a member is dead or stalled, or may be so without being visible.
    pub(super) fn is_bad(&self) -> bool {
        !self.unreadable.is_empty() || self.rows.iter().any(|row| row.verdict.is_bad())
    }

    /// How long the master has been leading.
    pub(super) fn master_for(&self) -> Option<Duration> {
        let term = self.master.as_ref()?.term.as_ref()?;
        Some(since(term.since, self.now))
    }
}

/// The current time on the server's clock, as far as reads show it: not before the last write seen, and
/// not before the last write of the first look plus the time passed since it was read.
fn server_time(first: &Look, second: &Look) -> Option<DateTime<Utc>> {
    let written = second.nodes().map(|node| node.value.stat.written);
    let passed = first.nodes().map(|node| {
        let passed = second.began.saturating_sub(node.read);
        let written = node.value.stat.written;
        let passed = TimeDelta::from_std(passed).unwrap_or_default();
        written.checked_add_signed(passed).unwrap_or(written)
    });
    written.chain(passed).max()
}

/// The line without what no session owns, or nobody may read: that is no claim to anyone.
fn claims(look: &Look) -> Vec<&Node> {
    let line = look.line.iter();
    let line = line.filter(|node| node.problem.is_none() && node.value.stat.is_ephemeral());
    line.collect()
}

/// The first in line, if it already leads: then it writes its beats to its claim.
fn master(line: &[&Node], report: &Report) -> Option<CurrentMaster> {
    let first = line.first().filter(|first| is_beat(&first.value.bytes))?;
    let master_info = report.master_info.as_ref();
    let master_info = master_info.filter(|master_info| master_info.claim == first.name);
    Some(CurrentMaster {
        node: holder(&first.value.bytes),
        claim: first.name.clone(),
        term: master_info.map(|info| term(info, report)),
    })
}

/// The master by its own report alone.
fn reported_master(report: &Report) -> Option<CurrentMaster> {
    let info = report.master_info.as_ref()?;
    Some(CurrentMaster {
        node: info.node.clone(),
        claim: info.claim.clone(),
        term: Some(term(info, report)),
    })
}

fn term(info: &MasterInfo, report: &Report) -> MasterTerm {
    MasterTerm {
        since: info.since,
        epoch: report.epoch,
        beat_budget: info.beat_budget,
        previous: info.previous.clone(),
    }
}

fn role(claim: &str, master: Option<&CurrentMaster>) -> MemberRole {
    match master {
        Some(master) if master.claim == claim => MemberRole::Master,
        _ if is_standing(claim) => MemberRole::Standing,
        // A mapper that led until a dedicated master came.
        _ => MemberRole::Follower,
    }
}

fn by_name(nodes: &[Node]) -> HashMap<&str, &Node> {
    nodes
        .iter()
        .map(|node| (node.name.as_str(), node))
        .collect()
}

/// The beat after the owner's name.
fn beat_of_claim(value: &[u8]) -> Beat {
    let mut lines = value.splitn(2, |byte| *byte == b'\n');
    Beat::parse(lines.nth(1).unwrap_or_default())
}

#[cfg(test)]
mod tests;
