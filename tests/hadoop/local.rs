//! The word count as a real streaming job on Hadoop's local runner.

use crate::support;
use std::{
    collections::BTreeSet, ffi::OsString, fs, os::unix::fs::PermissionsExt, path::Path,
    process::Command,
};

use crate::support::{
    Parts, Watcher, ZooKeeper,
    hadoop::{
        assert_same_counts, count_words, counter, job_counts, log_of, run_job, sample_data, succeed,
    },
};
use tempfile::TempDir;

/// Runs a job over the sample data, compares the counts and returns Hadoop's log.
fn count_sample_data(options: &[&str]) -> String {
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    let files = sample_data();
    let job = succeed(run_job().args(options).args(&files).arg(&output));
    assert_same_counts(&job_counts(&output), &count_words(&files));
    log_of(&job)
}

/// The map tasks that the local runner started.
fn map_tasks(log: &str) -> usize {
    log.lines()
        .filter(|line| line.contains("Starting task: attempt_local") && line.contains("_m_"))
        .count()
}

#[test]
fn counts_every_word_with_a_mapper_for_each_file() {
    let _machine = crate::support::part_of_machine();
    let log = count_sample_data(&[]);
    assert!(map_tasks(&log) >= 3, "{log}");
}

#[test]
fn counts_the_same_when_the_mapper_sums_first() {
    let _machine = crate::support::part_of_machine();
    let log = count_sample_data(&["--combine"]);
    // Without the sums, the mappers would write a record for each word.
    let records = counter(&log, "Map output records").expect("a counter");
    let words: u64 = count_words(&sample_data()).values().sum();
    assert!(records < words / 2, "{records} records for {words} words");
}

#[test]
fn counts_the_same_with_the_reducer_as_combiner() {
    let _machine = crate::support::part_of_machine();
    let log = count_sample_data(&["--combiner"]);
    let records = |name| counter(&log, name).unwrap_or_else(|| panic!("no {name} in\n{log}"));
    assert!(records("Combine input records") > records("Combine output records"));
    assert!(records("Combine output records") > 0);
}

#[test]
fn counts_the_same_with_several_reducers() {
    let _machine = crate::support::part_of_machine();
    count_sample_data(&["--reduces", "3"]);
}

#[test]
fn counts_the_same_beside_a_zookeeper() {
    let _machine = crate::support::part_of_machine();
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let slow = "wc-mapper --line-delay 100us --timeout 500ms";
    let log = count_sample_data(&["--zookeeper", &zookeeper.address(), "--mapper", slow]);
    // Each of the three mappers and the reducer was a member: master, or a follower.
    let story = watcher.story();
    let members: BTreeSet<&str> = story
        .iter()
        .filter(|logged| logged.event == "claimed" || logged.event == "joined")
        .map(|logged| logged.node.as_str())
        .collect();
    assert_eq!(members.len(), 4, "{story:?}");
    assert!(
        !story.iter().any(|logged| logged.event == "died"),
        "{story:?}"
    );
    // They reported it to Hadoop, in its counters; the next in line was follower and master.
    // The local runner also logs each task's own; the job's come last.
    let (_, totals) = log.rsplit_once("Counters: ").expect("the job's counters");
    let number = |name: &str| counter(totals, name).unwrap_or(0);
    assert!(number("beats sent") > 30, "{log}");
    let count_of = |event: &str| story.iter().filter(|logged| logged.event == event).count() as u64;
    assert_eq!(number("masters"), count_of("claimed"), "{log}");
    // On a busy machine a master may end before it has reported a follower that is master next.
    assert!(number("followers") >= count_of("joined"), "{log}");
    assert!(number("masters") + number("followers") >= 4, "{log}");
    zookeeper.wait_until_empty();
}

#[test]
fn counts_the_same_when_nobody_listens_for_heartbeats() {
    let _machine = crate::support::part_of_machine();
    // No server listens on port 1.
    count_sample_data(&["--zookeeper", "127.0.0.1:1"]);
}

