//! Events arrive in Kafka, in order for each node, whatever happens to the broker.

use crate::support;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use crate::support::hadoop::succeed;
use crate::support::{
    Kafka, Mapper, Published, Publisher, SOON, Watcher, ZooKeeper, assert_all_published, wait_until,
};
use rustix::process::Signal;
use tempfile::TempDir;

/// Starts a publisher to a topic, and a watcher as the truth; both see everything that happens from now on.
fn start(zookeeper: &ZooKeeper, kafka: &Kafka, options: &[&str]) -> (Publisher, Watcher) {
    start_to(zookeeper, &kafka.address(), options)
}

/// The same with any brokers.
fn start_to(zookeeper: &ZooKeeper, brokers: &str, options: &[&str]) -> (Publisher, Watcher) {
    let watcher = Watcher::events(zookeeper);
    let target = format!("kafka://{brokers}/heartline");
    // A killed broker takes some time to return.
    let usual = ["--linger", "60s", "--to", &target];
    let options = [options, &usual[..]].concat();
    let running = Publisher::start(&zookeeper.address(), &options, Stdio::null());
    wait_until("both wait for a master", SOON, || {
        // The watched paths, and below each the sessions that watch it.
        let answer = zookeeper.four_letter_word("wchp");
        let mut lines = answer
            .lines()
            .skip_while(|line| *line != "/heart_beat_master");
        lines.next();
        lines.take_while(|line| line.starts_with('\t')).count() == 2
    });
    (running, watcher)
}

/// A watcher's events except those about living members.
fn truth(watcher: &Watcher) -> Vec<String> {
    let mut lines = watcher.lines();
    lines.retain(|line| !line.contains("\"alive\""));
    lines
}

/// Lets a follower join and leave.
fn visit(zookeeper: &ZooKeeper, watcher: &Watcher, name: &str) {
    let follower = Mapper::start(zookeeper, name);
    watcher.wait_for_event("joined", name);
    follower.finish();
    watcher.wait_for_event("finished", name);
}

/// Waits until the last event of `truth` has arrived, for the publisher may receive it later than the watcher.
fn wait_for_last(kafka: &Kafka, truth: &[String]) {
    let mut events = truth.iter().rev().map(|line| Published::parse(line));
    let last = events.find(|event| event.number.is_some());
    let last = last.expect("an event with a number");
    let limit = Duration::from_secs(120);
    wait_until("the last event has arrived", limit, || {
        published(&kafka.consume("heartline")).contains(&last)
    });
}

fn published(records: &[(String, String)]) -> Vec<Published> {
    let values = records.iter();
    values.map(|(_, value)| Published::parse(value)).collect()
}

#[test]
fn events_arrive_with_the_node_as_their_key() {
    let zookeeper = ZooKeeper::start();
    let kafka = Kafka::start(&zookeeper);
    kafka.create_topic("heartline", 3, 1);
    let (running, watcher) = start(&zookeeper, &kafka, &[]);
    let first = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    visit(&zookeeper, &watcher, "map2");
    let third = Mapper::start(&zookeeper, "map3");
    watcher.wait_for_event("joined", "map3");
    third.signal(Signal::KILL);
    watcher.wait_for_event("died", "map3");
    let _fourth = Mapper::start(&zookeeper, "map4");
    watcher.wait_for_event("joined", "map4");
    zookeeper.wait_until_in_line("map4");
    first.signal(Signal::KILL);
    watcher.wait_for_event("claimed", "map4");
    let truth = truth(&watcher);
    wait_for_last(&kafka, &truth);
    let (status, said) = running.end();
    assert_eq!(status, Some(0), "{said}");
    let records = kafka.consume("heartline");
    for (key, value) in &records {
        let node = Published::parse(value).node;
        assert_eq!(*key, if node.is_empty() { "null" } else { &node });
    }
    assert_eq!(assert_all_published(&truth, &published(&records)), 0);
    let mut nodes = BTreeMap::<&str, usize>::new();
    for (key, _) in &records {
        *nodes.entry(key).or_default() += 1;
    }
    assert_eq!((nodes["map2"], nodes["map3"]), (2, 2), "{records:#?}");
}

#[test]
fn a_killed_broker_costs_nothing_and_changes_no_order() {
    let zookeeper = ZooKeeper::start();
    let mut kafka = Kafka::start(&zookeeper);
    // The broker creates the topic automatically.
    let (running, watcher) = start(&zookeeper, &kafka, &[]);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    visit(&zookeeper, &watcher, "map2");
    // A mapper with events before, during and after the outage.
    let witness = Mapper::start(&zookeeper, "map9");
    watcher.wait_for_event("joined", "map9");
    let died = |count: usize| {
        watcher.wait_for("it died", |lines| {
            let of = |line: &&String| line.contains("\"died\"") && line.contains("map9");
            lines.iter().filter(of).count() == count
        });
    };
    let returned = |count: usize| {
        watcher.wait_for("it returned", |lines| {
            let of = |line: &&String| line.contains("\"returned\"") && line.contains("map9");
            lines.iter().filter(of).count() == count
        });
    };
    witness.signal(Signal::STOP);
    died(1);
    kafka.kill();
    witness.signal(Signal::CONT);
    returned(1);
    visit(&zookeeper, &watcher, "map3");
    running.wait_until_said("trying again");
    witness.signal(Signal::STOP);
    died(2);
    kafka.launch();
    witness.signal(Signal::CONT);
    returned(2);
    visit(&zookeeper, &watcher, "map4");
    let truth = truth(&watcher);
    wait_for_last(&kafka, &truth);
    let (status, said) = running.end();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("takes events again"), "{said}");
    let records = kafka.consume("heartline");
    assert_eq!(assert_all_published(&truth, &published(&records)), 0);
}

