//! Events that came and went unread are counted at the place where they are missing.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Published, Publisher, SOON, Watcher, ZooKeeper, wait_until};
use serde_json::Value;
use tempfile::TempDir;

const MASTER: &str = "/heart_beat_master";

/// A server with the znodes of a job that has not begun.
fn prepared() -> ZooKeeper {
    let zookeeper = ZooKeeper::start();
    zookeeper.visit(async |session| session.prepare().await.unwrap());
    zookeeper
}

/// A report that has counted up to `sequence`, and repeats the events with these numbers: each one is the death of the
/// node with this number.
fn report(epoch: i64, sequence: u64, repeated: impl IntoIterator<Item = u64>) -> String {
    let event = |number| format!("event {number} {epoch} 2026-01-01T00:00:00Z died map{number}\n");
    let events: String = repeated.into_iter().map(event).collect();
    format!("epoch: {epoch}\nsequence: {sequence}\n{events}")
}

/// The numbers of events, and the counts of lost events as negative numbers.
fn numbers(lines: &[String]) -> Vec<i64> {
    let number = |line: &String| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        if event["event"] == "lost" {
            assert!(
                event["node"].is_null() && event["since"].is_string(),
                "{line}"
            );
            return event["count"].as_i64().map(|count| -count);
        }
        event["sequence"].as_i64()
    };
    lines.iter().filter_map(number).collect()
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_watcher_counts_what_it_has_missed() {
    let zookeeper = prepared();
    let json = Watcher::events(&zookeeper);
    let program = env!("CARGO_BIN_EXE_watch-master");
    let text = Watcher::start(program, &["--zookeeper", &zookeeper.address()]);
    text.wait_for("the free value", |lines| {
        lines.iter().any(|line| line == "this is a master map!")
    });
    let set_report = |report: &str, last: &str| {
        zookeeper.set(MASTER, report.as_bytes());
        json.wait_for_event("died", last);
    };
    set_report(&report(5, 2, [1, 2]), "map2");
    set_report(&report(5, 9, [7, 8, 9]), "map9");
    // Another master continues the numbers.
    set_report(&report(8, 12, [11, 12]), "map12");
    // Events that no report repeats any more.
    zookeeper.set(MASTER, report(8, 29, []).as_bytes());
    json.wait_for("what is over is lost", |lines| {
        numbers(lines).last() == Some(&-17)
    });
    // A reset.
    set_report(&report(20, 3, [3]), "map3");
    assert_eq!(
        numbers(&json.lines()),
        [1, 2, -4, 7, 8, 9, -1, 11, 12, -17, -2, 3]
    );
    text.wait_for("the last event", |lines| {
        lines.last().is_some_and(|line| line == "delete node map3")
    });
    let lost = text.lines();
    let lost = lost.iter().filter(|line| line.ends_with(" lost"));
    let lost: Vec<_> = lost.map(|line| line.rsplit(": ").next().unwrap()).collect();
    assert_eq!(
        lost,
        [
            "4 events were lost",
            "1 event was lost",
            "17 events were lost",
            "2 events were lost"
        ]
    );
}

#[test]
fn who_comes_late_misses_nothing_that_was_promised() {
    let zookeeper = prepared();
    zookeeper.set(MASTER, report(5, 700, [699, 700]).as_bytes());
    let json = Watcher::events(&zookeeper);
    json.wait_for_event("died", "map700");
    zookeeper.set(MASTER, report(5, 701, [700, 701]).as_bytes());
    json.wait_for_event("died", "map701");
    assert_eq!(numbers(&json.lines()), [699, 700, 701]);
}

#[test]
fn a_file_counts_what_came_and_went_while_nobody_wrote_it() {
    let zookeeper = prepared();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("events");
    let target = format!("file:{}", path.display());
    let start = || Publisher::start(&zookeeper.address(), &["--to", &target], Stdio::null());
    let wait_for = |last: i64| {
        wait_until("it is reported", SOON, || {
            numbers(&lines(&path)).last() == Some(&last)
        });
    };
    let running = start();
    wait_until("it is connected", SOON, || !lines(&path).is_empty());
    zookeeper.set(MASTER, report(5, 2, [1, 2]).as_bytes());
    wait_for(2);
    zookeeper.set(MASTER, report(5, 6, [5, 6]).as_bytes());
    wait_for(6);
    assert_eq!(running.end().0, Some(0));

    zookeeper.set(MASTER, report(5, 20, [20]).as_bytes());
    let again = start();
    wait_for(20);
    zookeeper.set(MASTER, report(5, 30, []).as_bytes());
    wait_for(-10);
    assert_eq!(again.end().0, Some(0));

    // Events reported as lost are not reported again.
    let third = start();
    wait_until("it is connected again", SOON, || {
        let connected = |line: &&String| line.contains("\"connected\"");
        lines(&path).iter().filter(connected).count() == 3
    });
    zookeeper.set(MASTER, report(5, 31, [31]).as_bytes());
    wait_for(31);
    assert_eq!(third.end().0, Some(0));
    assert_eq!(numbers(&lines(&path)), [1, 2, -2, 5, 6, -13, 20, -10, 31]);
    assert!(Published::all(&fs::read_to_string(&path).unwrap()).len() >= 12);
}
