//! A small job: a master, its follower, and what an operator asks of them.

use std::process::Output;

use super::{Mapper, SOON, Watcher, ZooKeeper};

/// A master and a follower that it has heard.
pub(crate) fn pair(zookeeper: &ZooKeeper) -> (Watcher, Mapper, Mapper) {
    let watcher = Watcher::events(zookeeper);
    let master = Mapper::start(zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let follower = Mapper::start(zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");
    (watcher, master, follower)
}

/// `heartline WORDS`, run to its end.
pub(crate) fn ask(zookeeper: &ZooKeeper, words: &[&str]) -> Output {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_heartline"))
        .args(words)
        .args(["--zookeeper", &zookeeper.address()])
        .timeout(SOON)
        .output()
        .unwrap()
}
