//! Programs started without a stdin, a stdout or a stderr, or with non-blocking streams.

use std::io::{Read, Write, pipe};
use std::process::{Command, Output, Stdio};
use std::thread::{sleep, spawn};
use std::time::Duration;

use crate::support::ZooKeeper;
use rustix::io::ioctl_fionbio;

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");
const MAPPER: &str = env!("CARGO_BIN_EXE_wc-mapper");
const REDUCER: &str = env!("CARGO_BIN_EXE_wc-reducer");

/// A line of bash in which `$M`, `$R` and `$H` are the programs, and `$RUN` is `heartline run --no-heartbeat --`.
fn bash(line: &str) -> Command {
    let folder = std::path::Path::new(HEARTLINE).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut bash = Command::new("bash");
    bash.args(["-c", line])
        .env("HEARTLINE_NO_HEARTBEAT", "true")
        .env("PATH", format!("{}:{path}", folder.display()))
        .envs([("M", MAPPER), ("R", REDUCER), ("H", HEARTLINE)])
        .env("RUN", format!("{HEARTLINE} run --no-heartbeat --"))
        .stdin(Stdio::null());
    bash
}

fn run(line: &str) -> Output {
    bash(line).output().expect("bash")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_closed_stdout_is_an_error_wherever_something_would_be_written() {
    for line in [
        r#"printf 'a\t1\n' | "$M" >&-"#,
        r#"printf 'a\t1\n' | "$M" --combine >&-"#,
        r#"printf 'a\t1\n' | "$R" >&-"#,
        // Even if there is no input: the next input may not be empty.
        r#""$M" >&- < /dev/null"#,
        "$RUN cat <<< word >&-",
        // All three at once.
        r#"{ "$M" <&- >&- 2>&3 3>&-; } 3>&2"#,
        r#""$H" --help >&-"#,
        r#""$H" run --help >&-"#,
        r#""$M" --version >&-"#,
        r#""$R" --help >&-"#,
        "watch-master --help >&-",
        r#""$H" events --to - --zookeeper 127.0.0.1:1 >&-"#,
        r#""$H" member worker --address a:1 --zookeeper 127.0.0.1:1 >&-"#,
        r#""$H" member worker --address a:1 --events /dev/null -- echo word >&-"#,
        r#""$H" zkstats 127.0.0.1:1 >&-"#,
    ] {
        let output = run(line);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        assert!(
            said.contains("std") && said.contains("closed"),
            "{line}: {said}"
        );
        assert!(said.contains("redirect it"), "{line}: {said}");
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
    }
}

#[test]
fn a_closed_stdout_or_a_full_one_is_an_error_of_each_tool() {
    let zookeeper = ZooKeeper::start();
    for tool in [
        "setup-zookeeper",
        "heartline status",
        "heartline status --json",
        "heartline status --watch",
        "watch-master",
        "watch-master --json",
    ] {
        for (stdout, reason) in [(">&-", "redirect it"), (">/dev/full", "No space left")] {
            let line = format!("{tool} --zookeeper {} {stdout}", zookeeper.address());
            let output = run(&line);
            let said = said(&output);
            assert_eq!(output.status.code(), Some(1), "{line}: {said}");
            assert!(said.contains("cannot write stdout: "), "{line}: {said}");
            assert!(said.contains(reason), "{line}: {said}");
        }
    }
    for help in ["wc-mapper --help", "heartline --version"] {
        let output = run(&format!("{help} >/dev/full"));
        assert_eq!(output.status.code(), Some(1), "{help}");
        assert!(said(&output).contains("cannot write stdout: No space left"));
    }
}

#[test]
fn null_is_a_place_to_write_to_however_it_was_opened() {
    // Python's subprocess.DEVNULL is open for both ways, like what Rust's runtime opens in place of a closed stream.
    for stdout in [">/dev/null", "1<>/dev/null"] {
        for line in [
            r#""$M" <<< word"#,
            r#""$R" <<< word"#,
            "$RUN echo word",
            r#""$H" --help"#,
        ] {
            let output = run(&format!("{line} {stdout}"));
            assert_eq!(output.status.code(), Some(0), "{line} {stdout}");
        }
    }
    assert_eq!(run(r#""$M" 0<>/dev/null"#).status.code(), Some(0));
}

#[test]
fn a_closed_stdin_is_no_empty_input() {
    for line in [r#""$M" <&-"#, r#""$R" <&-"#] {
        let output = run(line);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(said.contains("cannot read stdin: it was closed"), "{said}");
    }
    // The command gets the closed stream, and may not need it.
    let output = run("LC_ALL=C $RUN cat <&-");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("Bad file descriptor"));
    let output = run("$RUN echo word <&-");
    assert_eq!(
        (output.status.code(), &*output.stdout),
        (Some(0), &b"word\n"[..])
    );
}

#[test]
fn a_closed_stderr_changes_nothing() {
    for (line, stdout) in [
        (r#""$M" <<< 'a b' 2>&-"#, "a\t1\nb\t1\n"),
        // With a stderr it would report an ignored line.
        (r#"printf 'a\t1\nb\n' | "$R" 2>&-"#, "a\t1\n"),
        ("$RUN sh -c 'echo word; echo lost >&2' 2>&-", "word\n"),
    ] {
        let output = run(line);
        assert_eq!(output.status.code(), Some(0), "{line}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), stdout, "{line}");
    }
}

/// Words that fill every pipe in between.
fn words() -> Vec<u8> {
    let words: Vec<String> = (0..600_000)
        .map(|number| format!("word{number}\t1\n"))
        .collect();
    words.concat().into_bytes()
}

#[test]
fn streams_that_do_not_wait_are_waited_for() {
    let input = words();
    let mapped: Vec<u8> = (0..600_000)
        .flat_map(|number| format!("word{number}\t1\n1\t1\n").into_bytes())
        .collect();
    for (command, expected) in [
        (&[MAPPER][..], &mapped),
        (&[REDUCER], &input),
        (&[HEARTLINE, "run", "--no-heartbeat", "--", "cat"], &input),
    ] {
        let (stdin, mut feed) = pipe().expect("a pipe");
        let (mut taken, stdout) = pipe().expect("a pipe");
        let (mut reader, stderr) = pipe().expect("a pipe");
        for stream in [
            &stdin.try_clone().unwrap().into(),
            &stdout.try_clone().unwrap().into(),
            &stderr.try_clone().unwrap().into(),
        ] {
            let stream: &std::os::fd::OwnedFd = stream;
            ioctl_fionbio(stream, true).expect("a flag");
        }
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .env("HEARTLINE_NO_HEARTBEAT", "true")
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .expect("it starts");
        let bytes = input.clone();
        let feeder = spawn(move || {
            // The reader finds nothing at first, and nothing in the middle.
            let (first, rest) = bytes.split_at(bytes.len() / 2);
            for part in [first, rest] {
                sleep(Duration::from_millis(200));
                feed.write_all(part).expect("it is taken");
            }
        });
        // Nothing is read at first: the output does not fit either.
        sleep(Duration::from_millis(400));
        let mut output = Vec::new();
        taken.read_to_end(&mut output).expect("all of it");
        let mut error = String::new();
        reader.read_to_string(&mut error).expect("all of it");
        assert_eq!(
            (child.wait().expect("it ends").code(), &*error),
            (Some(0), ""),
            "{command:?}"
        );
        assert!(output == *expected, "{command:?}: {} bytes", output.len());
        feeder.join().expect("no panic");
    }
}
