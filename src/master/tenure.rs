//! What a master does while it holds the claim: hears its followers, gives verdicts, reports.
//!
//! A pure state machine of one epoch. What was heard goes in ([`Tenure::heard`],
//! [`Tenure::stirred`], [`Tenure::vanished`]); what is to be written comes out of
//! [`Tenure::next_write`], one write at a time, and its outcome goes back by [`Tenure::written`].
//! Every write that succeeds is also the master's echo: proof that it can hear.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::election::Mandate;
use crate::clock::Now;
use crate::detect::FixedTimeout;
use crate::protocol::report::Draft;
use crate::protocol::{Beat, Ending, Event, EventKind, Report};

/// For how long an event stands in the reports after it was told first.
const RECENT: Duration = Duration::from_secs(1);
/// How many at the most, so that the value stays far below ZooKeeper's limit of 1 MB.
const MOST_RECENT: usize = 512;

/// The times that a master works by.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two beats, of the master as of each follower.
    pub interval: Duration,
    /// Of silence until a follower is dead; also the time between two reports.
    pub timeout: Duration,
    /// Of silence until ZooKeeper itself removes a member's znodes.
    pub session: Duration,
}

/// What stood in `/heart_beat_master` when the master took it over.
#[derive(Clone, Debug, Default)]
pub struct Inheritance {
    /// The value.
    pub report: Report,
    /// When it was written, by ZooKeeper's clock.
    pub written: DateTime<Utc>,
}

/// How old a report may be for its followers to be expected. An older one is of a job long gone;
/// it only tells at which number the events go on.
const HEIR_TO: TimeDelta = TimeDelta::seconds(10);

/// A follower's znode, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// How often its value was set.
    pub version: i32,
    /// When it was set last, by ZooKeeper's clock.
    pub written: DateTime<Utc>,
    /// Its value.
    pub beat: Beat,
}

/// One transaction to be made under the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The master's own beat, with a report when one is due.
    Beat {
        /// The new value of `/heart_beat_master`.
        report: Option<String>,
    },
    /// A verdict: remove the follower's znode if it still has this version, and report it.
    Bury {
        /// The follower.
        node: String,
        /// The last version heard: a beat that came since saves the follower.
        version: i32,
        /// The new value of `/heart_beat_master`.
        report: String,
    },
    /// The end of this epoch: report, and remove the claim.
    Release {
        /// The new value of `/heart_beat_master`.
        report: String,
    },
}

/// How a [`Write`] went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was made.
    Done,
    /// The follower to be buried has beaten meanwhile.
    Spared,
    /// The follower to be buried was gone.
    Gone,
}

#[derive(Debug, Default)]
struct Follower {
    /// The last version read of its value.
    version: Option<i32>,
    /// Heard since the last report.
    heard: bool,
    /// Not heard to beat by this master: it stood there when the master came.
    untried: bool,
    written: DateTime<Utc>,
    ending: Option<Ending>,
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
    name: String,
    epoch: i64,
    pace: Pace,
    detector: FixedTimeout<String>,
    followers: BTreeMap<String, Follower>,
    dead: BTreeSet<String>,
    /// Those whose znodes stood when the master came; `None` until that is known.
    standing: Option<BTreeSet<String>>,
    /// When the last master's report was written.
    inherited: DateTime<Utc>,
    sequence: u64,
    /// Told in a report already, and still repeated in the next ones.
    told: Vec<Event>,
    /// Not told yet.
    fresh: Vec<Event>,
    last_report: Option<Duration>,
    pending: Option<Pending>,
}

