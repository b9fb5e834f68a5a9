//! What Streaming can do besides lines of one text with one reducer, through `heartline run`: sorting by a second key,
//! compressed inputs, jobs without reducers, binary formats, and statuses that are no failure.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::Parts;
use crate::support::hadoop::{
    Counts, assert_same_counts, count_words, counter, job_counts, log_of, sample_data, script,
    succeed,
};
use tempfile::TempDir;

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

/// As `hadoop jar hadoop-streaming.jar` starts a job.
const JAR: &[&str] = &["jar", "hadoop-streaming.jar"];

/// As `mapred streaming` starts it.
const CLASS: &[&str] = &["org.apache.hadoop.streaming.HadoopStreaming"];

/// A streaming job on the local runner with an option of Hadoop for each of `properties`, then those of Streaming.
fn job(start: &[&str], folder: &Path, properties: &[&str], options: &[&str]) -> Output {
    let programs = Parts::root().join("tests/hadoop");
    let files = [
        HEARTLINE.into(),
        programs.join("binary_words.py"),
        programs.join("told.py"),
        folder.join("heartline-python.zip"),
    ];
    // As python/README.md says.
    succeed(
        Command::new("python3")
            .args(["-m", "zipfile", "-c"])
            .arg(&files[3])
            .arg("heartline")
            .current_dir(Parts::root().join("python")),
    );
    let files = files
        .map(|file: PathBuf| file.display().to_string())
        .join(",");
    let mut command: Command = script("hadoop");
    command
        .current_dir(folder)
        .env("HADOOP_OPTS", "-XX:TieredStopAtLevel=1")
        .args(start)
        .args(["-D", "heartline.no.heartbeat=true"])
        .args(["-D", &format!("hadoop.tmp.dir={}/tmp", folder.display())]);
    for property in properties {
        command.args(["-D", property]);
    }
    let output = folder.join("output").display().to_string();
    command
        .args(["-files", &files])
        .args(options)
        .args(["-cmdenv", "PYTHONPATH=heartline-python.zip"])
        .args(["-output", &output]);
    succeed(&mut command)
}

/// The parts of a job's output, each with its lines.
fn parts(folder: &Path) -> Vec<Vec<String>> {
    let output = folder.join("output");
    assert!(output.join("_SUCCESS").exists());
    let entries = fs::read_dir(output).expect("the output").flatten();
    let paths = entries.map(|entry| entry.path());
    let is_part = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"part-"))
    };
    let read = |path| fs::read_to_string(path).expect("a part");
    let texts = paths.filter(is_part).map(read);
    texts
        .map(|text| text.lines().map(ToOwned::to_owned).collect())
        .collect()
}

/// A counter of the whole job: the local runner prints those of its tasks before.
fn total(job: &Output, name: &str) -> Option<u64> {
    let log = log_of(job);
    let (_, totals) = log.rsplit_once("Counters: ").expect("the job's counters");
    counter(totals, name)
}

/// The letter of a record, and its number in the order that is wanted: downwards.
fn keys(line: &str) -> (char, i64) {
    let fields: Vec<&str> = line.split('\t').collect();
    assert_eq!(fields[2], format!("of {}", fields[0]));
    let letter = fields[0].chars().next().expect("a letter");
    (letter, -fields[1].parse::<i64>().expect("a number"))
}

/// 300 records in an order that is none: as a text, as a gzip file and as a bzip2 file.
fn write_inputs(folder: &Path) {
    let row = |n: usize| {
        let letter = ["a", "b", "c", "d", "e", "f", "g"][n % 7];
        format!("{letter}\t{n}\tof {letter}\n")
    };
    let rows = |shift: usize| {
        let rows: Vec<String> = (0..100).map(|n| row((n * 37 % 100) * 3 + shift)).collect();
        rows.concat()
    };
    let write = "import bz2, gzip, sys\nname, text = sys.argv[1], sys.stdin.buffer.read()\n\
                 openers = {'txt': open, 'gz': gzip.open, 'bz2': bz2.open}\n\
                 openers[name.split('.')[-1]](name, 'wb').write(text)";
    let names = ["plain.txt", "gzip.txt.gz", "bzip2.txt.bz2"];
    for (place, name) in names.iter().enumerate() {
        let mut python = assert_cmd::Command::new("python3");
        let python = python.args(["-c", write, name]).current_dir(folder);
        python.write_stdin(rows(place)).assert().success();
    }
}

/// Each part is sorted by both keys, no letter is in two parts, and all records are there.
fn assert_sorted(parts: &[Vec<String>]) {
    let (mut letters, mut numbers) = (Vec::new(), Vec::new());
    for part in parts {
        let keys: Vec<(char, i64)> = part.iter().map(|line| keys(line)).collect();
        assert!(!keys.is_empty() && keys.is_sorted(), "{keys:?}");
        let own: BTreeSet<char> = keys.iter().map(|(letter, _)| *letter).collect();
        letters.extend(own);
        numbers.extend(keys.iter().map(|(_, number)| -number));
    }
    letters.sort_unstable();
    assert!(letters.into_iter().eq('a'..='g'));
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..300));
}

