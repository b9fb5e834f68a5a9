//! The page of `heartline serve` in a real browser, driven by `tests/page/check.mjs`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Dashboard, Guarded, Mapper, Watcher, ZooKeeper, left_out, which};

/// How long the page may take for all its checks.
const CHECKED: Duration = Duration::from_secs(120);
/// How long it may take to show a death. It takes a tenth of a second; a busy machine takes longer.
const SHOWN: Duration = Duration::from_secs(10);

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

#[test]
fn the_page_shows_a_job_and_a_death_in_a_real_browser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page");
    if which("chromium").is_none() || which("node").is_none() {
        left_out::leave_out!("chromium or node is not installed");
    }
    if !folder.join("node_modules/playwright-core").is_dir() {
        left_out::leave_out!("its packages are not installed; do: npm ci --prefix tests/page");
    }
    let zookeeper = ZooKeeper::start();
    let events = Watcher::events(&zookeeper);
    let dashboard = Dashboard::start(&zookeeper.address(), &[]);
    let _master = Mapper::start(&zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    let follower = Mapper::start(&zookeeper, "map2");
    let hostile = "<img src=x onerror=alert(1)>";
    let value = "this is a map!\nhost: a\u{1b}[31m\u{202e}\n";
    zookeeper.create_lasting(&format!("/heart_beat/{hostile}"), value);
    events.wait_for_event("joined", "map2");
    let mut browser = Browser::open(&folder, &format!("http://{}/", dashboard.address()));
    let mut commands = browser.process.take_stdin().expect("a pipe");
    commands.write_all(b"expect-dead map2\n").expect("it reads");
    browser.wait_for("watching map2", CHECKED);
    follower.signal(Signal::KILL);
    events.wait_for_event("died", "map2");
    browser.wait_for("dead map2 ", SHOWN);
    commands.write_all(b"quit\n").expect("it reads");
    assert!(browser.process.wait().success());
}
