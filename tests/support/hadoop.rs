//! Streaming jobs through `scripts/run-job`, and a count of their words that is independent of the programs under test.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use super::{LoggedEvent, Parts, Watcher};

/// How often each word occurs.
pub(crate) type Counts = BTreeMap<Vec<u8>, u64>;

/// The texts of `sample-data/`.
pub(crate) fn sample_data() -> Vec<PathBuf> {
    let folder = Parts::root().join("sample-data");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of sample-data").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(
        files.len() >= 3,
        "three files make three mappers: {files:?}"
    );
    files
}

/// Has each text read by one mapper. By Hadoop's goal of two mappers the largest is two splits, and the mapper of the
/// second ends within a second: in the middle of an outage it can tell nobody, and is told dead afterwards.
pub(crate) const ONE_MAPPER_A_TEXT: [&str; 2] = ["-D", "mapreduce.job.maps=1"];

/// The beginnings of the sample texts, each with as many lines as the shortest has: with a delay for each line, all
/// their mappers take the same time.
pub(crate) fn sample_data_of_equal_length(folder: &Path) -> Vec<PathBuf> {
    let texts = sample_data().into_iter().map(|file| {
        let text = fs::read_to_string(&file).expect("a text");
        (file, text)
    });
    let texts: Vec<_> = texts.collect();
    let lines = texts.iter().map(|(_, text)| text.lines().count()).min();
    let cut = |(file, text): (PathBuf, String)| {
        let begin = text.split_inclusive('\n').take(lines.unwrap_or_default());
        let name = file.file_name().expect("a name");
        let file = folder.join(name);
        fs::write(&file, begin.collect::<String>()).expect("a text can be written");
        file
    };
    texts.into_iter().map(cut).collect()
}

/// Counts the words of files as Python's `bytes.split()` finds them.
pub(crate) fn count_words(files: &[PathBuf]) -> Counts {
    let mut counts = Counts::new();
    for file in files {
        let text = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for word in text
            .split(|byte| matches!(byte, 9..=13 | b' '))
            .filter(|word| !word.is_empty())
        {
            *counts.entry(word.to_vec()).or_default() += 1;
        }
    }
    counts
}

/// Reads a job's output; a word in two places, or a line that is not `WORD<tab>COUNT`, is a failure.
pub(crate) fn job_counts(output: &Path) -> Counts {
    assert!(
        output.join("_SUCCESS").exists(),
        "{} is not the output of a finished job",
        output.display()
    );
    let mut counts = Counts::new();
    for entry in fs::read_dir(output).expect("the output folder") {
        let path = entry.expect("an entry of the output").path();
        if !path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"part-"))
        {
            continue;
        }
        let text = fs::read(&path).expect("a part of the output");
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let shown = String::from_utf8_lossy(line);
            let line = line
                .strip_suffix(b"\n")
                .unwrap_or_else(|| panic!("unfinished line {shown:?}"));
            let tab = line
                .iter()
                .rposition(|&byte| byte == b'\t')
                .unwrap_or_else(|| panic!("no tab in {shown:?}"));
            let count = std::str::from_utf8(&line[tab + 1..])
                .ok()
                .and_then(|count| count.parse().ok());
            let count = count.unwrap_or_else(|| panic!("no count in {shown:?}"));
            let before = counts.insert(line[..tab].to_vec(), count);
            assert_eq!(before, None, "the word of {shown:?} is there twice");
        }
    }
    counts
}

/// Names a few of the words that differ: two whole tables would hide the difference.
pub(crate) fn assert_same_counts(counted: &Counts, expected: &Counts) {
    let words: BTreeSet<_> = counted.keys().chain(expected.keys()).collect();
    let differing: Vec<_> = words
        .into_iter()
        .filter(|word| counted.get(*word) != expected.get(*word))
        .map(|word| {
            (
                String::from_utf8_lossy(word),
                counted.get(word),
                expected.get(word),
            )
        })
        .collect();
    let few = &differing[..differing.len().min(5)];
    assert!(
        differing.is_empty(),
        "{} words differ (counted, expected): {few:?}",
        differing.len()
    );
}

/// The command `scripts/run-job` with the programs of this test run.
pub(crate) fn run_job() -> Command {
    let mut command = script("run-job");
    command.args(["--limit", "240"]);
    command
}

/// The script `name` of `scripts/`, with the programs of this test run.
pub(crate) fn script(name: &str) -> Command {
    Parts::get();
    let programs = Path::new(env!("CARGO_BIN_EXE_wc-mapper"))
        .parent()
        .expect("a folder of programs");
    let mut command = Command::new(Parts::root().join("scripts").join(name));
    command.env("HEARTLINE_BIN_DIR", programs);
    command
}

/// Starts the command beside the test; its stderr is kept for [`log_of`].
pub(crate) fn start(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs the command to its end; a failure shows its whole output.
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Waits until a job has ended well, and its counts are those of its inputs; returns its log.
pub(crate) fn finish(job: Child, inputs: &[PathBuf], output: &Path) -> String {
    let job = job.wait_with_output().expect("run-job ends");
    let log = log_of(&job);
    assert!(job.status.success(), "{log}");
    assert_same_counts(&job_counts(output), &count_words(inputs));
    log
}

/// The same for a job whose members a watcher has followed: none was declared dead. Returns the story, too.
pub(crate) fn finish_unharmed(
    job: Child,
    (inputs, output): (&[PathBuf], &Path),
    watcher: &Watcher,
) -> (String, Vec<LoggedEvent>) {
    let log = finish(job, inputs, output);
    let story = watcher.story();
    let dead = story.iter().find(|logged| logged.event == "died");
    assert_eq!(dead, None, "{story:?}");
    (log, story)
}

/// The stderr of a command: for a job, Hadoop's own log.
pub(crate) fn log_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A counter that Hadoop prints at a job's end, such as `Launched map tasks`.
pub(crate) fn counter(log: &str, name: &str) -> Option<u64> {
    log.lines().find_map(|line| {
        line.trim()
            .strip_prefix(name)?
            .strip_prefix('=')?
            .parse()
            .ok()
    })
}
