//! `heartline run` when it, its supervisor or all of them receive signals: no process of the command is left.

use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::support::{SOON, Watcher, ZooKeeper, wait_until};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

/// A command of several processes, some of which ignore signals, one in a session of its own; each writes its
/// pid into a file of its own.
const FAMILY: &str = r#"
    cd "$0"
    sh -c 'echo $$ > left; exec sleep 1000' | cat &
    sh -c 'trap "" TERM INT HUP; echo $$ > deaf; while :; do sleep 1; done' &
    setsid sh -c 'echo $$ > apart; sh -c "echo \$\$ > below; exec sleep 1000" & exec sleep 1000' &
    echo $$ > main
    while :; do sleep 1; done"#;

const MEMBERS: [&str; 5] = ["left", "deaf", "apart", "below", "main"];

/// A wrapped command, in a process group of its own.
struct Family {
    child: Child,
    folder: TempDir,
}

impl Family {
    fn start(options: &[&str], script: &str, members: &[&str]) -> Self {
        let folder = TempDir::with_prefix("heartline-family-").expect("a temporary folder");
        let child = Command::new(env!("CARGO_BIN_EXE_heartline"))
            .arg("run")
            .args(options)
            .args(["--grace", "500ms", "--", "sh", "-c", script])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("heartline");
        let family = Self { child, folder };
        wait_until("all of it runs", SOON, || {
            members.iter().all(|name| family.read(name).ends_with('\n'))
        });
        family
    }

    fn usual() -> Self {
        Self::start(&["--no-heartbeat"], FAMILY, &MEMBERS)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn is_alive(&self, name: &str) -> bool {
        let stat = format!("/proc/{}/stat", self.read(name).trim());
        let stat = fs::read_to_string(stat).unwrap_or_default();
        let state = stat.rsplit_once(") ").map(|(_, rest)| &rest[..1]);
        state.is_some_and(|state| !matches!(state, "Z" | "X"))
    }

    fn heartline(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn supervisor(&self) -> Pid {
        let pid = self.heartline().as_raw_nonzero();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let children = fs::read_to_string(children).expect("it runs");
        let first = children.split(' ').next().expect("it has a child");
        Pid::from_raw(first.parse().expect("a pid")).expect("a pid")
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.heartline(), signal).expect("it runs");
    }

    fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }

    fn assert_gone(&self) {
        for name in MEMBERS {
            wait_until(&format!("'{name}' is gone"), SOON, || !self.is_alive(name));
        }
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        // The supervisor ends the rest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_signal_ends_all_of_the_command_and_then_heartline() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut family = Family::usual();
        family.signal(signal);
        let status = family.wait();
        assert_eq!(status.signal(), Some(signal.as_raw()));
        // Before the end of the program, not some time after.
        for name in MEMBERS {
            assert!(!family.is_alive(name), "{name} outlives {signal:?}");
        }
    }
}

#[test]
fn a_command_that_answers_a_signal_has_the_last_word() {
    let script = r#"cd "$0"; trap 'echo done > answer; exit 5' TERM; echo $$ > main
        while :; do sleep 0.01; done"#;
    let mut family = Family::start(&["--no-heartbeat"], script, &["main"]);
    family.signal(Signal::TERM);
    assert_eq!(family.wait().code(), Some(5));
    assert_eq!(family.read("answer"), "done\n");
    // It must not report a success.
    let script = script.replace("exit 5", "exit 0");
    let mut family = Family::start(&["--no-heartbeat"], &script, &["main"]);
    family.signal(Signal::TERM);
    assert_eq!(family.wait().signal(), Some(15));
}

#[test]
fn a_second_signal_does_not_wait_for_the_grace() {
    let script = r#"cd "$0"; trap 'echo heard > answer' TERM; echo $$ > main
        while :; do sleep 0.01; done"#;
    let options = ["--no-heartbeat", "--grace", "1h"];
    let folder = TempDir::new().expect("a temporary folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_heartline"))
        .arg("run")
        .args(options)
        .args(["--", "sh", "-c", script])
        .arg(folder.path())
        .stdin(Stdio::null())
        .spawn()
        .expect("heartline");
    let is_there = |name: &str| folder.path().join(name).exists();
    wait_until("it runs", SOON, || is_there("main"));
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    wait_until("the end was reported", SOON, || is_there("answer"));
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    assert_eq!(child.wait().expect("it ends").signal(), Some(15));
}

#[test]
fn a_killed_heartline_leaves_nothing_behind() {
    let mut family = Family::usual();
    let supervisor = family.supervisor();
    family.signal(Signal::KILL);
    family.wait();
    family.assert_gone();
    let supervisor = format!("/proc/{}/cmdline", supervisor.as_raw_nonzero());
    wait_until("the supervisor is gone", SOON, || {
        fs::read(&supervisor).unwrap_or_default().is_empty()
    });
}

#[test]
fn a_killed_keeper_leaves_nothing_behind_and_is_a_failure() {
    let mut family = Family::usual();
    kill_process(family.supervisor(), Signal::KILL).expect("it runs");
    assert_eq!(family.wait().code(), Some(137));
    for name in MEMBERS {
        assert!(!family.is_alive(name), "{name} outlives its supervisor");
    }
}

#[test]
fn a_group_that_is_killed_is_gone() {
    let mut family = Family::usual();
    let main: i32 = family.read("main").trim().parse().expect("a pid");
    let group = rustix::process::getpgid(Pid::from_raw(main)).expect("it runs");
    assert_eq!(group, family.heartline(), "the command is in our group");
    kill_process_group(group, Signal::TERM).expect("it runs");
    assert_eq!(family.wait().signal(), Some(15));
    family.assert_gone();
    // After a kill -9 no process is left to end those that have left the group: as without us.
    let mut family = Family::usual();
    kill_process_group(family.heartline(), Signal::KILL).expect("it runs");
    assert_eq!(family.wait().signal(), Some(9));
    for name in ["left", "deaf", "main"] {
        wait_until("it is gone", SOON, || !family.is_alive(name));
    }
    for name in ["apart", "below"] {
        let pid: i32 = family.read(name).trim().parse().expect("a pid");
        let _ = kill_process(Pid::from_raw(pid).expect("a pid"), Signal::KILL);
    }
}

#[test]
fn a_signal_is_a_failure_to_zookeeper_too() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let address = zookeeper.address();
    let options = |name| {
        [
            "--zookeeper",
            &address,
            "--name",
            name,
            "--timeout",
            "500ms",
        ]
    };
    let mut master = Family::start(&options("master"), FAMILY, &MEMBERS);
    watcher.wait_for_event("claimed", "master");
    let mut family = Family::start(&options("follower"), FAMILY, &MEMBERS);
    watcher.wait_for_event("alive", "follower");
    family.signal(Signal::TERM);
    watcher.wait_for_event("failed", "follower");
    assert_eq!(family.wait().signal(), Some(15));
    assert!(!zookeeper.exists("/heart_beat/follower"));
    master.signal(Signal::TERM);
    assert_eq!(master.wait().signal(), Some(15));
}