impl Tenure {
    /// The master `name` begins its epoch.
    pub fn begin(
        now: Now,
        name: &str,
        mandate: &Mandate,
        pace: Pace,
        inheritance: Inheritance,
    ) -> Self {
        let report = inheritance.report;
        let resumed = report.epoch == Some(mandate.epoch);
        let expected: BTreeSet<&str> = if now.wall - inheritance.written < HEIR_TO {
            report.followers().filter(|node| *node != name).collect()
        } else {
            BTreeSet::new()
        };
        let mut tenure = Self {
            name: name.to_owned(),
            epoch: mandate.epoch,
            pace,
            // An echo may be late by one beat before the time between is called deafness.
            detector: FixedTimeout::new(pace.timeout, pace.interval * 2),
            followers: expected
                .into_iter()
                .map(|node| (node.to_owned(), Follower::default()))
                .collect(),
            dead: BTreeSet::new(),
            standing: None,
            inherited: inheritance.written,
            sequence: report.sequence,
            told: report.events,
            fresh: Vec::new(),
            last_report: None,
            pending: None,
        };
        if !resumed {
            tenure.tell(now.wall, EventKind::Claimed, name);
        }
        tenure
    }

    /// How many followers are listened to.
    pub fn followers(&self) -> usize {
        self.followers.len()
    }

    /// The followers whose znodes stand. Those that the master before knew and that left in the
    /// moment between the two masters are among neither's; they are missed here.
    pub fn listed(&mut self, now: Now, nodes: &[String]) {
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
        let is_new = !self.followers.contains_key(node);
        if is_new {
            let returned = self.dead.remove(node) || reading.beat.returns > 0;
            let kind = if returned {
                EventKind::Returned
            } else {
                EventKind::Joined
            };
            self.tell(now.wall, kind, node);
        }
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
        if follower.ending.is_some() || follower.untried {
            // It has said its last word and goes at once, or it may not be back yet; either way its
            // znode goes with its session at the latest.
            self.detector.left(&node.to_owned());
        } else {
            self.detector.heard(node.to_owned());
        }
    }

    /// A follower's value has changed and is being read.
    pub fn stirred(&mut self, node: &str) {
        self.detector.reading(&node.to_owned());
    }

