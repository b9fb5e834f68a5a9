//! What others write into ZooKeeper, or put in a watcher's folder, neither ends a watcher nor controls its reader's
//! terminal.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Guarded, Mapper, Publisher, SOON, Watcher, ZooKeeper, wait_until};
use tempfile::TempDir;

const MASTER: &str = "/heart_beat_master";
const WATCH_MASTER: &str = env!("CARGO_BIN_EXE_watch-master");
const WATCH_SLAVE: &str = env!("CARGO_BIN_EXE_watch-slave");

/// A server with the znodes of a job that has not begun.
fn prepared() -> ZooKeeper {
    let zookeeper = ZooKeeper::start();
    zookeeper.visit(async |session| session.prepare().await.unwrap());
    zookeeper
}

/// The report of a master of epoch 5, as any program may write it.
fn report(sequence: u64, lines: &str) -> String {
    format!("epoch: 5\nsequence: {sequence}\n{lines}\n")
}

/// Checks that a text contains no terminal control characters.
fn assert_plain(text: &str) {
    let steers = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || c == '\u{202e}';
    assert!(!text.chars().any(steers), "{text:?}");
}

#[test]
fn an_event_at_the_end_of_the_calendar_ends_no_watcher() {
    let zookeeper = prepared();
    let address = zookeeper.address();
    let mut json = Watcher::events(&zookeeper);
    let mut text = Watcher::start(WATCH_MASTER, &["--zookeeper", &address]);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("events");
    let options = ["--to", path.to_str().unwrap()];
    let events = Publisher::start(&address, &options, Stdio::null());
    let wait_for_all = |what: &str| {
        json.wait_for(what, |lines| lines.iter().any(|line| line.contains(what)));
        wait_until(what, SOON, || {
            fs::read_to_string(&path).is_ok_and(|text| text.contains(what))
        });
    };
    wait_for_all("\"connected\"");
    zookeeper.create_lasting("/heart_beat_snapshots", "");
    zookeeper.create_lasting("/heart_beat_snapshots/map1", "what it did");
    for (number, time) in [
        (1, "-262143-01-01T00:00:00Z"),
        (3, "+262142-12-31T23:59:59Z"),
    ] {
        let line = format!("event {number} 5 {time} stalled map1 spinning");
        zookeeper.set(MASTER, report(number, &line).as_bytes());
        wait_for_all(&format!("\"sequence\":{number},\"condition\""));
        let next = number + 1;
        let line = format!("since: {time}\nevent {next} 5 2026-01-01T00:00:00Z died map{next}");
        zookeeper.set(MASTER, report(next, &line).as_bytes());
        wait_for_all(&format!("\"died\",\"node\":\"map{next}\""));
    }
    text.wait_for("the last event", |lines| {
        lines
            .iter()
            .any(|line| line.ends_with("follower map4 has died!"))
    });
    // A watcher that comes later reads similar text when it looks up the master.
    assert!(json.is_running() && text.is_running());
    assert_eq!(events.end().0, Some(0));
}

#[test]
fn words_of_others_do_not_steer_a_terminal() {
    let zookeeper = prepared();
    let address = zookeeper.address();
    let folder = TempDir::new().unwrap();
    let evil = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\u{7f}\r";
    let text = Watcher::start(WATCH_MASTER, &["--zookeeper", &address]);
    let json = Watcher::events(&zookeeper);
    let directory = folder.path().to_str().unwrap();
    let slave = ["--zookeeper", &address, "--output-dir", directory];
    let _slave = Watcher::start(WATCH_SLAVE, &slave);
    zookeeper.create_lasting("/heart_beat/map1", &format!("alive {evil} at 1.5!"));
    // A value of another program, and a report.
    zookeeper.set(MASTER, format!("delete node {evil}\nfirst").as_bytes());
    text.wait_for("the value", |lines| {
        lines.iter().any(|line| line == "first")
    });
    let line = format!("event 1 5 2026-01-01T00:00:00Z died map1{evil}");
    zookeeper.set(MASTER, report(1, &line).as_bytes());
    text.wait_for("the death", |lines| {
        lines.iter().any(|line| line.contains("has died!"))
    });
    json.wait_for("the death", |lines| {
        lines.iter().any(|line| line.contains("\"died\""))
    });
    assert_plain(&text.lines().join("\n"));
    assert_plain(&json.lines().join("\n"));
    // Programs read the text as it was written.
    let died = json
        .lines()
        .into_iter()
        .find(|line| line.contains("\"died\""))
        .unwrap();
    let died: serde_json::Value = serde_json::from_str(&died).unwrap();
    let node = died["node"].as_str().unwrap();
    assert!(
        node.starts_with("map1\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\u{7f}"),
        "{node:?}"
    );
    let file = folder.path().join("follower_map1.txt");
    wait_until("its beat is written", SOON, || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("set value"))
    });
    assert_plain(&fs::read_to_string(&file).unwrap());
}

