//! Members of a group (`heartline member`), and commands that record when they run.

use std::{collections::BTreeMap, fs, path::PathBuf};

use tempfile::TempDir;

use super::{Watcher, ZooKeeper};

/// The options of a member, beginning with the subcommands. With a shorter session, a busy machine could delay the
/// server for longer than a command may go on without an answer.
pub(crate) fn member_options(zookeeper: &ZooKeeper, options: &str) -> Vec<String> {
    let address = zookeeper.address();
    let words = format!("member {options} --zookeeper {address} --session-timeout 4s --events -");
    words.split(' ').map(str::to_owned).collect()
}

/// Starts a member, such as `master --address m1:2223`, with a command if there is one.
pub(crate) fn group_member(zookeeper: &ZooKeeper, options: &str, command: &[&str]) -> Watcher {
    let mut words = member_options(zookeeper, options);
    if !command.is_empty() {
        words.push("--".to_owned());
        words.extend(command.iter().map(ToString::to_string));
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Watcher::start(env!("CARGO_BIN_EXE_heartline"), &words)
}

/// A file in which commands record, every hundredth of a second, that they run.
pub(crate) struct Ticks(TempDir);

/// Reads the clock shared by all processes, which goes on while one is stopped; this starts no process.
const TICK: &str = r#"export RUN=${RUN:-$HEARTLINE_EPOCH.$$}
tick() { read -r now _ < /proc/uptime; echo "$RUN $1 $now" >> "$0"; }"#;

impl Ticks {
    pub(crate) fn new() -> Self {
        Self(TempDir::with_prefix("heartline-ticks-").expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("ticks")
    }

    /// A shell command that ticks until it is asked to end.
    pub(crate) fn command(&self) -> Vec<String> {
        let script = format!(
            "{TICK}\ntrap 'tick stop; exit 0' TERM\nwhile :; do tick main; sleep 0.01; done"
        );
        self.shell(&script)
    }

    /// A command that ignores signals, and starts others in sessions of their own that ignore them too.
    pub(crate) fn stubborn_command(&self) -> Vec<String> {
        let script = format!(
            "{TICK}\ntrap '' TERM INT HUP\n\
             [ \"$1\" ] || {{ setsid sh -c \"$2\" \"$0\" child \"$2\" & }}\n\
             while :; do tick ${{1:-main}}; sleep 0.01; done"
        );
        let mut command = self.shell(&script);
        command.extend([String::new(), script]);
        command
    }

    fn shell(&self, script: &str) -> Vec<String> {
        let path = self.path().display().to_string();
        vec!["sh".to_owned(), "-c".to_owned(), script.to_owned(), path]
    }

    /// All runs of the command in order: the processes that have written, and their first and last time.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let text = fs::read_to_string(self.path()).unwrap_or_default();
        let mut runs: BTreeMap<&str, Run> = BTreeMap::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [run, who, now] = words[..] else {
                panic!("a line of ticks: {line}");
            };
            let now: f64 = now.parse().expect("a time");
            let run = runs.entry(run).or_insert(Run {
                first: now,
                last: now,
                who: Vec::new(),
            });
            run.last = run.last.max(now);
            if !run.who.iter().any(|known| known == who) {
                run.who.push(who.to_owned());
                run.who.sort_unstable();
            }
        }
        let mut runs: Vec<Run> = runs.into_values().collect();
        runs.sort_by(|one, other| one.first.total_cmp(&other.first));
        runs
    }

    /// Checks that each run began after the one before it had ended; returns them.
    pub(crate) fn assert_one_at_a_time(&self) -> Vec<Run> {
        let runs = self.runs();
        for pair in runs.windows(2) {
            assert!(pair[0].last <= pair[1].first, "two at once: {pair:?}");
        }
        runs
    }
}

/// One run of a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) first: f64,
    pub(crate) last: f64,
    /// `main`, and the other processes that have written, in alphabetical order.
    pub(crate) who: Vec<String>,
}
