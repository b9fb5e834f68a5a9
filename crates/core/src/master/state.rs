//! The state of a master while it holds the claim: it hears its followers, gives verdicts and reports.
//!
//! A pure state machine of one epoch. [`MasterState::heard`], [`MasterState::changed`] and
//! [`MasterState::vanished`] take the observations in ZooKeeper, [`MasterState::connection_beat`] and others those of
//! direct connections; [`MasterState::next_write`] returns what to write, one
//! write at a time, and [`MasterState::written`] takes the outcome. Every successful write is also the
//! master's echo: it proves that the master can hear.

mod budget;
mod connections;
mod deaths;
mod events;
mod followers;
mod input;
pub mod limits;
mod orders;
mod removal;
mod report;
mod roster;

pub use deaths::Death;
pub use input::{FollowerReading, MasterConfig, PriorState, ReadMode};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use self::budget::ReportBudget;
use self::events::EventLog;
use self::followers::Follower;
use self::input::previous;
use self::limits::ReportLimits;
use self::orders::{Issue, Orders};
use self::removal::RemovalBatch;
use self::roster::Roster;
use super::election::Elected;
use super::transaction::{Outcome, Write};
use crate::clock::Now;
use crate::detect::{Detector, Observation, PeerConnections};
use crate::protocol::{Dead, EndReason, Ending, Event, EventKind, Identity, MasterInfo};

/// How long each report lists a dead follower.
const MOURNED: TimeDelta = TimeDelta::minutes(10);
/// Maximum number of remembered dead followers; a follower that is not remembered counts as new when it
/// returns.
const MOST_DEAD: usize = 16 * 1024;

/// Maximum age of a report whose followers are still expected; the session timeout counts if it is longer. An
/// older report belongs to a job that ended long ago; only its event numbers continue.
const HEIR_TO: Duration = Duration::from_secs(10);

#[derive(Debug)]
enum Pending {
    Beat { reported: usize },
    RemoveDead(RemovalBatch),
    Command(Issue),
    Release,
}

/// The state of one master in one epoch.
#[derive(Debug)]
pub struct MasterState {
    master_info: MasterInfo,
    epoch: i64,
    pace: MasterConfig,
    /// The identity of the master itself.
    identity: Identity,
    /// The session of the master itself.
    session: i64,
    detector: Detector,
    /// The followers' direct connections.
    connections: PeerConnections,
    /// Followers whose znodes are to be read in another way.
    reads: Vec<(String, ReadMode)>,
    followers: BTreeMap<String, Follower>,
    /// Followers that died and have not returned; listed in reports for some time.
    dead: BTreeMap<String, Dead>,
    /// Followers that were overdue at the master's last echo and are not judged yet.
    overdue: Vec<String>,
    /// When the followers were searched for them last.
    searched: Duration,
    /// Maximum number of followers removed in one transaction; halved after a failed one.
    batch: usize,
    /// Znodes in the list of followers that are not followers or cannot be removed.
    passed_over: BTreeSet<String>,
    /// The znodes that this master has removed and that may still be read as they were, by the zxid of their creation.
    removed: BTreeMap<String, i64>,
    /// The skipped znodes that were not reported yet, with the reason.
    complaints: Vec<(String, String)>,
    /// What is known of followers that reports do not name.
    roster: Roster,
    /// The followers whose znodes existed when the master started; `None` until that is known.
    standing: Option<BTreeSet<String>>,
    /// Until when the master waits for those followers; `None` when the wait is over.
    grace: Option<Duration>,
    /// When the previous master's report was written.
    inherited: DateTime<Utc>,
    /// When the epoch began, by this machine's monotonic clock and by ZooKeeper's clock: a change of the wall
    /// clock prolongs no silence.
    begun: (Duration, DateTime<Utc>),
    /// The version of the report that the first report replaces; `None` once that is done.
    takeover_version: Option<i32>,
    news: EventLog,
    room: ReportLimits,
    last_report: Option<Duration>,
    budget: ReportBudget,
    /// The last write had no room for what waits: the next tick tries again.
    is_stuck: bool,
    /// The last follower that the previous report listed as alive, if more follow.
    called: Option<String>,
    pending: Option<Pending>,
    orders: Orders,
}

