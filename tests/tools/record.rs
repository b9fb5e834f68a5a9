//! `heartline record`, `serve --replay` and `export`, with a real ZooKeeper and real mappers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Dashboard, Guarded, Mapper, SOON, Watcher, ZooKeeper, wait_until};

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

fn record(zookeeper: &ZooKeeper, file: &Path) -> Guarded {
    let mut command = Command::new(HEARTLINE);
    command
        .arg("record")
        .arg(file)
        .args(["--zookeeper", &zookeeper.address()]);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    Guarded::spawn(&mut command)
}

/// The text of a recording, as any program for gzip reads it.
fn text(file: &Path) -> String {
    let read = Command::new("gzip")
        .arg("-dc")
        .arg(file)
        .output()
        .expect("gzip");
    String::from_utf8(read.stdout).expect("text")
}

fn until_written(file: &Path, word: &str) {
    wait_until("it is recorded", SOON, || {
        file.exists() && text(file).contains(word)
    });
}

/// Runs `heartline` and returns its exit status and what it said.
fn said(arguments: &[&str]) -> (Option<i32>, String) {
    let ended = Command::new(HEARTLINE).args(arguments).output();
    let ended = ended.expect("it runs");
    (
        ended.status.code(),
        String::from_utf8_lossy(&ended.stderr).into_owned(),
    )
}

/// A recording of a job in which a mapper dies; the recorder is killed.
pub(crate) fn recorded(zookeeper: &ZooKeeper, folder: &Path) -> PathBuf {
    let file = folder.join("job.hlrec");
    let events = Watcher::events(zookeeper);
    let recorder = record(zookeeper, &file);
    let _master = Mapper::start(zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    let follower = Mapper::start(zookeeper, "map2");
    events.wait_for_event("joined", "map2");
    until_written(&file, "\"joined\"");
    follower.signal(Signal::KILL);
    until_written(&file, "\"died\"");
    recorder.signal(Signal::KILL);
    file
}

#[test]
fn a_recording_is_played_again_also_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let zookeeper = ZooKeeper::start();
    let file = recorded(&zookeeper, folder.path());
    // No ZooKeeper is needed to look at it.
    drop(zookeeper);
    let shown = file.to_str().expect("a path");
    let replay = Dashboard::start("127.0.0.1:1", &["--replay", shown]);
    let jobs = replay.json("/api/v1/jobs");
    assert_eq!(jobs["is_live"], false);
    assert_eq!(jobs["jobs"][0]["namespace"], "/");
    let about = replay.json("/api/v1/jobs/0/recording");
    assert_eq!(about["problem"], Value::Null);
    let events = about["events"].as_array().expect("a list");
    let died: Vec<_> = events
        .iter()
        .filter(|one| one["event"]["event"] == "died")
        .collect();
    assert_eq!(died.len(), 1, "{about}");
    assert_eq!(died[0]["event"]["node"], "map2");
    let within = about["from"].as_u64()..=about["to"].as_u64();
    assert!(within.contains(&died[0]["at"].as_u64()), "{about}");
    let blocks = about["blocks"].as_array().expect("a list");
    assert_eq!(blocks[0]["is_key"], true);
    let mut messages = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        assert_eq!(block["number"], number);
        let answer = replay.get(&format!("/api/v1/jobs/0/recording/blocks/{number}"), &[]);
        let mut lines = answer.body.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        assert_eq!(lines.next().expect("a line")["heartline_recording"], 1);
        messages.extend(lines);
    }
    assert_eq!(messages[0]["kind"], "snapshot");
    let times: Vec<_> = messages.iter().map(|one| one["at"].as_u64()).collect();
    assert!(times.is_sorted() && times[0].is_some());
    let rows = messages
        .iter()
        .filter_map(|one| one["data"]["rows"].as_array());
    let named = rows.flatten().filter(|row| row["node"] == "map2");
    // Differences: what does not change is told once.
    assert_eq!(named.count(), 1);
    for path in [
        "/api/v1/jobs/1/recording",
        "/api/v1/jobs/0/recording/blocks/99",
        "/api/v1/jobs/0",
    ] {
        assert_eq!(replay.get(path, &[]).status, 404, "{path}");
    }
    let live = Dashboard::start("127.0.0.1:1", &[]);
    assert_eq!(live.get("/api/v1/jobs/0/recording", &[]).status, 404);
}

