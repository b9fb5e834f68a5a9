//! The tests' own `ZooKeeper` handle works as described; every other test relies on it.

use std::{fs, path::Path, time::Duration};

use crate::support::{ZooKeeper, wait_until};

#[test]
fn answers_until_killed_and_again_after_a_restart() {
    let mut zookeeper = ZooKeeper::start();
    assert_eq!(zookeeper.four_letter_word("ruok"), "imok");
    let (address, pid) = (zookeeper.address(), zookeeper.pid());

    zookeeper.kill();
    assert_eq!(zookeeper.four_letter_word("ruok"), "");
    assert!(!Path::new(&format!("/proc/{pid}")).exists());

    zookeeper.restart();
    assert_eq!(zookeeper.four_letter_word("ruok"), "imok");
    assert_eq!(zookeeper.address(), address);
}

#[test]
fn is_silent_while_paused() {
    let zookeeper = ZooKeeper::start();
    zookeeper.pause();
    wait_until("the server is stopped", Duration::from_secs(5), || {
        state_of(zookeeper.pid()) == 'T'
    });
    assert_eq!(zookeeper.four_letter_word("ruok"), "");
    zookeeper.resume();
    assert_eq!(zookeeper.four_letter_word("ruok"), "imok");
}

#[test]
fn takes_further_settings() {
    let zookeeper = ZooKeeper::with_settings(&["maxClientCnxns=3", "tickTime=500"]);
    let configuration = zookeeper.four_letter_word("conf");
    assert!(
        configuration.contains("maxClientCnxns=3"),
        "{configuration}"
    );
    assert!(configuration.contains("tickTime=500"), "{configuration}");
}

#[test]
fn leaves_nothing_behind() {
    let zookeeper = ZooKeeper::start();
    let pid = zookeeper.pid();
    drop(zookeeper);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

/// The state letter of a process: `T` means stopped.
fn state_of(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    let (_, after_name) = stat.rsplit_once(") ").expect("a name in brackets");
    after_name.chars().next().expect("a state")
}
