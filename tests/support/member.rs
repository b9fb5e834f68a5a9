//! Mappers that run for as long as a test needs, and a watcher that collects the events about them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStdin, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Guarded, ZooKeeper};

/// The time limit for anything that takes a moment: generous, for busy machines.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A `wc-mapper` whose input stays open until the test ends it.
pub(crate) struct Mapper {
    child: Option<Child>,
    stdin: Option<ChildStdin>,
}

impl Mapper {
    /// Starts a mapper with this name that beats through `zookeeper`. A busy machine may keep a
    /// process from running for longer than the usual 20 ms; here no member is dead before half a second.
    pub(crate) fn start(zookeeper: &ZooKeeper, name: &str) -> Self {
        Self::with_options(
            &zookeeper.address(),
            &["--name", name, "--timeout", "500ms"],
        )
    }

    /// Starts such a mapper whose session ends a second after it is cut off or killed.
    pub(crate) fn with_short_session(zookeeper: &ZooKeeper, name: &str) -> Self {
        let session = ["--timeout", "500ms", "--session-timeout", "1s"];
        Self::with_options(
            &zookeeper.address(),
            &[&["--name", name], &session[..]].concat(),
        )
    }

    /// Starts a mapper with any options.
    pub(crate) fn with_options(address: &str, options: &[&str]) -> Self {
        Self::spawn(
            Command::new(env!("CARGO_BIN_EXE_wc-mapper"))
                .args(["--zookeeper", address])
                .args(options),
        )
    }

    /// Starts a mapper through another program, such as `nohup`, that replaces itself with it.
    pub(crate) fn behind(starter: &[&str], options: &[&str]) -> Self {
        let mut command = Command::new(starter[0]);
        command
            .args(&starter[1..])
            .arg(env!("CARGO_BIN_EXE_wc-mapper"));
        Self::spawn(command.args(options))
    }

    /// Starts a mapper like Hadoop does, for the task attempt with this id.
    pub(crate) fn with_attempt(zookeeper: &ZooKeeper, name: &str, attempt: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wc-mapper"));
        command.env("mapreduce_task_attempt_id", attempt);
        command.env("heartline_zookeeper", zookeeper.address());
        Self::spawn(command.args(["--name", name]))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("wc-mapper starts");
        let stdin = child.stdin.take();
        Self {
            child: Some(child),
            stdin,
        }
    }

    /// Gives it more input.
    pub(crate) fn feed(&mut self, text: &[u8]) {
        let stdin = self.stdin.as_mut().expect("its input is open");
        stdin.write_all(text).expect("it reads its input");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).expect("it runs");
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        let child = self.child.as_mut().expect("it runs");
        matches!(child.try_wait(), Ok(None))
    }

    /// Ends its input; returns its output, its exit status and how long that took.
    pub(crate) fn finish(mut self) -> Ended {
        drop(self.stdin.take());
        self.wait()
    }

    /// Waits until it has ended, with its input left open.
    pub(crate) fn wait(mut self) -> Ended {
        let begin = Instant::now();
        let stdin = self.stdin.take();
        let output = self.child.take().expect("it runs").wait_with_output();
        drop(stdin);
        Ended {
            output: output.expect("it can be waited for"),
            took: begin.elapsed(),
        }
    }
}

impl Drop for Mapper {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// How a mapper ended.
pub(crate) struct Ended {
    pub(crate) output: Output,
    pub(crate) took: Duration,
}

impl Ended {
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// The exit status as a shell shows it: 128 and more for a signal.
    pub(crate) fn status(&self) -> i32 {
        let status = self.output.status;
        status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
    }
}

/// A running watcher and all that it has written.
pub(crate) struct Watcher {
    process: Guarded,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Watcher {
    /// `watch-master --json`, connected and ready for new events.
    pub(crate) fn events(zookeeper: &ZooKeeper) -> Self {
        Self::events_of(&zookeeper.address())
    }

    /// The same for any servers and chroot.
    pub(crate) fn events_of(address: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_watch-master");
        // With a short session the watcher soon looks for another server.
        let session = ["--session-timeout", "2s"];
        let options = [&["--json", "--zookeeper", address], &session[..]].concat();
        let watcher = Self::start(program, &options);
        watcher.wait_for("it is connected", |lines| {
            lines.iter().any(|line| line.contains("\"connected\""))
        });
        watcher
    }

    /// Any program that writes lines.
    pub(crate) fn start(program: &str, options: &[&str]) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let mut process = Guarded::spawn(
            Command::new(program)
                .args(options)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let stdout = process.take_stdout().expect("its output is a pipe");
        let collected = Arc::clone(&lines);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                collected.lock().expect("nobody panicked").push(line);
            }
        });
        Self { process, lines }
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panicked").clone()
    }

    /// All events so far, except the many that report living members.
    pub(crate) fn story(&self) -> Vec<LoggedEvent> {
        let mut story = self.all_events();
        story.retain(|event| event.event != "alive");
        story
    }

    /// All events so far.
    pub(crate) fn all_events(&self) -> Vec<LoggedEvent> {
        let lines = self.lines();
        lines.iter().map(|line| LoggedEvent::parse(line)).collect()
    }

    /// Waits until `hoped` accepts the lines.
    pub(crate) fn wait_for(&self, what: &str, hoped: impl Fn(&[String]) -> bool) {
        let end = Instant::now() + SOON;
        while !hoped(&self.lines()) {
            let lines = self.lines();
            let tail = &lines[lines.len().saturating_sub(30)..];
            assert!(
                Instant::now() < end,
                "not within {SOON:?}: {what}; lines:\n{}",
                tail.join("\n")
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until `event` was reported for `node`.
    pub(crate) fn wait_for_event(&self, event: &str, node: &str) {
        self.wait_for(&format!("{node} {event}"), |lines| {
            let mut events = lines.iter().map(|line| LoggedEvent::parse(line));
            events.any(|logged| logged.event == event && logged.node == node)
        });
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    pub(crate) fn pid(&self) -> Pid {
        i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a pid")
    }
}

/// One JSON line of a watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedEvent {
    pub(crate) event: String,
    pub(crate) node: String,
    pub(crate) epoch: i64,
    /// For a claim: the previous master, and why it went.
    pub(crate) previous: Option<(String, String)>,
    /// How a death was found, or for a claim that of the previous master; empty if it was no death.
    pub(crate) cause: String,
}

impl LoggedEvent {
    fn parse(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("JSON: {line}"));
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Self {
            event: text("event"),
            node: text("node"),
            epoch: value["epoch"].as_i64().unwrap_or(0),
            previous: value.get("previous").map(|previous| {
                let text = |key: &str| previous[key].as_str().unwrap_or_default().to_owned();
                (text("node"), text("went"))
            }),
            cause: {
                let of_claim = value["previous"]["cause"].as_str();
                let cause = value["cause"].as_str().or(of_claim);
                cause.unwrap_or_default().to_owned()
            },
        }
    }
}

/// The events as `event node`, for comparing whole histories.
pub(crate) fn plot(story: &[LoggedEvent]) -> Vec<String> {
    let lines = story
        .iter()
        .map(|event| format!("{} {}", event.event, event.node));
    lines.map(|line| line.trim_end().to_owned()).collect()
}
