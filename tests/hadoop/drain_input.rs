//! `heartline run --drain-input`: the rest of an input whose command ends before it.

use std::fs::File;
use std::io::{self, ErrorKind, PipeWriter, Read, Write, pipe};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// More than all pipes between them hold.
const LINES: usize = 2_000_000;
const ATTEMPT: (&str, &str) = ("mapreduce_task_attempt_id", "attempt_1_0001_m_000000_0");

fn input() -> Vec<u8> {
    b"ten bytes\n".repeat(LINES)
}

fn run(options: &[&str], command: &[&str]) -> Command {
    let mut heartline = Command::new(env!("CARGO_BIN_EXE_heartline"));
    heartline
        .args(["run", "--no-heartbeat"])
        .args(options)
        .arg("--")
        .args(command)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    heartline
}

/// Starts it, with a writer that writes all of the input and then waits for `pause`.
fn fed(command: &mut Command, pause: Duration) -> (Child, JoinHandle<io::Result<PipeWriter>>) {
    let (stdin, mut feed) = pipe().expect("a pipe");
    let child = command.stdin(stdin).spawn().expect("heartline");
    // The reading end is the child's alone.
    command.stdin(Stdio::null());
    let feeder = spawn(move || {
        feed.write_all(&input())?;
        sleep(pause);
        feed.write_all(b"last\n")?;
        Ok(feed)
    });
    (child, feeder)
}

/// Returns its exit status, and whether all of its input was read.
fn outcome(mut command: Command) -> (Output, io::Result<()>) {
    let (child, feeder) = fed(&mut command, Duration::ZERO);
    let fed = feeder.join().expect("no panic").map(drop);
    (child.wait_with_output().expect("it ends"), fed)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_rest_is_read_and_counted() {
    let _machine = crate::support::part_of_machine();
    let mut command = run(&["--drain-input"], &["head", "-1"]);
    command.env(ATTEMPT.0, ATTEMPT.1);
    let (output, fed) = outcome(command);
    fed.expect("all is taken");
    let said = said(&output);
    assert_eq!(
        (output.status.code(), &*output.stdout),
        (Some(0), &b"ten bytes\n"[..])
    );
    let count_text = said
        .lines()
        .find_map(|line| {
            line.strip_prefix("heartline run: the command has ended before its input: ")
        })
        .and_then(|rest| rest.strip_suffix(" bytes of stdin were thrown away (--drain-input)"));
    let thrown: usize = count_text.expect(&said).parse().expect(&said);
    // `head` takes some block of it.
    let all = 10 * LINES + 5;
    assert!(all - 1_000_000 < thrown && thrown < all, "{thrown}");
    let counters = [("bytes in", all), ("records in", LINES + 1)];
    for (name, amount) in counters {
        let line = format!("reporter:counter:heartline,{name},{amount}\n");
        assert!(said.contains(&line), "{line}: {said}");
    }
    // As a property of a job.
    let mut command = run(&[], &["true"]);
    command.env("heartline_drain_input", "true");
    let (output, fed) = outcome(command);
    fed.expect("all is taken");
    let message = format!("{all} bytes of stdin were thrown away");
    assert!(self::said(&output).contains(&message), "{output:?}");
}

#[test]
fn without_it_a_task_says_why_it_fails() {
    let _machine = crate::support::part_of_machine();
    let mut command = run(&[], &["head", "-1"]);
    command.env(ATTEMPT.0, ATTEMPT.1);
    let (output, fed) = outcome(command);
    assert_eq!(fed.expect_err("it is closed").kind(), ErrorKind::BrokenPipe);
    let said = said(&output);
    assert_eq!(
        (output.status.code(), &*output.stdout),
        (Some(0), &b"ten bytes\n"[..])
    );
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("--drain-input"))
        .collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains("ended with 0 before its input"), "{said}");
    // In a pipeline this is usual, so there is no message.
    let (output, fed) = outcome(run(&[], &["head", "-1"]));
    assert!(fed.is_err());
    assert_eq!(self::said(&output), "");
    // No message for an input that was read completely.
    let mut command = run(&[], &["cat"]);
    command.env(ATTEMPT.0, ATTEMPT.1);
    let (child, feeder) = fed_little(&mut command);
    let output = child.wait_with_output().expect("it ends");
    feeder.join().expect("no panic");
    assert!(!self::said(&output).contains("drain"), "{output:?}");
}