#[test]
fn a_forged_stall_leads_nowhere() {
    let zookeeper = prepared();
    let mut json = Watcher::events(&zookeeper);
    zookeeper.create_lasting("/heart_beat_snapshots", "");
    zookeeper.create_lasting("/heart_beat_snapshots/a", "");
    zookeeper.create_lasting("/heart_beat_snapshots/a/b", "secret");
    zookeeper.create_lasting("/heart_beat_snapshots/map1", "what it did");
    zookeeper.set("/heart_beat_control", b"secret");
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let long = "x".repeat(5000);
    let names = [
        "../heart_beat_control",
        "a/b",
        "a/../map1",
        ".",
        "..",
        "/",
        "/heart_beat_master",
        "",
        "a\u{1b}",
        "\u{fffd}",
        &long,
    ];
    let mut lines = Vec::new();
    for (name, number) in names.into_iter().chain(["map1"]).zip(1..) {
        lines.push(format!("event {number} 5 {now} stalled {name}"));
    }
    let value = report(lines.len() as u64, &lines.join("\n"));
    zookeeper.set(MASTER, value.as_bytes());
    json.wait_for("the snapshot of the one that there is", |lines| {
        lines.iter().any(|line| line.contains("what it did"))
    });
    // Events of a feed come in order; a later event shows that the watcher goes on.
    let line = format!("event 50 5 {now} died map1");
    zookeeper.set(MASTER, report(50, &line).as_bytes());
    json.wait_for_event("died", "map1");
    let lines = json.lines();
    let snapshots = lines
        .iter()
        .filter(|line| line.contains("\"event\":\"snapshot\""));
    assert_eq!(snapshots.count(), 1, "{lines:#?}");
    assert!(
        !lines.iter().any(|line| line.contains("secret")),
        "{lines:#?}"
    );
    assert!(json.is_running());
}

#[test]
fn a_znode_that_nobody_may_read_is_passed_over() {
    let zookeeper = prepared();
    let address = zookeeper.address();
    let folder = TempDir::new().unwrap();
    let directory = folder.path().to_str().unwrap();
    zookeeper.create_unreadable("/heart_beat/hidden", "alive at 1.5!");
    zookeeper.create_unreadable("/heart_beat_master/_c_x-standing-lock-0000000000", "");
    let slave = ["--json", "--zookeeper", &address, "--output-dir", directory];
    let mut slave = Watcher::start(WATCH_SLAVE, &slave);
    let mut master = Watcher::events(&zookeeper);
    zookeeper.create_lasting("/heart_beat/map1", "alive at 1.5!");
    slave.wait_for_event("joined", "map1");
    let line = "event 1 5 2026-01-01T00:00:00Z died map1";
    zookeeper.set(MASTER, report(1, line).as_bytes());
    master.wait_for_event("died", "map1");
    slave.wait_for_event("died", "map1");
    assert!(master.is_running() && slave.is_running());
}

#[test]
fn watchers_wait_for_rights() {
    let zookeeper = ZooKeeper::start();
    zookeeper.create_unreadable(MASTER, "this is a master map!");
    let mut program = Guarded::spawn(
        Command::new(WATCH_MASTER)
            .args(["--zookeeper", &zookeeper.address()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped()),
    );
    let stderr = program.take_stderr().expect("a pipe");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(stderr));
    let said = lines.next().expect("it says something").unwrap();
    assert!(said.contains("cannot read /heart_beat_master: "), "{said}");
    assert!(program.is_running());
}

#[test]
fn every_follower_has_a_file_whatever_it_is_called_and_however_many_there_are() {
    let zookeeper = prepared();
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(format!("follower_{name}.txt"));
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, at("link")).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(at("pipe"))
            .status()
            .unwrap()
            .success()
    );
    let long = ["x".repeat(250), "x".repeat(251)];
    let mut names: Vec<String> = (0..300).map(|number| format!("map{number}")).collect();
    names.extend(["link".to_owned(), "pipe".to_owned(), "a b".to_owned()]);
    names.extend(long.clone());
    zookeeper.create_many("/heart_beat", &names, b"alive at 1.5!");
    // No more than a few of the files can be open.
    let script = format!(
        "ulimit -n 40; exec '{WATCH_SLAVE}' --json --zookeeper {} --output-dir '{}'",
        zookeeper.address(),
        folder.path().display()
    );
    let mut watcher = Watcher::start("bash", &["-c", &script]);
    watcher.wait_for("all have joined", |lines| {
        let joined = lines.iter().filter(|line| line.contains("\"joined\""));
        joined.count() >= names.len()
    });
    for number in 0..300 {
        zookeeper_beat(&zookeeper, &format!("map{number}"));
    }
    watcher.wait_for("all beat", |lines| {
        lines
            .iter()
            .filter(|line| line.contains("\"alive\""))
            .count()
            >= 300
    });
    for number in 0..300 {
        let text = fs::read_to_string(at(&format!("map{number}"))).unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
    }
    let shortened = files(folder.path(), "~sha256-");
    assert_eq!(shortened.len(), 2, "{shortened:?}");
    for text in shortened {
        assert!(text.contains("set value of node"), "{text}");
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(fs::read_to_string(at("a b")).unwrap().contains("set value"));
    assert!(watcher.is_running());
}

fn zookeeper_beat(zookeeper: &ZooKeeper, name: &str) {
    zookeeper.set(&format!("/heart_beat/{name}"), b"alive at 2.5!");
}

/// The content of the files whose names contain this.
fn files(folder: &Path, part: &str) -> Vec<String> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let named = files.filter(|file| file.to_str().unwrap().contains(part));
    named
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

#[test]
fn garbage_is_shown_as_it_is_and_a_real_job_beside_it() {
    let zookeeper = prepared();
    let names: Vec<String> = (0..200).map(|number| format!("junk{number}")).collect();
    let garbage: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    zookeeper.create_many("/heart_beat", &names, &garbage);
    zookeeper.set(MASTER, &garbage);
    let watcher = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let mut garbage = garbage;
    garbage.extend(b"\nepoch: 9223372036854775807\nsequence: 18446744073709551615\nevent 18446744073709551615 9223372036854775807 2026-01-01T00:00:00Z claimed x\n");
    zookeeper.set(MASTER, &garbage);
    let _follower = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("joined", "map2");
}