#[test]
fn settings_reach_the_mapper_with_dots_as_underscores() {
    let _machine = crate::support::part_of_machine();
    let dir = TempDir::new().expect("a temporary folder");
    // A mapper that reads all of its input, as Hadoop requires, and prints its environment.
    let mapper = dir.path().join("print-environment");
    fs::write(&mapper, "#!/bin/sh\ncat >/dev/null\nexec env\n").expect("a mapper");
    fs::set_permissions(&mapper, fs::Permissions::from_mode(0o755)).expect("an executable mapper");
    let output = dir.path().join("output");
    succeed(
        run_job()
            .args([
                "--zookeeper",
                "127.0.0.1:2999",
                "-D",
                "heartline.timeout=30ms",
                "--cmdenv",
                "HEARTLINE_NAMESPACE=/job",
            ])
            .args([
                "--mapper",
                "print-environment",
                "--reducer",
                "cat",
                "--file",
            ])
            .arg(&mapper)
            .arg(&sample_data()[0])
            .arg(&output),
    );
    let environment = fs::read_to_string(output.join("part-00000")).expect("the output");
    let lines: Vec<_> = environment.lines().map(str::trim_end).collect();
    for expected in [
        "heartline_zookeeper=127.0.0.1:2999",
        "heartline_timeout=30ms",
        "HEARTLINE_NAMESPACE=/job",
    ] {
        assert!(lines.contains(&expected), "no {expected} in {lines:#?}");
    }
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("mapreduce_task_attempt_id=attempt_")),
        "{lines:#?}"
    );
}

#[test]
fn an_output_that_exists_is_kept_without_overwrite() {
    let _machine = crate::support::part_of_machine();
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    fs::create_dir(&output).expect("an output folder");
    fs::write(output.join("part-00000"), "old\t1\n").expect("an old result");
    let files = &sample_data()[..1];

    let refused = run_job()
        .args(files)
        .arg(&output)
        .output()
        .expect("run-job runs");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        log_of(&refused).contains("--overwrite"),
        "{}",
        log_of(&refused)
    );
    assert_eq!(
        fs::read_to_string(output.join("part-00000")).expect("the old result"),
        "old\t1\n"
    );

    succeed(run_job().arg("--overwrite").args(files).arg(&output));
    assert_same_counts(&job_counts(&output), &count_words(files));

    // A folder that no job wrote is not removed, even with --overwrite.
    fs::write(output.join("thesis.txt"), "ten years of work").expect("a precious file");
    let refused = run_job()
        .arg("--overwrite")
        .args(files)
        .arg(&output)
        .output()
        .expect("run-job runs");
    assert_eq!(refused.status.code(), Some(1));
    assert!(output.join("thesis.txt").exists());
}

#[test]
fn a_mapper_that_fails_fails_the_job() {
    let _machine = crate::support::part_of_machine();
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    let job = run_job()
        .args(["--mapper", "wc-mapper --no-such-option"])
        .args(sample_data())
        .arg(&output)
        .output();
    assert_eq!(job.expect("run-job runs").status.code(), Some(1));
    assert!(!output.join("_SUCCESS").exists());
}

