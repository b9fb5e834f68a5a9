//! What a master does while it holds the claim: hears its followers, gives verdicts, reports.
//!
//! A pure state machine of one epoch. What was heard goes in ([`Tenure::heard`],
//! [`Tenure::stirred`], [`Tenure::vanished`]); what is to be written comes out of
//! [`Tenure::next_write`], one write at a time, and its outcome goes back by [`Tenure::written`].
//! Every write that succeeds is also the master's echo: proof that it can hear.

mod deaths;
mod followers;
mod orders;
mod terms;

pub use deaths::Death;
pub use terms::{Inheritance, Pace, Reading};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use self::deaths::Deaths;
use self::followers::Follower;
use self::orders::{Issue, Orders};
use self::terms::previous;
use super::election::Mandate;
use super::transaction::{Outcome, Write};
use crate::clock::Now;
use crate::detect::{Detector, Observation};
use crate::protocol::report::Draft;
use crate::protocol::{Dead, Event, EventKind, Identity, Office, Went};

/// For how long an event stands in the reports after it was told first.
const RECENT: Duration = Duration::from_secs(1);
/// How many at the most, so that the value stays far below ZooKeeper's limit of 1 MB.
const MOST_RECENT: usize = 512;

/// For how long, and how many of, the dead are told of in each report.
const MOURNED: TimeDelta = TimeDelta::minutes(10);
const MOST_DEAD: usize = 32;

/// How old a report may be for its followers to be expected, or as old as a session where that is more.
/// An older one is of a job long gone; it only tells at which number the events go on.
const HEIR_TO: Duration = Duration::from_secs(10);

#[derive(Debug)]
enum Pending {
    Beat {
        told: usize,
    },
    Bury {
        node: String,
        told: usize,
        death: Event,
    },
    Command(Issue),
    Release,
}

/// One master's time in one epoch.
#[derive(Debug)]
pub struct Tenure {
    office: Office,
    epoch: i64,
    pace: Pace,
    /// Who the master itself is.
    identity: Identity,
    detector: Detector,
    followers: BTreeMap<String, Follower>,
    /// Who died and has not returned; told for some time.
    dead: BTreeMap<String, Dead>,
    /// What is to be acted on.
    deaths: Deaths,
    /// Those whose znodes stood when the master came; `None` until that is known.
    standing: Option<BTreeSet<String>>,
    /// Until when those are waited for; `None` once that is over.
    grace: Option<Duration>,
    /// When the last master's report was written.
    inherited: DateTime<Utc>,
    /// When the epoch began, by this machine's monotonic clock and by ZooKeeper's: a wall clock that is
    /// set makes nobody's silence longer.
    begun: (Duration, DateTime<Utc>),
    sequence: u64,
    /// The version of the report that the first one replaces; `None` once that is done.
    accession: Option<i32>,
    /// Told in a report already, and still repeated in the next ones, with the time since when they are.
    told: Vec<(Duration, Event)>,
    /// Not told yet.
    fresh: Vec<Event>,
    last_report: Option<Duration>,
    pending: Option<Pending>,
    orders: Orders,
}

