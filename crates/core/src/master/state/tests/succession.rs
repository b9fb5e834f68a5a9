//! Tests of what one master takes over from another, and of how it ends.

use super::*;
use crate::detect::DeathCause;

#[test]
fn followers_of_the_master_before_are_taken_over() {
    let before = Report::parse(b"t: follower map2.0 still alive\nfollowers: map1.0 map4.0\n");
    let mut master_state = begin(inherited(before));
    master_state.listed(at(0), &names(&["map2.0", "map3.0"]), LISTED);
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
    master_state.listed(at(0), &names(&[]), LISTED);
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
    let Write::Release { report } = master_state.release(at(10), Ending::Finished) else {
        panic!()
    };
    assert!(report.starts_with("this is a master map!\n"));
    assert_eq!(kinds(Some(report)).last(), Some(&EventKind::Released));
}

#[test]
fn the_last_word_of_a_master_that_failed_says_so() {
    let mut master_state = settled();
    let Write::Release { report } = master_state.release(at(10), Ending::Failed) else {
        panic!()
    };
    let released = Report::parse(report.as_bytes()).events.pop().unwrap();
    assert_eq!(released.event, EventKind::Released);
    assert_eq!(released.ending, Some(Ending::Failed));
    let soon = TimeDelta::milliseconds(10);
    let epoch = released.epoch.unwrap();
    let of_epoch = |epoch: i64| {
        let line = format!(" {} ", released.epoch.unwrap());
        report.replace(&line, &format!(" {epoch} "))
    };
    assert_eq!(epoch, 40);
    // The release of the master of epoch 30, as `of_other` has it.
    let own = of_epoch(30);
    assert_eq!(went(None, own.as_bytes(), soon), Some(EndReason::Failed));
    // An earlier one failed, and the last one finished.
    let earlier = of_epoch(20);
    assert_eq!(
        went(None, earlier.as_bytes(), soon),
        Some(EndReason::Finished)
    );
}

/// Why the previous master ended, according to a new master.
fn went(deposed_as: Option<EndReason>, value: &[u8], age: TimeDelta) -> Option<EndReason> {
    let prior = PriorState {
        written: at(0).wall - age,
        ..inherited(of_other(Report::parse(value)))
    };
    let mut master_state = successor(deposed_as, prior);
    let report = Report::parse(tick(&mut master_state, 0).unwrap().as_bytes());
    assert_eq!(report.epoch, Some(40));
    // The events of the master before may stand before the claim.
    let mut events = report.events.iter();
    let previous = events.find_map(|event| event.previous.clone());
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
fn only_of_a_dead_master_the_silence_is_told() {
    let told = |deposed_as, last_beat| {
        let prior = PriorState {
            last_beat,
            ..inherited(of_other(Report::default()))
        };
        let elected = Elected {
            claim: "_c_b-lock-0000000002".to_owned(),
            deposed_as: Some(deposed_as),
            cause: Some(DeathCause::Silent),
        };
        let own = ("map1.0", &Identity::default());
        let mut master_state = MasterState::begin(at(30), own, &elected, PACE, prior);
        let report = Report::parse(tick(&mut master_state, 30).unwrap().as_bytes());
        report.master_info.unwrap().previous.unwrap().silence
    };
    let heard = Some(Duration::from_millis(7));
    let unheard = Some(Duration::from_millis(23));
    assert_eq!(told(EndReason::Dead, heard), unheard);
    assert_eq!(told(EndReason::Dead, None), None);
    assert_eq!(told(EndReason::Deposed, heard), None);
}

#[test]
fn a_master_that_was_taken_for_dead_returns_as_a_follower() {
    let prior = inherited(of_other(Report::default()));
    let mut master_state = successor(Some(EndReason::Dead), prior);
    tick(&mut master_state, 0);
    master_state.heard(at(5), "map0.0", &reading(0));
    let kinds = kinds(tick(&mut master_state, 5));
    assert_eq!(kinds.last(), Some(&EventKind::Returned));
}