#[test]
fn the_other_broker_takes_what_a_killed_one_led() {
    let zookeeper = ZooKeeper::start();
    let (mut first, second) = (Kafka::start(&zookeeper), Kafka::start(&zookeeper));
    // Each leads one partition and follows in the other.
    first.create_topic("heartline", 2, 2);
    // Only the broker that will be killed is named: it reports the other one.
    let (running, watcher) = start_to(&zookeeper, &first.address(), &[]);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    for name in ["map2", "map3", "map4"] {
        visit(&zookeeper, &watcher, name);
    }
    first.kill();
    for name in ["map5", "map6", "map7", "map8"] {
        visit(&zookeeper, &watcher, name);
    }
    let truth = truth(&watcher);
    wait_for_last(&second, &truth);
    let (status, said) = running.end();
    assert_eq!(status, Some(0), "{said}");
    let published = published(&second.consume("heartline"));
    assert_eq!(assert_all_published(&truth, &published), 0);
}

#[test]
fn what_a_small_buffer_cannot_hold_is_counted_in_its_place() {
    let zookeeper = ZooKeeper::start();
    let mut kafka = Kafka::new(&zookeeper);
    let (running, watcher) = start(&zookeeper, &kafka, &["--buffer", "4"]);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    for name in ["map2", "map3", "map4", "map5"] {
        visit(&zookeeper, &watcher, name);
    }
    running.wait_until_said("the buffer of 4 is full for kafka://");
    kafka.launch();
    running.wait_until_said("takes events again");
    visit(&zookeeper, &watcher, "map6");
    let truth = truth(&watcher);
    wait_for_last(&kafka, &truth);
    let (status, said) = running.end();
    assert_eq!(status, Some(0), "{said}");
    let published = published(&kafka.consume("heartline"));
    let lost = assert_all_published(&truth, &published);
    assert!(lost >= 4, "{published:#?}");
    assert!(said.contains("lost"), "{said}");
}

#[test]
fn the_script_starts_a_broker_and_passes_records() {
    let zookeeper = ZooKeeper::start();
    let folder = TempDir::with_prefix("heartline-scripts-").expect("a temporary folder");
    let script = |words: &[&str]| {
        let mut command = support::hadoop::script("kafka");
        command.args(words).arg("--dir").arg(folder.path());
        command
    };
    let words = ["start", "--zookeeper", &zookeeper.address()];
    let output = succeed(&mut script(&words));
    let pid = fs::read_to_string(folder.path().join("pid")).expect("a pid file");
    let stop = Stop(|| drop(script(&["stop"]).output()));
    let address = String::from_utf8(output.stdout).expect("UTF-8");
    let status = succeed(&mut script(&["status"]));
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(status, format!("{} pid {pid}", address.trim()));
    let second = script(&words).output().expect("it runs");
    assert_eq!(second.status.code(), Some(1));

    succeed(&mut script(&[
        "topic",
        "create",
        "mymsg",
        "--partitions",
        "2",
        "--replication-factor",
        "1",
    ]));
    let list = succeed(&mut script(&["topic", "list"]));
    assert_eq!(String::from_utf8_lossy(&list.stdout), "mymsg\n");
    let described = succeed(&mut script(&["topic", "describe", "mymsg"]));
    assert!(String::from_utf8_lossy(&described.stdout).contains("PartitionCount: 2"));
    let mut producer = script(&["produce", "mymsg"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = producer.stdin.take().expect("a pipe");
    stdin.write_all(b"one\ntwo\n").expect("it reads");
    drop(stdin);
    assert!(producer.wait().expect("it ends").success());
    let options = ["--from-beginning", "--max", "2", "--timeout", "60"];
    let consumed = succeed(&mut script(&[&["consume", "mymsg"], &options[..]].concat()));
    let consumed = String::from_utf8_lossy(&consumed.stdout).into_owned();
    let mut lines: Vec<_> = consumed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["one", "two"]);

    drop(stop);
    let pid = pid.trim();
    assert!(
        fs::read_link(format!("/proc/{pid}/exe")).is_err(),
        "{pid} is left"
    );
    assert_eq!(
        script(&["status"]).output().expect("it runs").status.code(),
        Some(1)
    );
}

/// Calls a function when dropped, even if the test fails.
struct Stop<F: Fn()>(F);

impl<F: Fn()> Drop for Stop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
