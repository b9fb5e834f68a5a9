//! Who becomes master after whom, and why: deaths, pauses, ends, and dedicated masters.

use crate::support;
use crate::support::{LoggedEvent, Mapper, Watcher, ZooKeeper, plot};
use rustix::process::Signal;

/// A mapper whose session lasts longer than any test waits: no master is replaced because its session expires.
fn start(zookeeper: &ZooKeeper, name: &str) -> Mapper {
    let address = zookeeper.address();
    let times = ["--timeout", "500ms", "--session-timeout", "40s"];
    Mapper::with_options(&address, &[&["--name", name], &times[..]].concat())
}

/// A dedicated master, and its output.
fn stand(zookeeper: &ZooKeeper, name: &str, options: &[&str]) -> Watcher {
    let address = zookeeper.address();
    let times = ["--timeout", "500ms", "--session-timeout", "40s"];
    let who = ["master", "--zookeeper", &address, "--name", name];
    let options = [&who[..], &times[..], options].concat();
    Watcher::start(env!("CARGO_BIN_EXE_heartline"), &options)
}

fn claims(watcher: &Watcher) -> Vec<LoggedEvent> {
    let story = watcher.story().into_iter();
    story.filter(|logged| logged.event == "claimed").collect()
}

/// The predecessor of the master with this name, and why it went.
fn before(watcher: &Watcher, node: &str) -> (String, String) {
    let claims = claims(watcher);
    let claim = claims.iter().rev().find(|logged| logged.node == node);
    let previous = claim.and_then(|logged| logged.previous.clone());
    previous.unwrap_or_else(|| panic!("{node} followed nobody: {claims:?}"))
}

fn went(node: &str, why: &str) -> (String, String) {
    (node.to_owned(), why.to_owned())
}

#[test]
fn a_killed_master_is_deposed_and_not_waited_for() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let master = start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let _next = start(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");
    let _other = start(&zookeeper, "map3");
    watcher.wait_for_event("alive", "map3");
    master.signal(Signal::KILL);
    watcher.wait_for_event("claimed", "map2");
    assert_eq!(before(&watcher, "map2"), went("map1", "dead"));
    let printed = watcher.lines().len();
    watcher.wait_for("map3 is heard by the new master", |lines| {
        let heard = |line: &&String| line.contains("\"alive\"") && line.contains("map3");
        lines[printed..].iter().find(heard).is_some()
    });
    let epochs: Vec<i64> = claims(&watcher).iter().map(|logged| logged.epoch).collect();
    assert!(epochs.is_sorted_by(|a, b| a < b), "{epochs:?}");
    let story = plot(&watcher.story());
    assert!(
        !story.iter().any(|line| line.starts_with("died")),
        "nobody dies for the change: {story:?}"
    );
}

#[test]
fn a_paused_master_is_replaced_and_returns_as_a_follower() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let mut paused = start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let next = start(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");
    paused.signal(Signal::STOP);
    watcher.wait_for_event("claimed", "map2");
    paused.signal(Signal::CONT);
    watcher.wait_for_event("returned", "map1");
    assert_eq!(before(&watcher, "map2"), went("map1", "dead"));
    paused.feed(b"one two\n");
    let ended = paused.finish();
    assert_eq!(
        (ended.stdout().as_str(), ended.status()),
        ("one\t1\ntwo\t1\n", 0)
    );
    watcher.wait_for_event("finished", "map1");
    assert_eq!(next.finish().status(), 0);
    watcher.wait_for_event("released", "map2");
    let masters = claims(&watcher);
    let masters: Vec<&str> = masters.iter().map(|logged| logged.node.as_str()).collect();
    assert_eq!(masters, ["map1", "map2"]);
    let story = plot(&watcher.story());
    assert!(!story.contains(&"died map2".to_owned()), "{story:?}");
}

#[test]
fn when_master_and_next_in_line_die_at_once_the_third_takes_over() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let times = ["--timeout", "500ms", "--session-timeout", "8s"];
    let start = |name| {
        let options = [&["--name", name], &times[..]].concat();
        Mapper::with_options(&zookeeper.address(), &options)
    };
    let master = start("map1");
    watcher.wait_for_event("claimed", "map1");
    let next = start("map2");
    watcher.wait_for_event("alive", "map2");
    let _third = start("map3");
    watcher.wait_for_event("alive", "map3");
    next.signal(Signal::KILL);
    master.signal(Signal::KILL);
    watcher.wait_for_event("claimed", "map3");
    // The successor's znode remains until its session ends: only a master can have removed it sooner.
    watcher.wait_for_event("died", "map2");
}

