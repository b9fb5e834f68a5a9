//! Outside of Hadoop: `heartline run` under GNU parallel with tasks of a name, `heartline wait` for them, and `heartline
//! commit`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::left_out::{self, leave_out};
use crate::support::{Guarded, ZooKeeper, which};
use serde_json::Value;
use tempfile::TempDir;

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

/// The task `b` fails at its first try. Each lives long enough for a master to hear of it.
const WORK: &str = "#!/bin/sh
sleep 1
[ \"$1\" != b ] || [ -e tried ] || { touch tried; exit 5; }
echo \"$1\"
";

/// Runs the tasks a, b and c by GNU parallel: its output in lines, its status, and what `heartline wait` says of them.
fn run_by_parallel(
    zookeeper: &ZooKeeper,
    folder: &Path,
    options: &[&str],
) -> (Vec<String>, i32, Value, i32) {
    let place = [
        ("HEARTLINE_ZOOKEEPER", zookeeper.address()),
        ("HEARTLINE_NAMESPACE", "/parallel".to_owned()),
    ];
    let mut wait = Command::new(HEARTLINE);
    wait.args([
        "wait",
        "--new",
        "--json",
        "--settle",
        "3s",
        "--tasks",
        "3",
        "--timeout",
        "60s",
    ]);
    wait.envs(place.clone())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut wait = Guarded::spawn(&mut wait);
    let stderr = wait.take_stderr().expect("a pipe");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let begins = lines.find(|line| line.ends_with("waits for a new job"));
    assert!(begins.is_some(), "it does not begin");
    let done = Command::new("timeout")
        .args(["60", "parallel", "--will-cite", "--jobs", "2"])
        .args(options)
        .arg(format!(
            "HEARTLINE_TASK=part-{{}} {HEARTLINE} run --timeout 500ms -- sh ./work {{}}"
        ))
        .args([":::", "a", "b", "c"])
        .envs(place)
        .env("HOME", folder)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("parallel");
    let mut records: Vec<String> = text(&done.stdout).lines().map(ToOwned::to_owned).collect();
    records.sort();
    let mut said = String::new();
    let mut stdout = wait.take_stdout().expect("a pipe");
    stdout.read_to_string(&mut said).expect("text");
    let status = wait.wait().code().unwrap_or(-1);
    let result = serde_json::from_str(&said).expect("JSON");
    (records, done.status.code().unwrap_or(-1), result, status)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_task_of_parallel_that_is_tried_again_has_finished() {
    if which("parallel").is_none() {
        leave_out!("GNU parallel is not installed; install it with: apt-get install parallel");
    }
    let zookeeper = ZooKeeper::start();
    let folder = TempDir::with_prefix("heartline-parallel-").expect("a temporary folder");
    fs::write(folder.path().join("work"), WORK).expect("a script");
    let (records, status, result, waited) =
        run_by_parallel(&zookeeper, folder.path(), &["--retries", "3"]);
    assert_eq!((status, waited), (0, 0), "{result}");
    assert_eq!(records, ["a", "b", "c"]);
    assert_eq!(
        (&result["finished"], &result["failed"]),
        (&3.into(), &0.into()),
        "{result}"
    );
    // The one try has failed.
    fs::remove_file(folder.path().join("tried")).expect("b was tried twice");
    let (records, status, result, waited) = run_by_parallel(&zookeeper, folder.path(), &[]);
    assert_eq!((status, waited), (1, 1), "{result}");
    assert_eq!(records, ["a", "c"]);
    assert_eq!(result["failures"][0]["task"], "part-b", "{result}");
}

/// `heartline commit` in a folder; the command appends to the file `done`.
fn commit(
    zookeeper: &ZooKeeper,
    folder: &Path,
    options: &[&str],
    script: &str,
    attempt: Option<&str>,
) -> Output {
    let mut command = Command::new(HEARTLINE);
    command
        .args(["commit", "--zookeeper", &zookeeper.address()])
        .args(options)
        .args(["--", "sh", "-c", script, "{attempt}", "{task}"])
        .current_dir(folder)
        .stdin(Stdio::null());
    if let Some(attempt) = attempt {
        command
            .env("mapreduce_task_attempt_id", attempt)
            .env("mapreduce_job_id", "job_7_0001");
    }
    command.output().expect("heartline")
}

#[test]
fn a_command_is_committed_once_from_within_its_task() {
    let zookeeper = ZooKeeper::start();
    let folder = TempDir::with_prefix("heartline-commit-").expect("a temporary folder");
    let folder = folder.path();
    let script = r#"echo "$0 $1" >> done; echo to people"#;
    let [first, second] = [0, 1].map(|number| format!("attempt_7_0001_m_000003_{number}"));
    // The first fails with its own status, the second commits, and the first once more has nothing to do.
    let failed = commit(&zookeeper, folder, &[], "exit 7", Some(&first));
    assert_eq!(failed.status.code(), Some(7), "{}", text(&failed.stderr));
    for attempt in [&second, &first] {
        let done = commit(&zookeeper, folder, &[], script, Some(attempt));
        assert_eq!(
            (done.status.code(), text(&done.stdout).as_str()),
            (Some(0), ""),
            "{}",
            text(&done.stderr)
        );
    }
    let lines = || fs::read_to_string(folder.join("done")).unwrap_or_default();
    assert_eq!(lines(), format!("{second} task_7_0001_m_000003\n"));
    // Outside of Hadoop the task has the name that it is given; a blank stays within its word.
    for name in ["one", "two"] {
        let done = commit(
            &zookeeper,
            folder,
            &["--task", "a.b", "--name", name],
            script,
            None,
        );
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    }
    assert!(lines().ends_with("\none a.b\n"), "{}", lines());
    // No member was there at any time.
    assert!(!zookeeper.exists("/heart_beat") && !zookeeper.exists("/heart_beat_master"));
    let refused = commit(&zookeeper, folder, &[], script, None);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("give --commit-task NAME"),
        "{}",
        text(&refused.stderr)
    );
}
