//! Tests of the `state` module.

mod connections;
mod crowds;
mod deaths;
mod inherited;
mod large_jobs;
mod orders;
mod relays;
mod roster;
mod succession;

use super::limits::NAMES;
use super::*;
use crate::condition::Condition;
use crate::detect::{DetectorConfig, Rule};
use crate::master::transaction::{Outcome, RemovedFollower, Write};
use crate::protocol::control::Control;
use crate::protocol::{Beat, Identity, Report};

const PACE: MasterConfig = MasterConfig {
    interval: Duration::from_millis(5),
    detection: DetectorConfig {
        rule: Rule::Fixed,
        timeout: Duration::from_millis(20),
        longest_gap: Duration::from_millis(10),
    },
    session: Duration::from_secs(6),
    budget: 5000,
    names: NAMES,
};

/// The zxid of the last change of the list of followers.
const LISTED: i64 = 30;

fn at(ms: u64) -> Now {
    let start = DateTime::from_timestamp_micros(1_609_240_709_000_000).unwrap();
    Now {
        elapsed: Duration::from_millis(ms),
        wall: start + Duration::from_millis(ms),
    }
}

fn begin(prior: PriorState) -> MasterState {
    let elected = Elected {
        claim: "_c_a-lock-0000000001".to_owned(),
        deposed_as: None,
        cause: None,
    };
    MasterState::begin(
        at(0),
        ("map1.0", &Identity::default()),
        &elected,
        PACE,
        prior,
    )
}

/// A master after another one, `map0.0`, whose last state was `prior`.
fn successor(deposed_as: Option<EndReason>, prior: PriorState) -> MasterState {
    let elected = Elected {
        claim: "_c_b-lock-0000000002".to_owned(),
        deposed_as,
        cause: None,
    };
    let own = ("map1.0", &Identity::default());
    MasterState::begin(at(0), own, &elected, PACE, prior)
}

/// A report of that other master, in epoch 30.
fn of_other(report: Report) -> Report {
    Report {
        epoch: Some(30),
        master_info: Some(master_info("_c_a-lock-0000000001")),
        ..report
    }
}

