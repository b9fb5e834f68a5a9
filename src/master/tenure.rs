//! What a master does while it holds the claim: hears its followers, gives verdicts, reports.
//!
//! A pure state machine of one epoch. What was heard goes in ([`Tenure::heard`],
//! [`Tenure::stirred`], [`Tenure::vanished`]); what is to be written comes out of
//! [`Tenure::next_write`], one write at a time, and its outcome goes back by [`Tenure::written`].
//! Every write that succeeds is also the master's echo: proof that it can hear.

mod terms;

pub use terms::{Inheritance, Pace, Reading};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::election::Mandate;
use super::transaction::{Outcome, Write};
use crate::clock::Now;
use crate::detect::{Detector, Observation};
use crate::protocol::report::Draft;
use crate::protocol::{Ending, Event, EventKind, Office, Previous, Went};

/// For how long an event stands in the reports after it was told first.
const RECENT: Duration = Duration::from_secs(1);
/// How many at the most, so that the value stays far below ZooKeeper's limit of 1 MB.
const MOST_RECENT: usize = 512;

/// How old a report may be for its followers to be expected. An older one is of a job long gone;
/// it only tells at which number the events go on.
const HEIR_TO: TimeDelta = TimeDelta::seconds(10);

#[derive(Debug, Default)]
struct Follower {
    /// The last version read of its value.
    version: Option<i32>,
    /// Its coming was told, by this master or the one before.
    introduced: bool,
    /// Heard since the last report.
    heard: bool,
    /// Not heard to beat by this master: it stood there when the master came.
    untried: bool,
    written: DateTime<Utc>,
    ending: Option<Ending>,
    /// Its claim, which is buried with it.
    claim: Option<String>,
}

impl Follower {
    /// One whose coming the master before has told.
    fn introduced() -> Self {
        Self {
            introduced: true,
            ..Self::default()
        }
    }
}

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
    Release,
}

/// One master's time in one epoch.
#[derive(Debug)]
pub struct Tenure {
    office: Office,
    epoch: i64,
    pace: Pace,
    detector: Detector,
    followers: BTreeMap<String, Follower>,
    dead: BTreeSet<String>,
    /// Those whose znodes stood when the master came; `None` until that is known.
    standing: Option<BTreeSet<String>>,
    /// When the last master's report was written.
    inherited: DateTime<Utc>,
    /// How far ZooKeeper's clock is ahead of this machine's.
    server_ahead: TimeDelta,
    sequence: u64,
    /// The version of the report that the first one replaces; `None` once that is asked for.
    accession: Option<i32>,
    /// Told in a report already, and still repeated in the next ones.
    told: Vec<Event>,
    /// Not told yet.
    fresh: Vec<Event>,
    last_report: Option<Duration>,
    pending: Option<Pending>,
}