#[test]
fn a_recording_that_was_cut_is_shown_and_continued() {
    let folder = tempfile::tempdir().expect("a folder");
    let zookeeper = ZooKeeper::start();
    let file = recorded(&zookeeper, folder.path());
    let whole = fs::read(&file).expect("a file");
    fs::write(&file, &whole[..whole.len() - 1]).expect("written");
    let shown = file.to_str().expect("a path");
    let replay = Dashboard::start("127.0.0.1:1", &["--replay", shown]);
    let about = replay.json("/api/v1/jobs/0/recording");
    let problem = about["problem"].as_str().expect("a text");
    assert!(problem.contains("no whole block"), "{problem}");
    let before = about["blocks"].as_array().map(Vec::len);
    // Another recorder goes on behind the last whole block, and a third is refused meanwhile.
    let recorder = record(&zookeeper, &file);
    let refused = || said(&["record", shown, "--zookeeper", &zookeeper.address()]);
    wait_until("the file is locked", SOON, || {
        let cut = fs::metadata(&file).expect("a file").len() < whole.len() as u64 - 1;
        cut || fs::metadata(&file).expect("a file").len() > whole.len() as u64
    });
    let (status, why) = refused();
    assert_eq!(status, Some(1));
    assert!(why.contains("another program records to"), "{why}");
    let mut recorder = recorder;
    std::thread::sleep(std::time::Duration::from_millis(500));
    recorder.signal(Signal::TERM);
    assert!(recorder.wait().success(), "a signal is its usual end");
    let replay = Dashboard::start("127.0.0.1:1", &["--replay", shown]);
    let about = replay.json("/api/v1/jobs/0/recording");
    assert_eq!(about["problem"], Value::Null);
    assert!(about["blocks"].as_array().map(Vec::len) > before);
    assert_eq!(
        replay.json("/api/v1/jobs")["jobs"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn what_is_no_recording_is_refused_and_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a path")
            .to_owned()
    };
    let (other, empty, missing) = (path("other"), path("empty"), path("missing"));
    fs::write(&other, "some text that is nobody's business\n".repeat(9)).expect("written");
    fs::write(&empty, "").expect("written");
    let page = path("page.html");
    for (arguments, why) in [
        (vec!["serve", "--replay", &missing], "cannot be read"),
        (
            vec!["serve", "--replay", &other],
            "not a recording of heartline",
        ),
        (vec!["serve", "--replay", &empty], "is empty"),
        (
            vec!["export", &other, "--html", &page],
            "not a recording of heartline",
        ),
        (vec!["record", &other], "name another file"),
    ] {
        let (status, said) = said(&arguments);
        assert_eq!(status, Some(1), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
    assert!(!Path::new(&page).exists());
    assert!(
        fs::read_to_string(&other)
            .expect("a file")
            .starts_with("some text")
    );
    let (status, said) = said(&["record", &missing, "--max-size", "many"]);
    assert_eq!(status, Some(2), "{said}");
}

#[test]
fn an_exported_page_needs_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let zookeeper = ZooKeeper::start();
    let file = recorded(&zookeeper, folder.path());
    let page = folder.path().join("page.html");
    let (shown, target) = (
        file.to_str().expect("a path"),
        page.to_str().expect("a path"),
    );
    let (status, said) = said(&["export", shown, "--html", target]);
    assert_eq!(status, Some(0), "{said}");
    let page = fs::read_to_string(&page).expect("a page");
    assert!(page.contains("id=\"recording\">{\"jobs\":[{\"id\":0,"));
    for outside in [" src=\"", " href=\""] {
        let rest = page.split(outside).skip(1);
        for link in rest.map(|rest| rest.split('"').next().unwrap_or_default()) {
            let is_inside = link.starts_with("data:") || link.starts_with('#');
            assert!(is_inside, "{outside}{link}");
        }
    }
}
