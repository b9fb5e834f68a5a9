//! Followers that reports count instead of naming them: a new master reports no join twice and misses nobody.

use super::crowds::{Seen, drive, rarely, usual_name};
use super::*;
use crate::protocol::report::fingerprint;

/// The znodes of a job: the name of each follower, and the zxid of its creation.
pub(super) type Znodes = Vec<(String, i64)>;

/// What a new master reports of those who joined, returned and finished, and how many event numbers it leaves out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Succession {
    joined: BTreeSet<String>,
    finished: BTreeSet<String>,
    missing: u64,
}

fn znodes(of: &[(&str, i64)]) -> Znodes {
    of.iter()
        .map(|(node, created)| ((*node).to_owned(), *created))
        .collect()
}

fn made(created: i64) -> FollowerReading {
    FollowerReading {
        created,
        ..reading(1)
    }
}

/// A master whose reports have room for `names` bytes of names, and that has announced its claim.
pub(super) fn master(names: usize, request_limit: Option<usize>) -> MasterState {
    let prior = PriorState {
        request_limit,
        ..inherited(Report::default())
    };
    let elected = Elected {
        claim: "_c_a-lock-0000000001".to_owned(),
        deposed_as: None,
        cause: None,
    };
    let pace = MasterConfig {
        names,
        budget: u32::MAX,
        ..PACE
    };
    let own = ("map1.0", &Identity::default());
    let mut master_state = MasterState::begin(at(0), own, &elected, pace, prior);
    tick(&mut master_state, 0);
    master_state
}

/// Lists these znodes and reads all of them.
pub(super) fn read(master_state: &mut MasterState, znodes: &Znodes, listed: i64) {
    let names = znodes.iter().map(|(node, _)| node.clone()).collect();
    master_state.listed(at(0), &names, listed);
    for (node, created) in znodes {
        master_state.heard(at(0), node, &made(*created));
    }
}

/// All of these beat.
pub(super) fn hear(master_state: &mut MasterState, znodes: &[(String, i64)], ms: u64) {
    for (node, created) in znodes {
        let reading = FollowerReading {
            created: *created,
            ..rarely(i32::try_from(ms).unwrap())
        };
        master_state.heard(at(ms), node, &reading);
    }
}

/// A report with all that the master knows.
pub(super) fn last_report(master_state: &mut MasterState, ms: u64) -> String {
    let Write::Release { report } = master_state.release(at(ms), Ending::Finished) else {
        panic!("it releases its claim");
    };
    report
}

/// What the next master inherits.
fn left(report: &str) -> PriorState {
    PriorState {
        zxid: 1_000_000,
        ..inherited(Report::parse(report.as_bytes()))
    }
}

fn heir(prior: PriorState) -> MasterState {
    let elected = Elected {
        claim: format!("_c_h-lock-{:010}", prior.zxid),
        deposed_as: None,
        cause: None,
    };
    let pace = MasterConfig { names: 40, ..PACE };
    let own = ("heir.0", &Identity::default());
    MasterState::begin(at(0), own, &elected, pace, prior)
}

/// What a new master has reported by now.
fn reported(heir: &mut MasterState, seen: &mut Seen, ms: u64) -> Succession {
    // A number that is left out shows with the next event.
    heir.heard(at(ms), "last", &made(900_000));
    while heir.news.waiting() > 0 {
        drive(heir, ms, seen);
    }
    let own: Vec<&Event> = seen.own(1_000_000).collect();
    let of = |kinds: &[EventKind]| {
        let events = own.iter().filter(|event| kinds.contains(&event.event));
        let nodes = events.filter_map(|event| event.node.clone());
        nodes.filter(|node| node != "last").collect()
    };
    let number = |event: Option<&&Event>| event.and_then(|event| event.sequence).unwrap();
    let numbers = number(own.last()) - number(own.first()) + 1;
    Succession {
        joined: of(&[EventKind::Joined, EventKind::Returned]),
        finished: of(&[EventKind::Finished]),
        missing: numbers - own.len() as u64,
    }
}

