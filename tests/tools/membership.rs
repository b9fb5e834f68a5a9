//! What a member of a group does for its command, for the hook, and for the program that starts it.

use crate::support;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Program, SOON, ZooKeeper, group_member, member_options, wait_until};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

fn heartline() -> assert_cmd::Command {
    assert_cmd::Command::cargo_bin("heartline").expect("it is built")
}

/// Runs a member to its end.
fn run(zookeeper: &ZooKeeper, options: &str, command: &[&str]) -> Output {
    let options = member_options(zookeeper, options);
    let mut heartline = heartline();
    let heartline = heartline.args(options).arg("--").args(command);
    heartline.timeout(SOON).output().expect("it ends")
}

#[test]
fn a_worker_that_cannot_be_read_hides_no_other() {
    let zookeeper = ZooKeeper::start();
    zookeeper.create_lasting("/workers", "");
    zookeeper.create_unreadable("/workers/hidden", "w9:1");
    let master = group_member(&zookeeper, "master --address m1:2223", &[]);
    let _worker = group_member(&zookeeper, "worker --name w1 --address w1:2224", &[]);
    master.wait_for_event("worker-joined", "w1");
}

/// A member, with its events and its complaints.
fn outspoken(zookeeper: &ZooKeeper, options: &str) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
    Program::start(command.args(member_options(zookeeper, options)))
}

fn count(program: &Program, what: &str) -> usize {
    let lines = program.lines();
    lines.iter().filter(|line| line.contains(what)).count()
}

/// Longer than the pause before a refused request is sent again.
const REFUSED_TWICE: Duration = Duration::from_secs(12);

