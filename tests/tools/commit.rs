//! `heartline run --commit-command`: exactly one of all attempts of a task runs it, whatever happens to them.

use crate::support;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::support::{SOON, Watcher, ZooKeeper, wait_until};
use assert_cmd::prelude::OutputAssertExt;
use predicates::str::contains;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A server, and a folder in which commit commands record that they have run.
struct Place {
    zookeeper: ZooKeeper,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            zookeeper: ZooKeeper::with_settings(&["tickTime=500"]),
            folder: TempDir::with_prefix("heartline-commit-").expect("a temporary folder"),
        }
    }

    /// A shell script as a commit command; `$0` is the file `done` of the folder.
    fn script(&self, script: &str) -> String {
        format!("sh -c '{script}' {}", self.path("done"))
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("done")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// An attempt of a mapper that writes one record and has nothing else to do.
    fn attempt(&self, task: usize, attempt: usize, commit: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command
            .args(["run", "--zookeeper", &self.zookeeper.address()])
            .args(["--session-timeout", "4s", "--timeout", "1s"])
            .args(["--commit-command", commit, "--", "echo", "record"])
            .env("mapreduce_task_attempt_id", id(task, attempt))
            .env("mapreduce_job_id", "job_7_0001")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(&self, task: usize, attempt: usize, commit: &str) -> Child {
        self.attempt(task, attempt, commit)
            .spawn()
            .expect("heartline")
    }

    /// The value of the task's znode.
    fn task_znode(&self, task: usize) -> String {
        let task = id(task, 0).replace("attempt", "task");
        let task = task.trim_end_matches("_0");
        self.zookeeper.znode(&format!("/heart_beat_commits/{task}"))
    }

    fn wait_for_lines(&self, count: usize) {
        wait_until("the commit command runs", SOON, || {
            self.lines().len() >= count
        });
    }
}

fn id(task: usize, attempt: usize) -> String {
    format!("attempt_7_0001_m_{task:06}_{attempt}")
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("it ends")
}

/// Checks that its record was written, whatever happened to the commit; returns its stderr.
fn assert_ended(output: &Output, status: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert_eq!(output.stdout, b"record\n", "{said}");
    said
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("it runs");
}

#[test]
fn an_attempt_commits_once() {
    let place = Place::new();
    let script =
        place.script(r#"echo $HEARTLINE_ATTEMPT $HEARTLINE_TASK "$@" >> "$0"; echo to people"#);
    let commit = format!("{script} {{attempt}} {{task}} {{job}}");
    let said = assert_ended(&end(place.start(3, 0, &commit)), 0);
    assert!(said.contains("to people"), "{said}");
    let (attempt, task) = (id(3, 0), "task_7_0001_m_000003");
    let line = format!("{attempt} {task} {attempt} {task} job_7_0001");
    assert_eq!(place.lines(), [line.as_str()]);
    assert_eq!(place.task_znode(3), format!("committed {attempt}"));
    // The same attempt once more, and another one.
    let again = assert_ended(&end(place.start(3, 0, &commit)), 0);
    assert!(again.contains("by this very attempt"), "{again}");
    let other = assert_ended(&end(place.start(3, 1, &commit)), 0);
    assert!(
        other.contains(&format!("committed already, by {attempt}")),
        "{other}"
    );
    assert_eq!(place.lines().len(), 1);
    // Another task is independent.
    assert_ended(&end(place.start(4, 0, &commit)), 0);
    assert_eq!(place.lines().len(), 2);
    // A forgotten commit is done again.
    Command::new(env!("CARGO_BIN_EXE_setup-zookeeper"))
        .args(["--zookeeper", &place.zookeeper.address()])
        .assert()
        .success();
    assert_ended(&end(place.start(4, 0, &commit)), 0);
    assert_eq!(place.lines().len(), 3);
}

#[test]
fn of_attempts_that_end_together_one_commits() {
    let place = Place::new();
    let commit = place.script(r#"echo {task} {attempt} >> "$0"; sleep 0.05"#);
    for round in 0..3 {
        let tasks: Vec<usize> = (round * 10..round * 10 + 10).collect();
        let pairs = tasks.iter().flat_map(|&task| [(task, 0), (task, 1)]);
        let running: Vec<Child> = pairs
            .map(|(task, attempt)| place.start(task, attempt, &commit))
            .collect();
        for child in running {
            assert_ended(&end(child), 0);
        }
        let lines = place.lines();
        assert_eq!(lines.len(), (round + 1) * 10, "{lines:#?}");
        for task in tasks {
            let name = format!("task_7_0001_m_{task:06} ");
            let ran: Vec<_> = lines
                .iter()
                .filter(|line| line.starts_with(&name))
                .collect();
            let value = place.task_znode(task);
            let by = value.strip_prefix("committed ").expect("it is committed");
            assert_eq!(ran, [&format!("{name}{by}")]);
        }
    }
}

#[test]
fn after_a_failure_the_next_one_commits() {
    let place = Place::new();
    let commit = place.script(
        r#"echo {attempt} >> "$0"; while [ -e "$0" ] && [ ! -e "$0.go" ]; do sleep 0.01; done; case {attempt} in *_0) exit 7;; esac"#,
    );
    let first = place.start(5, 0, &commit);
    place.wait_for_lines(1);
    assert_eq!(place.task_znode(5), format!("committing {}", id(5, 0)));
    let second = place.start(5, 1, &commit);
    // It must wait: give it time to do so, or to fail.
    sleep(Duration::from_millis(500));
    fs::write(place.path("done.go"), "").expect("a file");
    let said = assert_ended(&end(first), 7);
    assert!(said.contains("failed with status 7"), "{said}");
    assert_ended(&end(second), 0);
    assert_eq!(place.lines(), [id(5, 0), id(5, 1)]);
    assert_eq!(place.task_znode(5), format!("committed {}", id(5, 1)));
}

#[test]
fn a_command_that_fails_commits_nothing() {
    let place = Place::new();
    let commit = place.script(r#"echo {attempt} >> "$0""#);
    let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
    command
        .args(["run", "--zookeeper", &place.zookeeper.address()])
        .args(["--commit-command", &commit, "--commit-task", "own"])
        .args(["--", "sh", "-c", "exit 3"])
        .stdin(Stdio::null());
    command.assert().code(3);
    assert!(place.lines().is_empty());
    assert!(!place.zookeeper.exists("/heart_beat_commits/own"));
}

#[test]
fn who_takes_over_from_a_killed_one_begins_after_its_command() {
    let place = Place::new();
    // At its end, records whether another one runs; the first one would run for ever.
    let commit = place.script(
        r#"echo {attempt} >> "$0"; case {attempt} in *_0) while :; do echo $$ > "$0.pid"; sleep 0.01; done;; esac; ! kill -0 $(cat "$0.pid")"#,
    );
    let mut first = place.start(6, 0, &commit);
    place.wait_for_lines(1);
    let second = place.start(6, 1, &commit);
    signal(&first, Signal::KILL);
    first.wait().expect("it ends");
    let said = assert_ended(&end(second), 0);
    assert!(
        said.contains("is committing task_7_0001_m_000006"),
        "{said}"
    );
    assert_eq!(place.lines(), [id(6, 0), id(6, 1)]);
    assert_eq!(place.task_znode(6), format!("committed {}", id(6, 1)));
}

#[test]
fn a_server_that_hangs_ends_the_command_before_another_one_begins() {
    let place = Place::new();
    let commit = place.script(
        r#"echo {attempt} >> "$0"; case {attempt} in *_0) trap "" TERM; while :; do date +%s%N >> "$0.ticks"; sleep 0.01; done;; esac; date +%s%N > "$0.began""#,
    );
    let first = place.start(8, 0, &commit);
    place.wait_for_lines(1);
    let second = place.start(8, 1, &commit);
    place.zookeeper.pause();
    let said = assert_ended(&end(first), 1);
    assert!(said.contains("was stopped: without ZooKeeper"), "{said}");
    let time = |text: &str| text.trim().parse::<u64>().expect("nanoseconds");
    let ticks = fs::read_to_string(place.path("done.ticks")).expect("it has run");
    // Longer than the session, which ends as soon as the server goes on.
    sleep(Duration::from_secs(5));
    assert_eq!(place.lines(), [id(8, 0)]);
    let later = fs::read_to_string(place.path("done.ticks")).expect("it has run");
    assert_eq!(ticks, later, "nothing of it is left");
    place.zookeeper.resume();
    assert_ended(&end(second), 0);
    assert_eq!(place.lines(), [id(8, 0), id(8, 1)]);
    let began = fs::read_to_string(place.path("done.began")).expect("it has run");
    let last = ticks.lines().last().expect("it has run");
    assert!(time(last) < time(&began));
}

#[test]
fn without_zookeeper_nobody_commits() {
    let mut place = Place::new();
    place.zookeeper.kill();
    let commit = place.script(r#"echo {attempt} >> "$0""#);
    let mut attempt = place.attempt(2, 0, &commit);
    attempt.env("HEARTLINE_COMMIT_TIMEOUT", "1s");
    let said = assert_ended(&end(attempt.spawn().expect("heartline")), 1);
    assert!(
        said.contains("no permission to commit task_7_0001_m_000002 within 1s: ZooKeeper at"),
        "{said}"
    );
    assert!(place.lines().is_empty());
    // The answer comes in time.
    let attempt = place.start(2, 0, &commit);
    sleep(Duration::from_millis(500));
    place.zookeeper.restart();
    assert_ended(&end(attempt), 0);
    assert_eq!(place.lines(), [id(2, 0)]);
}

#[test]
fn who_waits_for_too_long_fails() {
    let place = Place::new();
    let commit = place.script(r#"echo {attempt} >> "$0"; sleep 60"#);
    let first = place.start(2, 0, &commit);
    place.wait_for_lines(1);
    let mut second = place.attempt(2, 1, &commit);
    second.env("HEARTLINE_COMMIT_TIMEOUT", "500ms");
    let said = assert_ended(&end(second.spawn().expect("heartline")), 1);
    assert!(
        said.contains(&format!("within 500ms: {} is committing", id(2, 0))),
        "{said}"
    );
    // A signal ends the command first, and leaves the commit to others.
    signal(&first, Signal::TERM);
    let ended = end(first);
    assert_eq!(ended.status.signal(), Some(15));
    assert_eq!(place.task_znode(2), format!("failed {}", id(2, 0)));
    assert_eq!(place.lines(), [id(2, 0)]);
}

#[test]
fn the_heartbeat_goes_on_until_the_commit_is_over() {
    let place = Place::new();
    let watcher = Watcher::events(&place.zookeeper);
    let master = support::Mapper::start(&place.zookeeper, "chief");
    watcher.wait_for_event("claimed", "chief");
    let commit = place
        .script(r#"echo {attempt} >> "$0"; while [ -e "$0" ] && [ ! -e "$0.go" ]; do sleep 0.01; done; exit 9"#);
    let mut attempt = place.attempt(2, 0, &commit);
    let attempt = attempt.env("HEARTLINE_NAME", "worker").spawn();
    watcher.wait_for_event("joined", "worker");
    place.wait_for_lines(1);
    let alive = || {
        let events = watcher.all_events().into_iter();
        events
            .filter(|logged| logged.event == "alive" && logged.node == "worker")
            .count()
    };
    let before = alive();
    wait_until("it beats on", SOON, || alive() > before + 3);
    fs::write(place.path("done.go"), "").expect("a file");
    assert_ended(&end(attempt.expect("heartline")), 9);
    watcher.wait_for_event("failed", "worker");
    master.finish();
}

#[test]
fn what_somebody_else_has_written_is_left_alone() {
    let place = Place::new();
    let commit = place.script(r#"echo {attempt} >> "$0""#);
    assert_ended(&end(place.start(1, 0, &commit)), 0);
    let path = "/heart_beat_commits/task_7_0001_m_000002";
    place.zookeeper.create_lasting(path, "mine");
    let said = assert_ended(&end(place.start(2, 0, &commit)), 1);
    assert!(said.contains(&format!("{path} says 'mine'")), "{said}");
    assert_eq!(place.lines(), [id(1, 0)]);
}

#[test]
fn wrong_usage_is_reported_before_anything_runs() {
    let run = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command
            .arg("run")
            .args(options)
            .args(["--", "touch", "/proc/nowhere/never"])
            .stdin(Stdio::null());
        command
    };
    for (options, answer) in [
        (&["--commit-command", "true"][..], "--commit-task NAME"),
        (&["--commit-command", "it's"], "quotation mark"),
        (&["--commit-command", " "], "names no command"),
        (&["--commit-task", "a"], "--commit-command COMMAND"),
        (
            &["--commit-command", "true", "--commit-task", "a/b"],
            "letters, digits",
        ),
        (
            &["--commit-command", "true", "--commit-run", "a/b"],
            "letters, digits",
        ),
        (
            &["--commit-command", "true", "--no-heartbeat"],
            "exclude each other",
        ),
        (&["--commit-timeout", "5"], "5ms or 2s"),
    ] {
        let ended = run(options).assert().code(2);
        ended.stdout("").stderr(contains(answer));
    }
}

#[test]
fn a_setting_for_a_commit_within_the_command_is_no_wrong_usage() {
    for name in ["HEARTLINE_COMMIT_TASK", "heartline_commit_task"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command.args(["run", "--no-heartbeat", "--", "echo", "done"]);
        command.env(name, "daily").stdin(Stdio::null());
        let ended = command.assert().code(0);
        ended.stdout("done\n");
    }
}
