//! The same histories on a real server, as far as stopping and restarting processes brings them
//! about. Who leads is reported by a watcher, and by the server itself.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{LoggedEvent, Mapper, Watcher, ZooKeeper};

/// Short sessions, so that what is to expire does.
fn server() -> ZooKeeper {
    ZooKeeper::with_settings(&["tickTime=300"])
}

/// Three members of which the first is master.
fn members(zookeeper: &ZooKeeper, watcher: &Watcher) -> [Mapper; 3] {
    let master = Mapper::with_short_session(zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let others = ["map2", "map3"].map(|name| {
        let follower = Mapper::with_short_session(zookeeper, name);
        watcher.wait_for_event("joined", name);
        follower
    });
    let [second, third] = others;
    [master, second, third]
}

/// Who claimed, in their order.
fn claims(watcher: &Watcher) -> Vec<LoggedEvent> {
    let story = watcher.story().into_iter();
    story.filter(|logged| logged.event == "claimed").collect()
}

/// The master that the server knows of.
fn master(zookeeper: &ZooKeeper) -> Option<String> {
    let first = zookeeper.visit(async |session| session.first_claim(false).await.ok().flatten());
    let (_, claim) = first?;
    let value = String::from_utf8_lossy(&claim.bytes).into_owned();
    value.lines().next().map(str::to_owned)
}

/// One master who beats, and everybody comes to a right end.
fn assert_whole(zookeeper: &ZooKeeper, watcher: &Watcher, members: [Mapper; 3]) {
    let beat = |zookeeper: &ZooKeeper| {
        let first =
            zookeeper.visit(async |session| session.first_claim(false).await.ok().flatten());
        first.map(|(_, claim)| (claim.stat.created, claim.stat.version))
    };
    let before = beat(zookeeper).expect("somebody is master");
    watcher.wait_for("the master beats", |_| {
        beat(zookeeper).is_some_and(|now| now != before)
    });
    let claimed = claims(watcher);
    let epochs: Vec<i64> = claimed.iter().map(|logged| logged.epoch).collect();
    assert!(epochs.is_sorted_by(|one, next| one < next), "{claimed:?}");
    for member in members {
        assert_eq!(member.finish().status(), 0);
    }
    zookeeper.wait_until_empty();
}

#[test]
fn libkv_156_a_holder_never_learns_that_its_session_expired() {
    let zookeeper = server();
    let watcher = Watcher::events(&zookeeper);
    let members = members(&zookeeper, &watcher);
    members[0].signal(Signal::STOP);
    watcher.wait_for_event("claimed", "map2");
    // Until its session is over, and longer.
    sleep(Duration::from_secs(2));
    let successor = master(&zookeeper);
    members[0].signal(Signal::CONT);
    sleep(Duration::from_secs(1));
    // It took nothing back.
    assert_eq!(successor.as_deref(), Some("map2"));
    assert_eq!(master(&zookeeper), successor);
    watcher.wait_for("the first is a follower", |_| {
        let story = watcher.story();
        let mut last = story.iter().rev().filter(|logged| logged.node == "map1");
        last.next()
            .is_some_and(|logged| matches!(logged.event.as_str(), "joined" | "returned"))
    });
    assert_whole(&zookeeper, &watcher, members);
}

#[test]
fn curator_444_and_202_the_server_is_silent_for_a_session_timeout() {
    let zookeeper = server();
    let watcher = Watcher::events(&zookeeper);
    let members = members(&zookeeper, &watcher);
    zookeeper.pause();
    sleep(Duration::from_millis(1500));
    zookeeper.resume();
    watcher.wait_for("there is a master", |_| master(&zookeeper).is_some());
    sleep(Duration::from_secs(2));
    assert_whole(&zookeeper, &watcher, members);
}

#[test]
fn curator_504_and_620_two_reconnects_in_quick_succession() {
    let mut zookeeper = server();
    let watcher = Watcher::events(&zookeeper);
    let members = members(&zookeeper, &watcher);
    zookeeper.restart();
    zookeeper.restart();
    watcher.wait_for("there is a master", |_| master(&zookeeper).is_some());
    sleep(Duration::from_secs(2));
    assert_whole(&zookeeper, &watcher, members);
}
