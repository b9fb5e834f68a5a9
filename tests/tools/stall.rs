//! Work that makes no progress by its own fault: reported, shown, and ended if requested.

use crate::support;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Proxy, SOON, Watcher, ZooKeeper, wait_until};
use rustix::process::{Pid, Signal, kill_process};

/// `heartline run` with its stdin open; what it writes to stderr is collected when it ends.
fn run(address: &str, options: &[&str], command: &[&str]) -> Child {
    let who = [
        "run",
        "--zookeeper",
        address,
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
fn a_hung_command_is_reported_shown_and_ended() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master) = master(&zookeeper);
    let options = ["--stall-timeout", "1s", "--on-stall", "kill"];
    let mut hung = run(
        &zookeeper.address(),
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
    watcher.wait_for_event("snapshot", "map2");
    let mut lines = watcher.lines().into_iter();
    let line = lines.find(|line| line.contains("\"event\":\"snapshot\""));
    assert!(
        line.unwrap().contains("sleep 1000"),
        "it is in the log of events"
    );
    assert!(
        zookeeper
            .znode("/heart_beat_snapshots/map2")
            .contains("sleep 1000")
    );
}

#[test]
fn a_snapshot_that_cannot_be_removed_is_named() {
    let zookeeper = ZooKeeper::start();
    zookeeper.create_lasting("/heart_beat_snapshots", "");
    let old: Vec<String> = (0..64).map(|number| format!("old{number}")).collect();
    zookeeper.create_many("/heart_beat_snapshots", &old, b"");
    zookeeper.create_lasting("/heart_beat_snapshots/old0/child", "");
    let (watcher, _master) = master(&zookeeper);
    let mut hung = run(
        &zookeeper.address(),
        &["--stall-timeout", "1s"],
        &["sleep", "1000"],
    );
    let mut lines = BufReader::new(hung.stderr.take().unwrap()).lines();
    let named = lines.find(|line| {
        let line = line.as_ref().unwrap();
        line.contains("/heart_beat_snapshots/old0 is passed over: ")
    });
    assert!(named.is_some());
    watcher.wait_for_event("snapshot", "map2");
    let pid = Pid::from_child(&hung);
    kill_process(pid, Signal::TERM).unwrap();
    hung.wait().unwrap();
}

#[test]
fn work_that_is_ended_for_a_stall_leaves_its_snapshot_at_a_slow_server_too() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master) = master(&zookeeper);
    let proxy = Proxy::before(&zookeeper.address());
    let options = ["--stall-timeout", "1s", "--on-stall", "kill"];
    let hung = run(&proxy.address(), &options, &["sleep", "1000"]);
    watcher.wait_for_event("joined", "map2");
    // To store the first snapshot takes several requests, more than the last beat and its hold.
    proxy.delay(Duration::from_millis(40));
    let ended = hung.wait_with_output().unwrap();
    assert_ne!(ended.status.code(), Some(0));
    watcher.wait_for_event("failed", "map2");
    watcher.wait_for_event("snapshot", "map2");
}

#[test]
fn a_task_of_hadoop_reports_why_it_was_ended_and_waits_to_be_heard_unless_a_signal_ends_it() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master) = master(&zookeeper);
    let mut hung = Command::new(env!("CARGO_BIN_EXE_heartline"))
        .args(["run", "--name", "map2", "--timeout", "500ms"])
        .args(["--stall-timeout", "1s", "--on-stall", "kill"])
        .args(["--zookeeper", &zookeeper.address()])
        .args(["--", "sleep", "1000"])
        .env("mapreduce_task_attempt_id", "attempt_1_0001_m_000000_0")
        // Longer than the program waits for it.
        .env("mapreduce_task_progress_report_interval", "3600000")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The last report comes after its command has ended, and after it has left.
    let mut lines = BufReader::new(hung.stderr.take().unwrap()).lines();
    let counter = lines.find(|line| {
        let line = line.as_ref().unwrap();
        line.starts_with("reporter:counter:heartline,ended: stalled: blocked for ")
    });
    assert!(counter.is_some());
    watcher.wait_for_event("failed", "map2");
    assert!(hung.try_wait().unwrap().is_none(), "it waits");
    // Without the signal it would wait for 20 s. The signal may arrive before its handler exists, so it is repeated.
    let pid = Pid::from_child(&hung);
    wait_until("it ends after the signal", SOON / 2, || {
        let _ = kill_process(pid, Signal::TERM);
        hung.try_wait().unwrap().is_some()
    });
    assert_eq!(hung.wait().unwrap().code(), Some(1));
}

#[test]
fn a_stall_is_only_reported_unless_asked_otherwise() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master) = master(&zookeeper);
    let script = "read first; sleep 4; cat; echo done";
    let mut slow = run(
        &zookeeper.address(),
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
        &zookeeper.address(),
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
    assert!(
        !watcher
            .story()
            .iter()
            .any(|logged| logged.event == "stalled")
    );
}

#[test]
fn who_waits_for_its_reader_after_small_writes_is_never_stalled() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master) = master(&zookeeper);
    // Long enough for Python to start on a busy machine. Each line of 100 bytes is a write of its own: the pipe is full before its bytes are.
    let script = "import os\nwhile True: os.write(1, b'x' * 99 + b'\\n')";
    let options = ["--stall-timeout", "3s", "--on-stall", "kill"];
    let mut pressed = run(&zookeeper.address(), &options, &["python3", "-c", script]);
    wait_until("it is said to wait for its reader", SOON, || {
        assert!(pressed.try_wait().unwrap().is_none(), "it goes on");
        let value = zookeeper
            .exists("/heart_beat/map2")
            .then(|| zookeeper.znode("/heart_beat/map2"));
        let status = value.map(|value| heartline::protocol::Beat::parse(value.as_bytes()).status);
        status.is_some_and(|status| {
            status.condition == Some(heartline::condition::Condition::BackPressured)
        })
    });
    std::thread::sleep(Duration::from_secs(5));
    assert!(pressed.try_wait().unwrap().is_none());
    assert!(
        !watcher
            .story()
            .iter()
            .any(|logged| logged.event == "stalled")
    );
    drop(pressed.stdout.take());
    // Python ignores SIGPIPE: its write fails.
    assert_eq!(pressed.wait().unwrap().code(), Some(1));
}