fn inherited(report: Report) -> PriorState {
    PriorState {
        report,
        written: at(0).wall,
        now: at(0).wall,
        version: 6,
        last_beat: None,
        grace: Duration::ZERO,
        zxid: 40,
        control: Control::default(),
        session: 9,
        own_created: 0,
        request_limit: None,
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A master that is back from an outage and has announced its claim.
fn back() -> MasterState {
    let mut master_state = begin(PriorState {
        grace: Duration::from_secs(2),
        ..inherited(Report::default())
    });
    tick(&mut master_state, 0);
    master_state
}

fn master_info(claim: &str) -> MasterInfo {
    MasterInfo {
        node: "map0.0".to_owned(),
        claim: claim.to_owned(),
        since: at(0).wall,
        beat_budget: None,
        previous: None,
    }
}

/// A master that has announced its claim.
fn settled() -> MasterState {
    let mut master_state = begin(inherited(Report::default()));
    master_state.next_write(at(0)).unwrap();
    master_state.written(at(0), Outcome::Done);
    master_state
}

fn reading(version: i32) -> FollowerReading {
    FollowerReading {
        version,
        created: 3,
        written: at(0).wall,
        owner: 5,
        beat: Beat {
            identity: Identity {
                claim: Some("_c_b-lock-0000000002".to_owned()),
                ..Identity::default()
            },
            ..Beat::default()
        },
        claim_version: None,
    }
}

/// Makes one write at once and returns its report.
fn tick(master_state: &mut MasterState, ms: u64) -> Option<String> {
    let report = match master_state.next_write(at(ms)).unwrap() {
        Write::Beat { report } => report,
        Write::TakeOver { report, .. }
        | Write::RemoveDead { report, .. }
        | Write::Release { report } => Some(report),
        Write::Command { .. } => None,
    };
    master_state.written(at(ms), Outcome::Done);
    report
}

fn kinds(report: Option<String>) -> Vec<EventKind> {
    let report = Report::parse(report.unwrap_or_default().as_bytes());
    report.events.iter().map(|event| event.event).collect()
}

#[test]
fn a_master_says_first_that_it_is_master() {
    let report = tick(&mut begin(inherited(Report::default())), 0).unwrap();
    assert!(
        report.starts_with("zookeeper: CONNECTED\nmaster map1.0\n"),
        "{report}"
    );
}

#[test]
fn the_first_report_replaces_the_one_that_was_read_and_no_other() {
    let mut master_state = begin(inherited(Report::default()));
    let first = master_state.next_write(at(0));
    assert!(
        matches!(first, Some(Write::TakeOver { version: 6, .. })),
        "{first:?}"
    );
    master_state.written(at(0), Outcome::Done);
    assert_eq!(
        master_state.next_write(at(5)),
        Some(Write::Beat { report: None })
    );
}

#[test]
fn a_master_that_was_cut_off_does_not_claim_again() {
    let report = Report {
        epoch: Some(30),
        sequence: 8,
        master_info: Some(master_info("_c_a-lock-0000000001")),
        ..Report::default()
    };
    let mut master_state = begin(inherited(report));
    assert_eq!(master_state.epoch(), 30);
    assert_eq!(
        master_state.next_write(at(0)),
        Some(Write::Beat { report: None })
    );
}

#[test]
fn a_beating_follower_is_reported_once_a_timeout() {
    let mut master_state = settled();
    let mut alive = 0;
    for beat in 1..=40_u32 {
        master_state.heard(
            at(u64::from(beat) * 5),
            "map2.0",
            &reading(beat.try_into().unwrap()),
        );
        let report = tick(&mut master_state, u64::from(beat) * 5).unwrap_or_default();
        alive += report.matches(": follower map2.0 still alive\n").count();
        assert!(!report.contains("died"), "{report}");
    }
    assert_eq!(alive, 10);
}

#[test]
fn a_silent_follower_is_removed_at_the_version_last_heard() {
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &reading(7));
    for ms in [0, 5, 10, 15] {
        assert!(matches!(
            master_state.next_write(at(ms)),
            Some(Write::Beat { .. })
        ));
        master_state.written(at(ms), Outcome::Done);
    }
    tick(&mut master_state, 20);
    let Some(Write::RemoveDead { removed, report }) = master_state.next_write(at(20)) else {
        panic!("silent for 20 ms of hearing");
    };
    let expected = RemovedFollower {
        node: "map2.0".to_owned(),
        version: 7,
        owner: 5,
        claim: Some("_c_b-lock-0000000002".to_owned()),
        claim_version: None,
    };
    assert_eq!(removed, [expected]);
    let first: Vec<&str> = report.lines().take(2).collect();
    assert!(
        first[0].ends_with(": follower map2.0 has died!"),
        "{report}"
    );
    assert_eq!(first[1], "delete node map2.0");
    // A new master would take it for a follower whose join was reported.
    let report = Report::parse(report.as_bytes());
    assert_eq!(report.followers().count(), 0);
}

#[test]
fn who_beat_in_the_last_moment_is_spared() {
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &reading(7));
    for ms in [0, 5, 10, 15, 20] {
        tick(&mut master_state, ms);
    }
    assert!(matches!(
        master_state.next_write(at(20)),
        Some(Write::RemoveDead { .. })
    ));
    master_state.written(at(20), Outcome::Spared(0));
    let report = tick(&mut master_state, 25);
    assert!(!kinds(report).contains(&EventKind::Died));
    assert_eq!(master_state.followers(), 1);
}

#[test]
fn an_outage_kills_nobody() {
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &reading(7));
    tick(&mut master_state, 5);
    assert!(matches!(
        master_state.next_write(at(10)),
        Some(Write::Beat { .. })
    ));
    master_state.written(at(30_010), Outcome::Done);
    assert!(matches!(
        master_state.next_write(at(30_010)),
        Some(Write::Beat { .. })
    ));
}

#[test]
fn nobody_is_judged_in_the_moment_after_an_outage() {
    let mut master_state = back();
    master_state.listed(at(0), &names(&["map2.0"]), LISTED);
    master_state.heard(at(0), "map2.0", &reading(7));
    for ms in (0..1000).step_by(5) {
        assert!(!kinds(tick(&mut master_state, ms)).contains(&EventKind::Died));
    }
    master_state.heard(at(1000), "map2.0", &reading(8));
    let mut ticks = (1000..2100)
        .step_by(5)
        .map(|ms| kinds(tick(&mut master_state, ms)));
    assert_eq!(
        ticks.position(|kinds| kinds.contains(&EventKind::Died)),
        Some((2000 - 1000) / 5)
    );
}

#[test]
fn who_is_not_back_long_after_an_outage_is_dead() {
    let mut master_state = back();
    master_state.listed(at(0), &names(&["map2.0"]), LISTED);
    master_state.heard(at(0), "map2.0", &reading(7));
    let mut died = (0..3000)
        .step_by(5)
        .filter(|ms| kinds(tick(&mut master_state, *ms)).contains(&EventKind::Died));
    assert_eq!(died.next(), Some(2025));
}