/// What a new master reports that inherits `report` and finds these znodes.
pub(super) fn succeed(report: &str, znodes: &Znodes) -> Succession {
    let mut heir = heir(left(report));
    let mut seen = Seen::default();
    drive(&mut heir, 0, &mut seen);
    read(&mut heir, znodes, 950_000);
    reported(&mut heir, &mut seen, 5)
}

pub(super) fn is(joined: &[&str], finished: &[&str], missing: u64) -> Succession {
    Succession {
        joined: names(joined),
        finished: names(finished),
        missing,
    }
}

#[test]
fn a_small_job_is_named_and_its_followers_finish_by_name() {
    let all = znodes(&[("a", 3), ("b", 4)]);
    let mut master_state = master(NAMES, None);
    read(&mut master_state, &all, 9);
    let report = last_report(&mut master_state, 5);
    assert!(report.contains("\nfollowers: a b\n"), "{report}");
    assert!(!report.contains("others: "), "{report}");
    assert_eq!(succeed(&report, &znodes(&[("a", 3)])), is(&[], &["b"], 0));
}

#[test]
fn the_watermark_is_below_a_follower_that_is_not_read_yet() {
    let all = znodes(&[("a", 3), ("b", 15), ("c", 17)]);
    let mut master_state = master(0, None);
    read(&mut master_state, &all[..1].to_vec(), 10);
    // Of two new ones, one is read.
    master_state.listed(at(0), &names(&["a", "b", "c"]), 20);
    master_state.heard(at(0), "c", &made(17));
    let report = last_report(&mut master_state, 5);
    let value = Report::parse(report.as_bytes());
    assert_eq!(value.others.unwrap().created, 10);
    assert_eq!(succeed(&report, &all), is(&["b"], &[], 0));
    master_state.heard(at(5), "b", &made(15));
    let report = last_report(&mut master_state, 10);
    assert_eq!(succeed(&report, &all), is(&[], &[], 0));
}

#[test]
fn the_watermark_is_not_above_the_list() {
    let mut master_state = master(0, None);
    read(&mut master_state, &znodes(&[("a", 3), ("b", 4)]), 10);
    // One has created a new znode, in a new session. Another one has joined before, and is on no list yet.
    master_state.heard(at(0), "a", &made(25));
    let report = last_report(&mut master_state, 5);
    let found = znodes(&[("a", 25), ("b", 4), ("c", 22)]);
    assert_eq!(succeed(&report, &found), is(&["c"], &[], 0));
}

#[test]
fn who_was_not_reported_to_have_joined_is_reported_by_the_next_master() {
    let all: Znodes = (0..200)
        .rev()
        .map(usual_name)
        .zip((100..300).rev())
        .collect();
    let all_names: BTreeSet<String> = all.iter().map(|(node, _)| node.clone()).collect();
    let mut master_state = master(100, Some(limits::LEAST));
    read(&mut master_state, &all, 400);
    let (mut told, mut reports) = (BTreeSet::new(), 0);
    while told.len() < all.len() {
        reports += 1;
        assert!(reports < 100, "{} are told of", told.len());
        hear(&mut master_state, &all, 1000 * reports);
        let Some(report) = tick(&mut master_state, 1000 * reports) else {
            continue;
        };
        let value = Report::parse(report.as_bytes());
        told.extend(value.events.iter().filter_map(|event| event.node.clone()));
        told.remove("map1.0");
        let next = succeed(&report, &all);
        let untold: BTreeSet<String> = all_names.difference(&told).cloned().collect();
        assert_eq!((next.joined, next.missing), (untold, 0), "{report}");
    }
    assert!(reports > 2, "all joins in {reports} reports");
    // It ends before it has reported all.
    let mut master_state = master(100, Some(limits::LEAST));
    read(&mut master_state, &all, 400);
    let report = last_report(&mut master_state, 1000);
    let events = Report::parse(report.as_bytes()).events.into_iter();
    let told: BTreeSet<String> = events.filter_map(|event| event.node).collect();
    let untold: BTreeSet<String> = all_names.difference(&told).cloned().collect();
    assert_eq!(succeed(&report, &all).joined, untold);
}

