//! A `ZooKeeper` whose disk is full ends itself; the words are right, and the problem is reported.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::Command;

use crate::support::left_out::{self, leave_out};
use crate::support::{Mapper, SOON, Watcher, ZooKeeper, no_small_disk, wait_until};
use tempfile::TempDir;

/// Starts a program with a small disk of its own mounted over a folder, which is removed with the program. Without root
/// rights this works in a user namespace.
const WITH_SMALL_DISK: [&str; 5] = [
    "unshare",
    "-rm",
    "sh",
    "-c",
    r#"mount -t tmpfs -o size=4m none "$0" && exec "$@""#,
];

#[test]
fn a_full_disk_costs_no_word() {
    let probe = TempDir::new().expect("a temporary folder");
    let tried = Command::new(WITH_SMALL_DISK[0])
        .args(&WITH_SMALL_DISK[1..])
        .arg(probe.path())
        .arg("true")
        .output();
    if let Some(why) = no_small_disk(tried) {
        leave_out!("{why}");
    }
    let mut zookeeper = ZooKeeper::arranged(&[], |server| {
        std::fs::create_dir(server.data()).expect("a folder for the data");
        server.starter = WITH_SMALL_DISK.map(str::to_owned).to_vec();
        server
            .starter
            .push(server.data().to_str().expect("UTF-8").to_owned());
        // The transaction log grows in steps of this many kilobytes; usually of 64 MB.
        server
            .properties
            .push("-Dzookeeper.preAllocSize=64".to_owned());
    });
    let watcher = Watcher::events(&zookeeper);
    let mut master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let mut follower = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");

    // The disk is visible only to the server.
    let disk = PathBuf::from(format!("/proc/{}/root", zookeeper.pid()));
    let data = zookeeper.data();
    fill(&disk.join(data.strip_prefix("/").expect("an absolute path")));
    // The beats find no room.
    wait_until("the server gives up", SOON, || !zookeeper.is_running());
    assert!(
        zookeeper.log().contains("No space left on device"),
        "{}",
        zookeeper.log()
    );
    watcher.wait_for_event("disconnected", "");
    for mapper in [&mut master, &mut follower] {
        mapper.feed(b"a a");
    }
    for mapper in [master, follower] {
        let ended = mapper.finish();
        assert_eq!(
            (ended.status(), ended.stdout()),
            (0, "a\t1\na\t1\n".to_owned())
        );
        let said = ended.stderr();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(&zookeeper.address()), "{said}");
    }
    let story = watcher.story();
    assert!(
        !story.iter().any(|logged| logged.event == "died"),
        "{story:?}"
    );
}

/// Fills the disk of a folder.
fn fill(folder: &std::path::Path) {
    let mut file = File::create(folder.join("filler")).expect("a file on the small disk");
    loop {
        match file.write(&[0; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            Err(error) => panic!("{error}"),
        }
    }
}