impl Tenure {
    /// The master `name` begins its epoch, or goes on with it: one that was cut off, and whose claim
    /// still stands, was never replaced.
    pub fn begin(
        now: Now,
        (name, identity): (&str, &Identity),
        mandate: &Mandate,
        pace: Pace,
        inheritance: Inheritance,
    ) -> Self {
        let report = &inheritance.report;
        let own = report.office.as_ref();
        let own = own.filter(|office| office.claim == mandate.claim);
        let resumed = own.and_then(|office| Some((office.clone(), report.epoch?)));
        let is_resumed = resumed.is_some();
        // Who goes on has nobody before it but itself.
        let previous = previous(mandate, pace, &inheritance).filter(|_| !is_resumed);
        let dead = previous.iter().filter(|one| one.went == Went::Dead);
        let dead = dead.map(|one| Dead {
            node: one.node.clone(),
            time: now.wall,
            attempt: None,
        });
        let dead = dead.chain(report.dead.iter().cloned());
        let dead = dead.map(|one| (one.node.clone(), one)).collect();
        let (office, epoch) = resumed.unwrap_or_else(|| {
            let office = Office {
                node: name.to_owned(),
                claim: mandate.claim.clone(),
                since: now.wall,
                previous,
            };
            (office, inheritance.zxid)
        });
        // Who was there before an outage knows that it is still the same job.
        let is_heir = is_resumed || !inheritance.grace.is_zero();
        let age = (inheritance.now - inheritance.written).to_std();
        let is_recent = age.is_ok_and(|age| age < HEIR_TO.max(pace.session));
        let expected: BTreeSet<&str> = if is_heir || is_recent {
            report.followers().filter(|node| *node != name).collect()
        } else {
            BTreeSet::new()
        };
        let known = expected.len();
        let orders = Orders::new(now, epoch, pace, inheritance.control, known);
        let mut tenure = Self {
            office,
            epoch,
            pace,
            identity: identity.clone(),
            detector: Detector::new(pace.detection),
            followers: expected
                .into_iter()
                .map(|node| (node.to_owned(), Follower::introduced()))
                .collect(),
            dead,
            deaths: Deaths::default(),
            standing: None,
            grace: Some(now.elapsed + inheritance.grace),
            inherited: inheritance.written,
            begun: (now.elapsed, inheritance.now),
            sequence: report.sequence,
            accession: (!is_resumed).then_some(inheritance.version),
            told: inheritance
                .report
                .events
                .into_iter()
                .map(|event| (now.elapsed, event))
                .collect(),
            fresh: Vec::new(),
            last_report: None,
            pending: None,
            orders,
        };
        if !is_resumed {
            let mut claimed = tenure.event(now.wall, EventKind::Claimed, name);
            claimed.previous.clone_from(&tenure.office.previous);
            if let Some(previous) = claimed.previous.as_ref()
                && previous.went == Went::Dead
            {
                let deaths = &mut tenure.deaths;
                deaths.add(&claimed, &previous.node, Identity::default());
            }
            tenure.fresh.push(claimed);
        }
        tenure
    }

