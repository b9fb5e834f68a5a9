//! Wrong usage ends with status 2, before any input is read, and the message names the right usage.

use std::os::unix::fs::symlink;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use predicates::str::contains;

/// The small programs.
const PROGRAMS: [&str; 5] = [
    "wc-mapper",
    "wc-reducer",
    "setup-zookeeper",
    "watch-master",
    "watch-slave",
];

fn program(name: &str) -> Command {
    Command::cargo_bin(name).expect("it is built")
}

#[test]
fn wrong_options_are_answered_with_what_to_write() {
    for (name, arguments, answer) in [
        ("wc-mapper", &["--bogus"][..], "--bogus"),
        ("wc-mapper", &["--zookeeper", "a:b"], "HOST:PORT"),
        ("wc-mapper", &["--zookeeper", ""], "HOST:PORT"),
        ("wc-mapper", &["--namespace", "jobs"], "/jobs/wordcount"),
        ("wc-mapper", &["--interval", "0ms"], "at least 1ms"),
        ("wc-mapper", &["--interval", "5"], "5ms or 2s"),
        (
            "wc-mapper",
            &["--interval", "30ms"],
            "longer than --timeout",
        ),
        (
            "wc-mapper",
            &["--timeout", "4s"],
            "half of --session-timeout",
        ),
        (
            "wc-mapper",
            &["--session-timeout", "1ms"],
            "between 100ms and 1day",
        ),
        ("wc-mapper", &["--name", "a/b"], "letters, digits"),
        (
            "wc-mapper",
            &["--no-heartbeat", "--require-zookeeper"],
            "exclude each other",
        ),
        ("wc-mapper", &["file.txt"], "unexpected argument"),
        ("wc-reducer", &["--bogus"], "--bogus"),
        ("setup-zookeeper", &["--zookeeper", "a,,b"], "HOST:PORT"),
        ("watch-master", &["--namespace", "/a//b"], "empty part"),
        (
            "watch-slave",
            &["--output-dir", "/proc/nowhere"],
            "--output-dir",
        ),
    ] {
        let wrong = program(name)
            .args(arguments)
            .write_stdin("a")
            .assert()
            .code(2);
        wrong.stdout("").stderr(contains(answer));
    }
}

#[test]
fn every_program_has_help_and_a_version() {
    for name in PROGRAMS {
        program(name)
            .arg("--help")
            .assert()
            .success()
            .stdout(contains("Usage:"));
        let version = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
        program(name)
            .arg("--version")
            .assert()
            .success()
            .stdout(version);
    }
}

#[test]
fn settings_come_from_the_environment_and_from_the_job() {
    let wrong = |variable: &str| {
        program("wc-mapper")
            .env(variable, "soon")
            .write_stdin("a")
            .assert()
            .code(2)
    };
    wrong("HEARTLINE_INTERVAL").stderr(contains("--interval"));
    wrong("heartline_interval").stderr(contains("--interval"));
    let quiet = program("wc-mapper")
        .env("heartline_no_heartbeat", "true")
        .write_stdin("a")
        .assert();
    quiet.success().stdout("a\t1\n").stderr("");
}

#[test]
fn a_log_that_cannot_be_written_does_not_make_the_work_fail() {
    let reducer = env!("CARGO_BIN_EXE_wc-reducer");
    let script = format!("printf 'no tab\\na\\t1\\n' | '{reducer}' 2>/dev/full");
    let run = Command::new("bash").args(["-c", &script]).assert();
    run.success().stdout("a\t1\n");
}

#[test]
fn heartline_is_every_program_by_its_name_and_by_its_first_argument() {
    let folder = tempfile::tempdir().unwrap();
    let linked = |name: &str| {
        let link = folder.path().join(name);
        if !link.exists() {
            symlink(cargo_bin("heartline"), &link).unwrap();
        }
        Command::new(link)
    };
    let said = |mut command: Command| {
        let said = command
            .env("HEARTLINE_NO_HEARTBEAT", "1")
            .write_stdin("b a b\n")
            .assert()
            .success();
        String::from_utf8(said.get_output().stdout.clone()).unwrap()
    };
    let with = |mut command: Command, argument: &str| {
        command.arg(argument);
        command
    };
    for name in PROGRAMS {
        let own = said(with(program(name), "--help"));
        assert_eq!(said(with(linked(name), "--help")), own);
        // Only the usage line differs.
        let first = said(with(with(program("heartline"), name), "--help"));
        assert_eq!(first.replace(&format!("heartline {name}"), name), own);
    }
    let counted = said(program("wc-mapper"));
    assert_eq!(counted, "b\t1\na\t1\nb\t1\n");
    assert_eq!(said(linked("wc-mapper")), counted);
    assert_eq!(said(with(program("heartline"), "wc-mapper")), counted);
    // By another name it is heartline.
    assert!(said(with(linked("hl"), "--version")).starts_with("heartline "));
}
