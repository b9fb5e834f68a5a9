//! Watchers keep running while ZooKeeper is away, and report when it goes and comes.

use std::time::Duration;

use crate::support::{Mapper, Proxy, Watcher, ZooKeeper, plot};
use rustix::process::Signal;
use tempfile::TempDir;

#[test]
fn a_restart_is_reported_and_survived() {
    let mut zookeeper = ZooKeeper::start();
    let folder = TempDir::new().unwrap();
    let address = zookeeper.address();
    let directory = folder.path().to_str().unwrap().to_owned();
    let slave = env!("CARGO_BIN_EXE_watch-slave");
    let text = Watcher::start(
        env!("CARGO_BIN_EXE_watch-master"),
        &["--zookeeper", &address],
    );
    let files = Watcher::start(
        slave,
        &[
            "--json",
            "--zookeeper",
            &address,
            "--output-dir",
            &directory,
        ],
    );
    let events = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "map1");
    events.wait_for_event("claimed", "map1");
    let _follower = Mapper::start(&zookeeper, "map2");
    files.wait_for_event("alive", "map2");
    zookeeper.kill();
    for watcher in [&events, &files] {
        watcher.wait_for_event("disconnected", "");
    }
    text.wait_for("it went", |lines| {
        lines
            .last()
            .is_some_and(|line| line == "zookeeper: UNCONNECTED")
    });
    zookeeper.restart();
    for watcher in [&events, &files] {
        let gone = watcher
            .lines()
            .iter()
            .position(|line| line.contains("\"disconnected\""));
        watcher.wait_for("it is back, and so are the beats", |lines| {
            let rest = &lines[gone.unwrap()..];
            let back = rest.iter().position(|line| line.contains("\"connected\""));
            back.is_some_and(|back| rest[back..].iter().any(|line| line.contains("\"alive\"")))
        });
    }
    text.wait_for("it came", |lines| {
        let connected = lines
            .iter()
            .filter(|line| *line == "zookeeper: CONNECTED")
            .count();
        // Once for the watcher itself, once for the claim, once when ZooKeeper came back.
        connected >= 3
    });
    let file = std::fs::read_to_string(folder.path().join("follower_map2.txt")).unwrap();
    assert!(
        file.contains("zookeeper: UNCONNECTED\nzookeeper: CONNECTED\n"),
        "{file}"
    );
}

#[test]
fn a_watcher_waits_for_a_server_and_for_a_first_job() {
    let mut zookeeper = ZooKeeper::start();
    zookeeper.kill();
    let address = zookeeper.address();
    let program = env!("CARGO_BIN_EXE_watch-master");
    let watcher = Watcher::start(program, &["--json", "--zookeeper", &address]);
    watcher.wait_for_event("disconnected", "");
    zookeeper.restart();
    watcher.wait_for_event("connected", "");
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
}

#[test]
fn both_watchers_report_the_same_of_a_follower() {
    let zookeeper = ZooKeeper::start();
    let folder = TempDir::new().unwrap();
    let events = Watcher::events(&zookeeper);
    let directory = folder.path().to_str().unwrap();
    let program = env!("CARGO_BIN_EXE_watch-slave");
    let address = zookeeper.address();
    let files = Watcher::start(
        program,
        &["--json", "--zookeeper", &address, "--output-dir", directory],
    );
    files.wait_for_event("connected", "");
    let _master = Mapper::start(&zookeeper, "map1");
    events.wait_for_event("claimed", "map1");
    let follower = Mapper::start(&zookeeper, "map2");
    files.wait_for_event("alive", "map2");
    follower.signal(Signal::STOP);
    files.wait_for_event("died", "map2");
    follower.signal(Signal::CONT);
    files.wait_for_event("returned", "map2");
    // The master may learn of it a moment later, and it cannot miss a follower that it has not learned of.
    events.wait_for_event("returned", "map2");
    follower.finish();
    files.wait_for_event("finished", "map2");
    let story = [
        "connected",
        "joined map2",
        "died map2",
        "returned map2",
        "finished map2",
    ];
    assert_eq!(plot(&files.story()), story);
    let epochs = files
        .story()
        .into_iter()
        .filter(|logged| logged.event != "connected");
    let of_master = events
        .story()
        .iter()
        .find(|logged| logged.event == "claimed")
        .unwrap()
        .epoch;
    assert!(epochs.into_iter().all(|logged| logged.epoch == of_master));
}

#[test]
fn a_watcher_that_starts_late_says_who_is_master() {
    let zookeeper = ZooKeeper::start();
    let early = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "map1");
    early.wait_for_event("claimed", "map1");
    // Longer than the reports repeat an event.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let late = Watcher::events(&zookeeper);
    late.wait_for_event("claimed", "map1");
    assert_eq!(plot(&late.story()), ["connected", "claimed map1"]);
}

#[test]
fn a_reader_that_goes_away_ends_a_watcher_quietly() {
    let zookeeper = ZooKeeper::start();
    zookeeper.visit(async |session| session.prepare().await.unwrap());
    let script = format!(
        "'{}' --zookeeper {} | head -1; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_watch-master"),
        zookeeper.address()
    );
    let shell = std::thread::spawn(move || {
        assert_cmd::Command::new("bash")
            .args(["-c", &script])
            .output()
            .expect("bash runs")
    });
    // The watcher notices the broken pipe at its next line.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let master = Mapper::start(&zookeeper, "map1");
    let output = shell.join().unwrap();
    drop(master);
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(141), &b""[..])
    );
}

#[test]
fn a_server_that_answers_slowly_is_given_more_time() {
    let zookeeper = ZooKeeper::start();
    let proxy = Proxy::before(&zookeeper.address());
    // In each direction; the client allows an answer 400 ms in a session of one second.
    proxy.delay(Duration::from_millis(500));
    let address = proxy.address();
    let options = ["--json", "--session-timeout", "1s", "--zookeeper", &address];
    let watcher = Watcher::start(env!("CARGO_BIN_EXE_watch-master"), &options);
    let master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    assert_eq!(master.finish().status(), 0);
}
