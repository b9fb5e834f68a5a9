//! The word count never depends on ZooKeeper: whether it is absent, refusing, stopped, killed or back again, the
//! records and the exit status are right, one line names the problem, and the end is not delayed.

use std::net::TcpListener;
use std::time::Duration;

use crate::support::{Ended, Mapper, Watcher, ZooKeeper, pair, plot};
use rustix::process::Signal;

/// A second is promised for the end of the input; the rest is for starting a process on a busy machine.
const PROMPT: Duration = Duration::from_secs(3);

/// Checks that `ended` is a right word count of `a a`, with one line on stderr that contains `what`.
fn assert_counted_and_said(ended: &Ended, what: &str) {
    assert_eq!(
        (ended.status(), ended.stdout()),
        (0, "a\t1\na\t1\n".to_owned())
    );
    let stderr = ended.stderr();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(what), "{stderr}");
    assert!(ended.took < PROMPT, "{:?}", ended.took);
}

/// An address without a listener.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    listener.local_addr().expect("its address").to_string()
}

#[test]
fn nothing_listens() {
    let mut mapper = Mapper::with_options(&nowhere(), &[]);
    mapper.feed(b"a a");
    std::thread::sleep(Duration::from_millis(500));
    assert_counted_and_said(&mapper.finish(), "nothing listens on 127.0.0.1:");
}

#[test]
fn a_server_accepts_and_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let mut mapper = Mapper::with_options(&listener.local_addr().unwrap().to_string(), &[]);
    mapper.feed(b"a a");
    assert_counted_and_said(&mapper.finish(), "no session within the timeout");
}

#[test]
fn too_many_connections_are_named_by_the_setting() {
    let zookeeper = ZooKeeper::with_settings(&["maxClientCnxns=2"]);
    // One connection is the watcher's, the other one the first mapper's.
    let watcher = Watcher::events(&zookeeper);
    let _first = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let mut second = Mapper::start(&zookeeper, "map2");
    second.feed(b"a a");
    std::thread::sleep(Duration::from_secs(1));
    assert_counted_and_said(&second.finish(), "maxClientCnxns");
}

#[test]
fn a_server_killed_in_the_middle_is_said_once_and_joined_again() {
    let mut zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let mut follower = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");
    zookeeper.kill();
    watcher.wait_for_event("disconnected", "");
    follower.feed(b"a ");
    std::thread::sleep(Duration::from_millis(500));
    zookeeper.restart();
    let before = watcher.lines().len();
    // The first line only shows that its znode still exists.
    watcher.wait_for("beats again", |lines| {
        let alive = lines[before..]
            .iter()
            .filter(|line| line.contains("\"alive\""));
        alive.count() > 3
    });
    follower.feed(b"a");
    assert_counted_and_said(&follower.finish(), "nothing listens on");
    // A server that takes long to start finds new sessions, whose master may be the other one.
    watcher.wait_for("map2 has ended", |_| {
        let story = watcher.story().into_iter();
        let mut ends = story.filter(|logged| logged.node == "map2");
        ends.any(|logged| ["finished", "released"].contains(&logged.event.as_str()))
    });
    let story = plot(&watcher.story());
    assert!(
        !story.iter().any(|line| line.starts_with("died")),
        "an outage kills nobody: {story:?}"
    );
}

#[test]
fn a_server_away_for_longer_than_the_session_is_joined_in_a_new_one() {
    let mut zookeeper = ZooKeeper::with_settings(&["tickTime=250"]);
    let watcher = Watcher::events(&zookeeper);
    let start = |name| Mapper::with_short_session(&zookeeper, name);
    let _master = start("map1");
    watcher.wait_for_event("claimed", "map1");
    let mut follower = start("map2");
    watcher.wait_for_event("alive", "map2");
    zookeeper.kill();
    // The clients give up a session after 7/5 of its timeout.
    std::thread::sleep(Duration::from_secs(3));
    zookeeper.restart();
    let before = watcher.lines().len();
    watcher.wait_for("a follower beats again", |lines| {
        lines[before..]
            .iter()
            .any(|line| line.contains("\"alive\""))
    });
    follower.feed(b"a a");
    assert_counted_and_said(&follower.finish(), "nothing listens on");
    let story = plot(&watcher.story());
    assert!(
        !story.iter().any(|line| line.starts_with("died")),
        "an outage kills nobody: {story:?}"
    );
}

