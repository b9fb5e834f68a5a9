//! What a master does while it holds the claim: hears its followers, gives verdicts, reports.
//!
//! A pure state machine of one epoch. What was heard goes in ([`MasterState::heard`],
//! [`MasterState::stirred`], [`MasterState::vanished`]); what is to be written comes out of
//! [`MasterState::next_write`], one write at a time, and its outcome goes back by [`MasterState::written`].
//! Every write that succeeds is also the master's echo: proof that it can hear.

mod budget;
mod deaths;
mod events;
mod followers;
mod input;
pub mod limits;
mod orders;
mod removal;
mod report;

pub use deaths::Death;
pub use input::{FollowerReading, MasterConfig, PriorState};

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
use super::election::Elected;
use super::transaction::{Outcome, Write};
use crate::clock::Now;
use crate::detect::{Detector, Observation};
use crate::protocol::{Dead, EndReason, Event, EventKind, Identity, MasterInfo};

/// For how long the dead are told of in each report.
const MOURNED: TimeDelta = TimeDelta::minutes(10);
/// How many of them are remembered: one that returns later than that has just joined.
const MOST_DEAD: usize = 16 * 1024;

/// How old a report may be for its followers to be expected, or as old as a session where that is more.
/// An older one is of a job long gone; it only tells at which number the events go on.
const HEIR_TO: Duration = Duration::from_secs(10);

#[derive(Debug)]
enum Pending {
    Beat { told: usize },
    RemoveDead(RemovalBatch),
    Command(Issue),
    Release,
}

/// One master's time in one epoch.
#[derive(Debug)]
pub struct MasterState {
    master_info: MasterInfo,
    epoch: i64,
    pace: MasterConfig,
    /// Who the master itself is.
    identity: Identity,
    /// Its session.
    session: i64,
    detector: Detector,
    followers: BTreeMap<String, Follower>,
    /// Who died and has not returned; told for some time.
    dead: BTreeMap<String, Dead>,
    /// Those who were overdue when the master heard its last echo, and are not judged yet.
    overdue: Vec<String>,
    /// How many are removed in one transaction: fewer after one that was not made.
    batch: usize,
    /// The znodes among the followers' that are none, or cannot be removed.
    passed_over: BTreeSet<String>,
    /// Those of them that nobody was told of yet, and what is wrong with them.
    complaints: Vec<(String, String)>,
    /// The followers of the master before whose names did not fit into its report.
    fingerprints: BTreeSet<u64>,
    /// Those whose znodes stood when the master came; `None` until that is known.
    standing: Option<BTreeSet<String>>,
    /// Until when those are waited for; `None` once that is over.
    grace: Option<Duration>,
    /// When the last master's report was written.
    inherited: DateTime<Utc>,
    /// When the epoch began, by this machine's monotonic clock and by ZooKeeper's: a wall clock that is
    /// set makes nobody's silence longer.
    begun: (Duration, DateTime<Utc>),
    /// The version of the report that the first one replaces; `None` once that is done.
    takeover_version: Option<i32>,
    news: EventLog,
    room: ReportLimits,
    last_report: Option<Duration>,
    budget: ReportBudget,
    /// There was no room for what waits, when it was to be written last: the next tick tries again.
    is_stuck: bool,
    /// The follower that the last report called alive as its last one, if there are more to be called so.
    called: Option<String>,
    pending: Option<Pending>,
    orders: Orders,
}

impl MasterState {
    /// The master `name` begins its epoch, or goes on with it: one that was cut off, and whose claim
    /// still stands, was never replaced.
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
        // Who goes on has nobody before it but itself.
        let previous = previous(elected, pace, &prior).filter(|_| !is_resumed);
        let dead = previous.iter().filter(|one| one.went == EndReason::Dead);
        let dead = dead.map(|one| Dead {
            node: one.node.clone(),
            time: now.wall,
            attempt: None,
        });
        let dead = dead.chain(report.dead.iter().cloned());
        let dead = dead.map(|one| (one.node.clone(), one)).collect();
        let (master_info, epoch) = resumed.unwrap_or_else(|| {
            let master_info = MasterInfo {
                node: name.to_owned(),
                claim: elected.claim.clone(),
                since: now.wall,
                previous,
            };
            (master_info, prior.zxid)
        });
        // Who was there before an outage knows that it is still the same job.
        let is_heir = is_resumed || !prior.grace.is_zero();
        let age = (prior.now - prior.written).to_std();
        let is_recent = age.is_ok_and(|age| age < HEIR_TO.max(pace.session));
        let is_expecting = is_heir || is_recent;
        let expected: BTreeSet<String> = if is_expecting {
            report.followers().filter(|node| *node != name).collect()
        } else {
            BTreeSet::new()
        };
        let fingerprints = if is_expecting {
            report.fingerprints.clone()
        } else {
            BTreeSet::new()
        };
        let known = expected.len() + fingerprints.len();
        let orders = Orders::new(now, (epoch, &elected.claim), pace, prior.control, known);
        let mut master_state = Self {
            master_info,
            epoch,
            pace,
            identity: identity.clone(),
            session: prior.session,
            detector: Detector::new(pace.detection),
            followers: expected
                .into_iter()
                .map(|node| (node, Follower::introduced()))
                .collect(),
            dead,
            overdue: Vec::new(),
            batch: limits::MOST_REMOVED,
            passed_over: BTreeSet::new(),
            complaints: Vec::new(),
            fingerprints,
            standing: None,
            grace: Some(now.elapsed + prior.grace),
            inherited: prior.written,
            begun: (now.elapsed, prior.now),
            takeover_version: (!is_resumed).then_some(prior.version),
            news: EventLog::after(report.sequence, prior.report.events, now.elapsed),
            room: ReportLimits::of(prior.request_limit.unwrap_or(limits::DEFAULT)),
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

    /// Keeps what its detector is told, for [`MasterState::take_record`].
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.detector = self.detector.recorded();
        self
    }

