//! The options of `wc-mapper`: errors for wrong ones, the line delay, and its memory use.

use assert_cmd::Command;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

const MAPPER: &str = env!("CARGO_BIN_EXE_wc-mapper");
const REDUCER: &str = env!("CARGO_BIN_EXE_wc-reducer");

fn mapper(arguments: &[&str]) -> Command {
    let mut command = Command::new(MAPPER);
    command
        .env("HEARTLINE_NO_HEARTBEAT", "true")
        .args(arguments);
    command
}

#[test]
fn wrong_options_are_refused_with_what_to_write() {
    for (arguments, answer) in [
        (&["--combined"][..], "--combine"),
        (&["--combine-memory", "much"], "such as 64MiB"),
        (&["--combine-memory", "1MiB"], "at least 10.0 MiB"),
        (&["--line-delay", "5"], "such as 10us"),
        (&["input.txt"], "input.txt"),
    ] {
        let output = mapper(arguments).write_stdin("a\n").output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error.contains(answer), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty());
    }
    Command::new(REDUCER)
        .arg("--sum")
        .write_stdin("")
        .assert()
        .code(2);
}

#[test]
fn help_and_version_are_given() {
    for program in [MAPPER, REDUCER] {
        let help = Command::new(program).arg("--help").output().unwrap();
        let text = String::from_utf8_lossy(&help.stdout);
        assert!(
            help.status.success() && text.contains("LC_ALL=C sort"),
            "{text}"
        );
        let version = Command::new(program).arg("--version").output().unwrap();
        let text = String::from_utf8_lossy(&version.stdout);
        assert!(text.contains(env!("CARGO_PKG_VERSION")), "{text}");
    }
}

#[test]
fn the_environment_can_say_the_same() {
    let text = "a b a\n".repeat(100);
    let combined = |value| {
        let output = mapper(&[])
            .env("HEARTLINE_COMBINE", value)
            .write_stdin(&*text)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let mut lines: Vec<_> = combined("1").lines().map(str::to_owned).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a\t200", "b\t100"]);
    assert_eq!(combined("false").lines().count(), 300);
    mapper(&[])
        .env("HEARTLINE_COMBINE_MEMORY", "little")
        .write_stdin("")
        .assert()
        .code(2);
    mapper(&[])
        .env("HEARTLINE_LINE_DELAY", "long")
        .write_stdin("")
        .assert()
        .code(2);
}

#[test]
fn a_line_delay_slows_each_line() {
    for arguments in [
        &["--line-delay", "20ms"][..],
        &["--combine", "--line-delay", "20ms"],
    ] {
        let start = Instant::now();
        let output = mapper(arguments)
            .write_stdin("a\n".repeat(10))
            .output()
            .unwrap();
        assert!(
            start.elapsed() >= Duration::from_millis(200),
            "{arguments:?}"
        );
        let counted: u64 = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| line.strip_prefix("a\t").unwrap().parse::<u64>().unwrap())
            .sum();
        assert_eq!(counted, 10);
    }
}

/// The peak memory in KiB of a mapper that has read `parts` and whose input is still open.
fn peak_memory<'a>(arguments: &[&str], parts: impl Iterator<Item = &'a [u8]>) -> u64 {
    peak_memory_of(MAPPER, arguments, parts)
}

