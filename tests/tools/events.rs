//! The events of a job's members are published: each event once and in order, and lost events are counted.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use crate::support::{
    Mapper, Published, Publisher, SOON, Watcher, ZooKeeper, assert_all_published, wait_until,
};
use rustix::process::Signal;
use tempfile::TempDir;

/// A job in which one mapper finishes, one is killed, and the remaining one becomes master.
fn job(zookeeper: &ZooKeeper, watcher: &Watcher) -> Mapper {
    let first = Mapper::start(zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let mut followers = ["map2", "map3", "map4"].map(|name| {
        let follower = Mapper::start(zookeeper, name);
        watcher.wait_for_event("joined", name);
        Some(follower)
    });
    followers[0].take().expect("it runs").finish();
    watcher.wait_for_event("finished", "map2");
    followers[1].take().expect("it runs").signal(Signal::KILL);
    watcher.wait_for_event("died", "map3");
    zookeeper.wait_until_in_line("map4");
    first.signal(Signal::KILL);
    watcher.wait_for_event("claimed", "map4");
    followers[2].take().expect("it runs")
}

/// A watcher's events except those about living members: the truth to compare with.
fn truth(watcher: &Watcher) -> Vec<String> {
    let mut lines = watcher.lines();
    lines.retain(|line| !line.contains("\"alive\""));
    lines
}

/// The lines of a file, once it contains every numbered event of `truth`.
fn wait_for_all(path: &Path, truth: &[String]) -> Vec<Published> {
    let last = truth.iter().rev().map(|line| Published::parse(line));
    let last = last.into_iter().find(|event| event.number.is_some());
    let last = last.expect("an event with a number");
    wait_until("the last event is there", SOON, || {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.ends_with('\n') && Published::all(&text).contains(&last)
    });
    Published::all(&fs::read_to_string(path).expect("the file"))
}

fn wait_until_connected(path: &Path) {
    wait_until("it is connected", SOON, || {
        fs::read_to_string(path).is_ok_and(|text| text.contains("\"connected\""))
    });
}

#[test]
fn stdout_has_the_same_lines_as_the_watch() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let program = env!("CARGO_BIN_EXE_heartline");
    let address = zookeeper.address();
    let events = ["events", "--session-timeout", "2s", "--zookeeper", &address];
    let published = Watcher::start(program, &events);
    published.wait_for_event("connected", "");
    let _master = job(&zookeeper, &watcher);
    published.wait_for_event("claimed", "map4");
    let numbered = |lines: Vec<String>| {
        let numbered = lines.into_iter();
        let numbered = numbered.filter(|line| line.contains("\"sequence\""));
        numbered.collect::<Vec<_>>()
    };
    let (truth, delivered) = (numbered(truth(&watcher)), numbered(published.lines()));
    // Claimed, three joined, finished, died, and claimed again; more may arrive meanwhile.
    let common = truth.len().min(delivered.len());
    assert!(common >= 7, "{truth:#?}");
    assert_eq!(truth[..common], delivered[..common]);
    assert!(
        !published
            .lines()
            .iter()
            .any(|line| line.contains("\"alive\""))
    );
}

#[test]
fn living_members_are_published_on_request() {
    let zookeeper = ZooKeeper::start();
    let program = env!("CARGO_BIN_EXE_heartline");
    let options = ["events", "--alive", "--to", "-", "--zookeeper"];
    let address = zookeeper.address();
    let published = Watcher::start(program, &[&options[..], &[&address]].concat());
    published.wait_for_event("connected", "");
    let _master = Mapper::start(&zookeeper, "map1");
    published.wait_for_event("claimed", "map1");
    let _follower = Mapper::start(&zookeeper, "map2");
    published.wait_for_event("alive", "map2");
}

#[test]
fn a_file_goes_on_where_it_ended_and_may_be_renamed() {
    let zookeeper = ZooKeeper::start();
    let folder = TempDir::new().unwrap();
    let (path, old) = (folder.path().join("events"), folder.path().join("events.1"));
    let target = format!("file:{}", path.display());
    let start = || {
        let options = ["--to", &target];
        Publisher::start(&zookeeper.address(), &options, Stdio::null())
    };
    let watcher = Watcher::events(&zookeeper);
    let running = start();
    wait_until_connected(&path);
    let master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let follower = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("joined", "map2");
    wait_for_all(&path, &truth(&watcher));
    let (status, said) = running.end();
    assert_eq!(status, Some(0), "{said}");

    // The reports still repeat what the file has.
    let again = start();
    wait_until("it is connected again", SOON, || {
        fs::read_to_string(&path).is_ok_and(|text| text.matches("\"connected\"").count() == 2)
    });
    follower.finish();
    watcher.wait_for_event("finished", "map2");
    wait_for_all(&path, &truth(&watcher));
    fs::rename(&path, &old).unwrap();
    let _third = Mapper::start(&zookeeper, "map3");
    watcher.wait_for_event("joined", "map3");
    wait_for_all(&path, &truth(&watcher));
    assert_eq!(again.end().0, Some(0));
    drop(master);
    let text = [&old, &path].map(|path| fs::read_to_string(path).expect("the file"));
    let published = Published::all(&text.concat());
    let numbers: Vec<_> = published.iter().filter_map(|event| event.number).collect();
    assert!(
        numbers.is_sorted_by(|one, next| one < next),
        "{published:#?}"
    );
    // The master at the second start was published before.
    let claims = published.iter().filter(|event| event.event == "claimed");
    assert_eq!(claims.count(), 1, "{published:#?}");
    assert!(!text[1].contains("map2"), "{text:?}");
}