impl MasterState {
    /// Creates the state of the master `name` for a new epoch, or continues its epoch: a master that was
    /// disconnected but whose claim still exists was never replaced.
    #[expect(clippy::too_many_lines, reason = "the fields of one struct")]
    pub fn begin(
        now: Now,
        (name, identity): (&str, &Identity),
        elected: &Elected,
        pace: MasterConfig,
        prior: PriorState,
    ) -> Self {
        let report = &prior.report;
        let own = report.master_info.as_ref();
        let own = own.filter(|master_info| master_info.claim == elected.claim);
        let resumed = own.and_then(|master_info| Some((master_info.clone(), report.epoch?)));
        let is_resumed = resumed.is_some();
        // A master that continues its epoch has no predecessor but itself.
        let previous = previous(now.elapsed, elected, pace, &prior).filter(|_| !is_resumed);
        let dead = previous.iter().filter(|one| one.went == EndReason::Dead);
        let dead = dead.map(|one| Dead {
            node: one.node.clone(),
            time: now.wall,
            attempt: None,
            cause: one.cause,
        });
        let dead = dead.chain(report.dead.iter().cloned());
        let dead = dead.map(|one| (one.node.clone(), one)).collect();
        let (master_info, epoch) = resumed.unwrap_or_else(|| {
            let master_info = MasterInfo {
                node: name.to_owned(),
                claim: elected.claim.clone(),
                since: now.wall,
                beat_budget: Some(pace.budget),
                previous,
            };
            (master_info, prior.zxid)
        });
        // A member that ran before an outage knows that this is still the same job.
        let is_heir = is_resumed || !prior.grace.is_zero();
        let age = (prior.now - prior.written).to_std();
        let is_recent = age.is_ok_and(|age| age < HEIR_TO.max(pace.session));
        let is_expecting = is_heir || is_recent;
        let expected: BTreeSet<String> = if is_expecting {
            report.followers().filter(|node| *node != name).collect()
        } else {
            BTreeSet::new()
        };
        let roster = if is_expecting {
            Roster::inherited(name, &prior)
        } else {
            Roster::default()
        };
        let known = expected.len() + roster.len();
        let room = ReportLimits::of(prior.request_limit.unwrap_or(limits::DEFAULT), pace.names);
        let orders = Orders::new(
            now,
            (epoch, &elected.claim),
            (pace, room.orders),
            prior.control,
            known,
        );
        let mut master_state = Self {
            master_info,
            epoch,
            pace,
            identity: identity.clone(),
            session: prior.session,
            detector: Detector::new(pace.detection),
            connections: PeerConnections::default(),
            reads: Vec::new(),
            followers: expected
                .into_iter()
                .map(|node| (node, Follower::introduced()))
                .collect(),
            dead,
            overdue: Vec::new(),
            searched: Duration::ZERO,
            batch: limits::MOST_REMOVED,
            passed_over: BTreeSet::new(),
            removed: BTreeMap::new(),
            complaints: Vec::new(),
            roster,
            standing: None,
            grace: Some(now.elapsed + prior.grace),
            inherited: prior.written,
            begun: (now.elapsed, prior.now),
            takeover_version: (!is_resumed).then_some(prior.version),
            news: EventLog::after(report.sequence, prior.report.events, &room, now.elapsed),
            room,
            last_report: None,
            budget: ReportBudget::new(now.elapsed),
            is_stuck: false,
            called: None,
            pending: None,
            orders,
        };
        if !is_resumed {
            let mut claimed = master_state.event(now.wall, EventKind::Claimed, name);
            claimed
                .previous
                .clone_from(&master_state.master_info.previous);
            let died = claimed.previous.as_ref();
            let died = died.filter(|previous| previous.went == EndReason::Dead);
            let death =
                died.map(|previous| master_state.death(&previous.node, Identity::default()));
            master_state.news.push(claimed, death);
        }
        master_state
    }

