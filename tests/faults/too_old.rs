//! A `ZooKeeper` that is too old: every program reports that, with the version, and a mapper's work goes on.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Guarded, Program, SOON, ZooKeeper, wait_until};
use tempfile::TempDir;

/// The message of every program.
fn message(zookeeper: &ZooKeeper) -> String {
    let address = zookeeper.address();
    format!("heartline needs ZooKeeper 3.5 or later, and {address} is ZooKeeper 3.4.")
}

/// One of heartline's programs, at this server.
fn program(path: &str, words: &[&str], zookeeper: &ZooKeeper) -> Command {
    let mut command = Command::new(path);
    command
        .args(words)
        .env("HEARTLINE_ZOOKEEPER", zookeeper.address());
    command
}

#[test]
fn a_program_that_asks_once_gets_an_error_and_fails() {
    let zookeeper = ZooKeeper::old();
    let heartline = env!("CARGO_BIN_EXE_heartline");
    for (path, words) in [
        (env!("CARGO_BIN_EXE_setup-zookeeper"), ""),
        (heartline, "status"),
        (heartline, "kill map1"),
        (heartline, "interval auto"),
        (heartline, "run --require-zookeeper -- true"),
        (
            heartline,
            "run --commit-command true --commit-task t -- true",
        ),
        (env!("CARGO_BIN_EXE_wc-mapper"), "--require-zookeeper"),
    ] {
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut command = program(path, &words, &zookeeper);
        let output = command.stdin(Stdio::null()).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(&message(&zookeeper)), "{words:?}: {said}");
        assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
    }
}

#[test]
fn a_program_that_goes_on_reports_it() {
    let zookeeper = ZooKeeper::old();
    let folder = TempDir::with_prefix("heartline-old-").expect("a temporary folder");
    let folder = folder.path().to_str().expect("UTF-8");
    let heartline = env!("CARGO_BIN_EXE_heartline");
    let started = [
        (env!("CARGO_BIN_EXE_watch-master"), vec![]),
        (
            env!("CARGO_BIN_EXE_watch-slave"),
            vec!["--output-dir", folder],
        ),
        (heartline, vec!["events"]),
        (heartline, vec!["status", "--watch"]),
        (heartline, vec!["master"]),
        (heartline, vec!["member", "worker", "--address", "w1:1"]),
    ]
    .map(|(path, words)| Program::start(&mut program(path, &words, &zookeeper)));
    for program in started {
        program.wait_for(&message(&zookeeper));
    }
}

#[test]
fn the_work_of_a_mapper_goes_on() {
    let zookeeper = ZooKeeper::old();
    let folder = TempDir::with_prefix("heartline-old-").expect("a temporary folder");
    let [words, complaints] = ["words", "complaints"].map(|name| folder.path().join(name));
    let made = |path: &Path| std::fs::File::create(path).expect("made");
    let text = |path: &Path| std::fs::read_to_string(path).expect("there");
    let mut mapper = Guarded::spawn(
        program(env!("CARGO_BIN_EXE_wc-mapper"), &[], &zookeeper)
            .stdin(Stdio::piped())
            .stdout(made(&words))
            .stderr(made(&complaints)),
    );
    let mut input = mapper.take_stdin().expect("a pipe");
    input.write_all(b"a b\n").expect("it reads");
    wait_until("it says so", SOON, || {
        text(&complaints).contains(&message(&zookeeper))
    });
    input.write_all(b"c\n").expect("it reads");
    drop(input);
    assert_eq!(mapper.wait().code(), Some(0), "{}", text(&complaints));
    assert_eq!(text(&words), "a\t1\nb\t1\nc\t1\n");
    assert_eq!(
        text(&complaints).lines().count(),
        1,
        "{}",
        text(&complaints)
    );
}
