//! The whole history of a heartbeat on a real server: who is master, what it reports of each follower, in
//! which words and in which order.

use std::fs;
use std::time::Duration;

use crate::support::{Mapper, Watcher, ZooKeeper, pair, plot, wait_until};
use rustix::process::Signal;
use tempfile::TempDir;

#[test]
fn a_follower_finishes_and_the_master_hands_over() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let mut master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let mut follower = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("joined", "map2");
    watcher.wait_for_event("alive", "map2");
    follower.feed(b"b b");
    assert_eq!(follower.finish().stdout(), "b\t1\nb\t1\n");
    watcher.wait_for_event("finished", "map2");
    master.feed(b"a");
    let ended = master.finish();
    assert_eq!(
        (ended.status(), ended.stdout(), ended.stderr()),
        (0, "a\t1\n".into(), String::new())
    );
    watcher.wait_for_event("released", "map1");
    assert_eq!(
        plot(&watcher.story()),
        [
            "connected",
            "claimed map1",
            "joined map2",
            "finished map2",
            "released map1"
        ]
    );
    assert_eq!(
        zookeeper.znode("/heart_beat_master").lines().next(),
        Some("this is a master map!")
    );
}

#[test]
fn a_job_after_another_needs_no_setup() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    for name in ["map1", "map2"] {
        let mapper = Mapper::start(&zookeeper, name);
        watcher.wait_for_event("claimed", name);
        assert_eq!(mapper.finish().status(), 0);
        watcher.wait_for_event("released", name);
    }
    let story = watcher.story();
    let epochs: Vec<i64> = story
        .iter()
        .filter(|logged| logged.event == "claimed")
        .map(|logged| logged.epoch)
        .collect();
    assert!(epochs[0] < epochs[1], "epochs grow: {epochs:?}");
}

#[test]
fn a_killed_follower_has_died_and_its_node_is_deleted() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master, follower) = pair(&zookeeper);
    follower.signal(Signal::KILL);
    watcher.wait_for_event("died", "map2");
    assert!(
        !zookeeper.exists("/heart_beat/map2"),
        "its node is deleted with the verdict"
    );
    // Long before ZooKeeper itself would remove the ephemeral znode.
    let story = plot(&watcher.story());
    assert_eq!(
        story.last().map(String::as_str),
        Some("died map2"),
        "{story:?}"
    );
}

#[test]
fn a_paused_follower_dies_and_returns() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let mut follower = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");
    follower.feed(b"one ");
    follower.signal(Signal::STOP);
    watcher.wait_for_event("died", "map2");
    follower.signal(Signal::CONT);
    watcher.wait_for_event("returned", "map2");
    follower.feed(b"two");
    let ended = follower.finish();
    assert_eq!(
        (ended.status(), ended.stdout()),
        (0, "one\t1\ntwo\t1\n".to_owned())
    );
    watcher.wait_for_event("finished", "map2");
    assert_eq!(
        plot(&watcher.story()),
        [
            "connected",
            "claimed map1",
            "joined map2",
            "died map2",
            "returned map2",
            "finished map2"
        ]
    );
}

#[test]
fn the_next_in_line_takes_over_from_a_master_that_ends() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let first = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let _second = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("joined", "map2");
    let third = Mapper::start(&zookeeper, "map3");
    watcher.wait_for_event("joined", "map3");
    first.finish();
    watcher.wait_for_event("claimed", "map2");
    third.finish();
    watcher.wait_for_event("finished", "map3");
    let story = plot(&watcher.story());
    let handover: Vec<&str> = story.iter().map(String::as_str).skip(4).collect();
    // map3 was known to the first master: the change makes it neither join again nor die.
    assert_eq!(handover, ["released map1", "claimed map2", "finished map3"]);
}

#[test]
fn a_member_says_which_attempt_it_is() {
    let zookeeper = ZooKeeper::start();
    let attempt = "attempt_1700000000000_0001_m_000000_0";
    let watcher = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let _follower = Mapper::with_attempt(&zookeeper, "map2", attempt);
    watcher.wait_for_event("alive", "map2");
    let value = zookeeper.znode("/heart_beat/map2");
    assert!(
        value
            .lines()
            .any(|line| line == format!("attempt: {attempt}")),
        "{value}"
    );
}

#[test]
fn the_watchers_files_and_lines_are_for_people() {
    let zookeeper = ZooKeeper::start();
    let folder = TempDir::new().unwrap();
    let address = zookeeper.address();
    let lines = Watcher::start(
        env!("CARGO_BIN_EXE_watch-master"),
        &["--zookeeper", &address],
    );
    let directory = folder.path().to_str().unwrap();
    let _files = Watcher::start(
        env!("CARGO_BIN_EXE_watch-slave"),
        &["--zookeeper", &address, "--output-dir", directory],
    );
    lines.wait_for("it is connected", |lines| lines == ["zookeeper: CONNECTED"]);
    // With the usual 20 ms.
    let start = |name| Mapper::with_options(&address, &["--name", name]);
    let master = start("map1609240709.19");
    lines.wait_for("the claim", |lines| {
        lines.contains(&"master map1609240709.19".to_owned())
    });
    let victim = start("map1609240709.52");
    lines.wait_for("life", |lines| {
        ends(lines, ": follower map1609240709.52 still alive")
    });
    victim.signal(Signal::KILL);
    lines.wait_for("death", |lines| ends(lines, "delete node map1609240709.52"));
    master.finish();
    lines.wait_for("the end", |lines| ends(lines, "this is a master map!"));

    let lines = lines.lines();
    let death = lines
        .iter()
        .position(|line| line.ends_with(": follower map1609240709.52 has died!"));
    assert_eq!(lines[death.unwrap() + 1], "delete node map1609240709.52");

    let file = folder.path().join("follower_map1609240709.52.txt");
    wait_until("the file is written", Duration::from_secs(5), || {
        file.exists()
    });
    let text = fs::read_to_string(file).unwrap();
    let head: Vec<&str> = text.lines().take(3).collect();
    assert_eq!(
        head[..2],
        [
            "this is follower node map1609240709.52",
            "zookeeper: CONNECTED"
        ]
    );
    let beat = "set value of node /heart_beat/follower_map1609240709.52 as alive at ";
    let beats: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix(beat))
        .collect();
    assert!(!beats.is_empty(), "{text}");
    assert!(
        beats[0].strip_suffix("!!").unwrap().parse::<f64>().is_ok(),
        "{}",
        beats[0]
    );
}

fn ends(lines: &[String], end: &str) -> bool {
    lines.iter().any(|line| line.ends_with(end))
}
