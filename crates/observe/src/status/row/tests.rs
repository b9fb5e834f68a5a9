use super::*;
use crate::status::sample::{node, start};

const USUAL: Option<Duration> = Some(Duration::from_millis(5));

fn beat(lines: &str) -> Beat {
    Beat::parse(format!("alive at 1.5!\n{lines}").as_bytes())
}

fn verdict(lines: &str, age: u64) -> String {
    judged(lines, age, USUAL, 0).to_string()
}

/// The verdict on a member that joined two minutes ago.
fn judged(lines: &str, age: u64, usual: Option<Duration>, slow: u64) -> MemberVerdict {
    let ages = Ages {
        last: Duration::from_millis(age),
        joined: Duration::from_secs(120),
    };
    MemberVerdict::on(&beat(lines), ages, terms(usual, slow))
}

fn terms(usual: Option<Duration>, slow: u64) -> RowContext {
    RowContext {
        now: start(),
        usual,
        slow: Duration::from_millis(slow),
    }
}

#[test]
fn the_verdict_is_the_worst_that_is_true() {
    let stalled = "interval: 5000us\ncondition: spinning\nstalled-ms: 12000\n";
    assert_eq!(verdict(stalled, 4), "stalled: spinning");
    assert_eq!(verdict(stalled, 4000), "stalled: spinning");
    assert_eq!(verdict("stalled-ms: 12000\n", 4), "stalled");
    assert_eq!(
        verdict("interval: 5000us\ncondition: working\n", 101),
        "late"
    );
    for word in [
        "working",
        "starved",
        "back-pressured",
        "spinning",
        "blocked",
    ] {
        assert_eq!(
            verdict(&format!("interval: 5000us\ncondition: {word}\n"), 4),
            word
        );
    }
    assert_eq!(verdict("interval: 5000us\n", 4), "alive");
    assert_eq!(
        verdict("ended: failed\ncondition: working\n", 4000),
        "failed"
    );
    assert_eq!(verdict("ended: finished\n", 4), "finished");
}

#[test]
fn late_goes_by_its_own_interval_and_by_how_long_the_look_took() {
    assert_eq!(verdict("interval: 5000us\n", 100), "alive");
    assert_eq!(verdict("interval: 200000us\n", 800), "alive");
    assert_eq!(verdict("interval: 200000us\n", 801), "late");
    // A member that reports no interval has that of all members; if neither is known, no member is late.
    assert_eq!(verdict("", 101), "late");
    assert_eq!(judged("", 150, None, 0), MemberVerdict::Alive);
    let slowly = judged("interval: 5000us\n", 150, USUAL, 60);
    assert_eq!(slowly, MemberVerdict::Alive);
}

#[test]
fn one_that_was_taken_for_dead_has_returned_for_a_minute() {
    let returned = |lines: &str, joined: u64| {
        let ages = Ages {
            last: Duration::from_millis(4),
            joined: Duration::from_secs(joined),
        };
        let lines = format!("returned: 1\ninterval: 5000us\n{lines}");
        MemberVerdict::on(&beat(&lines), ages, terms(USUAL, 0)).to_string()
    };
    assert_eq!(returned("", 59), "returned");
    assert_eq!(returned("condition: working\n", 59), "returned: working");
    assert_eq!(returned("condition: working\n", 60), "working");
    assert_eq!(
        returned("condition: blocked\nstalled-ms: 1\n", 59),
        "stalled: blocked"
    );
    assert_eq!(returned("ended: finished\n", 59), "finished");
}

fn row(before: Option<&Node>, after: &Node) -> Row {
    let terms = RowContext {
        now: start() + TimeDelta::milliseconds(500),
        usual: USUAL,
        slow: Duration::ZERO,
    };
    let name = (MemberRole::Follower, after.name.clone());
    Row::of(name, (before, after), Beat::parse, terms)
}

fn records(count: u64) -> String {
    format!("alive at 1.5!\ninterval: 5000us\nrecords-in: {count}\n")
}

#[test]
fn rates_are_what_has_grown_between_two_looks() {
    let before = node("map1", &records(100), 10, 0, 1000);
    let after = node("map1", &records(600), 110, 496, 1500);
    let both = row(Some(&before), &after);
    assert_eq!(both.age, Duration::from_millis(4));
    assert_eq!(both.beats_per_second, Some(200.0));
    assert_eq!(both.records_per_second, Some(1000.0));
    let once = row(None, &after);
    assert_eq!(
        (once.beats_per_second, once.records_per_second),
        (None, None)
    );
}

#[test]
fn an_answer_that_was_read_late_makes_no_rate_higher() {
    let before = node("map1", &records(100), 10, 0, 1400);
    let after = node("map1", &records(600), 110, 500, 1500);
    let row = row(Some(&before), &after);
    assert_eq!(row.beats_per_second, Some(200.0));
    assert_eq!(row.records_per_second, Some(1000.0));
}

#[test]
fn a_znode_that_was_created_anew_has_no_rate() {
    let mut before = node("map1", &records(100), 10, 0, 1000);
    before.value.stat.created = 6;
    let row = row(Some(&before), &node("map1", &records(600), 110, 496, 1500));
    assert_eq!((row.beats_per_second, row.records_per_second), (None, None));
}

#[test]
fn a_member_that_counts_no_records_has_no_rate_of_them() {
    let before = node("map1", "alive at 1.5!", 10, 0, 1000);
    let after = node("map1", "alive at 1.6!", 15, 496, 1500);
    let row = row(Some(&before), &after);
    assert_eq!(
        (row.beats_per_second, row.records_per_second),
        (Some(10.0), None)
    );
}

#[test]
fn nothing_is_older_than_it_is() {
    let ahead = node("map1", &records(0), 1, 900, 1500);
    assert_eq!(row(None, &ahead).age, Duration::ZERO);
}

#[test]
fn rows_are_sorted_by_role_then_by_severity_then_by_name() {
    let of = |role, name: &str, lines: &str| {
        let value = format!("alive at 1.5!\ninterval: 5000us\n{lines}");
        Row {
            role,
            ..row(None, &node(name, &value, 1, 500, 0))
        }
    };
    let follower = |name: &str, lines: &str| of(MemberRole::Follower, name, lines);
    let dead = Dead {
        node: "map7".to_owned(),
        time: start(),
        attempt: None,
        cause: None,
    };
    let mut late = follower("map1", "");
    late.verdict = MemberVerdict::Late;
    let mut rows = [
        follower("map10", ""),
        follower("map9", "condition: starved\n"),
        late,
        follower("map8", "stalled-ms: 1\n"),
        Row::of_dead(&dead, start()),
        of(MemberRole::Standing, "master2", ""),
        of(MemberRole::Master, "z", ""),
    ];
    rows.sort_by(Row::order);
    let names = rows.map(|row| row.node);
    assert_eq!(
        names,
        ["z", "master2", "map7", "map8", "map1", "map9", "map10"]
    );
}
