//! Many followers at once: the work of a tick is bounded, every request fits the server's limit, and each
//! event is reported.

use std::collections::BTreeMap;

use super::*;
use crate::master::state::limits::DEFAULT;
use crate::protocol::report::fingerprint;

/// The view of a watcher that reads every report.
#[derive(Default)]
pub(super) struct Seen {
    events: BTreeMap<u64, Event>,
    alive: BTreeSet<String>,
    largest: usize,
}

impl Seen {
    fn look(&mut self, report: &str) {
        self.largest = self.largest.max(report.len());
        let report = Report::parse(report.as_bytes());
        self.alive.extend(report.alive());
        let events = report.events.into_iter();
        self.events
            .extend(events.map(|event| (event.sequence.unwrap(), event)));
    }

    /// The events of an epoch.
    pub(super) fn own(&self, epoch: i64) -> impl Iterator<Item = &Event> {
        let events = self.events.values();
        events.filter(move |event| event.epoch == Some(epoch))
    }

    pub(super) fn of(&self, kind: EventKind) -> BTreeSet<&str> {
        let events = self.events.values().filter(|event| event.event == kind);
        events.filter_map(|event| event.node.as_deref()).collect()
    }
}

fn long_name(number: usize) -> String {
    format!("{number:05}{}", "x".repeat(195))
}

pub(super) fn usual_name(number: usize) -> String {
    format!("map1795260688.574485{number:06}")
}

/// A beat of a follower that beats once a second, and is missed after two more seconds.
pub(super) fn rarely(version: i32) -> FollowerReading {
    let mut reading = reading(version);
    reading.beat.status.interval = Duration::from_secs(1);
    reading
}

/// A master with `count` followers: each was heard once, and the join of each was reported.
fn crowd(count: usize, name: impl Fn(usize) -> String, seen: &mut Seen) -> (MasterState, u64) {
    let mut master_state = settled();
    let names: BTreeSet<String> = (0..count).map(name).collect();
    master_state.listed(at(0), &names, LISTED);
    let mut ms = 0;
    let mut version = 0;
    while seen.of(EventKind::Joined).len() < count || ms < 200 {
        version += 1;
        for name in &names {
            master_state.heard(at(ms), name, &rarely(version));
        }
        for _ in 0..10 {
            ms += 5;
            assert!(drive(&mut master_state, ms, seen) <= 3, "a tick has an end");
        }
        assert!(ms < 60_000, "all are told of");
    }
    (master_state, ms)
}

/// One tick, with all urgent writes made at once. Returns the number of writes.
pub(super) fn drive(master_state: &mut MasterState, ms: u64, seen: &mut Seen) -> usize {
    let mut writes = 0;
    loop {
        let write = master_state.next_write(at(ms)).unwrap();
        writes += 1;
        let weight = write.weight().unwrap_or_default();
        assert!(weight <= DEFAULT, "{weight} bytes");
        if let Write::Beat {
            report: Some(report),
        }
        | Write::TakeOver { report, .. }
        | Write::RemoveDead { report, .. } = &write
        {
            seen.look(report);
        }
        master_state.written(at(ms), Outcome::Done);
        if !master_state.is_pressed(at(ms)) {
            return writes;
        }
        assert!(writes < 100, "a tick has an end");
    }
}

#[test]
fn a_crowd_that_dies_is_removed_together_and_all_of_it_is_told() {
    for (count, name) in [(3000, usual_name as fn(usize) -> String), (800, long_name)] {
        let mut seen = Seen::default();
        let (mut master_state, began) = crowd(count, name, &mut seen);
        let mut ticks = 0;
        while master_state.followers() > 0 {
            ticks += 1;
            drive(&mut master_state, began + ticks * 5, &mut seen);
            assert!(ticks < 1000, "gone within so many ticks of 5 ms");
        }
        assert_eq!(seen.of(EventKind::Died).len(), count);
        assert_eq!(master_state.take_deaths().len(), count);
        // The numbers have no gap: a watcher that misses an event notices it.
        let first = *seen.events.keys().next().unwrap();
        let expected: Vec<u64> = (first..first + seen.events.len() as u64).collect();
        assert_eq!(seen.events.keys().copied().collect::<Vec<_>>(), expected);
        assert!(seen.largest > 50_000, "{}", seen.largest);
    }
}

#[test]
fn those_who_were_spared_cost_the_others_a_try_each() {
    let mut seen = Seen::default();
    let (mut master_state, mut ms) = crowd(300, usual_name, &mut seen);
    let (mut tries, mut spared) = (0, 0);
    while master_state.followers() > 1 {
        ms += 5;
        assert!(ms < 10_000);
        let write = master_state.next_write(at(ms)).unwrap();
        let Write::RemoveDead { removed, .. } = &write else {
            master_state.written(at(ms), Outcome::Done);
            continue;
        };
        tries += 1;
        assert!(tries < 100, "{} are left", master_state.followers());
        // These three keep beating.
        let lives = |one: &RemovedFollower| one.node.ends_with('7') && one.node.contains("000007");
        match removed.iter().position(lives) {
            Some(at_) => {
                spared += 1;
                master_state.written(at(ms), Outcome::Spared(at_));
                master_state.heard(at(ms), &usual_name(7), &reading(1000 + spared));
            }
            None => master_state.written(at(ms), Outcome::Done),
        }
    }
    assert!(spared > 0);
}