#[test]
fn a_mapper_that_ends_before_its_input_needs_the_rest_drained() {
    let _machine = crate::support::part_of_machine();
    let dir = TempDir::new().expect("a temporary folder");
    let input = dir.path().join("input");
    // More than the buffers of Java and the pipes hold.
    fs::write(
        &input,
        "sixty bytes a line make sixty megabytes of a million lines.\n".repeat(1_000_000),
    )
    .expect("an input");
    let job = |output: &Path, more: &[&str]| {
        let mut job = run_job();
        job.args(["--mapper", "heartline run --no-heartbeat -- head -3"])
            .args([
                "--reducer",
                "cat",
                "--file",
                env!("CARGO_BIN_EXE_heartline"),
            ])
            // One mapper.
            .args([
                "-D",
                "mapreduce.input.fileinputformat.split.minsize=1000000000",
            ])
            .args(more)
            .arg(&input)
            .arg(output);
        job
    };
    let output = dir.path().join("failed");
    let failed = job(&output, &[]).output().expect("run-job runs");
    let log = log_of(&failed);
    assert_eq!(failed.status.code(), Some(1), "{log}");
    assert!(log.contains("Broken pipe"), "{log}");
    let said = log
        .lines()
        .filter(|line| line.contains("-D heartline.drain.input=true"));
    assert_eq!(said.count(), 1, "{log}");

    let output = dir.path().join("drained");
    let drained = succeed(&mut job(&output, &["-D", "heartline.drain.input=true"]));
    let written = fs::read_to_string(output.join("part-00000")).expect("the output");
    assert_eq!(written.lines().count(), 3);
    let log = log_of(&drained);
    assert!(
        log.contains("bytes of stdin were thrown away (--drain-input)"),
        "{log}"
    );
    assert_eq!(counter(&log, "bytes in"), Some(60_000_000), "{log}");
}

#[test]
fn a_job_that_hangs_is_ended_with_all_its_mappers() {
    let _machine = crate::support::part_of_machine();
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    // A number that no other `sleep` has, to find the process by.
    let seconds = format!("86400.{}", std::process::id());
    let job = run_job()
        .args(["--limit", "8", "--mapper", &format!("sleep {seconds}")])
        .arg(&sample_data()[0])
        .arg(&output)
        .output()
        .expect("run-job runs");
    assert_eq!(job.status.code(), Some(1));
    assert!(
        log_of(&job).contains("not done within 8 s"),
        "{}",
        log_of(&job)
    );
    // Checks that `sleep` was running, since otherwise the test proves nothing.
    assert!(map_tasks(&log_of(&job)) >= 1, "{}", log_of(&job));
    let left = Command::new("ps")
        .args(["-eo", "stat,args"])
        .output()
        .expect("ps runs");
    let left = String::from_utf8_lossy(&left.stdout).into_owned();
    assert!(
        !left
            .lines()
            .any(|line| line.contains(&seconds) && !line.starts_with('Z')),
        "{left}"
    );
}

#[test]
fn ones_own_hadoop_is_found_on_the_path() {
    let _machine = crate::support::part_of_machine();
    let dir = TempDir::new().expect("a temporary folder");
    let hadoop = dir.path().join("hadoop");
    let script = Parts::root().join("scripts/hadoop");
    fs::write(
        &hadoop,
        format!("#!/bin/sh\nexec '{}' \"$@\"\n", script.display()),
    )
    .expect("a hadoop");
    fs::set_permissions(&hadoop, fs::Permissions::from_mode(0o755)).expect("an executable hadoop");
    let files = sample_data();
    let output = dir.path().join("output");
    succeed(
        run_job()
            .env("PATH", path_with(dir.path()))
            .env_remove("HADOOP_HOME")
            .env_remove("HADOOP_STREAMING_JAR")
            .arg("--hadoop")
            .args(&files)
            .arg(&output),
    );
    assert_same_counts(&job_counts(&output), &count_words(&files));
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_why() {
    let _machine = crate::support::part_of_machine();
    for (arguments, expected) in [
        (&["only-one"][..], "INPUT"),
        (&["--no-such-option", "in", "out"], "--no-such-option"),
        (&["--zookeeper"], "needs a value"),
        (&["--limit", "soon", "in", "out"], "--limit soon"),
        (&["-D", "no-value", "in", "out"], "NAME=VALUE"),
        (&["--combine", "--mapper", "cat", "in", "out"], "--combine"),
    ] {
        let output = support::hadoop::script("run-job")
            .args(arguments)
            .output()
            .expect("run-job runs");
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            log_of(&output)
        );
        assert!(
            log_of(&output).contains(expected),
            "{arguments:?}: {}",
            log_of(&output)
        );
    }
}

fn path_with(first: &Path) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(first.to_path_buf()).chain(std::env::split_paths(&path)))
        .expect("a PATH")
}