#[test]
fn a_worker_is_read_again_once_its_rights_are_corrected() {
    let zookeeper = ZooKeeper::start();
    zookeeper.create_lasting("/workers", "");
    zookeeper.create_unreadable("/workers/hidden", "w9:1");
    let master = outspoken(&zookeeper, "master --address m1:2223");
    master.wait_for("/workers/hidden is passed over: ");
    zookeeper.make_readable("/workers/hidden");
    master.wait_for(r#""event":"worker-joined","node":"hidden""#);
}

#[test]
fn a_workers_folder_that_nobody_may_read_is_named_once_and_read_later() {
    let zookeeper = ZooKeeper::start();
    zookeeper.create_unreadable("/workers", "");
    let master = outspoken(&zookeeper, "master --address m1:2223");
    master.wait_for("ZooKeeper refuses /workers: ");
    sleep(REFUSED_TWICE);
    assert_eq!(
        count(&master, "ZooKeeper refuses"),
        1,
        "{:#?}",
        master.lines()
    );
    zookeeper.make_readable("/workers");
    let _worker = group_member(&zookeeper, "worker --name w1 --address w1:2224", &[]);
    master.wait_for(r#""event":"worker-joined","node":"w1""#);
}

#[test]
fn a_master_znode_that_no_session_owns_is_named_and_waited_for() {
    let zookeeper = ZooKeeper::start();
    zookeeper.create_lasting("/master", "old:1");
    let master = outspoken(&zookeeper, "master --address m1:2223");
    let complaint = "no session owns /master, so it stays until it is removed by hand";
    master.wait_for(complaint);
    zookeeper.set("/master", b"old:2");
    master.wait_for(r#""active":"old:2""#);
    assert_eq!(count(&master, complaint), 1, "{:#?}", master.lines());
    let removed = zookeeper.visit(async |session| session.remove("/master").await);
    removed.expect("it may be removed");
    master.wait_for(r#""event":"active""#);
}

#[test]
fn a_command_that_ends_ends_the_membership_with_its_status() {
    let zookeeper = ZooKeeper::start();
    for (script, status) in [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)] {
        let begin = Instant::now();
        let ended = run(
            &zookeeper,
            "worker --address w1:2224",
            &["sh", "-c", script],
        );
        assert_eq!(ended.status.code(), Some(status), "{script}");
        let events = String::from_utf8_lossy(&ended.stdout);
        let words: Vec<&str> = events
            .lines()
            .map(|line| line.split('"').nth(7).unwrap())
            .collect();
        assert_eq!(words, ["active", "inactive"], "{events}");
        // Well before the session would have expired.
        assert!(!zookeeper.exists("/workers/w1"));
        assert!(begin.elapsed() < Duration::from_secs(3));
    }
}

#[test]
fn what_a_command_leaves_behind_ends_with_it() {
    let zookeeper = ZooKeeper::start();
    let folder = TempDir::new().expect("a temporary folder");
    let left = folder.path().join("left");
    let script = format!(
        "setsid sh -c 'echo $$ > {0}; exec sleep 100' & until [ -s {0} ]; do sleep 0.01; done",
        left.display()
    );
    let ended = run(
        &zookeeper,
        "worker --address w1:2224",
        &["sh", "-c", &script],
    );
    assert_eq!(ended.status.code(), Some(0));
    let pid = fs::read_to_string(&left).expect("it has begun");
    // The process would sleep for longer than this. It is gone once it was reaped.
    wait_until("what was left is gone", SOON, || {
        !fs::exists(format!("/proc/{}", pid.trim())).expect("/proc")
    });
}

#[test]
fn a_command_has_the_stdin_and_the_environment_of_its_member() {
    let zookeeper = ZooKeeper::start();
    let mut heartline = heartline();
    let options = member_options(&zookeeper, "worker --name x --address w1:2224");
    let script = "cat; echo $HEARTLINE_NODE $HEARTLINE_ADDRESS; [ $HEARTLINE_EPOCH -gt 0 ]";
    let ended = heartline
        .args(&options[..options.len() - 2])
        .args(["--", "sh", "-c", script])
        .write_stdin("what was given\n")
        .timeout(SOON)
        .assert();
    // Stdout is the command's, the events go to stderr.
    let ended = ended.success().stdout("what was given\nx w1:2224\n");
    ended.stderr(contains(
        r#""event":"active","node":"x","address":"w1:2224","epoch":"#,
    ));
}

#[test]
fn a_signal_stops_the_command_then_the_membership_then_the_member() {
    let zookeeper = ZooKeeper::start();
    for signal in [Signal::TERM, Signal::INT] {
        let options = member_options(&zookeeper, "master --address m1:2223");
        let script = "trap 'echo stopped; exit 5' TERM; echo runs; while :; do sleep 0.01; done";
        let child = Command::new(env!("CARGO_BIN_EXE_heartline"))
            .args(options)
            .args(["--", "sh", "-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("heartline");
        wait_until("it is active", SOON, || zookeeper.exists("/master"));
        sleep(Duration::from_millis(300));
        kill_process(Pid::from_child(&child), signal).expect("it runs");
        let output = child.wait_with_output().expect("it ends");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let events = stdout.lines().filter(|line| !line.starts_with('{'));
        let said: Vec<&str> = events.collect();
        assert_eq!(said, ["runs", "stopped"], "{stdout}");
        assert_eq!(output.status.signal(), Some(signal.as_raw()));
        assert!(!zookeeper.exists("/master"));
    }
}

#[test]
fn a_name_that_is_taken_is_waited_for() {
    let zookeeper = ZooKeeper::start();
    let first = group_member(&zookeeper, "worker --address w1:2224", &[]);
    first.wait_for_event("active", "w1");
    let second = group_member(&zookeeper, "worker --name w1 --address w9:2224", &[]);
    second.wait_for("it waits", |lines| {
        lines.iter().any(|line| {
            line.contains(r#""event":"backup","node":"w1","address":"w9:2224","active":"w1:2224""#)
        })
    });
    assert_eq!(zookeeper.znode("/workers/w1"), "w1:2224");
    first.signal(Signal::TERM);
    second.wait_for_event("active", "w1");
    assert_eq!(zookeeper.znode("/workers/w1"), "w9:2224");
}

#[test]
fn groups_may_be_anywhere() {
    let zookeeper = ZooKeeper::start();
    let place = "--namespace /some/app --workers /deep/in/workers";
    let master = format!("master --path /ha/leader --address m1:2223 {place}");
    let master = group_member(&zookeeper, &master, &[]);
    let worker = format!("worker --address w1:2224 {place}");
    let _worker = group_member(&zookeeper, &worker, &[]);
    master.wait_for_event("active", "leader");
    master.wait_for_event("worker-joined", "w1");
    assert_eq!(zookeeper.znode("/some/app/ha/leader"), "m1:2223");
    assert_eq!(zookeeper.znode("/some/app/deep/in/workers/w1"), "w1:2224");
}

#[test]
fn the_hook_runs_one_at_a_time_and_has_the_last_word() {
    let zookeeper = ZooKeeper::start();
    let folder = TempDir::new().expect("a temporary folder");
    let heard = folder.path().join("heard");
    let hook = format!(
        "{{ echo begin; sleep 0.2; echo $HEARTLINE_EVENT $HEARTLINE_NODE $HEARTLINE_ADDRESS; cat
         echo end; }} >> {}",
        heard.display()
    );
    let options = member_options(&zookeeper, "master --address m1:2223 --hook");
    let at = options.iter().position(|word| word == "--hook").unwrap() + 1;
    let mut words: Vec<&str> = options.iter().map(String::as_str).collect();
    words.insert(at, &hook);
    let master = support::Watcher::start(env!("CARGO_BIN_EXE_heartline"), &words);
    master.wait_for_event("active", "master");
    for n in 10..40 {
        zookeeper.create_lasting(&format!("/workers/w{n}"), &format!("w{n}:2224"));
    }
    master.wait_for_event("worker-joined", "w39");
    let lines = master.lines();
    let last = lines.last().expect("a line");
    let wait_until_last = |what: &str| {
        wait_until(what, SOON, || {
            let heard = fs::read_to_string(&heard).unwrap_or_default();
            heard.ends_with(&format!("{what}\nend\n"))
        });
        fs::read_to_string(&heard).expect("it was heard")
    };
    let text = wait_until_last(last);
    let lines: Vec<&str> = text.lines().collect();
    for (place, line) in lines.iter().enumerate() {
        assert_eq!(*line == "begin", place % 4 == 0, "one at a time: {text}");
    }
    let runs = lines.len() / 4;
    assert!((2..31).contains(&runs), "only the newest: {runs}");
    assert!(text.contains("active master m1:2223"), "{text}");
    assert!(text.contains("worker-joined w39 w39:2224"), "{text}");
    master.signal(Signal::TERM);
    wait_until("the last word", SOON, || {
        let heard = fs::read_to_string(&heard).unwrap_or_default();
        heard.contains("inactive master m1:2223") && heard.ends_with("end\n")
    });
}

#[test]
fn a_hook_that_hangs_holds_nobody_up() {
    let zookeeper = ZooKeeper::start();
    let mut options = member_options(&zookeeper, "master --address m1:2223");
    options.extend(["--hook".to_owned(), "sleep 3".to_owned()]);
    let words: Vec<&str> = options.iter().map(String::as_str).collect();
    let master = support::Watcher::start(env!("CARGO_BIN_EXE_heartline"), &words);
    master.wait_for_event("active", "master");
    let begin = Instant::now();
    zookeeper.create_lasting("/workers/w1", "w1:2224");
    master.wait_for_event("worker-joined", "w1");
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn events_go_to_a_file_and_a_reader_that_goes_ends_the_membership() {
    let zookeeper = ZooKeeper::start();
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("events");
    let mut options = member_options(&zookeeper, "worker --address w1:2224");
    *options.last_mut().unwrap() = file.display().to_string();
    let ended = heartline()
        .args(&options)
        .args(["--", "true"])
        .timeout(SOON)
        .assert();
    ended.success().stdout("").stderr("");
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 2);

    let script = format!(
        "'{}' {} | head -1; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_heartline"),
        member_options(&zookeeper, "master --address m1:2223").join(" ")
    );
    let mut shell = Command::new("bash")
        .args(["-c", &script])
        .stdout(Stdio::null())
        .spawn()
        .expect("bash");
    wait_until("it is active", SOON, || zookeeper.exists("/master"));
    sleep(Duration::from_millis(500));
    // The next line has no reader.
    zookeeper.create_lasting("/workers/w2", "w2:2224");
    assert_eq!(shell.wait().expect("it ends").code(), Some(141));
    assert!(!zookeeper.exists("/master"));
}

#[test]
fn zookeeper_is_waited_for_and_that_is_said_once() {
    let mut zookeeper = ZooKeeper::start();
    zookeeper.kill();
    let folder = TempDir::new().expect("a temporary folder");
    let said = folder.path().join("said");
    let script = format!(
        "exec '{}' {} 2> {}",
        env!("CARGO_BIN_EXE_heartline"),
        member_options(&zookeeper, "master --address m1:2223").join(" "),
        said.display()
    );
    let member = support::Watcher::start("sh", &["-c", &script]);
    sleep(Duration::from_secs(3));
    let text = fs::read_to_string(&said).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.contains("waiting for ZooKeeper: nothing listens on 127.0.0.1:"),
        "{text}"
    );
    zookeeper.restart();
    member.wait_for_event("active", "master");
}

/// An address without a listener.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    listener.local_addr().expect("its address").to_string()
}

#[test]
fn who_requires_zookeeper_does_not_wait() {
    let ended = heartline()
        .args([
            "member",
            "master",
            "--address",
            "m1:2223",
            "--require-zookeeper",
        ])
        .args(["--zookeeper", &nowhere(), "--", "true"])
        .timeout(SOON)
        .assert();
    let ended = ended.code(1).stdout("");
    ended.stderr(contains("ZooKeeper is required: nothing listens on"));
}

#[test]
fn wrong_options_are_answered_with_what_to_write() {
    for (arguments, answer) in [
        ("", "Usage:"),
        ("member", "Usage:"),
        ("member master", "--address <HOST:PORT>"),
        ("member master --address m1", "HOST:PORT, as in m1:2223"),
        ("member master --address m1:0", "HOST:PORT, as in m1:2223"),
        (
            "member master --address m1:1 --path master",
            "/master or /app/workers",
        ),
        ("member master --address m1:1 --path /", "like /master"),
        (
            "member master --address m1:1 --path /a --workers /a/b",
            "different paths",
        ),
        (
            "member master --address m1:1 --path /a/b --workers /a",
            "different paths",
        ),
        ("member master --address m1:1 --stop-grace 5", "5ms or 2s"),
        (
            "member master --address m1:1 --events /proc/no/where",
            "name a file",
        ),
        (
            "member master --address m1:1 -- no-such-program",
            "no program 'no-such-program' on the PATH",
        ),
        (
            "member master --address m1:1 -- ./no-such-program",
            "no program ./no-such-program",
        ),
        ("member master --address m1:1 true", "unexpected argument"),
        ("member worker --address w1:1 --name a/b", "letters, digits"),
        ("member worker --address [::1]:1", "give one with --name"),
    ] {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let wrong = heartline().args(&arguments).timeout(SOON).assert().code(2);
        wrong.stdout("").stderr(contains(answer));
    }
}

#[test]
fn the_tools_have_help_and_a_version() {
    for arguments in [
        &["--help"][..],
        &["member", "--help"],
        &["member", "master", "--help"],
    ] {
        let help = heartline().args(arguments).assert().success();
        help.stdout(contains("Usage:").and(contains("become").not()));
    }
    let version = format!("heartline {}\n", env!("CARGO_PKG_VERSION"));
    heartline()
        .arg("--version")
        .assert()
        .success()
        .stdout(version);
}
