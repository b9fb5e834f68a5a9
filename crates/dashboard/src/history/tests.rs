//! Tests of the history of a job.

use super::*;

use chrono::{DateTime, Utc};
use heartline_core::condition::Condition;
use heartline_core::detect::DeathCause;
use heartline_core::protocol::{Beat, Identity, Status};
use heartline_observe::status::{MemberRole, MemberVerdict};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn row(node: &str, verdict: MemberVerdict, records: u64) -> Row {
    let status = Status {
        interval: ms(5),
        records_in: records,
        ..Status::default()
    };
    Row {
        role: MemberRole::Follower,
        node: node.to_owned(),
        verdict,
        cause: None,
        last: DateTime::UNIX_EPOCH,
        age: ms(3),
        joined: None,
        problem: None,
        beat: Some(Beat {
            status,
            ..Beat::parse(b"")
        }),
        identity: Identity::default(),
        beats_per_second: Some(200.0),
        records_per_second: Some(10.0),
    }
}

fn overview(rows: Vec<Row>) -> Overview {
    Overview {
        has_private_claims: false,
        now: DateTime::<Utc>::UNIX_EPOCH,
        master: None,
        reported: None,
        round_trip: None,
        interval: Some(ms(5)),
        rows,
        unreadable: Vec::new(),
    }
}

const WORKING: MemberVerdict = MemberVerdict::Doing(Condition::Working);

fn names(told: &Map<String, Value>, list: &str) -> Vec<String> {
    let list = told[list].as_array().unwrap().iter();
    list.map(|one| one["node"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_member_keeps_its_index_and_its_gaps_are_seen() {
    let mut history = JobHistory::default();
    let (a, b) = (row("a", WORKING, 1), row("b", WORKING, 1));
    assert!(!history.read(ms(0), ms(0), &overview(vec![a.clone(), b.clone()])));
    history.read(ms(250), ms(250), &overview(vec![b.clone()]));
    // The order of a reading does not matter.
    history.read(ms(500), ms(500), &overview(vec![b, a]));
    let snapshot = history.snapshot();
    assert_eq!(names(&snapshot, "members"), ["a", "b"]);
    assert_eq!(snapshot["members"][0]["states"], "w-w");
    assert_eq!(snapshot["members"][0]["beats"], "909");
    assert_eq!(snapshot["members"][1]["states"], "www");
}

#[test]
fn a_tick_tells_the_cells_of_all_and_the_details_that_have_changed() {
    let mut history = JobHistory::default();
    let rows = |records| vec![row("a", WORKING, 1), row("b", WORKING, records)];
    history.read(ms(1), ms(1), &overview(rows(1)));
    assert_eq!(names(&history.tick(ms(1)), "rows"), ["a", "b"]);
    history.read(ms(250), ms(250), &overview(rows(2)));
    let tick = history.tick(ms(250));
    assert_eq!(
        (&tick["states"], &tick["beats"]),
        (&"ww".into(), &"99".into())
    );
    // Not more often than once a second.
    assert_eq!(names(&tick, "rows"), [""; 0]);
    history.read(ms(1100), ms(1100), &overview(rows(2)));
    assert_eq!(names(&history.tick(ms(1100)), "rows"), ["b"]);
}

#[test]
fn the_details_of_very_many_are_told_in_turns() {
    let mut history = JobHistory::default();
    let count = MOST_ROWS * 2 + 10;
    let rows: Vec<Row> = (0..count)
        .map(|n| row(&format!("m{n}"), WORKING, 1))
        .collect();
    let mut told = Vec::new();
    for step in 0..3 {
        history.read(ms(1 + step), ms(1 + step), &overview(rows.clone()));
        let tick = history.tick(ms(1 + step));
        assert_eq!(tick["states"].as_str().map(str::len), Some(count));
        told.extend(names(&tick, "rows"));
    }
    let all: Vec<String> = rows.iter().map(|row| row.node.clone()).collect();
    assert_eq!(told, all);
}

#[test]
fn those_who_are_gone_for_long_are_forgotten() {
    let mut history = JobHistory::default();
    let (a, b) = (row("a", WORKING, 1), row("b", WORKING, 1));
    history.read(ms(0), ms(0), &overview(vec![a, b.clone()]));
    assert!(!history.read(GONE, GONE, &overview(vec![b.clone()])));
    assert!(history.read(GONE + ms(1), GONE + ms(1), &overview(vec![b])));
    assert_eq!(names(&history.snapshot(), "members"), ["b"]);
    assert!(history.member("a").is_none());
    assert_eq!(
        history.member("b").map(|b| b["index"].clone()),
        Some(0.into())
    );
}

#[test]
fn more_members_than_are_shown_are_counted() {
    let mut history = JobHistory::default();
    let rows = (0..MOST_MEMBERS + 3).map(|n| row(&format!("m{n}"), WORKING, 1));
    history.read(ms(0), ms(0), &overview(rows.collect()));
    let snapshot = history.snapshot();
    assert_eq!(snapshot["unshown"], 3);
    assert_eq!(names(&snapshot, "members").len(), MOST_MEMBERS);
}

#[test]
fn how_a_member_left_is_known_by_the_event() {
    let mut history = JobHistory::default();
    let rows = |names: &[&str]| overview(names.iter().map(|name| row(name, WORKING, 1)).collect());
    history.read(ms(1), ms(1), &rows(&["a", "b", "c"]));
    history.tick(ms(1));
    let event = |kind, node| Event::of(DateTime::UNIX_EPOCH, kind, node, Some(1));
    let died = Event {
        cause: Some(DeathCause::Closed),
        ..event(EventKind::Died, "a")
    };
    history.event(ms(1500), &died);
    history.event(ms(1500), &event(EventKind::Finished, "b"));
    history.event(ms(1500), &event(EventKind::Joined, "nobody"));
    history.read(ms(2000), ms(2000), &rows(&["c"]));
    let tick = history.tick(ms(2000));
    assert_eq!(tick["states"], "dfw");
    assert_eq!(tick["rows"][0]["verdict"], "dead");
    assert_eq!(tick["rows"][0]["cause"], "closed");
    assert_eq!(tick["rows"][1]["verdict"], "finished");
    assert_eq!(history.counts()["dead"], 1);
    // A reading that began before the event does not undo it.
    history.read(ms(1400), ms(2100), &rows(&["a", "b", "c"]));
    assert_eq!(history.tick(ms(2100))["states"], "dfw");
    // It comes back.
    history.event(ms(3000), &event(EventKind::Returned, "a"));
    history.read(ms(4000), ms(4000), &rows(&["a", "c"]));
    history.read(ms(4250), ms(4250), &rows(&["c"]));
    assert_eq!(history.tick(ms(4250))["states"], "-fw");
}

#[test]
fn of_the_dead_stays_what_was_known() {
    let mut history = JobHistory::default();
    history.read(ms(1), ms(1), &overview(vec![row("a", WORKING, 7)]));
    let dead = Row {
        beat: None,
        beats_per_second: None,
        records_per_second: None,
        cause: Some(DeathCause::Silent),
        ..row("a", MemberVerdict::Dead, 0)
    };
    history.read(ms(250), ms(250), &overview(vec![dead]));
    let member = history.member("a").unwrap();
    assert_eq!(
        (&member["verdict"], &member["cause"]),
        (&"dead".into(), &"silent".into())
    );
    assert_eq!(member["records_in"], 7);
    assert!(member["beats_per_second"].is_null());
}
