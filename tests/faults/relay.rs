//! The members of one host share a connection to the master: what happens to their relay is told of it alone.

use std::time::Duration;

use crate::support::{Mapper, Watcher, ZooKeeper, wait_until_connected};
use rustix::process::Signal;

/// Nothing is dead for its silence while a test waits, and no session expires.
const PATIENT: [&str; 6] = [
    "--timeout",
    "10s",
    "--session-timeout",
    "30s",
    "--relay",
    "host",
];

/// Silence is judged soon, and no session expires.
const IMPATIENT: [&str; 6] = [
    "--timeout",
    "1s",
    "--session-timeout",
    "30s",
    "--relay",
    "host",
];

/// A master named map1, the relay map2, and the members map3 and map4.
struct Host {
    zookeeper: ZooKeeper,
    watcher: Watcher,
    _master: Mapper,
    relay: Mapper,
    members: [Mapper; 2],
}

fn host(options: &[&str]) -> Host {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let start =
        |name| Mapper::with_options(&zookeeper.address(), &[&["--name", name], options].concat());
    let master = start("map1");
    watcher.wait_for_event("claimed", "map1");
    let follow = |name| {
        let follower = start(name);
        watcher.wait_for_event("alive", name);
        follower
    };
    let relay = follow("map2");
    wait_until_connected(&zookeeper, "map1", 1);
    let members = [follow("map3"), follow("map4")];
    Host {
        _master: master,
        relay,
        members,
        watcher,
        zookeeper,
    }
}

/// Everybody who has died, and how that was found.
fn dead(watcher: &Watcher) -> Vec<(String, String)> {
    let story = watcher.story().into_iter();
    let deaths = story.filter(|logged| logged.event == "died");
    deaths.map(|logged| (logged.node, logged.cause)).collect()
}

fn died(node: &str, cause: &str) -> (String, String) {
    (node.to_owned(), cause.to_owned())
}

#[test]
fn members_share_a_connection_and_one_that_is_killed_is_known_at_once() {
    let host = host(&PATIENT);
    // Long enough for a further connection, if there were one.
    std::thread::sleep(Duration::from_millis(300));
    wait_until_connected(&host.zookeeper, "map1", 1);
    host.members[0].signal(Signal::KILL);
    host.watcher.wait_for_event("died", "map3");
    assert_eq!(dead(&host.watcher), [died("map3", "closed")]);
}

#[test]
fn a_relay_that_is_killed_is_replaced_and_nobody_else_is_dead() {
    let host = host(&PATIENT);
    host.relay.signal(Signal::KILL);
    host.watcher.wait_for_event("died", "map2");
    wait_until_connected(&host.zookeeper, "map1", 1);
    let [third, fourth] = &host.members;
    third.signal(Signal::KILL);
    host.watcher.wait_for_event("died", "map3");
    fourth.signal(Signal::KILL);
    host.watcher.wait_for_event("died", "map4");
    let all = ["map2", "map3", "map4"].map(|node| died(node, "closed"));
    assert_eq!(dead(&host.watcher), all);
}

#[test]
fn a_relay_that_has_finished_is_replaced() {
    let host = host(&PATIENT);
    assert_eq!(host.relay.finish().status(), 0);
    host.watcher.wait_for_event("finished", "map2");
    wait_until_connected(&host.zookeeper, "map1", 1);
    host.members[1].signal(Signal::KILL);
    host.watcher.wait_for_event("died", "map4");
    assert_eq!(dead(&host.watcher), [died("map4", "closed")]);
}

#[test]
fn a_relay_that_is_stopped_is_passed_by() {
    let host = host(&IMPATIENT);
    host.relay.signal(Signal::STOP);
    host.watcher.wait_for_event("died", "map2");
    // Longer than anybody may be silent whose process exists.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(dead(&host.watcher), [died("map2", "silent")]);
    host.relay.signal(Signal::CONT);
    host.watcher.wait_for_event("returned", "map2");
    host.members[0].signal(Signal::KILL);
    host.watcher.wait_for_event("died", "map3");
    let both = [died("map2", "silent"), died("map3", "closed")];
    assert_eq!(dead(&host.watcher), both);
}
