//! mrjob over HDFS and YARN, with `heartline run` before its Python: the job itself knows nothing of heartline.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::support::hadoop::{Counts, count_words, counter, log_of, sample_data, succeed};
use crate::support::{Described, Mapper, Parts, SOON, Watcher, python_with, wait_until};
use tempfile::TempDir;

/// A Python that has mrjob, or why there is none.
pub(super) fn python_with_mrjob() -> Result<PathBuf, String> {
    // Python 3.12 and later have no distutils of their own, which mrjob imports.
    python_with("mrjob", &["mrjob==0.7.4", "setuptools"])
}

/// A job of two steps, whose first mapper hangs: it is ended, tried again, and the counts are right.
pub(super) fn a_hung_mapper_of_a_job_of_two_steps_is_tried_again(
    python: &Path,
    cluster: &Described,
) {
    let folder = TempDir::new().expect("a temporary folder");
    let begin = Instant::now();
    let mut files = sample_data();
    // Each is copied to HDFS by a Java of its own.
    files.truncate(2);
    let zookeeper = cluster.ensemble(&[1]);
    let watcher = Watcher::events_of(&zookeeper);
    // With a master that is not of the job, all of its processes are followers, and the stall is reported.
    let _master = Mapper::with_options(&zookeeper, &["--name", "standing", "--timeout", "500ms"]);
    watcher.wait_for_event("claimed", "standing");
    let config = folder.path().join("mrjob.conf");
    fs::write(&config, configuration(&zookeeper)).expect("a configuration");
    let done = succeed(
        Command::new(python)
            .arg(Parts::root().join("tests/hadoop/mrjob_words.py"))
            .args(["-r", "hadoop", "-c"])
            .arg(&config)
            .args(&files)
            .env("HADOOP_HOME", hadoop_home(folder.path(), cluster))
            .env_remove("HADOOP_STREAMING_JAR"),
    );
    eprintln!("the job of mrjob took {:?}", begin.elapsed());
    let log = log_of(&done);
    let records = String::from_utf8(done.stdout).expect("JSON is UTF-8");
    assert_eq!(read(&records), most_frequent(&count_words(&files)), "{log}");

    // The hung attempt failed with the reason on the terminal of the user, and no other failed.
    let error = "Error: heartline: stalled: blocked for ";
    assert!(
        log.contains("_m_000000_0, Status : FAILED") && log.contains(error),
        "{log}"
    );
    assert_eq!(counter(&log, "Failed map tasks"), Some(1), "{log}");
    let (first, second) = log.split_once("Running step 2 of 2").expect("two steps");
    let number =
        |log: &str, name| counter(log, name).unwrap_or_else(|| panic!("no {name} in {log}"));
    assert!(number(first, "Combine input records") > number(first, "Combine output records"));
    assert_eq!(number(second, "Combine input records"), 0);
    for step in [first, second] {
        assert!(number(step, "beats sent") > 0, "{step}");
    }
    let count_of = |event: &str| {
        watcher
            .story()
            .iter()
            .filter(|logged| logged.event == event)
            .count()
    };
    wait_until("the stall was reported", SOON, || count_of("stalled") > 0);
}

/// What a user writes into `mrjob.conf`.
fn configuration(zookeeper: &str) -> String {
    format!(
        "runners:
  hadoop:
    task_python_bin: heartline run --zookeeper {zookeeper} -- python3
    upload_files: [{heartline}]
    jobconf:
      heartline.on.stall: kill
      heartline.stall.timeout: 3s
      heartline.timeout: 500ms
      # A speculative attempt could finish before the first has failed, and Hadoop would kill the first.
      mapreduce.map.speculative: false
",
        heartline = env!("CARGO_BIN_EXE_heartline")
    )
}

/// A folder as `HADOOP_HOME`: the command and the streaming jar where an installation has them.
fn hadoop_home(folder: &Path, cluster: &Described) -> PathBuf {
    let home = folder.join("hadoop");
    let (bin, lib) = (home.join("bin"), home.join("share/hadoop/tools/lib"));
    for folder in [&bin, &lib] {
        fs::create_dir_all(folder).expect("a folder");
    }
    let programs = Path::new(env!("CARGO_BIN_EXE_heartline"))
        .parent()
        .expect("a folder");
    let script = format!(
        "#!/bin/sh\nexport HEARTLINE_BIN_DIR='{}' HADOOP_OPTS=-XX:TieredStopAtLevel=1\nexec '{}' --cluster-file '{}' \"$@\"\n",
        programs.display(),
        Parts::root().join("scripts/hadoop").display(),
        cluster.file().display(),
    );
    let command = bin.join("hadoop");
    fs::write(&command, script).expect("a script");
    fs::set_permissions(&command, Permissions::from_mode(0o755)).expect("its owner");
    for jar in fs::read_dir(Parts::get().folder())
        .expect("the jars")
        .flatten()
    {
        let name = jar.file_name();
        if name.as_encoded_bytes().starts_with(b"hadoop-streaming-") {
            symlink(jar.path(), lib.join(name)).expect("a link to the jar");
        }
    }
    home
}

/// The most frequent word of each first letter, and how often it occurs.
type Frequent = BTreeMap<String, (u64, String)>;

fn most_frequent(counts: &Counts) -> Frequent {
    let mut most = Frequent::new();
    for (word, count) in counts {
        let word = String::from_utf8(word.clone()).expect("the samples are UTF-8");
        let letter = word.chars().next().expect("no word is empty").to_string();
        let entry = most.entry(letter).or_default();
        *entry = (*count, word).max(std::mem::take(entry));
    }
    most
}

/// Lines `"letter"<tab>["word", count]`.
fn read(records: &str) -> Frequent {
    let record = |line: &str| {
        let (letter, word) = line.split_once('\t').expect("a tab");
        let (word, count): (String, u64) = serde_json::from_str(word).expect("a word and a count");
        (
            serde_json::from_str(letter).expect("a letter"),
            (count, word),
        )
    };
    records.lines().map(record).collect()
}