    /// Keeps what its detector is told, for [`Tenure::take_record`].
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
    /// while [`Tenure::is_pressed`].
    pub fn next_write(&mut self, now: Now) -> Option<Write> {
        if self.pending.is_some() {
            return None;
        }
        self.forget_old(now);
        self.end_grace(now);
        if let Some(node) = self.overdue().map(str::to_owned) {
            return Some(self.bury(now, node));
        }
        if let Some(write) = self.command(now) {
            return Some(write);
        }
        let alive = if self.is_report_due(now) {
            self.take_heard()
        } else {
            Vec::new()
        };
        // What is too much for one value is told with the next.
        let told = self.fresh.len().min(MOST_RECENT);
        let report = (told > 0 || !alive.is_empty()).then(|| {
            if !alive.is_empty() {
                self.last_report = Some(now.elapsed);
            }
            self.report(now, &self.fresh[..told], &alive)
        });
        self.pending = Some(Pending::Beat { told });
        Some(match (self.accession, report) {
            // Who begins has a claim to tell.
            (Some(version), Some(report)) => Write::Accede {
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
        let name = self.office.node.clone();
        self.tell(now.wall, EventKind::Released, &name);
        self.pending = Some(Pending::Release);
        Write::Release {
            report: self.report(
                now,
                &self.fresh[self.fresh.len().saturating_sub(MOST_RECENT)..],
                &[],
            ),
        }
    }

    /// The transaction was answered, and the epoch goes on. A claim that no longer stands, or a lost
    /// connection, is no outcome: then the tenure is over.
    pub fn written(&mut self, now: Now, outcome: Outcome) {
        self.detector.echo(now.elapsed);
        match (self.pending.take(), outcome) {
            (Some(Pending::Beat { told }), _) => {
                self.accession = None;
                self.have_told(now, told);
            }
            (Some(Pending::Bury { node, told, death }), Outcome::Done) => {
                let identity = self.mourn(now, &node);
                self.have_told(now, told);
                self.deaths.add(&death, &node, identity);
                self.deaths.acknowledged(&death);
                self.told.push((now.elapsed, death));
                self.detector.left(now.elapsed, &node);
            }
            (Some(Pending::Bury { node, .. }), Outcome::Spared) => {
                self.detector.heard(now.elapsed, &node);
            }
            (Some(Pending::Bury { node, .. }), Outcome::Gone) => self.vanished(now, &node),
            (Some(Pending::Command(issue)), _) => self.commanded(now, issue),
            // One that was overtaken is over.
            (Some(Pending::Bury { .. }), Outcome::Overtaken)
            | (Some(Pending::Release) | None, _) => {}
        }
    }

    /// Whether something waits to be written that should not wait for the next beat.
    pub fn is_pressed(&self) -> bool {
        self.pending.is_none() && (!self.fresh.is_empty() || self.overdue().is_some())
    }

    /// Whether something is under way whose outcome has to be known before the end: a verdict, or the
    /// first report, without which the epoch has not begun and nothing is to be released.
    pub fn is_undecided(&self) -> bool {
        self.accession.is_some() || matches!(self.pending, Some(Pending::Bury { .. }))
    }

    /// Who is to be judged next. Nobody is while members come back from an outage: servers and
    /// machines are busy with it, and who beats may fall silent once more.
    fn overdue(&self) -> Option<&str> {
        let judges = self.grace.is_none();
        judges.then(|| self.detector.overdue().next()).flatten()
    }

    fn bury(&mut self, now: Now, node: String) -> Write {
        // Only who was read is in the detector; a version that never was spares a node by mistake.
        let follower = self.followers.get(&node);
        let version = follower.and_then(|follower| follower.version).unwrap_or(0);
        let claim = follower.and_then(|follower| follower.identity.claim.clone());
        let death = self.event(now.wall, EventKind::Died, &node);
        let mut fresh = self.fresh.clone();
        fresh.push(death.clone());
        // Whom the report still names as a follower, an heir takes for one: it would tell neither the
        // return of the dead nor anything else of it.
        let kept = self.followers.remove_entry(&node);
        let report = self.report(now, &fresh, &[]);
        self.followers.extend(kept);
        let told = self.fresh.len();
        self.pending = Some(Pending::Bury {
            node: node.clone(),
            told,
            death,
        });
        Write::Bury {
            node,
            version,
            claim,
            report,
        }
    }

    fn is_report_due(&self, now: Now) -> bool {
        // Half an interval early, or a tick that comes a moment too soon would wait a whole one.
        self.last_report.is_none_or(|last| {
            let every = self.pace.detection.timeout.max(self.given_interval());
            now.elapsed.saturating_sub(last) + self.pace.interval / 2 >= every
        })
    }

    fn report(&self, now: Now, fresh: &[Event], alive: &[String]) -> String {
        // Only those whose coming is told: an heir tells the coming of all others.
        let followers = self.followers.iter();
        let introduced = followers.filter(|(_, follower)| follower.introduced);
        let told = self.told.iter().map(|(_, event)| event);
        Draft {
            at: now.wall,
            epoch: self.epoch,
            office: &self.office,
            sequence: self.sequence,
            fresh,
            recent: told.chain(fresh).collect(),
            alive: alive.iter().map(String::as_str).collect(),
            followers: introduced.map(|(node, _)| node.as_str()).collect(),
            dead: self.dead.values().rev().take(MOST_DEAD).collect(),
        }
        .compose()
    }

    fn have_told(&mut self, now: Now, count: usize) {
        for event in self.fresh.drain(..count) {
            self.deaths.acknowledged(&event);
            self.told.push((now.elapsed, event));
        }
    }

    fn forget_old(&mut self, now: Now) {
        let surplus = self.told.len().saturating_sub(MOST_RECENT);
        self.told.drain(..surplus);
        // By the monotonic clock: those of two masters need not agree on the time of day.
        let is_recent = |since: Duration| now.elapsed.saturating_sub(since) < RECENT;
        self.told.retain(|(since, _)| is_recent(*since));
        // For people only, so the time of day will do.
        let age = |dead: &Dead| now.wall.signed_duration_since(dead.time);
        self.dead.retain(|_, dead| age(dead) < MOURNED);
    }

    /// An event with the next number. A number whose event is never told is a gap, and harmless.
    fn event(&mut self, at: DateTime<Utc>, kind: EventKind, node: &str) -> Event {
        self.sequence += 1;
        Event {
            sequence: Some(self.sequence),
            ..Event::of(at, kind, node, Some(self.epoch))
        }
    }

    fn tell(&mut self, at: DateTime<Utc>, kind: EventKind, node: &str) {
        let event = self.event(at, kind, node);
        self.fresh.push(event);
    }
}

#[cfg(test)]
mod tests;
