//! `cat | wc-mapper | sort | wc-reducer` in a shell, compared with a count by the standard library.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output};

const MAPPER: &str = env!("CARGO_BIN_EXE_wc-mapper");
const REDUCER: &str = env!("CARGO_BIN_EXE_wc-reducer");

/// Runs a line of bash in which `$M` and `$R` are the programs and `$T` is a file with `text`.
fn bash(line: &str, text: &[u8]) -> Output {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    Command::new("bash")
        .args(["-o", "pipefail", "-c", line])
        .env("HEARTLINE_NO_HEARTBEAT", "true")
        .env("LC_ALL", "C")
        .envs([("M", MAPPER), ("R", REDUCER)])
        .env("T", file.path())
        .output()
        .unwrap()
}

/// The output, if the pipeline succeeds and prints nothing on stderr.
fn quiet(line: &str, text: &[u8]) -> Vec<u8> {
    let output = bash(line, text);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && error.is_empty(),
        "{line}: {}: {error}",
        output.status
    );
    output.stdout
}

/// The words of a text with their counts, in the order of their bytes.
fn count(text: &[u8]) -> BTreeMap<&[u8], u64> {
    let mut counts = BTreeMap::new();
    let words = text.split(|byte| [9, 10, 11, 12, 13, 32].contains(byte));
    for word in words.filter(|word| !word.is_empty()) {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

/// The lines of a reducer's output; `sort` orders them by more bytes than those of the word.
fn records(output: &[u8]) -> BTreeMap<&[u8], u64> {
    let lines = output.split_inclusive(|&byte| byte == b'\n');
    let mut records = BTreeMap::new();
    for line in lines {
        let line = line
            .strip_suffix(b"\n")
            .expect("a newline after each record");
        let tab = line
            .iter()
            .position(|&byte| byte == b'\t')
            .expect("a tab in each record");
        let count = str::from_utf8(&line[tab + 1..]).unwrap().parse().unwrap();
        assert!(
            records.insert(&line[..tab], count).is_none(),
            "a word came twice"
        );
    }
    records
}

fn check(text: &[u8]) {
    let counted = count(text);
    for line in [
        r#"cat "$T" | "$M" | sort | "$R""#,
        r#"cat "$T" | "$M" --combine --combine-memory 10MiB | sort | "$R""#,
        // The reducer as a combiner, over an unsorted stream too.
        r#""$M" < "$T" | "$R" | sort | "$R" | "$R""#,
    ] {
        let output = quiet(line, text);
        assert!(
            records(&output) == counted,
            "{line} over {} bytes",
            text.len()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn words_of_any_bytes_are_counted(
        words in proptest::collection::vec(
            prop_oneof![
                "[ab]{1,2}".prop_map(String::into_bytes),
                proptest::collection::vec(any::<u8>(), 0..40),
            ],
            0..300,
        ),
        gap in proptest::sample::select(vec![&b" "[..], b"\n", b"\r\n", b"\t\x0b", b"\x0c"]),
    ) {
        check(&words.join(gap));
    }
}

#[test]
fn texts_at_the_edge_are_counted() {
    for text in [
        &b""[..],
        b"\n",
        b" \t\r\n\x0b\x0c",
        b"word",
        b"one two\r\ntwo one\r\n",
        b"no newline at the end",
        b"\xff\xfe \0 \0\0 caf\xc3\xa9 caf\xe9\n",
        b"a\x1cb a\x85b a\xa0b\n",
    ] {
        check(text);
    }
}

#[test]
fn words_as_long_as_a_block_are_counted() {
    for size in [64 << 10, 256 << 10, 1 << 20] {
        let words: Vec<Vec<u8>> = (size - 1..=size + 1).map(|len| vec![b'w'; len]).collect();
        check(&words.join(&b' '));
    }
}

#[test]
fn a_line_of_100_megabytes_is_counted() {
    let letters = (b'a'..=b'z').cycle().take(1000);
    let words: Vec<Vec<u8>> = letters.map(|letter| vec![letter; 100_000]).collect();
    check(&words.join(&b' '));
}

#[test]
fn a_word_of_100_megabytes_is_counted() {
    let word = vec![b'w'; 100_000_000];
    check(&[b"begin ", &word[..]].concat());
}

#[test]
fn a_reader_that_leaves_early_ends_us_quietly() {
    for line in [
        r#"yes word | head -c 9000000 | "$M" | head -1; echo "${PIPESTATUS[2]}""#,
        r#"seq 9000000 | sed 's/$/\t1/' | "$R" | head -1 | sed 's/1\t1/word\t1/'; echo "${PIPESTATUS[2]}""#,
    ] {
        let output = bash(line, b"");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "word\t1\n141\n",
            "{line}"
        );
    }
}

#[test]
fn a_stream_that_fails_is_reported_on_stderr_and_by_the_exit_status() {
    for (line, error) in [
        (
            r#""$M" < /"#,
            "wc-mapper: cannot read stdin: Is a directory",
        ),
        (
            r#""$R" < /"#,
            "wc-reducer: cannot read stdin: Is a directory",
        ),
        (
            r#""$M" < "$T" > /dev/full"#,
            "wc-mapper: cannot write stdout: No space left",
        ),
        (
            r#""$M" --combine < "$T" > /dev/full"#,
            "wc-mapper: cannot write stdout: No space left",
        ),
        (
            r#""$M" < "$T" | "$R" > /dev/full"#,
            "wc-reducer: cannot write stdout: No space left",
        ),
    ] {
        let output = bash(line, b"some words\n");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(
            said.starts_with(error) && said.lines().count() == 1,
            "{line}: {said}"
        );
    }
}

#[test]
fn the_reducer_says_what_it_ignored() {
    let output = bash(r#""$R" < "$T""#, b"a\t1\nno tab\na\tone\n\na\t2\n");
    assert!(output.status.success());
    assert_eq!(output.stdout, b"a\t3\n");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "wc-reducer: ignored 3 lines: 2 without a tab, 1 whose count is not an integer\n"
    );
}
