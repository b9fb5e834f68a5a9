use chrono::DateTime;

use super::*;
use heartline_core::detect::DeathCause;
use heartline_core::protocol::PreviousMaster;

const SETTLE: Duration = Duration::from_secs(5);

fn second(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn event(kind: EventKind, node: &str) -> Event {
    Event::of(DateTime::UNIX_EPOCH, kind, node, Some(7))
}

fn present(node: &str, task: Option<&str>) -> SeenMember {
    SeenMember {
        node: node.to_owned(),
        task: task.map(str::to_owned),
        state: MemberState::Runs,
    }
}

fn in_state(state: MemberState, node: &str, task: Option<&str>) -> SeenMember {
    SeenMember {
        state,
        ..present(node, task)
    }
}

/// How the job ended after nobody was there for long enough.
fn over(tally: &mut Tally) -> JobEnding {
    tally.look(second(100), &[]);
    tally.ending(second(105), SETTLE, 1).expect("it is over")
}

#[test]
fn a_job_that_nobody_has_seen_has_not_ended() {
    let mut tally = Tally::default();
    tally.look(second(0), &[]);
    assert_eq!(tally.ending(second(60), SETTLE, 1), None);
    assert_eq!(
        tally.ending(second(60), SETTLE, 0),
        Some(JobEnding::default())
    );
}

#[test]
fn it_has_ended_when_nobody_was_there_for_long_enough() {
    let mut tally = Tally::default();
    tally.look(second(0), &[present("map1", None)]);
    tally.event(&event(EventKind::Finished, "map1"));
    assert_eq!(
        tally.ending(second(60), SETTLE, 1),
        None,
        "a look must show it"
    );
    tally.look(second(60), &[]);
    tally.look(second(64), &[]);
    assert_eq!(tally.ending(second(64), SETTLE, 1), None);
    // A reducer comes before the pause is over.
    tally.look(second(64), &[present("reduce1", None)]);
    tally.event(&event(EventKind::Finished, "reduce1"));
    tally.look(second(66), &[]);
    assert_eq!(tally.ending(second(70), SETTLE, 1), None);
    // Nobody knows who is there.
    tally.unknown();
    assert_eq!(tally.ending(second(99), SETTLE, 1), None);
    let ending = over(&mut tally);
    assert_eq!((ending.finished, ending.failed, ending.running), (2, 0, 0));
    assert_eq!(
        tally.ending(second(105), SETTLE, 3),
        None,
        "a third task is to come"
    );
}

#[test]
fn an_attempt_that_finishes_makes_up_for_those_before() {
    let mut tally = Tally::default();
    tally.look(
        second(0),
        &[
            present("map1", Some("task_1")),
            present("map2", Some("task_2")),
        ],
    );
    tally.event(&Event {
        cause: Some(DeathCause::Silent),
        ..event(EventKind::Died, "map1")
    });
    tally.event(&event(EventKind::Failed, "map2"));
    tally.look(second(1), &[present("map3", Some("task_1"))]);
    tally.event(&event(EventKind::Finished, "map3"));
    let ending = over(&mut tally);
    assert_eq!((ending.finished, ending.failed), (1, 1));
    assert_eq!(
        ending.failures,
        [TaskFailure {
            task: "task_2".to_owned(),
            node: "map2".to_owned(),
            why: "failed".to_owned()
        }]
    );
}

#[test]
fn who_was_declared_dead_and_returns_may_still_finish() {
    let mut tally = Tally::default();
    tally.event(&event(EventKind::Joined, "map1"));
    tally.event(&event(EventKind::Died, "map1"));
    tally.event(&event(EventKind::Returned, "map1"));
    assert_eq!(tally.summary(false).running, 1);
    tally.event(&event(EventKind::Finished, "map1"));
    assert_eq!(over(&mut tally).finished, 1);
}

#[test]
fn masters_end_well_or_not_as_others_do() {
    let claimed = |node: &str, before: &str, went| Event {
        previous: Some(PreviousMaster {
            node: before.to_owned(),
            epoch: 6,
            went,
            cause: None,
            silence: None,
        }),
        ..event(EventKind::Claimed, node)
    };
    let mut tally = Tally::default();
    // The first master of this job came after one of an earlier job.
    tally.event(&claimed("map1", "map0", EndReason::Dead));
    tally.event(&claimed("map2", "map1", EndReason::Dead));
    tally.event(&claimed("map3", "map2", EndReason::Finished));
    tally.event(&claimed("map4", "map3", EndReason::Deposed));
    assert_eq!(tally.summary(false).running, 2);
    tally.event(&event(EventKind::Finished, "map3"));
    tally.event(&Event {
        ending: Some(Ending::Failed),
        ..event(EventKind::Released, "map4")
    });
    let ending = over(&mut tally);
    assert_eq!((ending.finished, ending.failed), (2, 2));
    let why = ending.failures.iter().map(|failure| failure.why.as_str());
    assert_eq!(
        why.collect::<Vec<_>>(),
        ["declared dead as master", "failed"]
    );
}

#[test]
fn who_goes_without_a_word_has_failed() {
    let mut tally = Tally::default();
    tally.look(second(0), &[present("map1", Some("task_1"))]);
    let ending = over(&mut tally);
    assert_eq!((ending.finished, ending.failed, ending.running), (0, 1, 0));
    assert_eq!(ending.failures[0].why, "gone without a word");
}

#[test]
fn a_member_says_its_task_after_its_first_event() {
    let mut tally = Tally::default();
    tally.event(&event(EventKind::Joined, "map1"));
    tally.event(&event(EventKind::Failed, "map1"));
    tally.event(&event(EventKind::Joined, "map2"));
    let told = in_state(MemberState::Ended(Ending::Failed), "map1", Some("task_1"));
    tally.look(second(0), &[told, present("map2", Some("task_1"))]);
    assert_eq!(
        tally.summary(false).running,
        1,
        "one task, which is tried again"
    );
    tally.event(&event(EventKind::Finished, "map2"));
    let ending = over(&mut tally);
    assert_eq!((ending.finished, ending.failed), (1, 0));
}

#[test]
fn a_dedicated_master_is_no_task() {
    let mut tally = Tally::default();
    tally.event(&event(EventKind::Claimed, "master1"));
    let dedicated = in_state(MemberState::Dedicated, "master1", None);
    tally.look(second(0), &[dedicated.clone(), present("map1", None)]);
    tally.event(&event(EventKind::Finished, "map1"));
    tally.event(&event(EventKind::Claimed, "master1"));
    tally.look(second(1), std::slice::from_ref(&dedicated));
    let ending = tally.ending(second(6), SETTLE, 1).expect("it is over");
    assert_eq!((ending.finished, ending.failed), (1, 0));
    tally.event(&event(EventKind::Released, "master1"));
    assert_eq!(over(&mut tally).finished, 1);
}

#[test]
fn the_dead_of_the_report_have_failed_unless_they_are_tried_again() {
    let mut tally = Tally::default();
    let dead = in_state(MemberState::Dead, "map1", Some("task_1"));
    tally.look(second(0), std::slice::from_ref(&dead));
    assert_eq!(tally.summary(false).failures[0].why, "declared dead");
    tally.look(second(1), &[dead.clone(), present("map2", Some("task_1"))]);
    tally.event(&event(EventKind::Finished, "map2"));
    tally.look(second(2), std::slice::from_ref(&dead));
    let ending = tally.ending(second(7), SETTLE, 1).expect("it is over");
    assert_eq!((ending.finished, ending.failed), (1, 0));
}

#[test]
fn missed_events_are_told() {
    let mut tally = Tally::default();
    tally.look(second(0), &[present("map1", None)]);
    tally.event(&Event::lost(
        DateTime::UNIX_EPOCH,
        Some(7),
        3,
        DateTime::UNIX_EPOCH,
    ));
    let ending = over(&mut tally);
    assert_eq!((ending.failed, ending.lost), (1, 3));
    assert_eq!(ending.failures[0].why, "gone, and events were missed");
}
