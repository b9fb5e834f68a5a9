use super::*;
use crate::status::sample::{beat, look, node, report, start};

const CLAIM: &str = "_c_a-lock-0000000001";
const STANDING: &str = "_c_b-standing-lock-0000000002";

fn claim(name: &str, holder: &str, beat: &str) -> Node {
    node(name, &format!("{holder}\n{beat}"), 1, 0, 0)
}

fn shown_rows(overview: &Overview) -> Vec<String> {
    let rows = overview.rows.iter();
    rows.map(|row| format!("{} {} {}", row.role, row.node, row.verdict))
        .collect()
}

fn of(look: &Look) -> Overview {
    Overview::of(look, look, start())
}

#[test]
fn claims_that_beat_are_masters_and_all_others_are_those_of_followers() {
    let line = vec![
        claim(CLAIM, "map1", &beat("hd1", 1)),
        claim("_c_c-lock-0000000003", "map2", ""),
    ];
    let members = vec![node("map2", &beat("hd2", 1), 1, 0, 0)];
    let overview = of(&look(members, line, 0));
    assert_eq!(
        shown_rows(&overview),
        ["master map1 working", "follower map2 working"]
    );
    assert_eq!(overview.rows[0].identity.host, "hd1");
    assert_eq!(overview.master.unwrap().term, None);
}

#[test]
fn what_no_session_owns_or_nobody_may_read_is_no_claim() {
    let mut lasting = claim("_c_x-lock--1", "somebody", "alive at 1.5!\n");
    lasting.value.stat.owner = 0;
    let mut hidden = claim("_c_y-lock-0000000000", "", "");
    hidden.problem = Some("not authorized".to_owned());
    let line = vec![lasting, hidden, claim(CLAIM, "map1", &beat("hd1", 1))];
    let overview = of(&look(Vec::new(), line, 0));
    assert_eq!(shown_rows(&overview), ["master map1 working"]);
}

#[test]
fn standing_masters_wait_behind_the_master() {
    let line = vec![
        claim(
            STANDING,
            "master1",
            "alive at 1.5!\ninterval: 5000us\nrecords-in: 0\n",
        ),
        claim("_c_c-standing-lock-0000000003", "master2", &beat("hd2", 0)),
        claim(CLAIM, "map1", &beat("hd1", 1)),
    ];
    let mut second = look(Vec::new(), line, 500);
    let first = second.clone();
    for node in &mut second.line {
        node.read = Duration::from_millis(500);
    }
    let overview = Overview::of(&first, &second, start());
    // The mapper led until they came.
    assert_eq!(overview.rows[0].role, MemberRole::Master);
    let names = overview
        .rows
        .iter()
        .map(|row| (row.role, row.node.as_str()));
    let names: Vec<_> = names.collect();
    assert_eq!(
        names,
        [
            (MemberRole::Master, "master1"),
            (MemberRole::Standing, "master2"),
            (MemberRole::Follower, "map1"),
        ]
    );
    let records = overview.rows.iter().map(|row| row.records_per_second);
    assert_eq!(records.collect::<Vec<_>>(), [None, None, Some(0.0)]);
}

#[test]
fn a_new_master_is_no_follower_too() {
    let line = vec![claim(CLAIM, "map1", &beat("hd1", 1))];
    let members = vec![node("map1", &beat("hd1", 1), 1, 0, 0)];
    assert_eq!(
        shown_rows(&of(&look(members, line, 0))),
        ["master map1 working"]
    );
}

#[test]
fn the_report_is_from_the_master_whose_claim_is_first() {
    let mut look = look(Vec::new(), vec![claim(CLAIM, "map1", &beat("hd1", 1))], 0);
    look.report = Some(node("", &report(CLAIM), 1, 0, 0));
    let overview = of(&look);
    let term = overview.master.clone().unwrap().term.unwrap();
    assert_eq!(term.epoch, Some(9));
    assert_eq!(overview.master_for(), Some(Duration::from_secs(200)));
    // The previous master's report does not belong to the new one.
    look.report = Some(node("", &report("_c_z-lock-0000000000"), 1, 0, 0));
    assert_eq!(of(&look).master.unwrap().term, None);
}

#[test]
fn the_dead_are_shown_until_they_stand_again() {
    let mut look = look(Vec::new(), vec![claim(CLAIM, "map1", &beat("hd1", 1))], 0);
    look.report = Some(node("", &report(CLAIM), 1, 0, 0));
    let overview = of(&look);
    assert_eq!(
        shown_rows(&overview),
        ["master map1 working", "follower map3 dead"]
    );
    assert_eq!(
        overview.rows[1].identity.attempt.as_deref(),
        Some("attempt_1")
    );
    assert_eq!(overview.rows[1].age, Duration::from_secs(60));
    assert!(overview.is_bad());
    look.members.push(node("map3", &beat("hd1", 1), 1, 0, 0));
    let overview = of(&look);
    assert_eq!(
        shown_rows(&overview),
        ["master map1 working", "follower map3 working"]
    );
    assert!(!overview.is_bad());
}

#[test]
fn an_old_report_of_nobody_is_not_believed_for_ever() {
    let mut look = look(Vec::new(), Vec::new(), 0);
    look.report = Some(node("", &report(CLAIM), 1, 0, 0));
    let dead = |wall| shown_rows(&Overview::of(&look, &look, wall));
    assert_eq!(dead(start()), ["follower map3 dead"]);
    assert!(dead(start() + TimeDelta::minutes(10)).is_empty());
}

#[test]
fn silence_of_all_is_seen_by_the_time_between_the_looks() {
    let silent = |read| vec![node("map1", &beat("hd1", 1), 9, 0, read)];
    let first = look(silent(0), Vec::new(), 0);
    let second = look(silent(500), Vec::new(), 500);
    let overview = Overview::of(&first, &second, start());
    assert_eq!(shown_rows(&overview), ["follower map1 late"]);
    assert_eq!(overview.rows[0].age, Duration::from_millis(500));
}

#[test]
fn nobody_is_nobody() {
    let overview = of(&Look::default());
    assert!(overview.rows.is_empty() && overview.master.is_none() && !overview.is_bad());
    assert_eq!(overview.now, start());
}

#[test]
fn a_master_whose_claim_cannot_be_read_is_not_dead() {
    let mut look = look(Vec::new(), Vec::new(), 0);
    let text = report(CLAIM).replace("master: map1", "master: map3");
    look.report = Some(node("", &text, 1, 0, 0));
    look.has_private_claims = true;
    let overview = of(&look);
    assert_eq!(overview.master.as_ref().unwrap().node, "map3");
    assert!(
        shown_rows(&overview).is_empty(),
        "{:?}",
        shown_rows(&overview)
    );
    assert!(!overview.is_bad());
}
