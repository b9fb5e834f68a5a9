//! Work that stands still by its own fault: told, shown, and ended where that is wanted.

mod support;

use std::io::Write;
use std::process::{Child, Command, Stdio};

use support::{SOON, Watcher, ZooKeeper, wait_until};

/// `heartline run` with its stdin open; what it writes to stderr is collected when it ends.
fn run(zookeeper: &ZooKeeper, options: &[&str], command: &[&str]) -> Child {
    let address = zookeeper.address();
    let who = [
        "run",
        "--zookeeper",
        &address,
        "--name",
        "map2",
        "--timeout",
        "500ms",
    ];
    Command::new(env!("CARGO_BIN_EXE_heartline"))
        .args(who)
        .args(options)
        .arg("--")
        .args(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn master(zookeeper: &ZooKeeper) -> (Watcher, support::Mapper) {
    let watcher = Watcher::events(zookeeper);
    let master = support::Mapper::start(zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    (watcher, master)
}

#[test]
fn a_hung_command_is_told_shown_and_ended() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master) = master(&zookeeper);
    let options = ["--stall-timeout", "1s", "--on-stall", "kill"];
    let mut hung = run(
        &zookeeper,
        &options,
        &["sh", "-c", "read first; sleep 1000"],
    );
    let mut stdin = hung.stdin.take().unwrap();
    stdin.write_all(b"one\ntwo\nthree\n").unwrap();
    watcher.wait_for_event("stalled", "map2");
    let ended = hung.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        ended.status.code().is_some_and(|code| code != 0),
        "{:?}: {said}",
        ended.status
    );
    assert!(
        said.contains("heartline run: stalled: blocked for "),
        "{said}"
    );
    assert!(said.contains("ended for it (--on-stall kill)"), "{said}");
    assert!(
        said.contains("sleep 1000"),
        "it shows the processes: {said}"
    );
    watcher.wait_for_event("failed", "map2");
    let line = watcher
        .lines()
        .into_iter()
        .find(|line| line.contains("\"stalled\""));
    assert!(line.unwrap().contains("\"condition\":\"blocked\""));
    wait_until("its snapshot is kept", SOON, || {
        zookeeper.exists("/heart_beat_snapshots/map2")
    });
    assert!(
        zookeeper
            .znode("/heart_beat_snapshots/map2")
            .contains("sleep 1000")
    );
}

#[test]
fn a_stall_is_only_reported_unless_asked_otherwise() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master) = master(&zookeeper);
    let script = "read first; sleep 4; cat; echo done";
    let mut slow = run(
        &zookeeper,
        &["--stall-timeout", "1s"],
        &["sh", "-c", script],
    );
    let mut stdin = slow.stdin.take().unwrap();
    stdin.write_all(b"one\ntwo\n").unwrap();
    watcher.wait_for_event("stalled", "map2");
    watcher.wait_for_event("recovered", "map2");
    drop(stdin);
    let ended = slow.wait_with_output().unwrap();
    assert!(ended.status.success());
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "two\ndone\n");
    watcher.wait_for_event("finished", "map2");
}

#[test]
fn who_waits_for_others_is_never_stalled() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master) = master(&zookeeper);
    let mut starved = run(
        &zookeeper,
        &["--stall-timeout", "500ms", "--on-stall", "kill"],
        &["cat"],
    );
    let beat = || {
        let value = zookeeper.znode("/heart_beat/map2");
        heartline::protocol::Beat::parse(value.as_bytes()).status
    };
    let stdin = starved.stdin.take().unwrap();
    watcher.wait_for_event("alive", "map2");
    wait_until("it is said to wait for its input", SOON, || {
        beat().condition == Some(heartline::condition::Condition::Starved)
    });
    std::thread::sleep(SOON / 10);
    assert_eq!(beat().stalled_ms, None);
    drop(stdin);
    assert!(starved.wait_with_output().unwrap().status.success());
    assert!(!watcher.story().iter().any(|told| told.event == "stalled"));
}
