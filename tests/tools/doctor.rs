//! `heartline doctor` beside real servers, files and namespaces.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::left_out::{self, leave_out};
use crate::support::{SOON, ZooKeeper, not_root, wait_until, which};

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

/// A command for the doctor, in a surrounding that alone breaks nothing.
fn doctor(zookeeper: &str, words: &[&str]) -> Command {
    let mut command = Command::new(HEARTLINE);
    command.args(["doctor", "--json"]).args(words);
    command.env("HEARTLINE_ZOOKEEPER", zookeeper);
    command
        .env_remove("HADOOP_HOME")
        .env_remove("HADOOP_LOG_DIR");
    command
}

/// Its exit status, and its report.
fn report(command: &mut Command) -> (Option<i32>, Value) {
    let output: Output = command.output().expect("it runs");
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), report)
}

/// The findings of checks of this name, or whose names begin with this word, as `level: found; advice`.
fn found(report: &Value, check: &str) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings");
    let of_check = findings.iter().filter(|one| {
        let name = one["check"].as_str().expect("a name");
        let rest = name.strip_prefix(check);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    of_check
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default();
            format!("{}: {}; {}", text("level"), text("found"), text("advice"))
        })
        .collect()
}

/// The report once it has findings of these checks with these parts: servers and programs have about a second to answer,
/// and a busy machine takes longer.
fn report_with(command: &mut Command, expected: &[(&str, &str)]) -> (Option<i32>, Value) {
    let mut last = (None, Value::Null);
    wait_until("the findings are there", SOON, || {
        last = report(command);
        let is_there = |(check, part): &(&str, &str)| {
            let found = found(&last.1, check);
            found.iter().any(|one| one.contains(part))
        };
        let missing = expected.iter().find(|one| !is_there(one));
        if let Some(missing) = missing {
            eprintln!("{missing:?} is missing in {}", last.1);
        }
        missing.is_none()
    });
    last
}

/// Fails unless the check has one finding, with all these parts.
fn assert_found(report: &Value, check: &str, parts: &[&str]) {
    let found = found(report, check);
    let fits = |one: &String| parts.iter().all(|part| one.contains(part));
    assert!(
        found.len() == 1 && found.iter().all(fits),
        "{check}: {found:?}, not {parts:?}"
    );
}

fn program(folder: &Path, name: &str, text: &[u8]) {
    let path = folder.join(name);
    fs::write(&path, text).expect("a folder");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("its owner");
}

#[test]
fn a_healthy_server_breaks_nothing() {
    let zookeeper = ZooKeeper::with_settings(&["maxClientCnxns=60"]);
    let folder = tempfile::tempdir().expect("a folder");
    program(folder.path(), "mapper.sh", b"#!/bin/sh\ncat\n");
    fs::copy(HEARTLINE, folder.path().join("heartline")).expect("copied");
    fs::write(folder.path().join("stop-words.txt"), "the\n").expect("written");
    let job = folder.path().to_str().expect("UTF-8");
    let words = ["--mappers", "20", "--job", job];
    let expected = [
        ("connections", "60"),
        ("session", "opened"),
        ("clock", "ok: "),
        ("file heartline", "glibc"),
    ];
    let (status, report) = report_with(&mut doctor(&zookeeper.address(), &words), &expected);
    assert_eq!(status, Some(0), "{report}");
    assert_ne!(report["result"], "error");
    assert_found(&report, "zookeeper", &["ok: serves: 3.", "standalone"]);
    assert_found(
        &report,
        "connections",
        &["ok: ", "60", "enough for 20 mappers"],
    );
    assert_found(&report, "session", &["ok: opened"]);
    assert_found(
        &report,
        "access",
        &["ok: the job's znodes do not exist yet"],
    );
    // The server's clock is this machine's.
    assert_found(&report, "clock", &["ok: "]);
    assert_found(&report, "file mapper.sh", &["ok: is a script for /bin/sh"]);
    assert_found(
        &report,
        "file heartline",
        &["ok: is a program for", "glibc"],
    );
    assert_found(&report, "job", &["ok: 1 file is no program"]);

    // The table says the same, on stdout.
    let mut table = Command::new(HEARTLINE);
    table.args(["doctor", "--zookeeper", &zookeeper.address()]);
    table.env_remove("HADOOP_HOME").env_remove("HADOOP_LOG_DIR");
    let is_clock = |line: &str| line.split_whitespace().take(2).eq(["ok", "clock"]);
    wait_until("the clock is in the table", SOON, || {
        let output = table.output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.starts_with("RESULT"), "{text}");
        text.lines().any(is_clock) && output.status.code() == Some(0)
    });
}

