//! A running `heartline events`, its output, and how it ends.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use super::{Guarded, SOON, wait_until};

/// `heartline events` for some servers.
pub(crate) struct Publisher {
    process: Guarded,
    said: Arc<Mutex<String>>,
}

impl Publisher {
    /// Starts it; its stderr is collected, and the events it publishes on stdout go to `stdout`.
    pub(crate) fn start(zookeeper: &str, options: &[&str], stdout: Stdio) -> Self {
        let mut process = Guarded::spawn(
            Command::new(env!("CARGO_BIN_EXE_heartline"))
                .args([
                    "events",
                    "--zookeeper",
                    zookeeper,
                    "--session-timeout",
                    "2s",
                ])
                .args(options)
                .stdin(Stdio::null())
                .stdout(stdout)
                .stderr(Stdio::piped()),
        );
        let stderr = process.take_stderr().expect("its stderr is a pipe");
        let said = Arc::new(Mutex::new(String::new()));
        let collected = Arc::clone(&said);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut said = collected.lock().expect("nobody panicked");
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self { process, said }
    }

    /// Its stderr so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("nobody panicked").clone()
    }

    /// Waits until it prints this.
    pub(crate) fn wait_until_said(&self, words: &str) {
        wait_until(&format!("it says '{words}'"), SOON, || {
            self.said().contains(words)
        });
    }

    /// Asks it to end; returns its exit status and its stderr.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        self.process.signal(Signal::TERM);
        let status = self.process.wait();
        (status.code(), self.said())
    }

    /// Its output, if that is a pipe and was not taken before.
    pub(crate) fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.process.take_stdout()
    }
}

/// One published line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) event: String,
    pub(crate) node: String,
    /// Epoch and sequence number of an event from a master.
    pub(crate) number: Option<(i64, u64)>,
    /// The number of lost events.
    pub(crate) count: Option<u64>,
}

impl Published {
    pub(crate) fn parse(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("JSON: {line}"));
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Self {
            event: text("event"),
            node: text("node"),
            number: value["epoch"].as_i64().zip(value["sequence"].as_u64()),
            count: value["count"].as_u64(),
        }
    }

    /// All lines of a text.
    pub(crate) fn all(text: &str) -> Vec<Self> {
        text.lines().map(Self::parse).collect()
    }
}

/// Checks that the published events are complete and in order: each event of `truth` that has a number occurs at least
/// once, first right after the one before it of the same node, or after a report that those between are lost.
/// Returns how many were reported as lost.
pub(crate) fn assert_all_published(truth: &[String], published: &[Published]) -> u64 {
    let truth: Vec<Published> = truth.iter().map(|line| Published::parse(line)).collect();
    let nodes: std::collections::BTreeSet<&str> =
        truth.iter().map(|event| event.node.as_str()).collect();
    let mut lost = 0;
    for node in nodes.into_iter().filter(|node| !node.is_empty()) {
        let of = |event: &&Published| event.node == node;
        let expected: Vec<_> = truth
            .iter()
            .filter(of)
            .filter_map(|event| event.number)
            .collect();
        let mut reported = 0;
        for event in published.iter().filter(of) {
            if let Some(count) = event.count {
                lost += count;
                reported += usize::try_from(count).expect("a small number");
            } else if let Some(number) = event.number
                && !expected[..reported.min(expected.len())].contains(&number)
            {
                assert_eq!(
                    Some(&number),
                    expected.get(reported),
                    "{node}: {event:?} in {published:#?}, while {truth:#?}"
                );
                reported += 1;
            }
        }
        assert_eq!(
            reported,
            expected.len(),
            "{node}: {published:#?}, while {truth:#?}"
        );
    }
    lost
}
