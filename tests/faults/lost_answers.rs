//! A connection that breaks in the middle of a create: whether the znode was created or not, the member has one claim
//! and one znode afterwards, and it beats.

use std::time::Duration;

use crate::support::{Direction, Mapper, Proxy, SOON, Watcher, ZooKeeper, wait_until};

/// The requests by which a member puts its claim into the line, and creates its own znode.
const CREATES: [&str; 2] = ["/heart_beat_master/_c_", "/heart_beat/map"];

#[test]
fn a_create_that_was_made_or_not_is_there_once() {
    let zookeeper = ZooKeeper::start();
    let proxy = Proxy::before(&zookeeper.address());
    let watcher = Watcher::events(&zookeeper);
    let master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let mut number = 1;
    for create in CREATES {
        for held in [Direction::ToServer, Direction::ToClient] {
            number += 1;
            let name = format!("map{number}");
            println!("{create} of {name}, held {held:?}");
            proxy.freeze_at(create, held);
            let mut member =
                Mapper::with_options(&proxy.address(), &["--name", &name, "--timeout", "500ms"]);
            wait_until("the member asks for it", SOON, || proxy.is_frozen());
            let made = || match create {
                "/heart_beat/map" => zookeeper.exists(&format!("/heart_beat/{name}")),
                _ => zookeeper.holders().len() == 2,
            };
            if held == Direction::ToClient {
                wait_until("it is made", SOON, made);
            } else {
                std::thread::sleep(Duration::from_millis(100));
                assert!(!made(), "the server has not heard of it");
            }
            proxy.cut();
            proxy.restore();

            watcher.wait_for_event("alive", &name);
            let claims = zookeeper.holders();
            let own = claims.iter().filter(|holder| **holder == name).count();
            assert_eq!((claims.len(), own), (2, 1), "{claims:?}");
            let members = zookeeper.visit(async |session| session.members().await);
            assert_eq!(members.expect("the server answers").0, [name.as_str()]);
            member.feed(b"a a");
            let ended = member.finish();
            assert_eq!(
                (ended.status(), ended.stdout()),
                (0, "a\t1\na\t1\n".to_owned())
            );
            // It does not take its own znode for that of another member.
            assert!(
                !ended.stderr().contains("another member"),
                "{}",
                ended.stderr()
            );
            watcher.wait_for_event("finished", &name);
        }
    }
    drop(master);
    let story = watcher.story();
    assert!(
        !story.iter().any(|logged| logged.event == "died"),
        "{story:?}"
    );
}
