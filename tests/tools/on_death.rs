//! `--on-death`: the master runs a command for each death, once, and is never delayed by it.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::support::{Mapper, SOON, Watcher, ZooKeeper, wait_until};
use rustix::process::Signal;
use tempfile::TempDir;

/// A file into which the commands write, a line for each death.
struct Register(TempDir);

impl Register {
    fn new() -> Self {
        Self(TempDir::with_prefix("heartline-deaths-").expect("a temporary folder"))
    }

    /// A command; `script` gets the file as `$0`, and the attempt and the node as `$1` and `$2`.
    fn command(&self, script: &str) -> String {
        let file = self.0.path().join("dead");
        format!("sh -c '{script}' {} {{attempt}} {{node}}", file.display())
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.0.path().join("dead")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn wait_for(&self, count: usize) {
        wait_until("the commands have run", SOON, || {
            self.lines().len() >= count
        });
    }
}

/// A dedicated master; its output is the same as a watcher's.
fn master(zookeeper: &ZooKeeper, on_death: &str) -> Watcher {
    let address = zookeeper.address();
    let options = ["master", "--json", "--name", "chief", "--timeout", "500ms"];
    let more = ["--zookeeper", &address, "--on-death", on_death];
    let heartline = env!("CARGO_BIN_EXE_heartline");
    let master = Watcher::start(heartline, &[&options[..], &more].concat());
    master.wait_for_event("claimed", "chief");
    master
}

fn attempt(number: usize) -> String {
    format!("attempt_7_0001_m_{number:06}_0")
}

#[test]
fn a_death_is_acted_on_once_and_an_end_is_not() {
    let zookeeper = ZooKeeper::start();
    let register = Register::new();
    // The scheduling policy; 0 is that of an ordinary process.
    let script = r#"echo "$1 $2 $(cut -d" " -f41 /proc/$$/stat)" >> "$0"; exit 3"#;
    let master = master(&zookeeper, &register.command(script));
    let killed = Mapper::with_attempt(&zookeeper, "map1", &attempt(1));
    let finished = Mapper::with_attempt(&zookeeper, "map2", &attempt(2));
    for name in ["map1", "map2"] {
        master.wait_for_event("joined", name);
    }
    killed.signal(Signal::KILL);
    master.wait_for_event("died", "map1");
    register.wait_for(1);
    finished.finish();
    master.wait_for_event("finished", "map2");
    // Time for a wrong second run.
    sleep(Duration::from_millis(500));
    assert_eq!(register.lines(), [format!("{} map1 0", attempt(1))]);
}

#[test]
fn a_command_that_hangs_does_not_hold_the_master_up() {
    let zookeeper = ZooKeeper::start();
    let register = Register::new();
    let script = r#"echo "$2" >> "$0"; while [ -e "$0" ]; do sleep 0.1; done"#;
    let mut master = master(&zookeeper, &register.command(script));
    // More than run at once.
    for number in 0..6 {
        let name = format!("map{number}");
        let mapper = Mapper::with_attempt(&zookeeper, &name, &attempt(number));
        master.wait_for_event("joined", &name);
        mapper.signal(Signal::KILL);
        master.wait_for_event("died", &name);
    }
    register.wait_for(4);
    let living = Mapper::with_attempt(&zookeeper, "living", &attempt(9));
    master.wait_for_event("alive", "living");
    living.finish();
    master.wait_for_event("finished", "living");
    assert_eq!(register.lines().len(), 4);
    master.signal(Signal::TERM);
    wait_until("it ends", SOON, || !master.is_running());
}

#[test]
fn the_next_in_line_acts_on_the_death_of_the_master() {
    let zookeeper = ZooKeeper::start();
    let register = Register::new();
    let watcher = Watcher::events(&zookeeper);
    let master = Mapper::with_attempt(&zookeeper, "first", &attempt(1));
    watcher.wait_for_event("claimed", "first");
    let on_death = register.command(r#"echo "$1 $2" >> "$0""#);
    let options = ["--name", "second", "--timeout", "500ms"];
    let options = [&options[..], &["--on-death", &on_death]].concat();
    let next = Mapper::with_options(&zookeeper.address(), &options);
    watcher.wait_for_event("joined", "second");
    master.signal(Signal::KILL);
    watcher.wait_for_event("claimed", "second");
    register.wait_for(1);
    next.finish();
    watcher.wait_for_event("released", "second");
    assert_eq!(register.lines(), [format!("{} first", attempt(1))]);
}

#[test]
fn who_is_left_of_a_rack_acts_on_the_death_of_each_with_its_attempt() {
    let zookeeper = ZooKeeper::start();
    let register = Register::new();
    let watcher = Watcher::events(&zookeeper);
    let mappers: Vec<Mapper> = (0..11)
        .map(|number| {
            let name = format!("map{number:02}");
            let mapper = Mapper::with_attempt(&zookeeper, &name, &attempt(number));
            let event = if number == 0 { "claimed" } else { "joined" };
            watcher.wait_for_event(event, &name);
            mapper
        })
        .collect();
    let on_death = register.command(r#"echo "$1 $2" >> "$0""#);
    let options = ["--name", "last", "--timeout", "500ms"];
    let options = [&options[..], &["--on-death", &on_death]].concat();
    let last = Mapper::with_options(&zookeeper.address(), &options);
    watcher.wait_for_event("joined", "last");
    for mapper in &mappers {
        mapper.signal(Signal::KILL);
    }
    register.wait_for(mappers.len());
    // Time for a wrong second run.
    sleep(Duration::from_millis(500));
    let mut lines = register.lines();
    lines.sort();
    let all = (0..11).map(|number| format!("{} map{number:02}", attempt(number)));
    assert_eq!(lines, all.collect::<Vec<_>>());
    assert_eq!(last.finish().status(), 0);
}

#[test]
fn a_command_that_is_none_is_wrong_usage() {
    use assert_cmd::prelude::OutputAssertExt;

    for wrong in ["", "it's"] {
        let mut mapper = std::process::Command::new(env!("CARGO_BIN_EXE_wc-mapper"));
        mapper.args(["--on-death", wrong]).assert().code(2);
    }
}
