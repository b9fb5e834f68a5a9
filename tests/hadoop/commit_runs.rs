//! `heartline run --commit-run`: for which run a commit counts, and which values a commit command never gets.

use std::fs;
use std::process::{Command, Output, Stdio};

use crate::support::ZooKeeper;
use assert_cmd::prelude::OutputAssertExt;
use predicates::str::contains;
use tempfile::TempDir;

/// A server, and a folder in which commit commands record that they have run.
struct Place {
    zookeeper: ZooKeeper,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            zookeeper: ZooKeeper::start(),
            folder: TempDir::with_prefix("heartline-commit-").expect("a temporary folder"),
        }
    }

    /// An attempt whose commit command records its name.
    fn attempt(&self, options: &[&str]) -> Command {
        let done = self.folder.path().join("done").display().to_string();
        let commit = format!("sh -c 'echo $HEARTLINE_ATTEMPT >> \"$0\"' {done}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command
            .args(["run", "--zookeeper", &self.zookeeper.address()])
            .args(["--timeout", "1s", "--commit-command", &commit])
            .args(options)
            .args(["--", "echo", "record"])
            .stdin(Stdio::null());
        command
    }

    /// Runs an attempt that commits the task `daily` without Hadoop's ids; returns its stderr.
    fn by_hand(&self, options: &[&str]) -> String {
        run(&mut self.attempt(&[&["--commit-task", "daily"], options].concat()))
    }

    fn lines(&self) -> Vec<String> {
        let done = self.folder.path().join("done");
        let text = fs::read_to_string(done).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// Runs it, and checks its record and exit status; returns its stderr.
fn run(command: &mut Command) -> String {
    let output: Output = command.output().expect("heartline");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        (output.status.code(), &*output.stdout),
        (Some(0), &b"record\n"[..]),
        "{said}"
    );
    said
}

#[test]
fn a_commit_of_another_run_is_not_this_runs() {
    let place = Place::new();
    assert_eq!(place.by_hand(&["--name", "one"]), "");
    assert_eq!(
        place.zookeeper.znode("/heart_beat_commits/daily"),
        "committed one"
    );
    // The next run has no name either: it reports which attempt has committed before.
    let said = place.by_hand(&["--name", "two"]);
    assert!(
        said.contains("daily is committed already, by one at 20"),
        "{said}"
    );
    assert!(
        said.contains("in a run without a name; two does not commit"),
        "{said}"
    );
    assert!(said.contains("--commit-run ID"), "{said}");
    assert_eq!(place.lines(), ["one"]);
    // A run with a name commits once, whatever other runs have committed.
    for (name, id) in [("three", "r1"), ("four", "r2")] {
        assert_eq!(place.by_hand(&["--name", name, "--commit-run", id]), "");
    }
    let said = place.by_hand(&["--name", "late", "--commit-run", "r1"]);
    assert!(
        said.contains("by three at 20") && said.contains("in run r1; late does"),
        "{said}"
    );
    let said = place.by_hand(&["--name", "five"]);
    assert!(said.contains("by one at 20"), "{said}");
    assert_eq!(place.lines(), ["one", "three", "four"]);
    // A Hadoop job is a run.
    for (name, job) in [
        ("six", "job_7_0001"),
        ("seven", "job_7_0002"),
        ("eight", "job_7_0002"),
    ] {
        let mut command = place.attempt(&["--commit-task", "daily", "--name", name]);
        run(command.env("mapreduce_job_id", job));
    }
    // --commit-run takes precedence over the job, also as a property.
    let mut command = place.attempt(&["--commit-task", "daily", "--name", "nine"]);
    command.env("mapreduce_job_id", "job_7_0001");
    run(command.env("heartline_commit_run", "r3"));
    assert_eq!(place.lines()[3..], ["six", "seven", "nine"]);
    Command::new(env!("CARGO_BIN_EXE_setup-zookeeper"))
        .args(["--zookeeper", &place.zookeeper.address()])
        .assert()
        .success();
    assert!(!place.zookeeper.exists("/heart_beat_commits/daily@r1"));
}

#[test]
fn hadoops_own_tasks_are_distinguished_by_their_ids() {
    let place = Place::new();
    let attempt = |number: u8, job: &str, options: &[&str]| {
        let id = format!("attempt_7_0001_m_000001_{number}");
        let mut command = place.attempt(options);
        command.env("mapreduce_task_attempt_id", id);
        run(command.env("mapreduce_job_id", job))
    };
    let path = "/heart_beat_commits/task_7_0001_m_000001";
    attempt(0, "job_7_0001", &[]);
    assert_eq!(
        place.zookeeper.znode(path),
        "committed attempt_7_0001_m_000001_0"
    );
    let again = attempt(1, "job_7_0001", &[]);
    assert!(
        again.contains("by attempt_7_0001_m_000001_0 at 20"),
        "{again}"
    );
    assert!(again.contains("in job job_7_0001; "), "{again}");
    // A new cluster reuses ids: a name distinguishes the runs.
    attempt(0, "job_7_0001", &["--commit-run", "second"]);
    assert!(place.zookeeper.exists(&format!("{path}@second")));
    assert_eq!(place.lines().len(), 2);
}
#[test]
fn what_would_be_an_option_or_a_path_is_not_filled_in() {
    for (variable, value, commit, answer) in [
        ("mapreduce_job_id", "-o", "touch {job}", "{job}"),
        (
            "mapreduce_job_id",
            "../../x",
            "touch {job}",
            "'../../x' may have only",
        ),
        ("mapreduce_job_id", "", "rm -rf out/{job}", "no job id"),
        (
            "mapreduce_task_attempt_id",
            "attempt_1 -o",
            "touch {attempt}",
            "the attempt's id",
        ),
        ("mapreduce_job_id", "job 1", "true", "--commit-run ID"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command
            .args(["run", "--commit-task", "own", "--commit-command", commit])
            .args(["--", "echo", "never"])
            .env(variable, value)
            .stdin(Stdio::null());
        command.assert().code(2).stdout("").stderr(contains(answer));
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
    command
        .args([
            "run",
            "--commit-task=-o",
            "--commit-command",
            "touch {task}",
        ])
        .args(["--", "echo", "never"])
        .stdin(Stdio::null());
    command
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains("'-o' is no value for {task}"));
}
