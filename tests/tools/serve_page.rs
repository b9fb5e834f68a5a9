//! The page of `heartline serve` in a real browser, driven by `tests/page/check.mjs`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::record::recorded;
use crate::serve_actions::{TOKEN, write_token};
use crate::support::{
    Dashboard, Guarded, Mapper, ServerOfNodes, Watcher, ZooKeeper, left_out, node_folder, which,
};

/// How long the page may take for all its checks.
const CHECKED: Duration = Duration::from_secs(120);
/// How long it may take to show a death. It takes a tenth of a second; a busy machine takes longer.
const SHOWN: Duration = Duration::from_secs(10);

/// A cluster that is not started: all of it is in trouble.
const DESCRIPTION: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/sample-data/clusters/one-machine.toml"
);

/// The driver of a browser: its lines, and where to write commands.
struct Browser {
    process: Guarded,
    lines: mpsc::Receiver<String>,
}

impl Browser {
    fn open(folder: &Path, url: &str) -> Self {
        let mut command = Command::new("node");
        command.current_dir(folder).args(["check.mjs", url]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut process = Guarded::spawn(&mut command);
        let stdout = process.take_stdout().expect("a pipe");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            // Until the test has ended.
            let _ = lines.map(|line| sender.send(line)).find(Result::is_err);
        });
        Self { process, lines }
    }

    /// The next line that begins so.
    fn wait_for(&self, beginning: &str, limit: Duration) -> String {
        loop {
            let line = self.lines.recv_timeout(limit);
            let line = line.unwrap_or_else(|_| panic!("the browser did not say: {beginning}"));
            if line.starts_with(beginning) {
                return line;
            }
        }
    }
}

/// The folder of the driver, or why it cannot run.
fn driver() -> Result<PathBuf, &'static str> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page");
    if which("chromium").is_none() || which("node").is_none() {
        return Err("chromium or node is not installed");
    }
    if !folder.join("node_modules/playwright-core").is_dir() {
        return Err("its packages are not installed; do: npm ci --prefix tests/page");
    }
    Ok(folder)
}

/// Compares the answers of a server with its own `OpenAPI` document.
fn as_documented(driver: &Path, dashboard: &Dashboard, token: &[&str]) {
    let mut command = Command::new("node");
    command.current_dir(driver).arg("openapi.mjs");
    let url = format!("http://{}/", dashboard.address());
    let checked = command.arg(url).args(token).output().expect("it runs");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{said}");
    assert!(said.matches("ok 200").count() > 5, "{said}");
}

#[test]
fn the_page_plays_a_recording_with_and_without_a_server() {
    let driver = match driver() {
        Ok(driver) => driver,
        Err(why) => left_out::leave_out!("{why}"),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let zookeeper = ZooKeeper::start();
    let file = recorded(&zookeeper, folder.path());
    let shown = file.to_str().expect("a path");
    let replay = Dashboard::start("127.0.0.1:1", &["--replay", shown]);
    as_documented(&driver, &replay, &[]);
    let page = folder.path().join("page.html");
    let mut export = Command::new(env!("CARGO_BIN_EXE_heartline"));
    let export = export.args(["export", shown, "--html"]).arg(&page);
    assert!(export.output().expect("it runs").status.success());
    let mut browser = Browser::open(&driver, &format!("http://{}/", replay.address()));
    let mut commands = browser.process.take_stdin().expect("a pipe");
    writeln!(commands, "exported {}", page.display()).expect("it reads");
    let exported = browser.wait_for("exported ", CHECKED);
    assert_eq!(exported, "exported 2", "both members");
    commands.write_all(b"quit\n").expect("it reads");
    assert!(browser.process.wait().success());
}

#[test]
fn the_page_shows_a_job_and_a_death_in_a_real_browser() {
    let driver = match driver() {
        Ok(driver) => driver,
        Err(why) => left_out::leave_out!("{why}"),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let token = write_token(folder.path());
    let token = token.to_str().expect("a path");
    let zookeeper = ZooKeeper::start();
    let events = Watcher::events(&zookeeper);
    let server = ServerOfNodes::bare(&[]);
    let node = node_folder("127.0.0.1\tlocalhost\n");
    let _agent = server.agent(node.path(), "m1", "master", "127.0.1.1");
    let nodes = server.address.to_string();
    let acting = ["--token-file", token, "--allow-actions"];
    let reports = ["--cluster", DESCRIPTION, "--nodes", &nodes];
    let options = [&acting[..], &reports].concat();
    let dashboard = Dashboard::start(&zookeeper.address(), &options);
    let _master = Mapper::start(&zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    let follower = Mapper::start(&zookeeper, "map2");
    let hostile = "<img src=x onerror=alert(1)>";
    let value = "this is a map!\nhost: a\u{1b}[31m\u{202e}\n";
    zookeeper.create_lasting(&format!("/heart_beat/{hostile}"), value);
    events.wait_for_event("joined", "map2");
    let mut browser = Browser::open(
        &driver,
        &format!("http://{}/?token={TOKEN}", dashboard.address()),
    );
    let mut commands = browser.process.take_stdin().expect("a pipe");
    commands.write_all(b"expect-dead map2\n").expect("it reads");
    browser.wait_for("watching map2", CHECKED);
    as_documented(&driver, &dashboard, &[TOKEN]);
    follower.signal(Signal::KILL);
    events.wait_for_event("died", "map2");
    browser.wait_for("dead map2 ", SHOWN);
    commands.write_all(b"quit\n").expect("it reads");
    assert!(browser.process.wait().success());
}