#[test]
fn a_removed_successor_leaves_no_gap_in_the_line() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let master = start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let next = start(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");
    let _third = start(&zookeeper, "map3");
    watcher.wait_for_event("alive", "map3");
    next.signal(Signal::KILL);
    watcher.wait_for_event("died", "map2");
    // Its claim was removed with its znode, so that the third has the master before it.
    master.signal(Signal::KILL);
    watcher.wait_for_event("claimed", "map3");
    assert_eq!(before(&watcher, "map3"), went("map1", "dead"));
}

#[test]
fn who_ends_hands_over_and_who_is_long_gone_has_expired() {
    let zookeeper = ZooKeeper::with_settings(&["tickTime=500"]);
    let watcher = Watcher::events(&zookeeper);
    let first = Mapper::with_short_session(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    assert_eq!(claims(&watcher)[0].previous, None);
    let second = Mapper::with_short_session(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");
    assert_eq!(first.finish().status(), 0);
    watcher.wait_for_event("claimed", "map2");
    assert_eq!(before(&watcher, "map2"), went("map1", "finished"));
    second.signal(Signal::KILL);
    zookeeper.wait_until_empty();
    let _third = Mapper::with_short_session(&zookeeper, "map3");
    watcher.wait_for_event("claimed", "map3");
    assert_eq!(before(&watcher, "map3"), went("map2", "expired"));
}

#[test]
fn a_standing_master_takes_over_and_its_backup_after_it() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let mapper = start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let _other = start(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");

    let standing = stand(&zookeeper, "master1", &["--json"]);
    watcher.wait_for_event("claimed", "master1");
    assert_eq!(before(&watcher, "master1"), went("map1", "deposed"));
    watcher.wait_for_event("joined", "map1");
    standing.wait_for_event("claimed", "master1");
    standing.wait_for_event("alive", "map2");

    let second = assert_cmd::Command::new(env!("CARGO_BIN_EXE_heartline"))
        .args(["master", "--zookeeper", &zookeeper.address()])
        .timeout(support::SOON)
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let reason = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        reason.contains("master1 is already the dedicated master") && reason.contains("--backup"),
        "{reason}"
    );

    let backup = stand(&zookeeper, "master2", &["--backup"]);
    backup.wait_for("it has seen who is master", |lines| {
        lines.iter().any(|line| line == "master master1")
    });
    zookeeper.wait_until_in_line("master2");
    standing.signal(Signal::KILL);
    watcher.wait_for_event("claimed", "master2");
    assert_eq!(before(&watcher, "master2"), went("master1", "dead"));
    backup.wait_for("it says why", |lines| {
        let why = ": master master1 has died!";
        lines.iter().any(|line| line.ends_with(why))
    });

    backup.signal(Signal::TERM);
    watcher.wait_for("a mapper is master again", |_| {
        let claims = claims(&watcher);
        claims
            .last()
            .is_some_and(|logged| logged.node.starts_with("map"))
    });
    let last = claims(&watcher).pop().unwrap();
    assert_eq!(last.previous, Some(went("master2", "finished")));
    drop(mapper);
}

#[test]
fn a_killed_standing_master_can_be_started_again_at_once() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let first = stand(&zookeeper, "master1", &[]);
    watcher.wait_for_event("claimed", "master1");
    first.signal(Signal::KILL);
    // Its claim remains for 40 s more.
    let _again = stand(&zookeeper, "master2", &[]);
    watcher.wait_for_event("claimed", "master2");
    assert_eq!(before(&watcher, "master2"), went("master1", "dead"));
}

#[test]
fn a_late_watcher_learns_since_when_and_after_which_master() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let first = start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let _second = start(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");
    first.signal(Signal::KILL);
    watcher.wait_for_event("claimed", "map2");
    // Longer than the reports repeat an event.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let later = Watcher::events(&zookeeper);
    later.wait_for_event("claimed", "map2");
    assert_eq!(before(&later, "map2"), went("map1", "dead"));
    let same = |watcher: &Watcher| {
        let lines = watcher.lines();
        let claim = lines.iter().rev().find(|line| line.contains("claimed"));
        let claim: serde_json::Value = serde_json::from_str(claim.unwrap()).unwrap();
        (claim["time"].clone(), claim["epoch"].clone())
    };
    assert_eq!(same(&later), same(&watcher));
}