#[test]
fn an_absent_server_is_an_error() {
    let (status, report) = report(&mut doctor("127.0.0.1:1", &[]));
    assert_eq!(status, Some(1), "{report}");
    assert_eq!(report["result"], "error");
    assert_found(
        &report,
        "zookeeper",
        &["error: nothing listens there", "--zookeeper"],
    );
    assert!(found(&report, "session").is_empty(), "{report}");
}

#[test]
fn one_of_several_servers_may_be_away() {
    let zookeeper = ZooKeeper::start();
    let both = format!("{},127.0.0.1:1", zookeeper.address());
    let expected = [
        ("zookeeper 127.0.0.1:1", "warning: nothing"),
        ("session", "opened"),
    ];
    let (status, report) = report_with(&mut doctor(&both, &[]), &expected);
    assert_eq!(status, Some(0), "{report}");
    assert_found(
        &report,
        "zookeeper 127.0.0.1:1",
        &["warning: nothing listens there"],
    );
}

#[test]
fn an_old_server_is_an_error() {
    let zookeeper = ZooKeeper::old();
    let expected = [("zookeeper", "is ZooKeeper 3.4.")];
    let (status, report) = report_with(&mut doctor(&zookeeper.address(), &[]), &expected);
    assert_eq!(status, Some(1), "{report}");
    let needs = "heartline needs ZooKeeper 3.5 or later";
    assert_found(
        &report,
        "zookeeper",
        &["error: is ZooKeeper 3.4.", needs, "upgrade"],
    );
}

#[test]
fn a_limit_on_connections_below_the_mappers_is_an_error() {
    let zookeeper = ZooKeeper::with_settings(&["maxClientCnxns=5"]);
    let with = |mappers| {
        let mut command = doctor(&zookeeper.address(), &["--mappers", mappers]);
        report_with(
            &mut command,
            &[("connections", "allows 5"), ("session", "opened")],
        )
    };
    let (status, found) = with("8");
    assert_eq!(status, Some(1), "{found}");
    let advice = "set maxClientCnxns=11 in zoo.cfg";
    assert_found(
        &found,
        "connections",
        &["error: ", "allows 5", "8 mappers", advice],
    );
    let (status, found) = with("2");
    assert_eq!(status, Some(0), "{found}");
    assert_found(&found, "connections", &["ok: "]);
}

#[test]
fn a_clock_that_differs_is_told() {
    if which("faketime").is_none() {
        leave_out!("faketime is missing");
    }
    let zookeeper = ZooKeeper::start();
    let plain = doctor(&zookeeper.address(), &[]);
    let mut shifted = Command::new("faketime");
    shifted
        .args(["-f", "-3600s", HEARTLINE])
        .args(plain.get_args());
    shifted.env("HEARTLINE_ZOOKEEPER", zookeeper.address());
    shifted
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env_remove("HADOOP_HOME")
        .env_remove("HADOOP_LOG_DIR");
    let (status, report) = report_with(&mut shifted, &[("clock", "ahead")]);
    assert_eq!(status, Some(0), "{report}");
    let parts = ["warning: ", "ahead of this host's", "Kerberos"];
    assert_found(&report, "clock", &parts);
}