    /// A follower's znode is gone, and this master did not remove it.
    pub fn vanished(&mut self, now: Now, node: &str) {
        if let Some(Pending::Bury { node: buried, .. }) = &self.pending
            && buried == node
        {
            return;
        }
        self.detector.left(&node.to_owned());
        if let Some(follower) = self.followers.remove(node) {
            // An ephemeral znode of somebody who was alive a moment ago can only have been removed
            // by its owner, whether or not its last word was read in time.
            let kind = match follower.ending {
                Some(Ending::Failed) => EventKind::Failed,
                None if follower.untried && self.is_expired(now, follower.written) => {
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
        let overdue = self.detector.overdue().next().cloned();
        if let Some(node) = overdue {
            return Some(self.bury(now, node));
        }
        let alive = if self.is_report_due(now) {
            self.take_heard()
        } else {
            Vec::new()
        };
        let report = (!self.fresh.is_empty() || !alive.is_empty()).then(|| {
            if !alive.is_empty() {
                self.last_report = Some(now.elapsed);
            }
            self.report(now, &self.fresh, &alive)
        });
        let told = if report.is_some() {
            self.fresh.len()
        } else {
            0
        };
        self.pending = Some(Pending::Beat { told });
        Some(Write::Beat { report })
    }

    /// The last transaction of the epoch. A beat may still be under way: what it told is told again.
    pub fn release(&mut self, now: Now) -> Write {
        self.forget_old(now.wall);
        let name = self.name.clone();
        self.tell(now.wall, EventKind::Released, &name);
        self.pending = Some(Pending::Release);
        Write::Release {
            report: self.report(now, &self.fresh, &[]),
        }
    }

    /// The transaction was answered. A claim that no longer stands, or a lost connection, is no
    /// outcome: then the tenure is over.
    pub fn written(&mut self, now: Now, outcome: Outcome) {
        self.detector.echo(now.elapsed);
        match (self.pending.take(), outcome) {
            (Some(Pending::Beat { told }), _) => self.told.extend(self.fresh.drain(..told)),
            (Some(Pending::Bury { node, told, death }), Outcome::Done) => {
                self.told.extend(self.fresh.drain(..told));
                self.told.push(death);
                self.detector.left(&node);
                self.followers.remove(&node);
                self.dead.insert(node);
            }
            (Some(Pending::Bury { node, .. }), Outcome::Spared) => self.detector.heard(node),
            (Some(Pending::Bury { node, .. }), Outcome::Gone) => self.vanished(now, &node),
            (Some(Pending::Release) | None, _) => {}
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
        let version = self
            .followers
            .get(&node)
            .and_then(|follower| follower.version)
            .unwrap_or(0);
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
            report,
        }
    }

    /// Whether a session that was last heard then may have expired by now.
    fn is_expired(&self, now: Now, heard: DateTime<Utc>) -> bool {
        let silence = now.wall.signed_duration_since(heard).to_std();
        silence.is_ok_and(|silence| silence > self.pace.session / 2)
    }

    fn is_report_due(&self, now: Now) -> bool {
        // Half an interval early, or a tick that comes a moment too soon would wait a whole one.
        self.last_report.is_none_or(|last| {
            now.elapsed.saturating_sub(last) + self.pace.interval / 2 >= self.pace.timeout
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
        }
    }

    fn tell(&mut self, at: DateTime<Utc>, kind: EventKind, node: &str) {
        let event = self.event(at, kind, node);
        self.fresh.push(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        interval: Duration::from_millis(5),
        timeout: Duration::from_millis(20),
        session: Duration::from_secs(6),
    };

    fn at(ms: u64) -> Now {
        let start = DateTime::from_timestamp_micros(1_609_240_709_000_000).unwrap();
        Now {
            elapsed: Duration::from_millis(ms),
            wall: start + Duration::from_millis(ms),
        }
    }

    fn begin(inheritance: Inheritance) -> Tenure {
        let mandate = Mandate {
            claim: "_c_a-lock-0000000001".to_owned(),
            epoch: 40,
        };
        Tenure::begin(at(0), "map1.0", &mandate, PACE, inheritance)
    }

    fn inherited(report: Report) -> Inheritance {
        Inheritance {
            report,
            written: at(0).wall,
        }
    }

    /// A master that has told its claim.
    fn settled() -> Tenure {
        let mut tenure = begin(Inheritance::default());
        tenure.next_write(at(0)).unwrap();
        tenure.written(at(0), Outcome::Done);
        tenure
    }

    fn reading(version: i32) -> Reading {
        Reading {
            version,
            written: at(0).wall,
            beat: Beat::default(),
        }
    }

    /// One write that is made at once; what it reported.
    fn tick(tenure: &mut Tenure, ms: u64) -> Option<String> {
        let report = match tenure.next_write(at(ms)).unwrap() {
            Write::Beat { report } => report,
            Write::Bury { report, .. } | Write::Release { report } => Some(report),
        };
        tenure.written(at(ms), Outcome::Done);
        report
    }

    fn kinds(report: Option<String>) -> Vec<EventKind> {
        let report = Report::parse(report.unwrap_or_default().as_bytes());
        report.events.iter().map(|event| event.event).collect()
    }

    #[test]
    fn a_master_says_first_that_it_is_master() {
        let report = tick(&mut begin(Inheritance::default()), 0).unwrap();
        assert!(
            report.starts_with("zookeeper: CONNECTED\nmaster map1.0\n"),
            "{report}"
        );
    }

    #[test]
    fn a_master_that_was_cut_off_does_not_claim_again() {
        let report = Report {
            epoch: Some(40),
            sequence: 8,
            ..Report::default()
        };
        let mut tenure = begin(inherited(report));
        assert_eq!(tenure.next_write(at(0)), Some(Write::Beat { report: None }));
    }

    #[test]
    fn a_beating_follower_is_reported_once_a_timeout() {
        let mut tenure = settled();
        let mut alive = 0;
        for beat in 1..=40_u32 {
            tenure.heard(
                at(u64::from(beat) * 5),
                "map2.0",
                &reading(beat.try_into().unwrap()),
            );
            let report = tick(&mut tenure, u64::from(beat) * 5).unwrap_or_default();
            alive += report.matches(": follower map2.0 still alive\n").count();
            assert!(!report.contains("died"), "{report}");
        }
        assert_eq!(alive, 10);
    }

    #[test]
    fn a_silent_follower_is_buried_at_the_version_last_heard() {
        let mut tenure = settled();
        tenure.heard(at(0), "map2.0", &reading(7));
        for ms in [0, 5, 10, 15] {
            assert!(matches!(
                tenure.next_write(at(ms)),
                Some(Write::Beat { .. })
            ));
            tenure.written(at(ms), Outcome::Done);
        }
        tick(&mut tenure, 20);
        let Some(Write::Bury {
            node,
            version,
            report,
        }) = tenure.next_write(at(20))
        else {
            panic!("silent for 20 ms of hearing");
        };
        assert_eq!((node.as_str(), version), ("map2.0", 7));
        let first: Vec<&str> = report.lines().take(2).collect();
        assert!(
            first[0].ends_with(": follower map2.0 has died!"),
            "{report}"
        );
        assert_eq!(first[1], "delete node map2.0");
    }

    #[test]
    fn who_beat_in_the_last_moment_is_spared() {
        let mut tenure = settled();
        tenure.heard(at(0), "map2.0", &reading(7));
        for ms in [0, 5, 10, 15, 20] {
            tick(&mut tenure, ms);
        }
        assert!(matches!(
            tenure.next_write(at(20)),
            Some(Write::Bury { .. })
        ));
        tenure.written(at(20), Outcome::Spared);
        let report = tick(&mut tenure, 25);
        assert!(!kinds(report).contains(&EventKind::Died));
        assert_eq!(tenure.followers(), 1);
    }

    #[test]
    fn an_outage_kills_nobody() {
        let mut tenure = settled();
        tenure.heard(at(0), "map2.0", &reading(7));
        tick(&mut tenure, 5);
        assert!(matches!(
            tenure.next_write(at(10)),
            Some(Write::Beat { .. })
        ));
        tenure.written(at(30_010), Outcome::Done);
        assert!(matches!(
            tenure.next_write(at(30_010)),
            Some(Write::Beat { .. })
        ));
    }

    #[test]
    fn who_stood_there_is_not_judged_before_it_is_heard() {
        let mut tenure = settled();
        tenure.listed(at(0), &["map2.0".to_owned()]);
        tenure.heard(at(0), "map2.0", &reading(7));
        for ms in (0..1000).step_by(5) {
            assert!(!kinds(tick(&mut tenure, ms)).contains(&EventKind::Died));
        }
        tenure.heard(at(1000), "map2.0", &reading(8));
        let mut ticks = (1000..1050)
            .step_by(5)
            .map(|ms| kinds(tick(&mut tenure, ms)));
        assert!(ticks.any(|kinds| kinds.contains(&EventKind::Died)));
    }

    #[test]
    fn who_stood_there_and_went_with_its_session_has_died() {
        for (vanished_after, expected) in [(10, EventKind::Finished), (6_000, EventKind::Died)] {
            let mut tenure = settled();
            tenure.listed(at(0), &["map2.0".to_owned()]);
            tenure.heard(at(0), "map2.0", &reading(7));
            tenure.vanished(at(vanished_after), "map2.0");
            assert_eq!(
                kinds(tick(&mut tenure, vanished_after)).last(),
                Some(&expected)
            );
        }
    }

    #[test]
    fn the_dead_that_lives_has_returned() {
        let mut tenure = settled();
        tenure.heard(at(0), "map2.0", &reading(7));
        for ms in [0, 5, 10, 15, 20, 25] {
            tick(&mut tenure, ms);
        }
        assert_eq!(tenure.followers(), 0);
        // The listener hears of the removal too: that is no second verdict.
        tenure.vanished(at(26), "map2.0");
        tenure.heard(at(40), "map2.0", &reading(0));
        let kinds = kinds(tick(&mut tenure, 40));
        assert_eq!(
            kinds
                .iter()
                .filter(|kind| **kind == EventKind::Died)
                .count(),
            1
        );
        assert_eq!(kinds.last(), Some(&EventKind::Returned));
    }

    #[test]
    fn who_leaves_has_finished_or_failed_by_its_last_word() {
        for (ending, expected) in [
            (None, EventKind::Finished),
            (Some(Ending::Finished), EventKind::Finished),
            (Some(Ending::Failed), EventKind::Failed),
        ] {
            let mut tenure = settled();
            tenure.heard(at(0), "map2.0", &reading(7));
            let beat = Beat {
                ending,
                ..Beat::default()
            };
            tenure.heard(at(5), "map2.0", &Reading { beat, ..reading(8) });
            tenure.vanished(at(6), "map2.0");
            assert_eq!(kinds(tick(&mut tenure, 10)).last(), Some(&expected));
        }
    }

    #[test]
    fn followers_of_the_master_before_are_taken_over() {
        let before = Report::parse(b"t: follower map2.0 still alive\nfollowers: map1.0 map4.0\n");
        let mut tenure = begin(inherited(before));
        tenure.listed(at(0), &["map2.0".to_owned(), "map3.0".to_owned()]);
        tenure.heard(at(0), "map2.0", &reading(3));
        tenure.heard(at(0), "map3.0", &reading(0));
        let report = Report::parse(tick(&mut tenure, 0).unwrap().as_bytes());
        let said: Vec<_> = report
            .events
            .iter()
            .map(|e| (e.event, e.node.as_deref()))
            .collect();
        assert_eq!(
            said,
            [
                (EventKind::Claimed, Some("map1.0")),
                (EventKind::Finished, Some("map4.0")),
                (EventKind::Joined, Some("map3.0")),
            ]
        );
        assert_eq!(report.alive().collect::<Vec<_>>(), ["map2.0", "map3.0"]);
    }

    #[test]
    fn nobody_is_expected_from_a_job_long_gone() {
        let report = Report::parse(b"t: follower map2.0 still alive\nsequence: 8\n");
        let written = at(0).wall - TimeDelta::minutes(5);
        let mut tenure = begin(Inheritance { report, written });
        tenure.listed(at(0), &[]);
        assert_eq!(kinds(tick(&mut tenure, 0)), [EventKind::Claimed]);
    }

    #[test]
    fn events_are_numbered_on_from_the_master_before_and_forgotten_after_a_second() {
        let report = Report {
            epoch: Some(30),
            sequence: 8,
            ..Report::default()
        };
        let mut tenure = begin(inherited(report));
        let claimed = Report::parse(tick(&mut tenure, 0).unwrap().as_bytes());
        assert_eq!(claimed.sequence, 9);
        tenure.heard(at(900), "map3.0", &Reading { ..reading(0) });
        assert_eq!(
            kinds(tick(&mut tenure, 900)),
            [EventKind::Claimed, EventKind::Joined]
        );
        tenure.heard(at(1001), "map3.0", &reading(1));
        assert_eq!(kinds(tick(&mut tenure, 1001)), [EventKind::Joined]);
    }

    #[test]
    fn the_last_word_frees_the_claim() {
        let mut tenure = settled();
        let Write::Release { report } = tenure.release(at(10)) else {
            panic!()
        };
        assert!(report.starts_with("this is a master map!\n"));
        assert_eq!(kinds(Some(report)).last(), Some(&EventKind::Released));
    }
}
