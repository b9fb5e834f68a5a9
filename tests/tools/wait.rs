//! `heartline wait`: its exit status says how a job ended, for schedulers.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Guarded, Mapper, Watcher, ZooKeeper};

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

/// Until a look has told the tasks of all, on a busy machine too.
const LOOKED: Duration = Duration::from_secs(5);

/// A `heartline wait` that runs.
struct Wait(Guarded);

impl Wait {
    fn command(zookeeper: &ZooKeeper, options: &[&str]) -> Command {
        let mut command = Command::new(HEARTLINE);
        command
            .args(["wait", "--json", "--settle", "1s"])
            .args(["--zookeeper", &zookeeper.address()])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    fn start(zookeeper: &ZooKeeper, options: &[&str]) -> Self {
        Self(Guarded::spawn(&mut Self::command(zookeeper, options)))
    }

    /// One for a job that begins now; returns when it has seen what was there before.
    fn for_new(zookeeper: &ZooKeeper, options: &[&str]) -> Self {
        let mut command = Self::command(zookeeper, options);
        command.args(["--new", "--timeout", "120s"]);
        let mut process = Guarded::spawn(command.stderr(Stdio::piped()));
        let stderr = process.take_stderr().expect("a pipe");
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        lines
            .find(|line| line.ends_with("waits for a new job"))
            .expect("it begins");
        Self(process)
    }

    /// The result and the exit status.
    fn end(mut self) -> (Value, Option<i32>) {
        let mut text = String::new();
        let mut stdout = self.0.take_stdout().expect("a pipe");
        stdout.read_to_string(&mut text).expect("text");
        let status = self.0.wait().code();
        (serde_json::from_str(&text).expect("JSON"), status)
    }
}

/// How many tasks finished, failed and run.
fn counts(result: &Value) -> [u64; 3] {
    ["finished", "failed", "running"].map(|name| result[name].as_u64().expect("a number"))
}

#[test]
fn a_job_that_ends_well_and_one_that_does_not_are_told_apart() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let wait = Wait::for_new(&zookeeper, &["--tasks", "3"]);
    let master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let followers = ["map2", "map3"].map(|name| Mapper::start(&zookeeper, name));
    for name in ["map2", "map3"] {
        watcher.wait_for_event("alive", name);
    }
    for follower in followers {
        follower.finish();
    }
    master.finish();
    let (result, status) = wait.end();
    assert_eq!((counts(&result), status), ([3, 0, 0], Some(0)), "{result}");
    assert_eq!(result["outcome"], "finished");
    // A later wait is answered by what the last report says.
    let (result, status) = Wait::start(&zookeeper, &["--timeout", "120s"]).end();
    assert_eq!(status, Some(0), "{result}");
    // The next job in the same namespace: its master fails, without anybody after it.
    let wait = Wait::for_new(&zookeeper, &[]);
    let failed = Command::new(HEARTLINE)
        .args([
            "run",
            "--name",
            "task1",
            "--zookeeper",
            &zookeeper.address(),
        ])
        .args(["--", "sh", "-c", "sleep 2; exit 3"])
        .stdin(Stdio::null())
        .status();
    assert_eq!(failed.expect("it runs").code(), Some(3));
    let (result, status) = wait.end();
    assert_eq!((counts(&result), status), ([0, 1, 0], Some(1)), "{result}");
    assert_eq!(result["failures"][0]["node"], "task1");
    assert_eq!(result["failures"][0]["why"], "failed");
}

#[test]
fn a_task_that_is_tried_again_has_not_failed() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let wait = Wait::for_new(&zookeeper, &[]);
    let attempt = |number: u32| format!("attempt_1_0001_m_000000_{number}");
    let first = Mapper::with_attempt(&zookeeper, "map1", &attempt(0));
    watcher.wait_for_event("claimed", "map1");
    let other = Mapper::with_attempt(&zookeeper, "map2", "attempt_1_0001_m_000001_0");
    watcher.wait_for_event("alive", "map2");
    // Until a look has told their tasks.
    sleep(LOOKED);
    first.signal(Signal::KILL);
    first.wait();
    let second = Mapper::with_attempt(&zookeeper, "map3", &attempt(1));
    watcher.wait_for_event("alive", "map3");
    sleep(LOOKED);
    second.finish();
    other.finish();
    let (result, status) = wait.end();
    assert_eq!((counts(&result), status), ([2, 0, 0], Some(0)), "{result}");
}

#[test]
fn the_time_limit_has_a_status_of_its_own() {
    let zookeeper = ZooKeeper::start();
    let master = Mapper::start(&zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    let (result, status) = Wait::start(&zookeeper, &["--timeout", "20s"]).end();
    assert_eq!(
        (counts(&result), status),
        ([0, 0, 1], Some(124)),
        "{result}"
    );
    master.finish();
}

#[test]
fn a_dedicated_master_is_no_task() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let master = [
        "master",
        "--name",
        "m1",
        "--zookeeper",
        &zookeeper.address(),
    ];
    let _master = Watcher::start(HEARTLINE, &master);
    watcher.wait_for_event("claimed", "m1");
    let wait = Wait::for_new(&zookeeper, &[]);
    let mapper = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("alive", "map1");
    mapper.finish();
    let (result, status) = wait.end();
    assert_eq!((counts(&result), status), ([1, 0, 0], Some(0)), "{result}");
}
