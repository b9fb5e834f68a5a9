//! `heartline run`: what comes out is what went in, the status is the command's, and `ZooKeeper` affects
//! neither.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use crate::support::{SOON, Watcher, ZooKeeper, wait_until};
use assert_cmd::prelude::OutputAssertExt;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

/// `heartline run` without a heartbeat.
fn run(command: &[&str]) -> Command {
    let mut heartline = Command::new(HEARTLINE);
    heartline
        .args(["run", "--no-heartbeat", "--"])
        .args(command);
    heartline
}

/// Runs a line of bash in which `$RUN` is `heartline run --no-heartbeat --`.
fn bash(line: &str) -> Output {
    let run = format!("{HEARTLINE} run --no-heartbeat --");
    let mut bash = Command::new("bash");
    let bash = bash.args(["-c", line]).env("RUN", run);
    bash.stdin(Stdio::null()).output().expect("bash")
}

/// Generated lines: 40 MB of any bytes.
fn noise() -> Vec<u8> {
    let mut state = 42_u64;
    let mut bytes = Vec::with_capacity(40_000_000);
    while bytes.len() < 40_000_000 {
        // Steele and Vigna's multiplier for a generator of 64 bits.
        state = state.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        bytes.extend_from_slice(&(state >> 16).to_le_bytes()[..6]);
    }
    bytes
}

/// The output of a process for this input.
fn through(mut child: Child, input: Vec<u8>) -> Output {
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    let feeder = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    feeder
        .join()
        .expect("no panic")
        .expect("it takes all its input");
    output
}

fn piped(command: &mut Command) -> Child {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().expect("heartline")
}

#[test]
fn what_goes_through_pipes_is_the_same() {
    for input in [
        noise(),
        Vec::new(),
        b"no newline at the end".to_vec(),
        b"\n".to_vec(),
    ] {
        let output = through(piped(&mut run(&["cat"])), input.clone());
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stdout == input, "{} bytes", input.len());
    }
}

#[test]
fn what_goes_through_files_is_the_same() {
    let folder = TempDir::new().expect("a temporary folder");
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let input = noise();
    fs::write(&from, &input).expect("a file");
    let mut reader = File::open(&from).expect("it is there");
    // The command continues at the current offset.
    reader.read_exact(&mut [0; 1000]).expect("it is longer");
    let ended = run(&["cat"])
        .stdin(reader)
        .stdout(File::create(&to).expect("a file"))
        .env("mapreduce_task_attempt_id", "attempt_1_0001_m_000000_0")
        .output()
        .expect("heartline");
    assert!(fs::read(&to).expect("it was written") == input[1000..]);
    let bytes = input.len() - 1000;
    let said = String::from_utf8_lossy(&ended.stderr);
    for counter in ["bytes in", "bytes out"] {
        let line = format!("reporter:counter:heartline,{counter},{bytes}\n");
        assert!(said.contains(&line), "{said}");
    }
    // A file opened for appending has another offset.
    let more = File::options().append(true).open(&to).expect("it is there");
    run(&["echo", "more"])
        .stdin(Stdio::null())
        .stdout(more)
        .assert()
        .success();
    assert!(fs::read(&to).expect("it was written").ends_with(b"more\n"));
}