#[test]
fn a_second_key_sorts_the_records_of_plain_and_compressed_inputs() {
    let _machine = crate::support::part_of_machine();
    let folder = TempDir::new().expect("a temporary folder");
    write_inputs(folder.path());
    let input = |name: &str| folder.path().join(name).display().to_string();
    let both = format!("{},{}", input("gzip.txt.gz"), input("bzip2.txt.bz2"));
    let done = job(
        JAR,
        folder.path(),
        &[
            "stream.num.map.output.key.fields=2",
            "mapreduce.partition.keypartitioner.options=-k1,1",
            "mapreduce.job.output.key.comparator.class=org.apache.hadoop.mapreduce.lib.partition.KeyFieldBasedComparator",
            "mapreduce.partition.keycomparator.options=-k1,1 -k2,2nr",
            "mapreduce.job.reduces=2",
        ],
        &[
            "-input",
            &input("plain.txt"),
            "-input",
            &both,
            "-mapper",
            "heartline run -- cat",
            "-reducer",
            "heartline run -- python3 told.py",
            "-partitioner",
            "org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner",
        ],
    );
    let parts = parts(folder.path());
    assert_eq!(parts.len(), 2);
    assert_sorted(&parts);
    let log = log_of(&done);
    assert_eq!(total(&done, "records in"), Some(600), "{log}");
    // What the reducers have told Hadoop themselves.
    let told = ["records done", "letters; all"].map(|name| total(&done, name));
    assert_eq!(told, [Some(300), Some(7)], "{log}");
}

#[test]
fn mappers_of_a_few_lines_without_reducers_may_end_with_any_status() {
    let _machine = crate::support::part_of_machine();
    let folder = TempDir::new().expect("a temporary folder");
    let text = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";
    fs::write(folder.path().join("input.txt"), text).expect("an input");
    let done = job(
        CLASS,
        folder.path(),
        &[
            "mapreduce.input.lineinputformat.linespermap=4",
            // Without it, any other format than that of text gives the task the place of a line too.
            "stream.map.input.ignoreKey=true",
            "stream.non.zero.exit.is.failure=false",
        ],
        &[
            "-input",
            &folder.path().join("input.txt").display().to_string(),
            "-inputformat",
            "org.apache.hadoop.mapred.lib.NLineInputFormat",
            "-mapper",
            "heartline run -- sh -c 'cat; exit 3'",
            "-numReduceTasks",
            "0",
        ],
    );
    let mut parts = parts(folder.path());
    // The local runner starts the larger splits first.
    parts.sort_by_key(|part| text.find(part[0].trim_end()));
    assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
    let lines: Vec<String> = parts
        .concat()
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect();
    assert_eq!(lines, text.lines().collect::<Vec<_>>());
    assert_eq!(total(&done, "records out"), Some(10), "{}", log_of(&done));
}

/// Counts the words of a text by a job whose tasks read and write a binary format, and returns its counters.
fn count_in(format: &str, folder: &Path) -> Output {
    let text = &sample_data()[0];
    job(
        JAR,
        folder,
        &[],
        &[
            "-io",
            format,
            "-input",
            &text.display().to_string(),
            "-mapper",
            &format!("heartline run -- python3 binary_words.py map {format}"),
            "-reducer",
            &format!("heartline run -- python3 binary_words.py reduce {format}"),
        ],
    )
}

/// An end of line in such a stream ends no record: nothing is said of records.
fn assert_only_bytes_are_counted(job: &Output) {
    let log = log_of(job);
    assert_eq!(
        (total(job, "records in"), total(job, "records out")),
        (None, None),
        "{log}"
    );
    assert!(
        total(job, "bytes in") > Some(0) && total(job, "bytes out") > Some(0),
        "{log}"
    );
}

#[test]
fn typed_bytes_go_through() {
    let _machine = crate::support::part_of_machine();
    let folder = TempDir::new().expect("a temporary folder");
    let done = count_in("typedbytes", folder.path());
    assert_same_counts(
        &job_counts(&folder.path().join("output")),
        &count_words(&sample_data()[..1]),
    );
    assert_only_bytes_are_counted(&done);
}

#[test]
fn raw_bytes_go_through() {
    let _machine = crate::support::part_of_machine();
    let folder = TempDir::new().expect("a temporary folder");
    let done = count_in("rawbytes", folder.path());
    // Hadoop writes bytes as text in hexadecimal digits.
    let bytes = |text: &str| -> Vec<u8> {
        text.split(' ')
            .map(|byte| u8::from_str_radix(byte, 16).expect("a byte"))
            .collect()
    };
    let mut counts = Counts::new();
    for line in parts(folder.path()).concat() {
        let (word, count) = line.split_once('\t').expect("a tab");
        let count = String::from_utf8(bytes(count)).expect("digits");
        let before = counts.insert(bytes(word), count.parse().expect("a count"));
        assert_eq!(before, None, "{line}");
    }
    assert_same_counts(&counts, &count_words(&sample_data()[..1]));
    assert_only_bytes_are_counted(&done);
}