fn fed_little(command: &mut Command) -> (Child, JoinHandle<()>) {
    let (stdin, mut feed) = pipe().expect("a pipe");
    let child = command.stdin(stdin).spawn().expect("heartline");
    command.stdin(Stdio::null());
    let feeder = spawn(move || feed.write_all(b"word\n").expect("it is read"));
    (child, feeder)
}

#[test]
fn an_input_that_is_used_up_has_no_rest() {
    let _machine = crate::support::part_of_machine();
    let mut command = run(&["--drain-input"], &["cat"]);
    let (child, feeder) = fed_little(&mut command);
    let output = child.wait_with_output().expect("it ends");
    feeder.join().expect("no panic");
    assert_eq!(
        (output.status.code(), said(&output)),
        (Some(0), String::new())
    );
    assert_eq!(output.stdout, b"word\n");
}

#[test]
fn a_command_that_fails_is_not_waited_for() {
    let _machine = crate::support::part_of_machine();
    let (output, fed) = outcome(run(&["--drain-input"], &["sh", "-c", "head -1; exit 3"]));
    assert_eq!(fed.expect_err("it is closed").kind(), ErrorKind::BrokenPipe);
    assert_eq!(
        (output.status.code(), said(&output)),
        (Some(3), String::new())
    );
}

#[test]
fn a_command_that_closes_its_input_and_goes_on_has_not_ended() {
    let _machine = crate::support::part_of_machine();
    let script = "exec <&-; sleep 0.5; echo end";
    let (output, fed) = outcome(run(&["--drain-input"], &["sh", "-c", script]));
    fed.expect("all is taken");
    assert_eq!(
        (output.status.code(), &*output.stdout),
        (Some(0), &b"end\n"[..])
    );
    let script = "exec <&-; sleep 0.5; exit 5";
    let (output, fed) = outcome(run(&["--drain-input"], &["sh", "-c", script]));
    assert!(fed.is_err());
    assert_eq!(output.status.code(), Some(5));
}

#[test]
fn what_was_written_is_passed_on_beside_it() {
    let _machine = crate::support::part_of_machine();
    // A program that writes all of the input before it reads the output: neither waits for the other.
    let mut command = run(&["--drain-input"], &["head", "-c", "300000"]);
    let (mut child, feeder) = fed(&mut command, Duration::ZERO);
    drop(feeder.join().expect("no panic").expect("all is taken"));
    let mut output = Vec::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_to_end(&mut output).expect("all of it");
    assert_eq!(output.len(), 300_000);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn an_input_without_an_end_is_read_until_a_signal() {
    let _machine = crate::support::part_of_machine();
    let mut command = run(&["--drain-input"], &["head", "-1"]);
    let (mut child, feeder) = fed(&mut command, Duration::ZERO);
    // The input is open, and all of it was read: nothing remains to be done.
    let feed = feeder.join().expect("no panic").expect("all is taken");
    sleep(Duration::from_millis(300));
    assert!(child.try_wait().expect("it can be asked").is_none());
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    assert_eq!(child.wait().expect("it ends").signal(), Some(15));
    drop(feed);
}

#[test]
fn what_comes_after_the_command_is_no_stall_of_it() {
    let _machine = crate::support::part_of_machine();
    let options = ["--stall-timeout", "1s", "--on-stall", "kill"];
    let mut command = run(
        &[&options[..], &["--drain-input"]].concat(),
        &["head", "-1"],
    );
    let (child, feeder) = fed(&mut command, Duration::from_secs(4));
    drop(feeder.join().expect("no panic").expect("all is taken"));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!said(&output).contains("stalled"), "{output:?}");
    // Nor is a slow reader.
    let mut command = run(&options, &["head", "-c", "1500000", "/dev/zero"]);
    let mut child = command.stdin(Stdio::null()).spawn().expect("heartline");
    sleep(Duration::from_secs(4));
    let mut output = Vec::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_to_end(&mut output).expect("all of it");
    assert_eq!(
        (child.wait().expect("it ends").code(), output.len()),
        (Some(0), 1_500_000)
    );
}

#[test]
fn files_and_devices_are_the_commands_own() {
    let _machine = crate::support::part_of_machine();
    // The input never ends, and has no writer.
    let zeros = File::open("/dev/zero").expect("it is there");
    let mut command = run(&["--drain-input"], &["head", "-c", "3"]);
    let output = command.stdin(zeros).output().expect("heartline");
    assert_eq!(
        (output.status.code(), &*output.stdout),
        (Some(0), &[0; 3][..])
    );
    assert_eq!(said(&output), "");
}