#[test]
fn what_goes_through_sockets_is_the_same() {
    let (mut own, other) = UnixStream::pair().expect("a socket");
    let other = OwnedFd::from(other);
    let mut child = run(&["cat"])
        .stdin(other.try_clone().expect("a descriptor"))
        .stdout(other)
        .spawn()
        .expect("heartline");
    let input = noise();
    let expected = input.clone();
    let mut feed = own.try_clone().expect("a descriptor");
    let feeder = thread::spawn(move || {
        feed.write_all(&input)?;
        feed.shutdown(Shutdown::Write)
    });
    let mut output = Vec::new();
    own.read_to_end(&mut output).expect("all of it");
    assert!(output == expected);
    feeder.join().expect("no panic").expect("it is taken");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn records_and_bytes_are_counted_for_hadoop() {
    let mut command = run(&["sed", "-n", "p;p"]);
    command
        .env("mapreduce_task_attempt_id", "attempt_1_0001_m_000000_0")
        .stderr(Stdio::piped());
    let output = through(piped(&mut command), b"a\nbc\nlast".to_vec());
    assert_eq!(output.stdout, b"a\na\nbc\nbc\nlast\nlast");
    let said = String::from_utf8_lossy(&output.stderr);
    let counters = [
        ("records in", 2),
        ("records out", 5),
        ("bytes in", 9),
        ("bytes out", 19),
    ];
    let lines: Vec<String> = counters
        .iter()
        .map(|(name, amount)| format!("reporter:counter:heartline,{name},{amount}"))
        .collect();
    assert_eq!(said.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn the_status_is_the_commands() {
    for (script, status) in [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
        ("kill -SEGV $$", 139),
        ("sleep 100 & kill -9 $!; wait $!", 137),
    ] {
        let ended = run(&["sh", "-c", script]).stdin(Stdio::null()).assert();
        ended.code(status).stdout("");
    }
}

#[test]
fn a_command_that_cannot_be_run_is_said_as_a_shell_does() {
    for (command, status, said) in [
        (
            "no-such-program",
            127,
            "cannot run no-such-program: No such",
        ),
        ("./no-such-program", 127, "cannot run ./no-such-program: No"),
        ("/etc/passwd", 126, "cannot run /etc/passwd: Permission"),
        ("/", 126, "cannot run /: Permission denied"),
    ] {
        let ended = run(&[command]).stdin(Stdio::null()).assert().code(status);
        let one_line = predicates::function::function(|said: &str| said.lines().count() == 1);
        ended.stdout("").stderr(
            contains("heartline run: ")
                .and(contains(said))
                .and(one_line),
        );
    }
}

#[test]
fn wrong_usage_is_answered_with_what_to_write() {
    for (arguments, answer) in [
        ("run", "heartline run -- <COMMAND>"),
        ("run --no-heartbeat cat", "run [OPTIONS] -- <COMMAND>"),
        ("run --grace 5 -- cat", "5ms or 2s"),
        ("run --zookeeper a:b -- cat", "HOST:PORT"),
        (
            "run --no-heartbeat --require-zookeeper -- cat",
            "exclude each other",
        ),
    ] {
        let mut heartline = Command::new(HEARTLINE);
        let wrong = heartline.args(arguments.split(' ')).assert().code(2);
        wrong.stdout("").stderr(contains(answer));
    }
    let mut heartline = Command::new(HEARTLINE);
    let help = heartline.args(["run", "--help"]).assert().success();
    help.stdout(contains("heartline run -- ./mapper.py").and(contains("Exit status:")));
}

#[test]
fn who_takes_no_more_is_felt_by_who_gives() {
    for (line, status) in [
        // The command ends before its input does.
        ("yes word | $RUN head -1; echo ${PIPESTATUS[*]}", "141 0"),
        // Our reader is gone: the command notices that as it would without us.
        ("$RUN yes word | head -1; echo ${PIPESTATUS[*]}", "141 0"),
        (
            "yes word | $RUN cat | head -1; echo ${PIPESTATUS[*]}",
            "141 141 0",
        ),
        // A command that survives the broken pipe decides its own status.
        (
            "$RUN sh -c 'trap \"\" PIPE; while echo word; do :; done 2>/dev/null; exit 5' | head -1; \
             echo ${PIPESTATUS[*]}",
            "5 0",
        ),
        // The command has ended well, but its output has no reader.
        (
            "$RUN head -c 1500000 /dev/zero | { echo word; sleep 0.5; }; echo ${PIPESTATUS[*]}",
            "141 0",
        ),
    ] {
        let output = bash(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said, "", "{line}");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(stdout, format!("word\n{status}\n"), "{line}");
    }
}

#[test]
fn stdin_that_the_command_closes_is_closed_at_once() {
    let (reading, mut writing) = io::pipe().expect("a pipe");
    let mut child = run(&["sh", "-c", "exec <&-; echo closed; exec sleep 100"])
        .stdin(reading)
        .stdout(Stdio::piped())
        .spawn()
        .expect("heartline");
    let mut line = [0; 7];
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_exact(&mut line).expect("it says so");
    // Nothing has to be written for this; the first write would fail.
    wait_until("the pipe is broken", SOON, || {
        use rustix::event::{PollFd, PollFlags, poll};
        let mut ends = [PollFd::new(&writing, PollFlags::empty())];
        let now = rustix::event::Timespec::default();
        poll(&mut ends, Some(&now)).expect("poll") == 1
    });
    let error = writing.write(b"more\n").expect_err("nobody reads it");
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    child.wait().expect("it ends");
}

#[test]
fn the_end_of_stdout_is_passed_on_before_the_command_ends() {
    let mut child = run(&["sh", "-c", "echo all; exec >&-; read -r _"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("heartline");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut all = String::new();
    stdout.read_to_string(&mut all).expect("it has an end");
    assert_eq!(all, "all\n");
    assert!(child.try_wait().expect("it can be asked").is_none());
    drop(child.stdin.take());
    child.wait().expect("it ends");
}

#[test]
fn what_the_command_leaves_behind_may_finish_its_work() {
    let script = "(sleep 0.5; echo late) & echo early";
    let ended = run(&["sh", "-c", script]).stdin(Stdio::null()).assert();
    ended.success().stdout("early\nlate\n");
    // After a failure there is nothing to wait for.
    let script = "sleep 1000 & exit 3";
    let ended = Command::new(HEARTLINE)
        .args(["run", "--no-heartbeat", "--grace", "1h", "--", "sh", "-c"])
        .arg(script)
        .stdin(Stdio::null())
        .assert();
    ended.code(3);
}

#[test]
fn it_beats_and_finishes() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let member = |name: &str, script: &str| {
        Command::new(HEARTLINE)
            .args(["run", "--zookeeper", &zookeeper.address(), "--name", name])
            .args(["--timeout", "500ms", "--", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("heartline")
    };
    let mut first = member("first", "cat");
    watcher.wait_for_event("claimed", "first");
    let mut second = member("second", "cat");
    watcher.wait_for_event("alive", "second");
    let mut input = second.stdin.take().expect("a pipe");
    input.write_all(b"some\nlines\n").expect("it is read");
    wait_until("its beat says how far it is", SOON, || {
        let beat = zookeeper.znode("/heart_beat/second");
        beat.contains("records-in: 2") && beat.contains("bytes-in: 11")
    });
    drop(input);
    let ended = second.wait_with_output().expect("it ends");
    assert_eq!(ended.stdout, b"some\nlines\n");
    assert_eq!(ended.status.code(), Some(0));
    watcher.wait_for_event("finished", "second");
    // A killed command makes its member fail.
    let mut third = member("third", "sleep 0.3; kill -9 $$");
    watcher.wait_for_event("failed", "third");
    assert_eq!(third.wait().expect("it ends").code(), Some(137));
    drop(first.stdin.take());
    assert!(first.wait().expect("it ends").success());
}

#[test]
fn without_zookeeper_the_work_goes_on_and_that_is_said_once() {
    let address = "127.0.0.1:1";
    let mut command = Command::new(HEARTLINE);
    command
        .args(["run", "--zookeeper", address, "--", "sh", "-c"])
        .arg("cat; sleep 1; exit 4")
        .stderr(Stdio::piped());
    let output = through(piped(&mut command), b"a\nb\n".to_vec());
    assert_eq!(output.stdout, b"a\nb\n");
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.starts_with("heartline run: no heartbeat through ZooKeeper at 127.0.0.1:1: nothing"),
        "{said}"
    );
    // Unless it is required: then nothing runs.
    let required = Command::new(HEARTLINE)
        .args(["run", "--require-zookeeper", "--", "echo", "run"])
        // As a property of a job.
        .env("heartline_zookeeper", address)
        .assert();
    let required = required.code(1).stdout("");
    required.stderr(contains(
        "heartline run: ZooKeeper at 127.0.0.1:1 is required: nothing listens",
    ));
}
