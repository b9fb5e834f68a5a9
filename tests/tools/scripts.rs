//! The scripts that start the real parts keep their promises: one at a time, kept apart, and nothing left behind.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::support::{
    Guarded,
    hadoop::{log_of, script, succeed},
};
use tempfile::TempDir;

/// `scripts/zookeeper ACTION` on a folder, stopped at the end of the test in any case.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::with_prefix("heartline-scripts-").expect("a temporary folder"))
    }

    fn zookeeper(&self, arguments: &[&str]) -> Command {
        let mut command = script("zookeeper");
        command.args(arguments).arg("--dir").arg(self.0.path());
        command
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        self.zookeeper(arguments)
            .output()
            .expect("scripts/zookeeper runs")
    }

    fn pid(&self) -> String {
        fs::read_to_string(self.0.path().join("pid"))
            .expect("a pid file")
            .trim()
            .to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = self.ask(&["stop"]);
    }
}

fn stdout_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

#[test]
fn zookeeper_starts_once_and_stop_leaves_nothing() {
    let folder = Folder::new();
    let address = stdout_of(&succeed(&mut folder.zookeeper(&["start"])));
    let pid = folder.pid();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    assert_eq!(
        stdout_of(&folder.ask(&["status"])),
        format!("{address} pid {pid}")
    );

    let refused = folder.ask(&["start"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        log_of(&refused).contains(&format!("pid {pid}")),
        "{}",
        log_of(&refused)
    );
    assert_eq!(folder.pid(), pid, "the first goes on");

    succeed(&mut folder.zookeeper(&["stop"]));
    assert!(
        fs::read_link(format!("/proc/{pid}/exe")).is_err(),
        "{pid} is left"
    );
    assert_eq!(folder.ask(&["status"]).status.code(), Some(1));
    succeed(&mut folder.zookeeper(&["stop"]));
}

#[test]
fn of_many_starts_at_once_one_wins() {
    let folder = Folder::new();
    let starts: Vec<_> = (0..4)
        .map(|_| {
            folder
                .zookeeper(&["start"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("it runs")
        })
        .collect();
    let ends = starts
        .into_iter()
        .map(|start| start.wait_with_output().expect("it ends").status.code());
    let mut codes: Vec<_> = ends.collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1), Some(1), Some(1)]);
}

#[test]
fn stop_spares_a_stranger_who_has_the_pid() {
    let folder = Folder::new();
    let mut stranger = Guarded::spawn(Command::new("sleep").arg("600"));
    fs::write(folder.0.path().join("pid"), format!("{}\n", stranger.id()))
        .expect("a stale pid file");
    succeed(&mut folder.zookeeper(&["stop"]));
    assert!(stranger.is_running());
}

#[test]
fn a_taken_port_is_refused_and_another_is_found() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let refused = folder.ask(&["start", "--port", &port]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        log_of(&refused).contains(&format!("port {port} is taken")),
        "{}",
        log_of(&refused)
    );
    assert_ne!(
        stdout_of(&succeed(&mut folder.zookeeper(&["start"]))),
        format!("127.0.0.1:{port}")
    );
}

#[test]
fn each_script_has_help_and_refuses_what_it_does_not_know() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    for name in [
        "audit",
        "book",
        "demo",
        "dist",
        "fetch-parts",
        "fuzz",
        "hadoop",
        "kafka",
        "run-job",
        "zookeeper",
    ] {
        let help = Command::new(folder.join(name))
            .arg("--help")
            .output()
            .expect("the script runs");
        assert!(help.status.success(), "{name}");
        assert!(
            stdout_of(&help).starts_with(&format!("Usage: scripts/{name}")),
            "{name}"
        );
        let refused = Command::new(folder.join(name))
            .arg("--no-such-option")
            .output()
            .expect("the script runs");
        assert_eq!(
            refused.status.code(),
            Some(2),
            "{name}: {}",
            log_of(&refused)
        );
    }
}

#[test]
fn every_part_of_the_benchmarks_starts() {
    let list = script("bench").output().expect("scripts/bench runs");
    let list = stdout_of(&list);
    let parts = list.lines().filter_map(|line| line.strip_prefix("  "));
    let parts: Vec<&str> = parts
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(parts.len() > 5 && parts.contains(&"members"), "{list}");
    for part in parts {
        let output = script("bench").args([part, "--help"]).output();
        let output = output.expect("scripts/bench runs");
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{part}: {why}");
    }
}

/// Without the variable a script and what it starts use the repository's folder, wherever they work.
#[test]
fn programs_that_a_script_starts_use_its_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = "cd /; exec bash -c 'printf %s \"$HEARTLINE_HOME_DIR\"'";
    for (given, expected) in [
        (None, root.join(".heartline")),
        (Some("/tmp"), "/tmp".into()),
    ] {
        let mut shell = Command::new("bash");
        shell
            .args(["-c", &format!(". scripts/lib/common.sh; {told}")])
            .current_dir(root)
            .env_remove("HEARTLINE_HOME_DIR");
        shell.envs(given.map(|folder| ("HEARTLINE_HOME_DIR", folder)));
        assert_eq!(Path::new(&stdout_of(&succeed(&mut shell))), expected);
    }
}