    /// What the detector was told since this was asked last.
    pub fn take_record(&mut self) -> Vec<Observation> {
        self.detector.take_record()
    }

    /// The epoch.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// How many followers are listened to.
    pub fn followers(&self) -> usize {
        self.followers.len()
    }

    /// The next transaction, unless one is under way. To be asked for once an interval, and at once
    /// while [`MasterState::is_pressed`].
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
        let told = report.as_ref().map_or(0, |(told, _)| *told);
        let report = report.map(|(_, report)| report);
        self.is_stuck = report.is_none() && self.has_news();
        self.pending = Some(Pending::Beat { told });
        Some(match (self.takeover_version, report) {
            // Who begins has a claim to tell.
            (Some(version), Some(report)) => Write::TakeOver {
                version,
                report,
                control: self.orders.issued.to_string(),
            },
            (_, report) => Write::Beat { report },
        })
    }

    /// The last transaction of the epoch. A beat may still be under way: what it told is told again.
    pub fn release(&mut self, now: Now) -> Write {
        self.forget_old(now);
        let name = self.master_info.node.clone();
        let released = self.event(now.wall, EventKind::Released, &name);
        self.pending = Some(Pending::Release);
        let mut fresh = self.news.next(&self.room);
        let sequence = self.news.sequence_after(fresh.len()) + 1;
        fresh.push(Event {
            sequence: Some(sequence),
            ..released
        });
        Write::Release {
            report: self.report(now, &fresh, &[], sequence),
        }
    }

    /// The transaction was answered, and the epoch goes on. A claim that no longer stands, or a lost
    /// connection, is no outcome: then the tenure is over.
    pub fn written(&mut self, now: Now, outcome: Outcome) {
        match (self.pending.take(), outcome) {
            (Some(Pending::Beat { told }), _) => {
                self.takeover_version = None;
                self.news.have_told(now.elapsed, told);
            }
            (Some(Pending::RemoveDead(batch_under_way)), outcome) => {
                self.batch_answered(now, batch_under_way, outcome)
            }
            (Some(Pending::Command(issue)), _) => self.commanded(now, issue),
            (Some(Pending::Release) | None, _) => {}
        }
        self.echo(now);
    }

    /// The transaction was not made, since the server has too much to do: what it says is said by a later one.
    pub fn throttled(&mut self, now: Now) {
        if let Some(Pending::RemoveDead(batch_under_way)) = self.pending.take() {
            self.batch_not_written(now, &batch_under_way);
        }
    }

    /// A beat of the master came back that was sent beside the transaction.
    pub fn echo(&mut self, now: Now) {
        self.budget.see_write();
        self.detector.echo(now.elapsed);
        self.find_overdue();
    }

    /// Whether something waits to be written that should not wait for the next beat.
    pub fn is_pressed(&self, now: Now) -> bool {
        self.pending.is_none()
            && self.budget.allows(now.elapsed)
            && !self.is_stuck
            && self.has_news()
    }

    fn has_news(&self) -> bool {
        self.news.waiting() > 0 || !self.overdue.is_empty()
    }

    /// Whether something is under way whose outcome has to be known before the end: a verdict, or the
    /// first report, without which the epoch has not begun and nothing is to be released.
    pub fn is_undecided(&self) -> bool {
        self.takeover_version.is_some() || matches!(self.pending, Some(Pending::RemoveDead(_)))
    }

    /// What could not be read, judged or removed, by name, and why: each once.
    pub fn take_passed_over(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.complaints)
    }

    fn forget_old(&mut self, now: Now) {
        self.news.forget_old(now.elapsed);
        // For people only, so the time of day will do.
        let age = |dead: &Dead| now.wall.signed_duration_since(dead.time);
        self.dead.retain(|_, dead| age(dead) < MOURNED);
    }

    /// An event of this epoch. It gets its number with the transaction that tells it.
    fn event(&self, at: DateTime<Utc>, kind: EventKind, node: &str) -> Event {
        Event::of(at, kind, node, Some(self.epoch))
    }

    fn tell(&mut self, at: DateTime<Utc>, kind: EventKind, node: &str) {
        let event = self.event(at, kind, node);
        self.news.push(event, None);
    }
}

#[cfg(test)]
mod tests;