#[test]
fn who_stands_there_without_an_outage_is_judged_at_once() {
    let mut master_state = settled();
    master_state.listed(at(0), &names(&["map2.0"]), LISTED);
    master_state.heard(at(0), "map2.0", &reading(7));
    let mut ticks = (0..50)
        .step_by(5)
        .map(|ms| kinds(tick(&mut master_state, ms)));
    assert!(ticks.any(|kinds| kinds.contains(&EventKind::Died)));
}

#[test]
fn who_stood_there_and_went_with_its_session_has_died() {
    for (vanished_after, expected) in [(10, EventKind::Finished), (6_000, EventKind::Died)] {
        let mut master_state = settled();
        master_state.listed(at(0), &names(&["map2.0"]), LISTED);
        master_state.heard(at(0), "map2.0", &reading(7));
        master_state.vanished(at(vanished_after), "map2.0");
        assert_eq!(
            kinds(tick(&mut master_state, vanished_after)).last(),
            Some(&expected)
        );
    }
}

#[test]
fn the_dead_that_lives_has_returned() {
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &reading(7));
    for ms in [0, 5, 10, 15, 20, 25] {
        tick(&mut master_state, ms);
    }
    assert_eq!(master_state.followers(), 0);
    // A list may be older than the removal.
    master_state.listed(at(26), &names(&["map2.0"]), LISTED);
    assert_eq!(master_state.followers(), 0);
    // The follower watcher notices the removal too: that is no second verdict.
    master_state.vanished(at(26), "map2.0");
    master_state.heard(at(40), "map2.0", &reading(0));
    let kinds = kinds(tick(&mut master_state, 40));
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
        let mut master_state = settled();
        master_state.heard(at(0), "map2.0", &reading(7));
        let beat = Beat {
            ending,
            ..Beat::default()
        };
        master_state.heard(at(5), "map2.0", &FollowerReading { beat, ..reading(8) });
        master_state.vanished(at(6), "map2.0");
        assert_eq!(kinds(tick(&mut master_state, 10)).last(), Some(&expected));
    }
}

#[test]
fn who_comes_back_after_an_outage_was_never_gone() {
    let before = Report::parse(b"followers: map2.0 map3.0 map4.0\n");
    let mut master_state = begin(PriorState {
        grace: Duration::from_secs(2),
        written: at(0).wall - TimeDelta::seconds(30),
        ..inherited(before)
    });
    // One still has its old znode, which goes with its session; one has none; one never comes back.
    master_state.listed(at(0), &names(&["map2.0"]), LISTED);
    master_state.heard(at(0), "map2.0", &reading(7));
    master_state.vanished(at(100), "map2.0");
    // The watcher read it again at once, and it was not back yet.
    master_state.vanished(at(101), "map2.0");
    master_state.heard(at(200), "map2.0", &reading(0));
    master_state.heard(at(300), "map3.0", &reading(0));
    assert_eq!(kinds(tick(&mut master_state, 400)), [EventKind::Claimed]);
    for ms in (405..2000).step_by(5) {
        let version = i32::try_from(ms).unwrap();
        master_state.heard(at(ms), "map2.0", &reading(version));
        master_state.heard(at(ms), "map3.0", &reading(version));
        tick(&mut master_state, ms);
    }
    let report = tick(&mut master_state, 2000);
    assert!(report.unwrap().contains("follower map4.0 has died!"));
    assert_eq!(master_state.followers(), 2);
    master_state.heard(at(2500), "map4.0", &reading(0));
    let report = tick(&mut master_state, 2500);
    assert!(report.unwrap().contains("follower map4.0 has returned"));
}

#[test]
fn a_stall_is_told_once_and_its_end_too() {
    let mut master_state = settled();
    let fares = |version, stalled_ms| {
        let mut reading = reading(version);
        reading.beat.status.condition = Some(Condition::Blocked);
        reading.beat.status.stalled_ms = stalled_ms;
        reading
    };
    master_state.heard(at(0), "map2.0", &fares(7, None));
    master_state.heard(at(5), "map2.0", &fares(8, Some(10_000)));
    master_state.heard(at(10), "map2.0", &fares(9, Some(10_005)));
    master_state.heard(at(15), "map2.0", &fares(10, None));
    let report = tick(&mut master_state, 20).unwrap();
    let events = Report::parse(report.as_bytes()).events;
    let reported: Vec<_> = events
        .iter()
        .map(|one| (one.event, one.condition))
        .collect();
    let joined = reported
        .iter()
        .position(|(kind, _)| *kind == EventKind::Joined)
        .unwrap();
    assert_eq!(
        reported[joined + 1..],
        [
            (EventKind::Stalled, Some(Condition::Blocked)),
            (EventKind::Recovered, None)
        ]
    );
}
