//! `heartline status --watch`: table after table, on a terminal in the same place, until it ends.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use crate::support::{Guarded, Mapper, Watcher, ZooKeeper};
use rustix::process::{Pid, Signal, kill_process};

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

#[test]
fn watching_goes_on_without_zookeeper_until_it_is_ended() {
    let mut zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    let master = Mapper::start(&zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    let options = [
        "status",
        "--watch",
        "--every",
        "100ms",
        "--over",
        "50ms",
        "--zookeeper",
        &address,
        "--session-timeout",
        "2s",
    ];
    let watcher = Watcher::start(HEARTLINE, &options);
    let tables = |lines: &[String]| lines.iter().filter(|line| line.starts_with("ROLE")).count();
    watcher.wait_for("tables", |lines| tables(lines) >= 2);
    let lines = watcher.lines();
    let heads = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with("master map1 since"));
    let mut heads = heads.skip(1);
    let second = heads.next().map(|(at, _)| at);
    watcher.wait_for("an empty line is between them", |lines| {
        second.is_none_or(|at| lines[at - 1].is_empty())
    });
    zookeeper.kill();
    watcher.wait_for("it is away", |lines| {
        lines
            .iter()
            .any(|line| line.contains(&format!("ZooKeeper at {address}")))
    });
    zookeeper.restart();
    let before = tables(&watcher.lines());
    watcher.wait_for("it is back", |lines| tables(lines) > before);
    // A stopped server accepts connections, and does not answer.
    let problem_count =
        |lines: &[String]| lines.iter().filter(|line| line.contains(&address)).count();
    let before = problem_count(&watcher.lines());
    zookeeper.pause();
    watcher.wait_for("it does not answer", |lines| problem_count(lines) > before);
    let before = tables(&watcher.lines());
    zookeeper.resume();
    watcher.wait_for("it answers", |lines| tables(lines) > before);
    drop(master);
    assert!(watcher.lines().iter().all(|line| !line.contains('\u{1b}')));
}

#[test]
fn a_watch_ends_quietly_by_a_signal() {
    let zookeeper = ZooKeeper::start();
    for signal in [Signal::TERM, Signal::INT] {
        let mut child = Command::new(HEARTLINE)
            .args(["status", "--watch", "--zookeeper", &zookeeper.address()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "no members below '/'");
        let pid = Pid::from_child(&child);
        kill_process(pid, signal).expect("it runs");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.signal(), Some(signal.as_raw()));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn a_closed_pipe_ends_a_watch_quietly() {
    let zookeeper = ZooKeeper::start();
    let script = format!(
        "'{HEARTLINE}' status --watch --every 50ms --over 10ms --zookeeper {} | head -1; \
         exit ${{PIPESTATUS[0]}}",
        zookeeper.address()
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .output()
        .expect("bash");
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr)
        ),
        (Some(141), "".into())
    );
}

#[test]
fn on_a_terminal_it_is_coloured_and_drawn_in_place() {
    let zookeeper = ZooKeeper::start();
    zookeeper.visit(async |session| session.prepare().await.unwrap());
    zookeeper.create_lasting("/heart_beat/map1", "alive at 1.5!\nstalled-ms: 1\n");
    let address = zookeeper.address();
    // A terminal created by `script`.
    let on_terminal = |options: &str, variable: &str| {
        let line = format!(
            "env -u NO_COLOR TERM=xterm {variable} '{HEARTLINE}' status --zookeeper {address} {options}"
        );
        let mut script = Command::new("script");
        script
            .args(["-qefc", &line, "/dev/null"])
            .stdin(Stdio::null());
        script
    };
    let output = on_terminal("", "").output().expect("script runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("\u{1b}[1mROLE") && text.contains("\u{1b}[31mfollower"),
        "{text:?}"
    );
    let plain = on_terminal("", "NO_COLOR=1").output().expect("script runs");
    assert!(
        !String::from_utf8_lossy(&plain.stdout).contains('\u{1b}'),
        "{:?}",
        String::from_utf8_lossy(&plain.stdout)
    );
    let mut command = on_terminal("--watch --every 50ms --over 10ms", "");
    let mut watch = Guarded::spawn(command.stdout(Stdio::piped()));
    let mut out = watch.take_stdout().expect("a pipe");
    let mut seen = Vec::new();
    while String::from_utf8_lossy(&seen).matches("\u{1b}[H").count() < 3 {
        let mut some = [0; 4096];
        let count = out.read(&mut some).expect("a pipe");
        assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&some[..count]);
    }
}