impl Tenure {
    /// The master `name` begins its epoch, or goes on with it: one that was cut off, and whose claim
    /// still stands, was never replaced.
    pub fn begin(
        now: Now,
        name: &str,
        mandate: &Mandate,
        pace: Pace,
        inheritance: Inheritance,
    ) -> Self {
        let report = &inheritance.report;
        let own = report.office.as_ref();
        let own = own.filter(|office| office.claim == mandate.claim);
        let resumed = own.and_then(|office| Some((office.clone(), report.epoch?)));
        let is_resumed = resumed.is_some();
        let previous = previous(mandate, pace, &inheritance);
        let dead = previous.iter().filter(|one| one.went == Went::Dead);
        let dead = dead.map(|one| one.node.clone()).collect();
        let (office, epoch) = resumed.unwrap_or_else(|| {
            let office = Office {
                node: name.to_owned(),
                claim: mandate.claim.clone(),
                since: now.wall,
                previous,
            };
            (office, inheritance.zxid)
        });
        let expected: BTreeSet<&str> =
            if is_resumed || inheritance.now - inheritance.written < HEIR_TO {
                report.followers().filter(|node| *node != name).collect()
            } else {
                BTreeSet::new()
            };
        let mut tenure = Self {
            office,
            epoch,
            pace,
            detector: Detector::new(pace.detection),
            followers: expected
                .into_iter()
                .map(|node| (node.to_owned(), Follower::introduced()))
                .collect(),
            dead,
            standing: None,
            inherited: inheritance.written,
            server_ahead: inheritance.now - now.wall,
            sequence: report.sequence,
            accession: (!is_resumed).then_some(inheritance.version),
            told: inheritance.report.events,
            fresh: Vec::new(),
            last_report: None,
            pending: None,
        };
        if !is_resumed {
            let mut claimed = tenure.event(now.wall, EventKind::Claimed, name);
            claimed.previous.clone_from(&tenure.office.previous);
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

    /// The followers whose znodes stand. Those that the master before knew and that left in the
    /// moment between the two masters are among neither's; they are missed here.
    pub fn listed(&mut self, now: Now, nodes: &[String]) {
        for node in nodes.iter().filter(|node| **node != self.office.node) {
            self.followers.entry(node.clone()).or_default();
        }
        if self.standing.is_some() {
            return;
        }
        self.standing = Some(nodes.iter().cloned().collect());
        let left = self.followers.keys().filter(|node| !nodes.contains(node));
        let left: Vec<String> = left.cloned().collect();
        // After a longer time nobody can say whether one has finished or its session has expired.
        let is_certain = !self.is_expired(now, self.inherited);
        for node in left {
            self.followers.remove(&node);
            if is_certain {
                self.tell(now.wall, EventKind::Finished, &node);
            }
        }
    }

    /// A follower's znode was read, and its next change will be noticed.
    ///
    /// One that stood there when the master came is not judged before it is heard: after an outage
    /// of ZooKeeper the master may be back before its followers. If it is dead, its session ends it.
    pub fn heard(&mut self, now: Now, node: &str, reading: &Reading) {
        if node == self.office.node {
            return;
        }
        self.introduce(now, node, reading.beat.returns);
        let standing = self.standing.as_ref();
        let stood = standing.is_some_and(|standing| standing.contains(node));
        let follower = self.followers.entry(node.to_owned()).or_default();
        let beaten = follower
            .version
            .is_some_and(|version| version != reading.version);
        follower.untried = stood && !beaten && (follower.version.is_none() || follower.untried);
        follower.heard |= follower.version != Some(reading.version);
        follower.version = Some(reading.version);
        follower.written = reading.written;
        follower.ending = reading.beat.ending;
        follower.claim.clone_from(&reading.beat.claim);
        if follower.ending.is_some() || follower.untried {
            // It has said its last word and goes at once, or it may not be back yet; either way its
            // znode goes with its session at the latest.
            self.detector.left(now.elapsed, node);
        } else {
            self.detector.heard(now.elapsed, node);
        }
    }

    /// A follower's value has changed and is being read.
    pub fn stirred(&mut self, now: Now, node: &str) {
        self.detector.reading(now.elapsed, node);
    }

    /// A follower's znode is gone, and this master did not remove it.
    pub fn vanished(&mut self, now: Now, node: &str) {
        if let Some(Pending::Bury { node: buried, .. }) = &self.pending
            && buried == node
        {
            return;
        }
        self.detector.left(now.elapsed, node);
        if self.followers.contains_key(node) {
            // One that came and went before its value was read.
            self.introduce(now, node, 0);
        }
        if let Some(follower) = self.followers.remove(node) {
            // An ephemeral znode of somebody who was alive a moment ago can only have been removed
            // by its owner, whether or not its last word was read in time.
            let kind = match follower.ending {
                Some(Ending::Failed) => EventKind::Failed,
                None if follower.version.is_some() && self.is_expired(now, follower.written) => {
                    EventKind::Died
                }
                Some(Ending::Finished) | None => EventKind::Finished,
            };
            if let Some(standing) = &mut self.standing {
                standing.remove(node);
            }
            self.tell(now.wall, kind, node);
        }
    }

    /// The next transaction, unless one is under way. To be asked for once an interval, and at once
    /// while [`Tenure::is_pressed`].
    pub fn next_write(&mut self, now: Now) -> Option<Write> {
        if self.pending.is_some() {
            return None;
        }
        self.forget_old(now.wall);
        let overdue = self.detector.overdue().next().map(str::to_owned);
        if let Some(node) = overdue {
            return Some(self.bury(now, node));
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
        Some(match (self.accession.take(), report) {
            // Who begins has a claim to tell.
            (Some(version), Some(report)) => Write::Accede { version, report },
            (_, report) => Write::Beat { report },
        })
    }

    /// The last transaction of the epoch. A beat may still be under way: what it told is told again.
    pub fn release(&mut self, now: Now) -> Write {
        self.forget_old(now.wall);
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

    /// The transaction was answered, and the epoch goes on. A claim that no longer stands, or a lost connection, is no
    /// outcome: then the tenure is over.
    pub fn written(&mut self, now: Now, outcome: Outcome) {
        self.detector.echo(now.elapsed);
        match (self.pending.take(), outcome) {
            (Some(Pending::Beat { told }), _) => self.told.extend(self.fresh.drain(..told)),
            (Some(Pending::Bury { node, told, death }), Outcome::Done) => {
                self.told.extend(self.fresh.drain(..told));
                self.told.push(death);
                self.detector.left(now.elapsed, &node);
                self.followers.remove(&node);
                self.dead.insert(node);
            }
            (Some(Pending::Bury { node, .. }), Outcome::Spared) => {
                self.detector.heard(now.elapsed, &node);
            }
            (Some(Pending::Bury { node, .. }), Outcome::Gone) => self.vanished(now, &node),
            // One that was overtaken is over.
            (Some(Pending::Bury { .. }), Outcome::Overtaken)
            | (Some(Pending::Release) | None, _) => {}
        }
    }

    /// Whether something waits to be written that should not wait for the next beat.
    pub fn is_pressed(&self) -> bool {
        self.pending.is_none()
            && (!self.fresh.is_empty() || self.detector.overdue().next().is_some())
    }

    /// Whether a verdict is under way, whose outcome has to be known before the end.
    pub fn is_burying(&self) -> bool {
        matches!(self.pending, Some(Pending::Bury { .. }))
    }

    fn bury(&mut self, now: Now, node: String) -> Write {
        // Only who was read is in the detector; a version that never was spares a node by mistake.
        let follower = self.followers.get(&node);
        let version = follower.and_then(|follower| follower.version).unwrap_or(0);
        let claim = follower.and_then(|follower| follower.claim.clone());
        let death = self.event(now.wall, EventKind::Died, &node);
        let mut fresh = self.fresh.clone();
        fresh.push(death.clone());
        let report = self.report(now, &fresh, &[]);
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

    /// Tells of a follower's coming, once.
    fn introduce(&mut self, now: Now, node: &str, returns: u32) {
        let follower = self.followers.entry(node.to_owned()).or_default();
        if !std::mem::replace(&mut follower.introduced, true) {
            let returned = self.dead.remove(node) || returns > 0;
            let kind = if returned {
                EventKind::Returned
            } else {
                EventKind::Joined
            };
            self.tell(now.wall, kind, node);
        }
    }

    /// Whether a session that was last heard then may have expired by now.
    fn is_expired(&self, now: Now, heard: DateTime<Utc>) -> bool {
        let server = now.wall + self.server_ahead;
        let silence = server.signed_duration_since(heard).to_std();
        silence.is_ok_and(|silence| silence > self.pace.session / 2)
    }

    fn is_report_due(&self, now: Now) -> bool {
        // Half an interval early, or a tick that comes a moment too soon would wait a whole one.
        self.last_report.is_none_or(|last| {
            now.elapsed.saturating_sub(last) + self.pace.interval / 2 >= self.pace.detection.timeout
        })
    }

    /// The followers heard since this was asked last.
    fn take_heard(&mut self) -> Vec<String> {
        let heard = self
            .followers
            .iter_mut()
            .filter(|(_, follower)| follower.heard);
        heard
            .map(|(node, follower)| {
                follower.heard = false;
                node.clone()
            })
            .collect()
    }

    fn report(&self, now: Now, fresh: &[Event], alive: &[String]) -> String {
        Draft {
            at: now.wall,
            epoch: self.epoch,
            office: &self.office,
            sequence: self.sequence,
            fresh,
            recent: self.told.iter().chain(fresh).collect(),
            alive: alive.iter().map(String::as_str).collect(),
            followers: self.followers.keys().map(String::as_str).collect(),
        }
        .compose()
    }

    fn forget_old(&mut self, now: DateTime<Utc>) {
        let surplus = self.told.len().saturating_sub(MOST_RECENT);
        self.told.drain(..surplus);
        self.told.retain(|event| {
            now.signed_duration_since(event.time)
                .to_std()
                .is_ok_and(|age| age < RECENT)
        });
    }

    /// An event with the next number. A number whose event is never told is a gap, and harmless.
    fn event(&mut self, at: DateTime<Utc>, kind: EventKind, node: &str) -> Event {
        self.sequence += 1;
        Event {
            time: at,
            event: kind,
            node: Some(node.to_owned()),
            epoch: Some(self.epoch),
            sequence: Some(self.sequence),
            previous: None,
        }
    }

    fn tell(&mut self, at: DateTime<Utc>, kind: EventKind, node: &str) {
        let event = self.event(at, kind, node);
        self.fresh.push(event);
    }
}

/// The master before, and why it went: as this member brought it about, as it said itself, or as the
/// age of its last report tells.
fn previous(mandate: &Mandate, pace: Pace, inheritance: &Inheritance) -> Option<Previous> {
    let Inheritance { report, .. } = inheritance;
    let (office, epoch) = (report.office.as_ref()?, report.epoch?);
    let silence = (inheritance.now - inheritance.written).to_std();
    let went = if report.is_free() {
        Went::Finished
    } else if let Some(ousted) = mandate.ousted {
        ousted
    } else if silence.is_ok_and(|silence| silence > pace.session / 2) {
        Went::Expired
    } else {
        Went::Deposed
    };
    Some(Previous {
        node: office.node.clone(),
        epoch,
        went,
    })
}

#[cfg(test)]
mod tests;
