//! Wrong usage ends with status 2, before any input is read, and the message names the right usage.

use assert_cmd::Command;
use predicates::str::contains;

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
    for name in [
        "wc-mapper",
        "wc-reducer",
        "setup-zookeeper",
        "watch-master",
        "watch-slave",
    ] {
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
