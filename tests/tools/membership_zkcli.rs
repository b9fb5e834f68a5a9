//! A group whose other members are played by hand, with the real `zkCli.sh`, command for command.

use std::thread::sleep;
use std::time::Duration;

use crate::support::{Dialog, Watcher, ZooKeeper, group_member};
use rustix::process::Signal;

fn ticking() -> ZooKeeper {
    ZooKeeper::with_settings(&["tickTime=500"])
}

/// Waits until a backup has reported which member is active.
fn wait_for_backup_of(member: &Watcher, active: &str) {
    member.wait_for(&format!("backup of {active}"), |lines| {
        let expected =
            format!(r#""event":"backup","node":"master","address":"m2:2223","active":"{active}""#);
        lines.iter().any(|line| line.contains(&expected))
    });
}

#[test]
fn zkcli_is_master_and_heartline_takes_over_when_it_quits() {
    let zookeeper = ticking();
    let mut first = Dialog::zkcli(&zookeeper);
    first.ask(r#"create -e /master "m1:2223""#, "Created /master");
    let second = group_member(&zookeeper, "master --address m2:2223", &[]);
    wait_for_backup_of(&second, "m1:2223");
    first.say("quit");
    second.wait_for_event("active", "master");

    let mut third = Dialog::zkcli(&zookeeper);
    third.ask(
        r#"create -e /master "m3:2223""#,
        "Node already exists: /master",
    );
    third.ask("get /master", "m2:2223");
    let stat = third.ask("stat -w /master", "numChildren");
    assert!(stat.contains("ephemeralOwner = 0x1"), "{stat}");
    // Its claim is confirmed several times meanwhile, which must not trigger a watch.
    sleep(Duration::from_secs(2));
    let said = third.said();
    assert!(!said.contains("path:/master"), "{said}");
    assert!(said.contains("dataVersion = 0"), "{said}");
    second.signal(Signal::TERM);
    third.wait_for("type:NodeDeleted path:/master");
    second.wait_for_event("inactive", "master");
    third.ask(r#"create -e /master "m3:2223""#, "Created /master");
}

#[test]
fn zkcli_sees_what_it_would_have_made_itself() {
    let zookeeper = ticking();
    let _master = group_member(&zookeeper, "master --address m1:2223", &[]);
    let workers: Vec<_> = (1..4)
        .map(|n| {
            let worker = format!("worker --address w{n}:2224");
            let worker = group_member(&zookeeper, &worker, &[]);
            worker.wait_for_event("active", &format!("w{n}"));
            worker
        })
        .collect();
    let mut zkcli = Dialog::zkcli(&zookeeper);
    zkcli.ask("get /master", "m1:2223");
    zkcli.ask("ls /", "[master, workers, zookeeper]");
    zkcli.ask("ls -w /workers", "[w1, w2, w3]");
    zkcli.ask("get /workers/w1", "w1:2224");
    zkcli.ask("get /workers/w3", "w3:2224");
    workers[1].signal(Signal::TERM);
    zkcli.wait_for("type:NodeChildrenChanged path:/workers");
    zkcli.ask("ls /workers", "[w1, w3]");
}

#[test]
fn the_workers_of_zkcli_are_known_to_the_master() {
    let zookeeper = ticking();
    let mut zkcli = Dialog::zkcli(&zookeeper);
    zkcli.ask("create /workers", "Created /workers");
    let master = group_member(&zookeeper, "master --address m1:2223", &[]);
    master.wait_for_event("active", "master");
    for n in 1..4 {
        let create = format!(r#"create -e /workers/w{n} "w{n}:2224""#);
        zkcli.ask(&create, &format!("Created /workers/w{n}"));
        master.wait_for_event("worker-joined", &format!("w{n}"));
    }
    let line = master.lines().pop().unwrap_or_default();
    assert!(
        line.ends_with(
            r#""event":"worker-joined","node":"w3","address":"w3:2224","workers":[{"node":"w1","address":"w1:2224"},{"node":"w2","address":"w2:2224"},{"node":"w3","address":"w3:2224"}]}"#
        ),
        "{line}"
    );
    zkcli.say("quit");
    for n in 1..4 {
        master.wait_for_event("worker-left", &format!("w{n}"));
    }
    let line = master.lines().pop().unwrap_or_default();
    assert!(line.ends_with(r#""workers":[]}"#), "{line}");
}

#[test]
fn a_master_that_somebody_deletes_is_stopped_and_claims_again() {
    let zookeeper = ticking();
    let member = group_member(&zookeeper, "master --address m1:2223", &["sleep", "100"]);
    member.wait_for_event("active", "master");
    let mut zkcli = Dialog::zkcli(&zookeeper);
    zkcli.say("delete /master");
    member.wait_for("active once more", |lines| {
        let events: Vec<&str> = ["\"active\"", "\"inactive\"", "\"active\""].to_vec();
        lines.len() == 3
            && lines
                .iter()
                .zip(events)
                .all(|(line, event)| line.contains(event))
    });
    zkcli.ask("get /master", "m1:2223");
}
