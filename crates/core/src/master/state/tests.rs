//! Tests of the `state` module.

mod crowds;
mod deaths;
mod inherited;
mod orders;

use super::*;
use crate::condition::Condition;
use crate::detect::{DetectorConfig, Rule};
use crate::master::transaction::{Outcome, RemovedFollower, Write};
use crate::protocol::control::Control;
use crate::protocol::{Beat, Ending, Identity, Report};

const PACE: MasterConfig = MasterConfig {
    interval: Duration::from_millis(5),
    detection: DetectorConfig {
        rule: Rule::Fixed,
        timeout: Duration::from_millis(20),
        longest_gap: Duration::from_millis(10),
    },
    session: Duration::from_secs(6),
    budget: 5000,
};

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
    };
    MasterState::begin(
        at(0),
        ("map1.0", &Identity::default()),
        &elected,
        PACE,
        prior,
    )
}

fn inherited(report: Report) -> PriorState {
    PriorState {
        report,
        written: at(0).wall,
        now: at(0).wall,
        version: 6,
        grace: Duration::ZERO,
        zxid: 40,
        control: Control::default(),
        session: 9,
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
        written: at(0).wall,
        owner: 5,
        beat: Beat {
            identity: Identity {
                claim: Some("_c_b-lock-0000000002".to_owned()),
                ..Identity::default()
            },
            ..Beat::default()
        },
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
    master_state.listed(at(0), &names(&["map2.0"]));
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
    master_state.listed(at(0), &names(&["map2.0"]));
    master_state.heard(at(0), "map2.0", &reading(7));
    let mut died = (0..3000)
        .step_by(5)
        .filter(|ms| kinds(tick(&mut master_state, *ms)).contains(&EventKind::Died));
    assert_eq!(died.next(), Some(2025));
}

#[test]
fn who_stands_there_without_an_outage_is_judged_at_once() {
    let mut master_state = settled();
    master_state.listed(at(0), &names(&["map2.0"]));
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
        master_state.listed(at(0), &names(&["map2.0"]));
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
    master_state.listed(at(26), &names(&["map2.0"]));
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
fn followers_of_the_master_before_are_taken_over() {
    let before = Report::parse(b"t: follower map2.0 still alive\nfollowers: map1.0 map4.0\n");
    let mut master_state = begin(inherited(before));
    master_state.listed(at(0), &names(&["map2.0", "map3.0"]));
    master_state.heard(at(0), "map2.0", &reading(3));
    master_state.heard(at(0), "map3.0", &reading(0));
    let report = Report::parse(tick(&mut master_state, 0).unwrap().as_bytes());
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
    let now = at(0).wall;
    let mut master_state = begin(PriorState {
        report,
        written,
        now,
        ..inherited(Report::default())
    });
    master_state.listed(at(0), &names(&[]));
    assert_eq!(kinds(tick(&mut master_state, 0)), [EventKind::Claimed]);
}

#[test]
fn events_are_numbered_on_from_the_master_before_and_forgotten_after_a_second() {
    let report = Report {
        epoch: Some(30),
        sequence: 8,
        ..Report::default()
    };
    let mut master_state = begin(inherited(report));
    let claimed = Report::parse(tick(&mut master_state, 0).unwrap().as_bytes());
    assert_eq!(claimed.sequence, 9);
    master_state.heard(at(900), "map3.0", &FollowerReading { ..reading(0) });
    assert_eq!(
        kinds(tick(&mut master_state, 900)),
        [EventKind::Claimed, EventKind::Joined]
    );
    master_state.heard(at(1001), "map3.0", &reading(1));
    assert_eq!(kinds(tick(&mut master_state, 1001)), [EventKind::Joined]);
}

#[test]
fn the_last_word_frees_the_claim() {
    let mut master_state = settled();
    let Write::Release { report } = master_state.release(at(10)) else {
        panic!()
    };
    assert!(report.starts_with("this is a master map!\n"));
    assert_eq!(kinds(Some(report)).last(), Some(&EventKind::Released));
}

/// Why the previous master ended, according to a new master.
fn went(deposed_as: Option<EndReason>, value: &[u8], age: TimeDelta) -> Option<EndReason> {
    let elected = Elected {
        claim: "_c_b-lock-0000000002".to_owned(),
        deposed_as,
    };
    let report = Report {
        epoch: Some(30),
        master_info: Some(master_info("_c_a-lock-0000000001")),
        ..Report::parse(value)
    };
    let prior = PriorState {
        written: at(0).wall - age,
        ..inherited(report)
    };
    let mut master_state = MasterState::begin(
        at(0),
        ("map1.0", &Identity::default()),
        &elected,
        PACE,
        prior,
    );
    let report = Report::parse(tick(&mut master_state, 0).unwrap().as_bytes());
    assert_eq!(report.epoch, Some(40));
    let previous = report.events[0].previous.clone();
    assert_eq!(previous, report.master_info.unwrap().previous);
    previous.map(|previous| previous.went)
}

#[test]
fn a_master_says_why_the_one_before_went() {
    let (soon, late) = (TimeDelta::milliseconds(10), TimeDelta::seconds(7));
    let free = b"this is a master map!\n";
    assert_eq!(went(None, free, soon), Some(EndReason::Finished));
    assert_eq!(
        went(Some(EndReason::Dead), b"", soon),
        Some(EndReason::Dead)
    );
    assert_eq!(
        went(Some(EndReason::Deposed), b"", soon),
        Some(EndReason::Deposed)
    );
    assert_eq!(went(None, b"", late), Some(EndReason::Expired));
    assert_eq!(
        went(None, b"", TimeDelta::seconds(1)),
        Some(EndReason::Dead)
    );
    assert_eq!(went(None, b"", soon), Some(EndReason::Deposed));
    // It finished, and its claim was found at the moment of its removal.
    assert_eq!(
        went(Some(EndReason::Deposed), free, soon),
        Some(EndReason::Finished)
    );
}

#[test]
fn a_master_that_was_taken_for_dead_returns_as_a_follower() {
    let elected = Elected {
        claim: "_c_b-lock-0000000002".to_owned(),
        deposed_as: Some(EndReason::Dead),
    };
    let report = Report {
        epoch: Some(30),
        master_info: Some(master_info("_c_a-lock-0000000001")),
        ..Report::default()
    };
    let mut master_state = MasterState::begin(
        at(0),
        ("map1.0", &Identity::default()),
        &elected,
        PACE,
        inherited(report),
    );
    tick(&mut master_state, 0);
    master_state.heard(at(5), "map0.0", &reading(0));
    let kinds = kinds(tick(&mut master_state, 5));
    assert_eq!(kinds.last(), Some(&EventKind::Returned));
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
    master_state.listed(at(0), &names(&["map2.0"]));
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

#[test]
fn the_dead_are_told_of_until_they_return() {
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &reading(7));
    for ms in (5..=25).step_by(5) {
        tick(&mut master_state, ms);
    }
    let dead_of = |report: Option<String>| {
        let report = Report::parse(report.unwrap().as_bytes());
        report
            .dead
            .into_iter()
            .map(|dead| dead.node)
            .collect::<Vec<_>>()
    };
    master_state.heard(at(30), "map3.0", &reading(1));
    assert_eq!(dead_of(tick(&mut master_state, 30)), ["map2.0"]);
    master_state.heard(at(35), "map2.0", &reading(0));
    assert!(dead_of(tick(&mut master_state, 35)).is_empty());
}