#[test]
fn a_full_disk_costs_the_oldest_and_they_are_counted() {
    let zookeeper = ZooKeeper::start();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("events");
    symlink("/dev/full", &path).unwrap();
    let watcher = Watcher::events(&zookeeper);
    let options = ["--buffer", "3", "--to", path.to_str().unwrap()];
    let running = Publisher::start(&zookeeper.address(), &options, Stdio::null());
    // The first event that it cannot write says that it is connected.
    running.wait_until_said("No space left on device");
    let _master = job(&zookeeper, &watcher);
    running.wait_until_said("the oldest are being lost");
    fs::remove_file(&path).unwrap();
    wait_until_connected(&path);
    let _late = Mapper::start(&zookeeper, "map5");
    watcher.wait_for_event("joined", "map5");
    let truth = truth(&watcher);
    let published = wait_for_all(&path, &truth);
    let lost = assert_all_published(&truth, &published);
    assert!(lost >= 3, "{published:#?}");
    let (status, said) = running.end();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("takes events again"), "{said}");
}

#[test]
fn what_cannot_be_delivered_is_counted_at_the_end() {
    let zookeeper = ZooKeeper::start();
    let options = ["--linger", "100ms", "--to", "/dev/full"];
    let running = Publisher::start(&zookeeper.address(), &options, Stdio::null());
    running.wait_until_said("No space left on device");
    let (status, said) = running.end();
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("events not delivered to /dev/full: 1"),
        "{said}"
    );
}

#[test]
fn a_reader_that_waits_costs_events_and_no_more() {
    let zookeeper = ZooKeeper::start();
    let options = ["--alive", "--buffer", "10"];
    let mut running = Publisher::start(&zookeeper.address(), &options, Stdio::piped());
    let stdout = running.take_stdout().expect("a pipe");
    rustix::pipe::fcntl_setpipe_size(&stdout, 4096).expect("a small pipe");
    let watcher = Watcher::events(&zookeeper);
    // The shorter the timeout, the more often living members are reported.
    let start = |name: &str| {
        let options = ["--timeout", "100ms", "--name", name];
        Mapper::with_options(&zookeeper.address(), &options)
    };
    let _master = start("map1");
    watcher.wait_for_event("claimed", "map1");
    let follower = start("map2");
    // Continue until the pipe is full, and the buffer too.
    running.wait_until_said("the oldest are being lost");
    follower.finish();
    watcher.wait_for_event("finished", "map2");
    let read = Arc::new(Mutex::new(String::new()));
    let collected = Arc::clone(&read);
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let mut read = collected.lock().expect("nobody panicked");
            read.push_str(&line.expect("UTF-8"));
            read.push('\n');
        }
    });
    wait_until("the end of map2 is reported", SOON, || {
        let read = read.lock().expect("nobody panicked");
        read.contains("\"finished\"")
    });
    let (status, said) = running.end();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("events lost for stdout: "), "{said}");
    reader.join().expect("it reads");
    let published = Published::all(&read.lock().expect("nobody panicked"));
    let at = |event: &str| published.iter().position(|logged| logged.event == event);
    let (lost, finished) = (
        at("lost").expect("a count"),
        at("finished").expect("the end"),
    );
    assert!(at("joined").expect("the first") < lost && lost < finished);
    assert!(published[lost].count.is_some_and(|count| count > 0));
}

#[test]
fn targets_that_are_none_are_refused() {
    for target in [
        "ftp://a/b",
        "https://user:secret@a/b",
        "kafka://a",
        "kafka://a/b c",
        "file:",
    ] {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_heartline"))
            .args(["events", "--to", target])
            .timeout(SOON)
            .output()
            .expect("heartline runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{target}: {said}");
        assert!(said.contains("write "), "{target}: {said}");
    }
}
