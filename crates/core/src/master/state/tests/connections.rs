//! Tests of verdicts by direct connections.

use std::net::SocketAddr;

use super::*;
use crate::detect::{DeathCause, ProbeOutcome, ProbeReason};
use crate::protocol::Status;

const SESSION: i64 = 5;

fn address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 7], 4711))
}

/// A reading of a follower that accepts connections.
fn listening(version: i32) -> FollowerReading {
    let mut reading = reading(version);
    reading.beat.identity.address = Some(address());
    reading
}

fn answer(master_state: &mut MasterState, ms: u64, outcome: ProbeOutcome) -> ProbeReason {
    let probes = master_state.take_probes();
    assert_eq!(probes.len(), 1, "{probes:?}");
    master_state.probed(at(ms), probes[0].number, outcome);
    probes[0].reason
}

/// A master with the follower `map2.0`, whose connection 1 is open.
fn connected(rule: Rule) -> MasterState {
    let mut pace = PACE;
    pace.detection.rule = rule;
    let elected = Elected {
        claim: "_c_a-lock-0000000001".to_owned(),
        deposed_as: None,
        cause: None,
    };
    let own = ("map1.0", &Identity::default());
    let mut state = MasterState::begin(at(0), own, &elected, pace, inherited(Report::default()));
    tick(&mut state, 0);
    state.heard(at(0), "map2.0", &listening(7));
    state.connection_opened(at(0), (1, None), (SESSION, "map2.0"), Some(address()));
    let reason = answer(&mut state, 0, ProbeOutcome::Accepted);
    assert_eq!(reason, ProbeReason::Verify);
    tick(&mut state, 0);
    state
}

/// The cause of the first death that is written from `from` on, and when.
fn died(state: &mut MasterState, from: u64, until: u64) -> Option<(u64, DeathCause)> {
    (from..until).step_by(5).find_map(|ms| {
        let report = Report::parse(tick(state, ms).unwrap_or_default().as_bytes());
        let death = report
            .events
            .iter()
            .find(|event| event.event == EventKind::Died)?;
        let cause = death.cause.expect("each death has a cause");
        assert_eq!(report.dead.first().and_then(|dead| dead.cause), None);
        Some((ms, cause))
    })
}

#[test]
fn a_crash_is_reported_at_once() {
    for rule in [Rule::Fixed, Rule::Adaptive] {
        let mut state = connected(rule);
        state.connection_closed(at(1), 1, None);
        assert!(!state.is_pressed(at(1)));
        let reason = answer(&mut state, 2, ProbeOutcome::Refused);
        assert_eq!(reason, ProbeReason::Confirm);
        assert!(state.is_pressed(at(2)));
        assert_eq!(died(&mut state, 2, 3), Some((2, DeathCause::Closed)));
        let report = state.release(at(7), Ending::Finished);
        let Write::Release { report } = report else {
            panic!("{report:?}")
        };
        let report = Report::parse(report.as_bytes());
        assert_eq!(report.dead[0].cause, Some(DeathCause::Closed));
    }
}

#[test]
fn who_is_cut_off_beats_on_in_zookeeper() {
    let mut state = connected(Rule::Fixed);
    state.connection_closed(at(1), 1, None);
    answer(&mut state, 2, ProbeOutcome::Accepted);
    for ms in (5..200).step_by(5) {
        state.heard(at(ms), "map2.0", &listening(i32::try_from(ms).unwrap()));
        assert_eq!(died(&mut state, ms, ms + 1), None);
    }
}

#[test]
fn beats_by_the_connection_alone_are_enough() {
    let mut state = connected(Rule::Fixed);
    for ms in (5..500).step_by(5) {
        state.connection_beat(at(ms), 1, Some(99), b"");
        assert_eq!(died(&mut state, ms, ms + 1), None);
    }
    // Meanwhile nobody has read its znode: before a verdict its version has to be known.
    assert_eq!(
        state.take_reads(),
        [("map2.0".to_owned(), ReadMode::Paused)]
    );
    assert_eq!(died(&mut state, 500, 530), None);
    assert_eq!(
        state.take_reads(),
        [("map2.0".to_owned(), ReadMode::Watched)]
    );
    state.heard(at(530), "map2.0", &listening(99));
    let Some(Write::RemoveDead { removed, .. }) = state.next_write(at(530)) else {
        panic!("it was silent for long");
    };
    assert_eq!(removed[0].version, 99);
}

#[test]
fn who_beats_in_zookeeper_alone_lives_although_its_connection_is_silent() {
    let mut state = connected(Rule::Fixed);
    state.connection_beat(at(5), 1, None, b"");
    for ms in (5..500).step_by(5) {
        if ms > 20 {
            state.heard(at(ms), "map2.0", &listening(i32::try_from(ms).unwrap()));
        }
        assert_eq!(died(&mut state, ms, ms + 1), None);
    }
}