#[test]
fn the_dead_who_may_have_returned_are_not_counted() {
    let mut all: Znodes = (0..40).map(|number| (usual_name(number), 3)).collect();
    all.push(("z".to_owned(), 4));
    let mut master_state = master(0, Some(limits::LEAST));
    read(&mut master_state, &all, 10);
    let mut ms = 0;
    while master_state.followers() > 1 {
        ms += 5;
        assert!(ms < 5000, "they die");
        master_state.heard(at(ms), "z", &reading(i32::try_from(ms).unwrap()));
        tick(&mut master_state, ms);
    }
    // The deaths are no longer repeated, and the report names some of the dead only.
    ms += 2000;
    master_state.heard(at(ms), "z", &reading(9000));
    tick(&mut master_state, ms);
    let back = usual_name(0);
    master_state.listed(at(ms), &names(&["z", &back]), 60);
    let report = last_report(&mut master_state, ms);
    let value = Report::parse(report.as_bytes());
    assert!(value.more_dead > 0 && !value.dead.iter().any(|dead| dead.node == back));
    let found = vec![("z".to_owned(), 4), (back.clone(), 50)];
    assert_eq!(succeed(&report, &found), is(&[&back], &[], 0));
    // It was not there after all: the list was old.
    master_state.vanished(at(ms), &back);
    let report = last_report(&mut master_state, ms);
    let others = Report::parse(report.as_bytes()).others.unwrap();
    assert_eq!(others.created, 60);
}

#[test]
fn who_finished_and_is_there_again_is_not_counted() {
    let mut master_state = master(0, None);
    read(&mut master_state, &znodes(&[("a", 3), ("b", 4)]), 10);
    tick(&mut master_state, 5);
    // The list already has another one of its name.
    master_state.listed(at(5), &names(&["a", "b"]), 30);
    master_state.vanished(at(5), "a");
    let report = last_report(&mut master_state, 10);
    let found = znodes(&[("a", 25), ("b", 4)]);
    assert_eq!(succeed(&report, &found), is(&["a"], &[], 0));
}

#[test]
fn a_report_counts_nobody_that_it_names() {
    let mut master_state = master(0, None);
    read(&mut master_state, &znodes(&[("a", 3), ("b", 4)]), 10);
    tick(&mut master_state, 5);
    master_state.heard(at(25), "a", &reading(7));
    let report = tick(&mut master_state, 30).unwrap();
    assert!(report.contains(": follower a still alive\n"), "{report}");
    let found = znodes(&[("a", 3), ("b", 4)]);
    assert_eq!(succeed(&report, &found), is(&[], &[], 0));
    assert_eq!(
        succeed(&report, &found[..1].to_vec()),
        is(&[], &[], 1),
        "{report}"
    );
}

/// The report of a master with three followers that it counts.
fn of_three(third: &str) -> (String, Znodes) {
    let all = znodes(&[("a", 3), ("b", 4), (third, 5)]);
    let mut master_state = master(0, None);
    read(&mut master_state, &all, 10);
    (last_report(&mut master_state, 5), all)
}

#[test]
fn a_new_master_does_not_miss_itself() {
    let (report, all) = of_three("heir.0");
    let mut heir = heir(PriorState {
        own_created: 5,
        ..left(&report)
    });
    let mut seen = Seen::default();
    drive(&mut heir, 0, &mut seen);
    read(&mut heir, &all[..2].to_vec(), 950_000);
    assert_eq!(reported(&mut heir, &mut seen, 5), is(&[], &[], 0));
    let older = format!("epoch: 3\nfingerprints: {:x}\n", fingerprint("heir.0"));
    assert_eq!(succeed(&older, &Znodes::new()), is(&[], &[], 0));
}

#[test]
fn who_leaves_before_it_is_read_is_missing() {
    let (report, _) = of_three("f");
    let mut heir = heir(left(&report));
    let mut seen = Seen::default();
    drive(&mut heir, 0, &mut seen);
    heir.listed(at(0), &names(&["a", "b"]), 950_000);
    heir.vanished(at(0), "a");
    assert_eq!(heir.followers(), 1);
    heir.heard(at(0), "b", &made(4));
    assert_eq!(reported(&mut heir, &mut seen, 5), is(&[], &[], 2));
}

