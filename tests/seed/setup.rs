//! `setup-zookeeper` creates and resets znodes any number of times, and spares living members.

use std::time::{Duration, Instant};

use crate::support::{ZooKeeper, pair};
use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;

fn setup(zookeeper: &ZooKeeper, options: &[&str]) -> assert_cmd::assert::Assert {
    Command::new(env!("CARGO_BIN_EXE_setup-zookeeper"))
        .args(["--zookeeper", &zookeeper.address()])
        .args(options)
        .assert()
}

#[test]
fn it_creates_and_is_safe_to_run_twice() {
    let zookeeper = ZooKeeper::start();
    for _ in 0..2 {
        setup(&zookeeper, &[])
            .success()
            .stdout("connected\n\n")
            .stderr("");
        assert_eq!(
            zookeeper.znode("/heart_beat_master"),
            "this is a master map!"
        );
        assert_eq!(zookeeper.znode("/heart_beat"), "");
    }
}

#[test]
fn it_resets_what_an_earlier_job_left() {
    let zookeeper = ZooKeeper::start();
    setup(&zookeeper, &[]).success();
    // The state that the old program leaves: persistent znodes with no process behind them.
    zookeeper.visit(async |session| {
        session
            .set("/heart_beat_master", "delete node map1")
            .await
            .unwrap();
    });
    zookeeper.create_lasting("/heart_beat/map1", "alive at 1.5!");
    setup(&zookeeper, &[]).success();
    assert_eq!(
        zookeeper.znode("/heart_beat_master"),
        "this is a master map!"
    );
    assert!(!zookeeper.exists("/heart_beat/map1"));
}

#[test]
fn it_says_who_is_alive_and_refuses() {
    let zookeeper = ZooKeeper::start();
    let (_watcher, _master, _follower) = pair(&zookeeper);
    setup(&zookeeper, &[])
        .code(1)
        .stderr(contains("map1 (master), map2 (in line)").and(contains("--force")));
    assert!(zookeeper.exists("/heart_beat/map2"));
}

#[test]
fn forced_it_puts_them_out_and_they_come_back() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master, _follower) = pair(&zookeeper);
    setup(&zookeeper, &["--force"]).success();
    watcher.wait_for("one is master again, and the other follows", |lines| {
        let count_of = |word: &str| lines.iter().filter(|line| line.contains(word)).count();
        count_of("\"claimed\"") == 2 && count_of("\"returned\"") + count_of("\"joined\"") >= 2
    });
}

#[test]
fn a_namespace_is_made_and_kept_apart() {
    let zookeeper = ZooKeeper::start();
    setup(&zookeeper, &["--namespace", "/jobs/a"]).success();
    assert_eq!(
        zookeeper.znode("/jobs/a/heart_beat_master"),
        "this is a master map!"
    );
    assert!(!zookeeper.exists("/heart_beat_master"));
}

#[test]
fn without_a_server_it_says_what_to_look_at() {
    let mut zookeeper = ZooKeeper::start();
    zookeeper.kill();
    setup(&zookeeper, &[])
        .code(1)
        .stderr(contains("nothing listens on"));
}

#[test]
fn what_cannot_be_removed_is_named_and_all_else_is_reset() {
    let zookeeper = ZooKeeper::start();
    setup(&zookeeper, &[]).success();
    for path in [
        "/heart_beat/junk",
        "/heart_beat/junk/child",
        "/heart_beat/map1",
        "/heart_beat_master/_c_x-lock-1",
    ] {
        zookeeper.create_lasting(path, "alive at 1.5!");
    }
    zookeeper.create_lasting("/heart_beat_master/_c_x-lock-1/child", "");
    zookeeper.create_unreadable("/heart_beat/hidden", "");
    zookeeper.set("/heart_beat_master", b"delete node map1");
    // Whether a member beats on a znode that may not be read is unknown.
    setup(&zookeeper, &[])
        .code(1)
        .stderr(contains("hidden").and(contains("--force")));
    let named = contains("cannot remove /heart_beat/junk: ")
        .and(contains("cannot remove /heart_beat_master/_c_x-lock-1: "))
        .and(contains("2 znodes cannot be removed"));
    setup(&zookeeper, &["--force"]).code(1).stderr(named);
    assert_eq!(
        zookeeper.znode("/heart_beat_master"),
        "this is a master map!"
    );
    assert!(zookeeper.exists("/heart_beat/junk/child"));
    zookeeper.visit(async |session| {
        let (members, _) = session.members().await.unwrap();
        assert_eq!(members, ["junk"]);
    });
}

#[test]
fn thousands_that_an_earlier_job_left_are_removed_without_waiting_for_each() {
    let zookeeper = ZooKeeper::start();
    setup(&zookeeper, &[]).success();
    let names: Vec<String> = (0..2000).map(|number| format!("map{number}")).collect();
    zookeeper.create_many("/heart_beat", &names, b"alive at 1.5!");
    // Each znode is observed for 200 ms to see whether it is in use: 400 s if done one after the other.
    setup(&zookeeper, &[]).success();
    assert!(!zookeeper.exists("/heart_beat/map1999"));
}

#[test]
fn a_line_too_long_for_one_transaction_is_removed() {
    let zookeeper = ZooKeeper::start();
    // The path of a claim is long enough that all of them exceed the 1 MiB that a server accepts.
    let namespace = format!("/{}", "n".repeat(200));
    let options = ["--namespace", &namespace];
    setup(&zookeeper, &options).success();
    let line = format!("{namespace}/heart_beat_master");
    let names: Vec<String> = (0..5000)
        .map(|number| format!("_c_x-lock-{number:010}"))
        .collect();
    zookeeper.create_many(&line, &names, b"map1\nalive at 1.5!");
    let kept: Vec<&String> = names.iter().step_by(50).collect();
    let children: Vec<String> = kept.iter().map(|name| format!("{name}/child")).collect();
    zookeeper.create_many(&line, &children, b"");
    zookeeper.set(&line, b"delete node map1");
    let begin = Instant::now();
    setup(&zookeeper, &options)
        .code(1)
        .stderr(contains("100 znodes cannot be removed"));
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!(zookeeper.znode(&line), "this is a master map!");
    zookeeper.visit(async |session| {
        let left = session.client().children(&line).await.unwrap();
        assert_eq!(left.len(), kept.len());
    });
}
