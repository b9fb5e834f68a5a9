//! Tests of the deaths that are passed on: each once, and none that was not reported.

use super::*;
use crate::master::state::Death;

fn identity(attempt: &str) -> Identity {
    Identity {
        attempt: Some(attempt.to_owned()),
        ..Identity::default()
    }
}

fn of_attempt(version: i32, attempt: &str) -> FollowerReading {
    FollowerReading {
        beat: Beat {
            identity: identity(attempt),
            ..Beat::default()
        },
        ..reading(version)
    }
}

fn death(node: &str, identity: Identity) -> Death {
    Death {
        node: node.to_owned(),
        identity,
        epoch: 40,
    }
}

/// Echoes until a follower is about to be removed; returns that time.
fn until_removal(master_state: &mut MasterState, from: u64) -> u64 {
    for ms in (from..from + 100).step_by(5) {
        if matches!(
            master_state.next_write(at(ms)),
            Some(Write::RemoveDead { .. })
        ) {
            return ms;
        }
        master_state.written(at(ms), Outcome::Done);
    }
    panic!("nobody is overdue");
}

#[test]
fn a_removal_is_a_death_once_it_is_made() {
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &of_attempt(7, "attempt_1"));
    let first = until_removal(&mut master_state, 5);
    assert!(master_state.take_deaths().is_empty());
    master_state.written(at(first), Outcome::Spared(0));
    assert!(master_state.take_deaths().is_empty());
    master_state.heard(at(first), "map2.0", &of_attempt(8, "attempt_1"));
    let second = until_removal(&mut master_state, first + 5);
    master_state.written(at(second), Outcome::Done);
    assert_eq!(
        master_state.take_deaths(),
        [death("map2.0", identity("attempt_1"))]
    );
    // The watcher notices the removal; the dead follower returns and dies again.
    master_state.vanished(at(second), "map2.0");
    tick(&mut master_state, second + 5);
    assert!(master_state.take_deaths().is_empty());
    master_state.heard(at(second + 5), "map2.0", &of_attempt(0, "attempt_1"));
    let third = until_removal(&mut master_state, second + 10);
    master_state.written(at(third), Outcome::Done);
    assert_eq!(master_state.take_deaths().len(), 1);
}

#[test]
fn a_death_tells_the_silence_before_it() {
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &reading(7));
    let mut removals = (1..20).map(|step| {
        let write = master_state.next_write(at(step * 5));
        master_state.written(at(step * 5), Outcome::Done);
        (step * 5, write)
    });
    let removal = removals.find_map(|(ms, write)| match write {
        Some(Write::RemoveDead { report, .. }) => Some((ms, report)),
        _ => None,
    });
    let (removed, report) = removal.expect("it is overdue");
    let died = Report::parse(report.as_bytes()).events.pop().unwrap();
    assert_eq!(died.event, EventKind::Died);
    assert_eq!(died.silence, Some(Duration::from_millis(removed)));

    // Of a session that expired only the last write is known.
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &reading(7));
    master_state.vanished(at(4000), "map2.0");
    let report = tick(&mut master_state, 4000).unwrap();
    let died = Report::parse(report.as_bytes()).events.pop().unwrap();
    assert_eq!(died.event, EventKind::Died);
    assert_eq!(died.silence, Some(Duration::from_secs(4)));
}

#[test]
fn who_goes_by_itself_is_not_dead() {
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &of_attempt(7, "attempt_1"));
    master_state.heard(at(0), "map3.0", &of_attempt(7, "attempt_2"));
    master_state.vanished(at(5), "map3.0");
    let batch_under_way = until_removal(&mut master_state, 10);
    master_state.written(at(batch_under_way), Outcome::Gone(0));
    tick(&mut master_state, batch_under_way + 5);
    tick(&mut master_state, batch_under_way + 10);
    assert_eq!(master_state.followers(), 0);
    assert!(master_state.take_deaths().is_empty());
}

#[test]
fn who_went_with_its_session_is_dead_once_that_is_told() {
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &of_attempt(7, "attempt_1"));
    master_state.vanished(at(4000), "map2.0");
    assert!(master_state.take_deaths().is_empty());
    let report = tick(&mut master_state, 4000);
    assert_eq!(kinds(report).last(), Some(&EventKind::Died));
    assert_eq!(
        master_state.take_deaths(),
        [death("map2.0", identity("attempt_1"))]
    );
    assert!(master_state.take_deaths().is_empty());
}

#[test]
fn who_is_not_back_after_an_outage_is_dead() {
    let mut master_state = back();
    master_state.listed(at(0), &names(&["map2.0"]), LISTED);
    master_state.heard(at(0), "map2.0", &of_attempt(7, "attempt_1"));
    master_state.vanished(at(500), "map2.0");
    tick(&mut master_state, 1000);
    assert!(master_state.take_deaths().is_empty());
    tick(&mut master_state, 2000);
    assert_eq!(
        master_state.take_deaths(),
        [death("map2.0", identity("attempt_1"))]
    );
}

fn heir(deposed_as: Option<EndReason>) -> MasterState {
    successor(deposed_as, inherited(of_other(Report::default())))
}

#[test]
fn the_master_before_is_dead_if_it_fell_silent() {
    let mut known = heir(Some(EndReason::Dead))
        .succeeding("map9.0", &identity("attempt_9"))
        .succeeding("map0.0", &identity("attempt_0"));
    known.next_write(at(0)).unwrap();
    assert!(known.take_deaths().is_empty());
    known.written(at(0), Outcome::Done);
    assert_eq!(
        known.take_deaths(),
        [death("map0.0", identity("attempt_0"))]
    );
    let mut unknown = heir(Some(EndReason::Dead));
    tick(&mut unknown, 0);
    assert_eq!(
        unknown.take_deaths(),
        [death("map0.0", Identity::default())]
    );
    let mut deposed = heir(Some(EndReason::Deposed));
    tick(&mut deposed, 0);
    assert!(deposed.take_deaths().is_empty());
}

#[test]
fn who_was_cut_off_is_not_dead_to_itself() {
    let mut master_state = begin(PriorState {
        written: at(0).wall - TimeDelta::seconds(5),
        ..inherited(of_other(Report::default()))
    });
    master_state.heard(at(0), "map2.0", &reading(0));
    let report = Report::parse(tick(&mut master_state, 0).unwrap().as_bytes());
    assert_eq!(report.dead, []);
    assert!(master_state.take_deaths().is_empty());
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
    let back = FollowerReading {
        created: 4,
        ..reading(0)
    };
    master_state.heard(at(35), "map2.0", &back);
    assert!(dead_of(tick(&mut master_state, 35)).is_empty());
}