#[test]
fn what_is_passed_over_does_not_keep_the_count_open() {
    let (report, _) = of_three("f");
    let mut heir = heir(left(&report));
    let mut seen = Seen::default();
    drive(&mut heir, 0, &mut seen);
    heir.listed(at(0), &names(&["a", "b", "junk"]), 950_000);
    heir.pass_over(at(0), "junk", "not a member".to_owned());
    heir.heard(at(0), "a", &made(3));
    heir.heard(at(0), "b", &made(4));
    assert_eq!(reported(&mut heir, &mut seen, 5), is(&[], &[], 1));
}

#[test]
fn masters_that_end_soon_hand_on_what_they_inherited() {
    let (report, all) = of_three("f");
    let gone = all[1..].to_vec();
    let mut first = heir(PriorState {
        zxid: 500_000,
        ..left(&report)
    });
    let before_the_list = tick(&mut first, 0).unwrap();
    assert_eq!(succeed(&before_the_list, &gone), is(&[], &[], 1));
    let new = [gone, znodes(&[("c", 70), ("d", 71)])].concat();
    let listed = new.iter().map(|(node, _)| node.clone()).collect();
    first.listed(at(0), &listed, 80);
    first.heard(at(0), "b", &made(4));
    first.heard(at(0), "c", &made(70));
    // Two are not read yet.
    let report = last_report(&mut first, 5);
    assert_eq!(succeed(&report, &new), is(&["d"], &[], 1));
    // Fingerprints of an older version are handed on, too.
    let older = "epoch: 3\nfingerprints: 5f2a\nsequence: 8\n";
    let report = tick(&mut heir(left(older)), 0).unwrap();
    assert!(report.contains("\nfingerprints: 5f2a\n"), "{report}");
}

#[test]
fn who_comes_back_after_an_outage_is_no_new_follower() {
    let (report, _) = of_three("f");
    let report = format!("{report}dead d 2020-12-29T11:18:29.000000Z -\n");
    let mut heir = heir(PriorState {
        grace: Duration::from_secs(2),
        written: at(0).wall - TimeDelta::seconds(30),
        ..left(&report)
    });
    let mut seen = Seen::default();
    drive(&mut heir, 0, &mut seen);
    // All sessions have ended. One follower is back, and one joins for the first time.
    heir.listed(at(0), &names(&[]), 90);
    let mut back = made(100);
    back.beat.identity.earlier_joins = 1;
    for ms in (5..2000).step_by(5) {
        back.version += 1;
        let fresh = FollowerReading {
            version: back.version,
            ..made(101)
        };
        heir.heard(at(ms), "a", &back);
        heir.heard(at(ms), "c", &fresh);
        heir.heard(at(ms), "d", &back);
        drive(&mut heir, ms, &mut seen);
    }
    assert_eq!(heir.roster.len(), 2);
    // Two are not back when the time of grace is over.
    drive(&mut heir, 2000, &mut seen);
    assert_eq!(heir.roster.len(), 0);
    let returned = is(&["c", "d"], &[], 2);
    assert_eq!(reported(&mut heir, &mut seen, 2005), returned);
}

#[test]
fn who_is_back_too_late_to_tell_is_no_new_follower_if_it_says_so() {
    let mut heir = heir(PriorState {
        written: at(0).wall - PACE.session * 3 / 4,
        ..left("epoch: 3\nfollowers: a b\nsequence: 8\n")
    });
    let mut seen = Seen::default();
    drive(&mut heir, 0, &mut seen);
    heir.listed(at(0), &names(&[]), 90);
    let mut back = made(100);
    back.beat.identity.earlier_joins = 1;
    heir.heard(at(5), "a", &back);
    // Another process may have taken this name.
    heir.heard(at(5), "b", &made(101));
    assert_eq!(reported(&mut heir, &mut seen, 10), is(&["b"], &[], 0));
}

#[test]
fn a_watermark_in_the_future_is_no_masters() {
    let value = "epoch: 3\nothers: 4000000000 7fffffffffffffff\nsequence: 8\n";
    assert_eq!(succeed(value, &znodes(&[("a", 3)])), is(&["a"], &[], 0));
    let value = "epoch: 3\nothers: -1 zz\nsequence: 8\n";
    assert_eq!(succeed(value, &znodes(&[("a", 3)])), is(&["a"], &[], 0));
}
