//! Watchers, `status` and admin commands ask a server that throttles again after a pause, in the same session.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Mapper, Overload, SOON, Watcher, ZooKeeper, wait_until};

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    let output = command.args(arguments).stdin(Stdio::null()).output();
    output.expect("it runs")
}

fn assert_well(output: &Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), stderr.as_ref()), (Some(0), ""));
}

#[test]
fn watchers_stay_in_their_sessions() {
    let zookeeper = ZooKeeper::start();
    let overload = Overload::before(&zookeeper.address(), 2);
    let address = overload.address();
    let mut master = Watcher::events_of(&address);
    let folder = tempfile::TempDir::new().unwrap();
    let directory = folder.path().to_str().unwrap();
    let slave = ["--json", "--zookeeper", &address, "--output-dir", directory];
    let mut slave = Watcher::start(env!("CARGO_BIN_EXE_watch-slave"), &slave);
    let events = ["events", "--alive", "--zookeeper", &address];
    let mut events = Watcher::start(HEARTLINE, &events);
    // The job itself has an unthrottled connection to the server.
    let _master = Mapper::start(&zookeeper, "map1");
    master.wait_for_event("claimed", "map1");
    // What happened before its first report is neither reported nor lost: each has read one.
    let _other = Mapper::start(&zookeeper, "map3");
    for watcher in [&master, &events] {
        watcher.wait_for_event("alive", "map3");
    }
    let follower = Mapper::start(&zookeeper, "map2");
    // A watcher that waits for longer than reports repeat events reports how many it has missed.
    let hears = |watcher: &Watcher, event: &str| {
        let event = format!("\"event\":\"{event}\",\"node\":\"map2\"");
        watcher.wait_for("it is reported, or reported as lost", |lines| {
            let is_one = |line: &String| line.contains(&event) || line.contains("\"lost\"");
            lines.iter().any(is_one)
        });
    };
    for watcher in [&master, &events] {
        hears(watcher, "joined");
    }
    slave.wait_for_event("alive", "map2");
    follower.finish();
    for watcher in [&master, &slave, &events] {
        hears(watcher, "finished");
    }
    assert!(master.is_running() && slave.is_running() && events.is_running());
    assert!(overload.throttled() > 6);
    // Each has one session, and has asked once for the version of the server.
    assert_eq!(overload.connections(), 6);
}

#[test]
fn status_and_setup_wait_for_a_slow_server() {
    let zookeeper = ZooKeeper::start();
    let overload = Overload::before(&zookeeper.address(), 1);
    let address = overload.address();
    let setup = env!("CARGO_BIN_EXE_setup-zookeeper");
    assert_well(&run(setup, &["--zookeeper", &address]));
    assert_well(&run(setup, &["--zookeeper", &address]));
    zookeeper.create_lasting("/heart_beat/map7", "alive at 1.5!");
    let status = ["status", "--over", "10ms", "--zookeeper", &address];
    let output = run(HEARTLINE, &status);
    assert_well(&output);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("map7"), "{shown}");

    // Permanent throttling is reported as throttling.
    overload.always(true);
    let output = run(HEARTLINE, &status);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("overloaded and throttles"), "{said}");
}

#[test]
fn an_operator_is_answered() {
    let zookeeper = ZooKeeper::start();
    let overload = Overload::before(&zookeeper.address(), 1);
    let _master = Mapper::start(&zookeeper, "map1");
    let watcher = Watcher::events(&zookeeper);
    watcher.wait_for_event("claimed", "map1");
    wait_until("it is answered", SOON, || {
        let interval = ["interval", "20ms", "--zookeeper", &overload.address()];
        let output = run(HEARTLINE, &interval);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("throttle"), "{said}");
        output.status.success()
    });
}

#[test]
fn a_real_server_that_throttles_is_looked_at_whole() {
    // One request at a time; the server rejects one that has waited for longer than 10 ms.
    let zookeeper = ZooKeeper::arranged(&[], |server| {
        server.properties.extend([
            "-Dzookeeper.request_throttle_max_requests=1".to_owned(),
            "-Dzookeeper.request_throttle_stall_time=5".to_owned(),
            "-Dzookeeper.throttled_op_wait_time=10".to_owned(),
        ]);
    });
    let address = zookeeper.address();
    assert_well(&run(
        env!("CARGO_BIN_EXE_setup-zookeeper"),
        &["--zookeeper", &address],
    ));
    for number in 0..60 {
        zookeeper.create_lasting(&format!("/heart_beat/map{number}"), "alive at 1.5!");
    }
    let throttled = || {
        let facts = zookeeper.four_letter_word("mntr");
        let line = facts
            .lines()
            .find_map(|line| line.strip_prefix("zk_throttled_ops\t"));
        line.and_then(|count| count.parse::<u64>().ok())
            .unwrap_or_default()
    };
    // A quick server may finish all requests before one has waited for long enough, and on a busy machine a look uses up its
    // 4 s several times.
    let limit = 3 * SOON;
    wait_until("some were thrown back, and all are shown", limit, || {
        let begin = Instant::now();
        let output = run(
            HEARTLINE,
            &["status", "--over", "10ms", "--zookeeper", &address],
        );
        let shown = String::from_utf8_lossy(&output.stdout);
        let is_whole = output.status.success() && shown.matches("follower").count() == 60;
        // On a busy machine the time for all answers may not be enough, but all of it is used.
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            is_whole || begin.elapsed() > Duration::from_secs(4),
            "{said}{shown}"
        );
        throttled() > 0 && is_whole
    });
}