#[test]
fn a_paused_server_kills_nobody_and_holds_nobody_up() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let mut early = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");
    let late = Mapper::start(&zookeeper, "map3");
    watcher.wait_for_event("alive", "map3");
    zookeeper.pause();
    early.feed(b"a a");
    assert_counted_and_said(&early.finish(), "did not answer in time");
    zookeeper.resume();
    let before = watcher.lines().len();
    watcher.wait_for("map3 beats again", |lines| {
        lines[before..]
            .iter()
            .any(|line| line.contains("\"alive\"") && line.contains("map3"))
    });
    let story = plot(&watcher.story());
    assert!(
        !story.contains(&"died map3".to_owned()),
        "a pause kills nobody: {story:?}"
    );
    assert_eq!(late.finish().status(), 0);
}

#[test]
fn who_requires_zookeeper_reads_nothing_without_it() {
    let address = nowhere();
    let mapper = Mapper::with_options(&address, &["--require-zookeeper"]);
    let ended = mapper.wait();
    assert_eq!((ended.status(), ended.stdout()), (1, String::new()));
    let stderr = ended.stderr();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.contains("is required: nothing listens on"),
        "{stderr}"
    );
}

#[test]
fn who_requires_zookeeper_and_has_it_counts() {
    let zookeeper = ZooKeeper::start();
    let mut mapper = Mapper::with_options(&zookeeper.address(), &["--require-zookeeper"]);
    mapper.feed(b"a a");
    let ended = mapper.finish();
    assert_eq!(
        (ended.status(), ended.stdout(), ended.stderr()),
        (0, "a\t1\na\t1\n".into(), String::new())
    );
}

#[test]
fn a_terminated_follower_takes_its_leave() {
    let zookeeper = ZooKeeper::start();
    let (watcher, master, follower) = pair(&zookeeper);
    follower.signal(Signal::TERM);
    let ended = follower.wait();
    assert_eq!((ended.status(), ended.stderr()), (143, String::new()));
    assert!(!zookeeper.exists("/heart_beat/map2"));
    watcher.wait_for_event("failed", "map2");
    master.signal(Signal::TERM);
    assert_eq!(master.wait().status(), 143);
    watcher.wait_for_event("released", "map1");
    zookeeper.wait_until_empty();
}

#[test]
fn a_reader_that_goes_away_ends_the_mapper_quietly() {
    let zookeeper = ZooKeeper::start();
    let words = "word ".repeat(2_000_000);
    let script = format!(
        "'{}' --zookeeper {} | head -1; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_wc-mapper"),
        zookeeper.address()
    );
    let output = assert_cmd::Command::new("bash")
        .args(["-c", &script])
        .write_stdin(words)
        .output()
        .expect("bash runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*stderr), (Some(141), ""));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "word\t1\n");
    zookeeper.wait_until_empty();
}

#[test]
fn a_name_that_is_taken_is_refused_to_the_second() {
    let zookeeper = ZooKeeper::start();
    let (_watcher, _master, _follower) = pair(&zookeeper);
    let mut second = Mapper::start(&zookeeper, "map2");
    second.feed(b"a a");
    std::thread::sleep(Duration::from_millis(300));
    assert_counted_and_said(&second.finish(), "another member already has the name map2");
    assert!(
        zookeeper.exists("/heart_beat/map2"),
        "the first keeps its znode"
    );
}

#[test]
fn a_beat_alone_says_nothing_to_hadoop() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let hung = Mapper::with_attempt(&zookeeper, "map2", "attempt_1_0001_m_000000_0");
    watcher.wait_for_event("alive", "map2");
    // Longer than the pause between two status lines.
    std::thread::sleep(Duration::from_secs(11));
    // Killed, so that the output contains nothing from its end.
    hung.signal(Signal::KILL);
    assert_eq!(hung.wait().stderr(), "");
}

#[test]
fn a_member_that_requires_zookeeper_reports_a_later_loss_too() {
    let mut zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let mut mapper = Mapper::with_options(
        &zookeeper.address(),
        &["--require-zookeeper", "--name", "map1"],
    );
    mapper.feed(b"a ");
    watcher.wait_for_event("claimed", "map1");
    zookeeper.kill();
    watcher.wait_for_event("disconnected", "");
    std::thread::sleep(Duration::from_secs(1));
    mapper.feed(b"a");
    assert_counted_and_said(&mapper.finish(), "nothing listens on");
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let mut mapper = Mapper::behind(
        &["nohup"],
        &["--zookeeper", &zookeeper.address(), "--name", "map1"],
    );
    watcher.wait_for_event("claimed", "map1");
    mapper.signal(Signal::HUP);
    mapper.feed(b"a a");
    let ended = mapper.finish();
    assert_eq!(
        (ended.status(), ended.stdout()),
        (0, "a\t1\na\t1\n".to_owned())
    );
}
