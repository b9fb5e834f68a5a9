//! Ten thousand followers: what reports cost, and what a new master learns from them.

use super::crowds::usual_name;
use super::roster::{Znodes, hear, is, last_report, master, read, succeed};
use super::*;

/// A job of ten thousand, all of which have joined.
fn ten_thousand() -> (MasterState, Znodes, u64) {
    let all: Znodes = (0..10_000)
        .map(|number| (usual_name(number), 10 + i64::try_from(number).unwrap()))
        .collect();
    let mut master_state = master(NAMES, None);
    read(&mut master_state, &all, 20_000);
    let mut ms = 0;
    while master_state.news.waiting() > 0 {
        ms += 100;
        assert!(ms < 60_000, "all are told of");
        tick(&mut master_state, ms);
        hear(&mut master_state, &all, ms);
    }
    // No report repeats the joins.
    ms += 1000;
    hear(&mut master_state, &all, ms);
    (master_state, all, ms)
}

#[test]
fn steady_reports_of_ten_thousand_take_a_bounded_rate_and_list_all() {
    let (mut master_state, all, began) = ten_thousand();
    let (mut ms, mut bytes, mut largest) = (began, 0, 0);
    let mut alive = BTreeSet::new();
    while ms < began + 8000 {
        ms += 10;
        if (ms - began).is_multiple_of(1000) {
            hear(&mut master_state, &all, ms);
        }
        let report = tick(&mut master_state, ms).unwrap_or_default();
        bytes += report.len();
        largest = largest.max(report.len());
        alive.extend(Report::parse(report.as_bytes()).alive());
        assert!(!report.contains("fingerprints"));
    }
    assert!(bytes < 8 * 520 * 1024, "{bytes} bytes in 8 s");
    assert!(largest < 20 * 1024, "{largest} bytes in a report");
    assert_eq!(alive.len(), all.len(), "all are listed");
}

#[test]
fn the_report_of_a_death_among_ten_thousand_is_small() {
    let (mut master_state, mut all, mut ms) = ten_thousand();
    let (silent, _) = all.remove(77);
    let report = loop {
        ms += 100;
        assert!(ms < 60_000, "it is silent for too long");
        hear(&mut master_state, &all, ms);
        // The master hears itself.
        for echo in 0..20 {
            master_state.echo(at(ms + 5 * echo));
        }
        let write = master_state.next_write(at(ms + 99)).unwrap();
        master_state.written(at(ms + 99), Outcome::Done);
        if let Write::RemoveDead { removed, report } = write {
            assert_eq!(removed.len(), 1);
            assert_eq!(removed[0].node, silent);
            break report;
        }
    };
    assert!(report.len() < 1024, "{} bytes", report.len());
}

#[test]
fn a_new_master_of_ten_thousand_reports_no_join_twice_and_misses_nobody() {
    let (mut master_state, all, ms) = ten_thousand();
    let report = last_report(&mut master_state, ms);
    let known = Report::parse(report.as_bytes());
    assert_eq!(known.others.unwrap().count, 10_000);
    assert!(known.known.is_empty() && known.fingerprints.is_empty());
    // Three have left, one has joined.
    let mut found = all[3..].to_vec();
    found.push(("new".to_owned(), 30_000));
    assert_eq!(succeed(&report, &found), is(&["new"], &[], 3));
    assert_eq!(succeed(&report, &all), is(&[], &[], 0));
}