fn peak_memory_of<'a>(
    program: &str,
    arguments: &[&str],
    parts: impl Iterator<Item = &'a [u8]>,
) -> u64 {
    let mut child = std::process::Command::new(program)
        .args(arguments)
        .env("HEARTLINE_NO_HEARTBEAT", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for part in parts {
        input.write_all(part).unwrap();
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn a_mapper_stays_under_16_mib() {
    let word = vec![b'w'; 1_000_000];
    let peak = peak_memory(&[], std::iter::repeat_n(&word[..], 100));
    assert!(peak < 16 * 1024, "{peak} KiB for a word of 100 MB");
    let words = b"some words in one long line ".repeat(100_000);
    let peak = peak_memory(&[], std::iter::repeat_n(&words[..], 10));
    assert!(peak < 16 * 1024, "{peak} KiB for a long line");
    // Long words are not summed, so they use no memory either.
    let peak = peak_memory(&["--combine"], std::iter::repeat_n(&word[..], 100));
    assert!(peak < 16 * 1024, "{peak} KiB to combine a word of 100 MB");
}

/// What the libraries of Kerberos take besides, in KiB; the default build has none.
const LIBRARIES: u64 = if cfg!(feature = "gssapi") { 1024 } else { 0 };

#[test]
#[cfg(target_os = "linux")]
fn combining_stays_within_its_limit() {
    // Words for both tables, all different, enough to fill them several times.
    let text: String = (0..1_500_000)
        .map(|word| {
            if word % 3 == 0 {
                format!("a_long_word_of_{word} ")
            } else {
                format!("{word} ")
            }
        })
        .collect();
    for limit in [10, 16, 32] {
        let arguments = ["--combine", "--combine-memory", &format!("{limit}MiB")];
        let peak = peak_memory(&arguments, std::iter::once(text.as_bytes()));
        assert!(
            peak <= limit * 1024 + LIBRARIES,
            "{peak} KiB of {limit} MiB"
        );
        assert!(
            peak > limit * 1024 / 4,
            "only {peak} KiB of {limit} MiB were put to use"
        );
    }
}

/// Lines with one key of 40 MB, then lines with other keys, and the expected output.
fn long_keys() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    const LEN: usize = 40_000_000;
    let key = |letter: u8| vec![letter; LEN];
    let input = vec![
        key(b'a'),
        b"\t1\n".to_vec(),
        key(b'a'),
        b"\t2\n".to_vec(),
        // Not a record: the run continues after it.
        key(b'b'),
        b"\n".to_vec(),
        key(b'a'),
        b"\t4\n".to_vec(),
        key(b'b'),
        b"\t1\nc\t1".to_vec(),
        vec![b' '; LEN],
        b"\nc\t".to_vec(),
        vec![b'1'; LEN],
        b"\n".to_vec(),
    ];
    let output = vec![
        key(b'a'),
        b"\t7\n".to_vec(),
        key(b'b'),
        b"\t1\nc\t1\n".to_vec(),
    ];
    (input, output)
}

#[test]
#[cfg(target_os = "linux")]
fn a_reducer_takes_no_more_than_its_longest_key() {
    let (input, _) = long_keys();
    let parts = input.iter().map(|part| &part[..]);
    let peak = peak_memory_of(REDUCER, &[], parts);
    assert!(peak < 64 * 1024, "{peak} KiB for keys of 40 MB");
}

#[test]
fn a_reducer_sums_long_lines_within_little_memory() {
    let (input, expected) = long_keys();
    // Room for one key and the program. Two keys do not fit.
    let limited = r#"ulimit -v 100000 && exec "$0""#;
    let mut child = std::process::Command::new("sh")
        .args(["-c", limited, REDUCER])
        // The arena that an allocator reserves for each thread would exceed the limit.
        .env("MALLOC_ARENA_MAX", "1")
        .env("HEARTLINE_STALL_TIMEOUT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        for part in input {
            stdin.write_all(&part)?;
        }
        Ok::<(), std::io::Error>(())
    });
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", output.status);
    feeder.join().unwrap().unwrap();
    assert!(output.stdout == expected.concat());
    assert_eq!(
        error,
        "wc-reducer: ignored 2 lines: 1 without a tab, 1 whose count is not an integer\n"
    );
}

#[test]
fn a_key_that_does_not_fit_is_an_error_in_one_line() {
    let limited = r#"ulimit -v 60000 && exec "$0""#;
    let output = Command::new("sh")
        .args(["-c", limited, REDUCER])
        .env("MALLOC_ARENA_MAX", "1")
        .write_stdin(vec![b'a'; 100_000_000])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.starts_with("wc-reducer: cannot read stdin: a line's key of ")
            && error.lines().count() == 1,
        "{error}"
    );
}
