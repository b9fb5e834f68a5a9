//! A whole rack dies at once: only the rack is affected.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use crate::support::{Crowd, LoggedEvent, Mapper, Watcher, ZooKeeper};
use tempfile::TempDir;

/// How long a crowd may take to come and to go on a busy machine.
const LONG: Duration = Duration::from_secs(120);

fn watch(zookeeper: &ZooKeeper) -> Watcher {
    let address = zookeeper.address();
    let options = ["--json", "--session-timeout", "2s", "--zookeeper", &address];
    let watcher = Watcher::start(env!("CARGO_BIN_EXE_watch-master"), &options);
    watcher.wait_for("it is connected", |lines| !lines.is_empty());
    watcher
}

fn wait_for(watcher: &Watcher, events: &[&str], count: usize) -> BTreeSet<String> {
    let end = Instant::now() + LONG;
    loop {
        let nodes: BTreeSet<String> = watcher
            .story()
            .into_iter()
            .filter(|logged| events.contains(&logged.event.as_str()))
            .map(|logged| logged.node)
            .collect();
        if nodes.len() >= count {
            return nodes;
        }
        let lines = watcher.lines();
        let lost: Vec<_> = lines
            .iter()
            .filter(|line| line.contains("\"lost\""))
            .collect();
        assert!(
            Instant::now() < end && lost.is_empty(),
            "{events:?}: {} of {count}; {lost:?}; the last {:?}",
            nodes.len(),
            lines.last()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn count(story: &[LoggedEvent], event: &str) -> usize {
    story.iter().filter(|logged| logged.event == event).count()
}

fn members(zookeeper: &ZooKeeper) -> Vec<String> {
    zookeeper.visit(async |session| session.members().await.expect("it answers").0)
}

#[test]
fn five_thousand_that_fall_silent_are_reported_and_removed_and_the_master_stays() {
    let zookeeper = ZooKeeper::start();
    let watcher = watch(&zookeeper);
    let deaths = TempDir::with_prefix("heartline-deaths-").expect("a temporary folder");
    let file = deaths.path().join("dead");
    let on_death = format!(
        "sh -c 'echo \"$1\" >> \"$0\"' {} {{attempt}}",
        file.display()
    );
    let options = ["--timeout", "250ms", "--on-death", &on_death];
    let address = zookeeper.address();
    let member = |name| Mapper::with_options(&address, &[&["--name", name], &options[..]].concat());
    let master = member("map1");
    watcher.wait_for_event("claimed", "map1");
    let next = member("map2");
    watcher.wait_for_event("joined", "map2");
    // Their names have the maximum length.
    let names = (0..5000).map(|number| format!("silent{number:04}{}", "x".repeat(190)));
    let _crowd = Crowd::join(
        &zookeeper,
        Duration::from_secs(40),
        names,
        "this is a map!\nattempt: attempt_7_0001_m_000007_0\n",
    );
    let died = wait_for(&watcher, &["died"], 5000);
    assert!(died.iter().all(|node| node.starts_with("silent")));
    assert_eq!(members(&zookeeper), ["map2"]);
    let story = watcher.story();
    assert_eq!(count(&story, "died"), 5000);
    assert_eq!(count(&story, "claimed"), 1, "another master took over");
    assert_eq!(count(&story, "lost"), 0);
    assert!(!story.iter().any(|logged| logged.event == "returned"));
    // The command ran for the attempt of the crowd, and for no other.
    let text = fs::read_to_string(&file).unwrap_or_default();
    assert!(text.lines().all(|line| line == "attempt_7_0001_m_000007_0"));
    for mapper in [next, master] {
        assert_eq!(mapper.finish().status(), 0);
    }
}

#[test]
fn all_of_a_crowd_that_goes_at_once_are_reported() {
    let zookeeper = ZooKeeper::start();
    let watcher = watch(&zookeeper);
    let options = [
        "--name",
        "map1",
        "--timeout",
        "5s",
        "--session-timeout",
        "40s",
    ];
    let master = Mapper::with_options(&zookeeper.address(), &options);
    watcher.wait_for_event("claimed", "map1");
    let names = (0..10_000).map(|number| format!("map1795260688.574485{number:06}"));
    let session = Duration::from_secs(40);
    // The interval is so long that no member is missed here.
    let value = "this is a map!\ninterval: 10000000us\n";
    let crowd = Crowd::join(&zookeeper, session, names, value);
    let joined = wait_for(&watcher, &["joined"], 10_000);
    crowd.vanish();
    // On a busy machine the first ones may have been silent for so long that their session has expired.
    let gone = wait_for(&watcher, &["finished", "died"], 10_000);
    assert_eq!(joined, gone);
    let story = watcher.story();
    assert_eq!(count(&story, "claimed"), 1, "another master took over");
    assert_eq!(count(&story, "lost"), 0);
    assert_eq!(master.finish().status(), 0);
}