/// Its connection is held up, and while the master is just back from an outage nobody is doubted.
#[test]
fn who_has_beaten_in_zookeeper_since_the_last_beat_of_its_connection_is_not_silent() {
    let mut state = connected(Rule::Fixed);
    state.connection_beat(at(5), 1, Some(8), b"");
    assert_eq!(died(&mut state, 5, 60), None);
    // It was not read for a while.
    state.heard(at(60), "map2.0", &listening(19));
    assert_eq!(died(&mut state, 60, 75), None);
    assert_eq!(
        died(&mut state, 75, 100).map(|(_, cause)| cause),
        Some(DeathCause::Silent)
    );
}

#[test]
fn a_read_of_before_a_removal_does_not_bring_the_dead_back() {
    let mut state = connected(Rule::Fixed);
    state.connection_closed(at(1), 1, None);
    answer(&mut state, 2, ProbeOutcome::Refused);
    assert_eq!(died(&mut state, 2, 3), Some((2, DeathCause::Closed)));
    state.heard(at(3), "map2.0", &listening(7));
    state.vanished(at(4), "map2.0");
    let kinds = kinds(tick(&mut state, 5));
    let is_back = |kind: &EventKind| matches!(kind, EventKind::Returned | EventKind::Finished);
    assert!(!kinds.iter().any(is_back), "{kinds:?}");
}

#[test]
fn the_silence_of_a_process_that_exists_is_judged_with_patience() {
    let mut state = connected(Rule::Adaptive);
    let mut asked = Vec::new();
    let died = (5..1000).step_by(5).find_map(|ms| {
        for probe in state.take_probes() {
            asked.push((ms, probe.reason));
            state.probed(at(ms), probe.number, ProbeOutcome::Accepted);
        }
        died(&mut state, ms, ms + 1)
    });
    assert_eq!(died, Some((205, DeathCause::Silent)));
    // It is in doubt after half of the timeout, and asked again now and then.
    assert_eq!(
        asked[..2],
        [(15, ProbeReason::Doubt), (120, ProbeReason::Doubt)]
    );
}

#[test]
fn a_session_that_ends_while_its_member_is_spared_is_a_death() {
    let mut state = connected(Rule::Adaptive);
    for ms in (5..=100).step_by(5) {
        for probe in state.take_probes() {
            state.probed(at(ms), probe.number, ProbeOutcome::Accepted);
        }
        assert_eq!(died(&mut state, ms, ms + 1), None);
    }
    state.vanished(at(101), "map2.0");
    assert_eq!(kinds(tick(&mut state, 105)).last(), Some(&EventKind::Died));
}

#[test]
fn who_is_gone_without_a_goodbye_and_has_not_reached_zookeeper_has_died() {
    for (silence, expected) in [(15, EventKind::Finished), (25, EventKind::Died)] {
        let mut state = connected(Rule::Adaptive);
        state.connection_beat(at(5), 1, Some(8), b"");
        // It still reaches the master, but not ZooKeeper.
        state.connection_beat(at(4 + silence), 1, Some(8), b"");
        state.vanished(at(5 + silence), "map2.0");
        assert_eq!(kinds(tick(&mut state, 50)).last(), Some(&expected));
    }
}

#[test]
fn who_says_goodbye_has_finished_although_its_last_write_was_long_ago() {
    let mut state = connected(Rule::Fixed);
    for ms in (5..60_000).step_by(5) {
        state.connection_beat(at(ms), 1, Some(8), b"");
        tick(&mut state, ms);
    }
    state.connection_closed(at(60_000), 1, Some(Ending::Finished));
    state.vanished(at(60_001), "map2.0");
    assert_eq!(
        kinds(tick(&mut state, 60_005)).last(),
        Some(&EventKind::Finished)
    );
}

#[test]
fn a_host_that_does_not_answer_has_no_patience() {
    let mut state = connected(Rule::Adaptive);
    assert_eq!(died(&mut state, 5, 1000), Some((25, DeathCause::Silent)));
}

#[test]
fn a_silent_process_that_does_not_exist_has_died_by_refusal() {
    let mut state = connected(Rule::Adaptive);
    assert_eq!(died(&mut state, 5, 11), None);
    assert_eq!(
        answer(&mut state, 11, ProbeOutcome::Refused),
        ProbeReason::Doubt
    );
    assert_eq!(died(&mut state, 11, 12), Some((11, DeathCause::Refused)));
}

#[test]
fn a_stall_is_taken_from_the_connection_while_it_is_open() {
    let mut state = connected(Rule::Fixed);
    let stalled = Status {
        stalled_ms: Some(1),
        ..Status::default()
    };
    let text = crate::protocol::beat::alive(at(5).wall, &Identity::default(), &stalled);
    state.connection_beat(at(5), 1, None, text.as_bytes());
    assert!(kinds(tick(&mut state, 5)).contains(&EventKind::Stalled));
    // The value in ZooKeeper is older.
    state.heard(at(6), "map2.0", &listening(8));
    assert!(!kinds(tick(&mut state, 10)).contains(&EventKind::Recovered));
}