    /// Records the detector's input for [`MasterState::take_record`].
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.detector = self.detector.recorded();
        self
    }

    /// The detector's input since the last call.
    pub fn take_record(&mut self) -> Vec<Observation> {
        self.detector.take_record()
    }

    /// The epoch.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Whether a follower has said how its work ended, and has not gone yet.
    pub fn has_leaving(&self) -> bool {
        self.followers
            .values()
            .any(|follower| follower.ending.is_some())
    }

    /// Number of watched followers.
    pub fn followers(&self) -> usize {
        self.followers.len()
    }

    /// The next transaction, unless one is under way. Call it once per interval, and at once while
    /// [`MasterState::is_pressed`].
    pub fn next_write(&mut self, now: Now) -> Option<Write> {
        if self.pending.is_some() {
            return None;
        }
        self.forget_old(now);
        self.end_grace(now);
        if self.budget.allows(now.elapsed)
            && let Some(write) = self.remove_overdue(now)
        {
            return Some(write);
        }
        if let Some(write) = self.command(now) {
            return Some(write);
        }
        let report = self.next_report(now);
        let reported = report.as_ref().map_or(0, |(reported, _)| *reported);
        let report = report.map(|(_, report)| report);
        self.is_stuck = report.is_none() && self.has_news();
        self.pending = Some(Pending::Beat { reported });
        Some(match (self.takeover_version, report) {
            // A new master announces its claim.
            (Some(version), Some(report)) => Write::TakeOver {
                version,
                report,
                control: self.orders.issued.to_string(),
            },
            (_, report) => Write::Beat { report },
        })
    }

    /// The last transaction of the epoch, which says how the master's own work ended. A beat may still be under way: this
    /// transaction repeats its events.
    pub fn release(&mut self, now: Now, ending: Ending) -> Write {
        self.forget_old(now);
        let name = self.master_info.node.clone();
        let released = self.event(now.wall, EventKind::Released, &name);
        self.pending = Some(Pending::Release);
        let mut fresh = self.news.next(&self.room);
        let reported = fresh.len();
        fresh.push(Event {
            sequence: Some(self.news.sequence_after(reported) + 1),
            ending: Some(ending).filter(|ending| *ending == Ending::Failed),
            ..released
        });
        Write::Release {
            report: self.report(now, &fresh, reported, &[]),
        }
    }

    /// The transaction was answered, and the epoch continues. If the claim is gone or the connection is lost,
    /// the master state ends without an outcome.
    pub fn written(&mut self, now: Now, outcome: Outcome) {
        match (self.pending.take(), outcome) {
            (Some(Pending::Beat { reported }), outcome) => {
                self.takeover_version = None;
                self.news.mark_reported(now.elapsed, reported);
                if matches!(outcome, Outcome::ControlRefused(_)) {
                    self.orders.refused(now);
                }
            }
            (Some(Pending::RemoveDead(batch_under_way)), outcome) => {
                self.batch_answered(now, batch_under_way, outcome);
            }
            (Some(Pending::Command(issue)), outcome) => self.commanded(now, issue, &outcome),
            (Some(Pending::Release) | None, _) => {}
        }
        self.echo(now);
    }

    /// The overloaded server did not carry out the transaction: a later one repeats its content.
    pub fn throttled(&mut self, now: Now) {
        if let Some(Pending::RemoveDead(batch_under_way)) = self.pending.take() {
            self.batch_not_written(now, &batch_under_way);
        }
    }

    /// A beat that was sent beside the transaction was acknowledged.
    pub fn echo(&mut self, now: Now) {
        self.budget.see_write();
        self.detector.echo(now.elapsed);
        self.connections.verify_again(now.elapsed);
        self.find_overdue(now);
    }

    /// Whether a write is urgent and should not wait for the next beat.
    pub fn is_pressed(&self, now: Now) -> bool {
        self.pending.is_none()
            && self.budget.allows(now.elapsed)
            && !self.is_stuck
            && self.has_news()
    }

    fn has_news(&self) -> bool {
        self.news.waiting() > 0 || !self.overdue.is_empty()
    }

    /// Whether the outcome of the write under way must be known before the end: a verdict, or the first
    /// report, without which the epoch has not begun and there is nothing to release.
    pub fn is_undecided(&self) -> bool {
        self.takeover_version.is_some() || matches!(self.pending, Some(Pending::RemoveDead(_)))
    }

    /// The znodes that could not be read, judged or removed, with the reason, each once.
    pub fn take_passed_over(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.complaints)
    }

    fn forget_old(&mut self, now: Now) {
        self.news.forget_old(now.elapsed);
        // Only people read this, so the wall clock is exact enough.
        let age = |dead: &Dead| now.wall.signed_duration_since(dead.time);
        self.dead.retain(|_, dead| age(dead) < MOURNED);
    }

    /// An event of this epoch. The transaction that reports it sets its number.
    fn event(&self, at: DateTime<Utc>, kind: EventKind, node: &str) -> Event {
        Event::of(at, kind, node, Some(self.epoch))
    }

    /// Reports an event with the next report, or a later one. Returns its position in the log.
    fn tell(&mut self, at: DateTime<Utc>, kind: EventKind, node: &str) -> u64 {
        let event = self.event(at, kind, node);
        self.news.push(event, None)
    }
}

#[cfg(test)]
mod tests;