#[test]
fn programs_of_a_job_that_cannot_run_are_errors() {
    let zookeeper = ZooKeeper::start();
    let folder = tempfile::tempdir().expect("a folder");
    program(
        folder.path(),
        "windows.py",
        b"#!/usr/bin/env python3\r\nprint()\r\n",
    );
    program(folder.path(), "marked.sh", b"\xef\xbb\xbf#!/bin/sh\n");
    let mut other = fs::read(HEARTLINE).expect("a program");
    // The machine of an ELF header: one that nobody has.
    other[18..20].copy_from_slice(&[0xfe, 0xfe]);
    program(folder.path(), "other", &other);
    fs::write(folder.path().join("plain.sh"), "#!/bin/sh\n").expect("written");
    let job = folder.path().to_str().expect("UTF-8");
    let expected = [
        ("file windows.py", "error"),
        ("file other", "error"),
        ("file plain.sh", "chmod"),
    ];
    let mut command = doctor(&zookeeper.address(), &["--job", job]);
    let (status, report) = report_with(&mut command, &expected);
    assert_eq!(status, Some(1), "{report}");
    assert_found(
        &report,
        "file windows.py",
        &["error: ", "carriage return", "sed -i"],
    );
    assert_found(&report, "file marked.sh", &["error: has a byte order mark"]);
    assert_found(
        &report,
        "file other",
        &["error: is a program for machine 65278"],
    );
    assert_found(
        &report,
        "file plain.sh",
        &["warning: ", "not executable", "chmod +x"],
    );
}

/// The doctor after a shell's `arrangement`, in a mount namespace of its own; `start` is what starts it.
fn arranged(zookeeper: &str, arrangement: &str, start: &str) -> Command {
    let script = format!("mount --make-rprivate / && {arrangement} && exec {start} doctor --json");
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-ec", &script]);
    command.env("HEARTLINE_ZOOKEEPER", zookeeper);
    command
        .env_remove("HADOOP_HOME")
        .env_remove("HADOOP_LOG_DIR");
    command
}

#[test]
fn hidden_processes_and_missing_permissions_are_told() {
    if let Some(why) = not_root() {
        leave_out!("{why}");
    }
    if which("setpriv").is_none() {
        leave_out!("setpriv is missing");
    }
    let zookeeper = ZooKeeper::start();
    // The folder of the programs may be closed to others.
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("its owner");
    let path = folder.path().join("heartline");
    fs::copy(HEARTLINE, &path).expect("copied");
    let arrangement = "mount -t proc -o hidepid=2 proc /proc && ulimit -r 0 && cd /tmp";
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all";
    let start = format!("{nobody} {}", path.display());
    let expected = [("/proc", "warning"), ("session", "opened")];
    let mut command = arranged(&zookeeper.address(), arrangement, &start);
    let (status, report) = report_with(&mut command, &expected);
    assert_eq!(status, Some(0), "{report}");
    assert_found(&report, "/proc", &["warning: is mounted with hidepid="]);
    assert_found(&report, "priority", &["warning: ", "LimitRTPRIO=1"]);
}

#[test]
fn a_full_disk_and_an_empty_path_are_errors() {
    if let Some(why) = not_root() {
        leave_out!("{why}");
    }
    let zookeeper = ZooKeeper::start();
    let mount = "mount -t tmpfs -o size=64k tmpfs /mnt && export TMPDIR=/mnt";
    let start = format!("env -u JAVA_HOME PATH=/nonexistent {HEARTLINE}");
    let expected = [("disk TMPDIR", "full"), ("java", "not found")];
    let mut command = arranged(&zookeeper.address(), mount, &start);
    let (status, report) = report_with(&mut command, &expected);
    assert_eq!(status, Some(1), "{report}");
    assert_found(&report, "disk TMPDIR", &["error: /mnt is full"]);
    assert_found(&report, "PATH", &["error: has no sh"]);
    assert_found(&report, "java", &["warning: is not found", "JAVA_HOME"]);
}