#[test]
fn a_connection_of_another_session_says_nothing_about_a_follower() {
    let mut state = connected(Rule::Fixed);
    state.connection_opened(at(1), (2, None), (SESSION + 1, "map2.0"), Some(address()));
    for ms in (5..60).step_by(5) {
        state.connection_beat(at(ms), 2, None, b"");
    }
    assert_eq!(died(&mut state, 5, 100), Some((25, DeathCause::Silent)));
}

#[test]
fn who_leaves_with_a_goodbye_has_not_crashed() {
    let mut state = connected(Rule::Fixed);
    state.connection_closed(at(1), 1, Some(Ending::Finished));
    assert_eq!(state.take_probes(), []);
    state.vanished(at(2), "map2.0");
    assert_eq!(
        kinds(tick(&mut state, 5)).last(),
        Some(&EventKind::Finished)
    );
}

#[test]
fn who_leaves_with_a_goodbye_is_not_silent_until_its_session_ends() {
    for (goodbye, expected) in [
        (Ending::Finished, EventKind::Finished),
        (Ending::Failed, EventKind::Failed),
    ] {
        let mut state = connected(Rule::Fixed);
        state.connection_closed(at(1), 1, Some(goodbye));
        // A beat that it had written before is read after it.
        state.heard(at(2), "map2.0", &listening(8));
        assert_eq!(died(&mut state, 5, 5_000), None);
        state.vanished(at(5_001), "map2.0");
        assert_eq!(kinds(tick(&mut state, 5_005)).last(), Some(&expected));
    }
}

#[test]
fn who_is_cut_off_from_zookeeper_until_its_session_ends_has_died() {
    for (last_write, expected) in [(0, EventKind::Died), (5_000, EventKind::Finished)] {
        let mut state = connected(Rule::Fixed);
        for ms in (5..=5_000).step_by(5) {
            let version = i32::try_from(ms.min(last_write)).unwrap();
            state.connection_beat(at(ms), 1, Some(version), b"");
            tick(&mut state, ms);
        }
        state.vanished(at(5_001), "map2.0");
        assert_eq!(kinds(tick(&mut state, 5_005)).last(), Some(&expected));
    }
}

#[test]
fn who_is_connected_through_an_outage_and_back_after_its_session_was_never_gone() {
    let mut state = back();
    state.heard(at(0), "map2.0", &listening(7));
    state.connection_opened(at(0), (1, None), (SESSION, "map2.0"), Some(address()));
    for ms in (5..1_500).step_by(5) {
        state.connection_beat(at(ms), 1, Some(7), b"");
        if ms == 500 {
            state.vanished(at(ms), "map2.0");
        }
        tick(&mut state, ms);
    }
    let back = FollowerReading {
        owner: SESSION + 1,
        created: 50,
        ..listening(0)
    };
    state.heard(at(1_500), "map2.0", &back);
    state.connection_closed(at(1_501), 1, None);
    let story = kinds(tick(&mut state, 1_505));
    assert!(!story.contains(&EventKind::Died), "{story:?}");
    assert!(!story.contains(&EventKind::Returned), "{story:?}");
    assert_eq!(state.followers(), 1);
}

#[test]
fn a_crash_is_not_written_twice_at_the_same_version() {
    let mut state = connected(Rule::Fixed);
    state.connection_closed(at(1), 1, None);
    answer(&mut state, 2, ProbeOutcome::Refused);
    assert!(matches!(
        state.next_write(at(2)),
        Some(Write::RemoveDead { .. })
    ));
    // Its last beat was on its way.
    state.written(at(3), Outcome::Spared(0));
    assert!(!state.is_pressed(at(3)));
    state.heard(at(4), "map2.0", &listening(8));
    assert!(matches!(
        state.next_write(at(5)),
        Some(Write::RemoveDead { .. })
    ));
    // It is read while the transaction is under way.
    state.heard(at(6), "map2.0", &listening(9));
    state.written(at(7), Outcome::Spared(0));
    assert_eq!(died(&mut state, 7, 8), Some((7, DeathCause::Closed)));
}

#[test]
fn who_returns_with_the_connection_that_was_open_all_the_time_is_known_by_it() {
    let mut state = connected(Rule::Fixed);
    assert_eq!(died(&mut state, 5, 100), Some((25, DeathCause::Silent)));
    // Reports repeat an event for a while.
    for ms in (100..5000).step_by(5) {
        tick(&mut state, ms);
    }
    state.take_probes();
    // The process was stopped. It joins again in the same session.
    let again = |version| FollowerReading {
        created: 4,
        ..listening(version)
    };
    state.heard(at(5000), "map2.0", &again(0));
    for ms in (5005..5500).step_by(5) {
        state.connection_beat(at(ms), 1, None, b"");
        assert_eq!(died(&mut state, ms, ms + 1), None);
    }
    state.connection_closed(at(5500), 1, None);
    state.heard(at(5500), "map2.0", &again(1));
    let reason = answer(&mut state, 5501, ProbeOutcome::Refused);
    assert_eq!(reason, ProbeReason::Confirm);
    let expected = Some((5501, DeathCause::Closed));
    assert_eq!(died(&mut state, 5501, 5502), expected);
}
