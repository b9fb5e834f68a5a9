//! The demo as a newcomer runs it: it shows what it promises, can be repeated, and leaves nothing behind.

use std::{
    fs,
    os::unix::fs::symlink,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use crate::support::{
    Parts,
    hadoop::{log_of, script, succeed},
    wait_until,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A folder for parts, data and logs; the parts are those already fetched.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(TempDir::with_prefix("heartline-demo-").expect("a temporary folder"));
        Parts::get();
        symlink(Parts::home().join("parts"), home.0.path().join("parts"))
            .expect("a link to the parts");
        home
    }

    /// `scripts/demo` that reacts to Ctrl-C, even if the program that started this test ignores it.
    fn demo(&self) -> Command {
        let demo = script("demo");
        let mut command = Command::new("env");
        command.arg("--default-signal=INT").arg(demo.get_program());
        for (name, value) in demo.get_envs() {
            command.env(name, value.expect("a variable that is set"));
        }
        command.env("HEARTLINE_HOME_DIR", self.0.path());
        command
    }

    /// Command lines of all live processes with this folder in their environment: everything that the demo starts.
    fn processes(&self) -> Vec<String> {
        let variable = format!("HEARTLINE_HOME_DIR={}", self.0.path().display());
        let processes: Vec<PathBuf> = fs::read_dir("/proc")
            .expect("/proc")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        let ours = processes.into_iter().filter(|process| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            environment
                .split(|&byte| byte == 0)
                .any(|entry| entry == variable.as_bytes())
        });
        ours.map(|process| {
            fs::read_to_string(process.join("cmdline"))
                .unwrap_or_default()
                .replace('\0', " ")
        })
        .collect()
    }
}

/// A running demo, which is asked to stop what it started if the test fails before its end.
struct Running(Option<Child>);

impl Running {
    fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Self(Some(command.spawn().expect("scripts/demo runs")))
    }

    fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("not waited for yet")
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child().try_wait().expect("its state")
    }

    fn signal(&mut self, signal: Signal) {
        kill_process(Pid::from_child(self.child()), signal).expect("a signal");
    }

    fn wait_with_output(mut self) -> Output {
        self.0
            .take()
            .expect("not waited for yet")
            .wait_with_output()
            .expect("it ends")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            let _ = child.wait();
        }
    }
}

#[test]
fn shows_words_master_and_followers_twice_and_leaves_nothing() {
    let home = Home::new();
    for run in 1..=2 {
        let demo = succeed(&mut home.demo());
        let shown = String::from_utf8_lossy(&demo.stdout).into_owned();
        for expected in ["Top 10 of ", "Master: map", "still alive", "follower_map"] {
            assert!(
                shown.contains(expected),
                "run {run}: no '{expected}' in\n{shown}"
            );
        }
        // Chance decides which mapper is master, and which one inherits the claim before it ends; but each of the
        // three, and the reducer, is master in the end or has finished as a follower.
        let masters = shown
            .lines()
            .find_map(|line| line.strip_prefix("Master: "))
            .map_or(0, |masters| masters.split(", then ").count());
        let finished = shown.matches("finished 1").count();
        assert_eq!(masters + finished, 4, "run {run}:\n{shown}");
        assert_eq!(home.processes(), [""; 0], "run {run}");
    }
}

#[test]
fn ctrl_c_stops_all_it_started() {
    let home = Home::new();
    // Slow enough that it still runs when the signal arrives.
    let mut demo = Running::start(home.demo().args(["--line-delay", "50ms"]));
    wait_until(
        "the mappers and their Java, the server and both watchers run",
        Duration::from_secs(120),
        || {
            assert_eq!(demo.ended(), None, "it ended before its time");
            let processes = home.processes();
            let running = |part: &str| processes.iter().any(|process| process.contains(part));
            running("wc-mapper --line-delay")
                && running("QuorumPeerMain")
                && running("watch-master")
                && running("watch-slave")
        },
    );
    demo.signal(Signal::INT);
    let demo = demo.wait_with_output();
    assert_eq!(demo.status.code(), Some(130), "{}", log_of(&demo));
    assert_eq!(home.processes(), [""; 0], "{}", log_of(&demo));
}