#[test]
fn those_who_went_while_they_were_to_be_removed_are_told_of() {
    for is_throttled in [false, true] {
        let mut master_state = settled();
        let names = ["map2.0", "map3.0", "map4.0"];
        for name in names {
            master_state.heard(at(0), name, &reading(7));
        }
        let mut ms = 0;
        while !matches!(
            master_state.next_write(at(ms)),
            Some(Write::RemoveDead { .. })
        ) {
            master_state.written(at(ms), Outcome::Done);
            ms += 5;
        }
        // All of them leave at this moment, and their removal is noticed before the answer comes.
        for name in names {
            master_state.changed(at(ms), name);
            master_state.vanished(at(ms), name);
        }
        if is_throttled {
            master_state.throttled(at(ms));
        } else {
            master_state.written(at(ms), Outcome::Gone(0));
        }
        assert_eq!(master_state.followers(), 0);
        let kinds = kinds(tick(&mut master_state, ms + 5));
        let finished = kinds.iter().filter(|kind| **kind == EventKind::Finished);
        assert_eq!(finished.count(), 3);
    }
}

#[test]
fn what_cannot_be_removed_is_passed_over_and_the_others_are_removed() {
    let mut master_state = settled();
    for name in ["junk", "map2.0"] {
        master_state.heard(at(0), name, &reading(7));
    }
    let mut ms = 0;
    while master_state.followers() > 0 {
        ms += 5;
        assert!(ms < 200);
        let write = master_state.next_write(at(ms)).unwrap();
        let position = match &write {
            Write::RemoveDead { removed, .. } => removed.iter().position(|one| one.node == "junk"),
            _ => None,
        };
        let outcome = position.map_or(Outcome::Done, |at| {
            Outcome::Refused(at, "not empty".to_owned())
        });
        master_state.written(at(ms), outcome);
    }
    let passed = master_state.take_passed_over();
    assert_eq!(passed, [("junk".to_owned(), "not empty".to_owned())]);
    assert_eq!(master_state.take_deaths().len(), 1);
    // It exists all the time and is never heard again.
    master_state.listed(at(ms), &names(&["junk"]), LISTED);
    master_state.heard(at(ms), "junk", &reading(8));
    assert_eq!(master_state.followers(), 0);
    assert!(master_state.take_passed_over().is_empty());
    // When it is gone, a member may have its name.
    master_state.vanished(at(ms + 5), "junk");
    master_state.heard(at(ms + 10), "junk", &reading(0));
    assert_eq!(master_state.followers(), 1);
}

#[test]
fn any_number_of_znodes_is_passed_over_until_they_are_gone() {
    let mut master_state = settled();
    let known = master_state.followers();
    let junk: BTreeSet<String> = (0..5000).map(|number| format!("junk{number}")).collect();
    for name in &junk {
        master_state.pass_over(at(0), name, "not empty".to_owned());
    }
    assert_eq!(master_state.take_passed_over().len(), junk.len());
    master_state.listed(at(5), &junk, LISTED);
    for name in &junk {
        master_state.heard(at(5), name, &reading(1));
    }
    assert_eq!(master_state.followers(), known);
    // The list shows that they are gone.
    master_state.listed(at(10), &BTreeSet::new(), LISTED);
    master_state.heard(at(15), "junk0", &reading(0));
    assert_eq!(master_state.followers(), known + 1);
}

#[test]
fn what_an_overloaded_server_did_not_write_is_written_later() {
    let mut master_state = begin(inherited(Report::default()));
    assert!(matches!(
        master_state.next_write(at(0)),
        Some(Write::TakeOver { .. })
    ));
    master_state.throttled(at(0));
    assert!(matches!(
        master_state.next_write(at(5)),
        Some(Write::TakeOver { .. })
    ));
}

#[test]
fn an_heir_knows_those_of_whom_an_older_version_wrote_fingerprints() {
    let (mut named, others): (Vec<usize>, Vec<usize>) = (0..600).partition(|number| *number < 400);
    let fingerprints = others.iter().map(|number| fingerprint(&long_name(*number)));
    let mut heir = begin(inherited(Report {
        known: named.iter().map(|number| long_name(*number)).collect(),
        fingerprints: fingerprints.collect(),
        ..Report::default()
    }));
    // One of those without a name has left in between.
    named.extend(&others[1..]);
    named.push(7000);
    let found: BTreeSet<String> = named.into_iter().map(long_name).collect();
    heir.listed(at(0), &found, LISTED);
    for name in &found {
        heir.heard(at(0), name, &reading(0));
    }
    let mut seen = Seen::default();
    drive(&mut heir, 0, &mut seen);
    let said: Vec<&Event> = seen.own(40).collect();
    let kinds: Vec<EventKind> = said.iter().map(|event| event.event).collect();
    assert_eq!(kinds, [EventKind::Claimed, EventKind::Joined]);
    let numbers: Vec<u64> = said.iter().filter_map(|event| event.sequence).collect();
    assert_eq!(numbers[1] - numbers[0], 2, "its number is missing");
}

#[test]
fn reports_fit_into_what_a_server_was_found_to_take() {
    let mut master_state = begin(PriorState {
        request_limit: Some(20_000),
        ..inherited(Report::default())
    });
    tick(&mut master_state, 0);
    let names: BTreeSet<String> = (0..200).map(long_name).collect();
    master_state.listed(at(0), &names, LISTED);
    let mut joined = BTreeSet::new();
    for ms in (5..200_000).step_by(5) {
        for name in &names {
            master_state.heard(at(ms), name, &rarely(ms.try_into().unwrap()));
        }
        let write = master_state.next_write(at(ms)).unwrap();
        assert!(write.weight().unwrap_or_default() <= 20_000);
        if let Write::Beat {
            report: Some(report),
        } = &write
        {
            let report = Report::parse(report.as_bytes());
            joined.extend(report.events.into_iter().filter_map(|event| event.node));
        }
        master_state.written(at(ms), Outcome::Done);
        if joined.len() > names.len() {
            return;
        }
    }
    panic!("only {} are told of", joined.len());
}
