//! One member is cut off while `ZooKeeper` and all others work: a follower joins again, once; a master is replaced,
//! writes nothing any more, and is a follower when it returns.

use std::thread::sleep;
use std::time::Duration;

use crate::support::{
    Direction, Mapper, Proxy, SOON, Watcher, ZooKeeper, assert_one_master_an_epoch, wait_until,
};
use heartline::protocol::claim::holder;

/// Longer than the sessions here, and than the 7/5 of them after which a client gives one up.
const EXPIRY: Duration = Duration::from_secs(3);

const SHORT: [&str; 4] = ["--session-timeout", "1s", "--timeout", "500ms"];

#[test]
fn a_follower_cut_off_for_longer_than_its_session_joins_again_once() {
    let zookeeper = ZooKeeper::with_settings(&["tickTime=250"]);
    let proxy = Proxy::before(&zookeeper.address());
    let watcher = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let mut follower = start(&proxy, "map2");
    watcher.wait_for_event("alive", "map2");
    follower.feed(b"a ");
    proxy.cut();
    // No other member can know that it is alive.
    watcher.wait_for_event("died", "map2");
    sleep(EXPIRY);
    proxy.restore();
    let before = watcher.lines().len();
    wait_until_alive(&watcher, before, "map2");
    assert_eq!(zookeeper.holders(), ["map1", "map2"]);
    assert_counted(follower);
}

#[test]
fn a_master_cut_off_for_longer_than_its_session_comes_back_as_a_follower() {
    let zookeeper = ZooKeeper::with_settings(&["tickTime=250"]);
    let proxy = Proxy::before(&zookeeper.address());
    let watcher = Watcher::events(&zookeeper);
    let mut master = start(&proxy, "map1");
    watcher.wait_for_event("claimed", "map1");
    let _next = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");
    master.feed(b"a ");
    proxy.cut();
    watcher.wait_for_event("claimed", "map2");
    sleep(EXPIRY);
    proxy.restore();
    let before = watcher.lines().len();
    wait_until_alive(&watcher, before, "map1");
    assert_eq!(zookeeper.holders(), ["map2", "map1"]);
    assert_counted(master);
    assert_one_master_an_epoch(&watcher.story());
}

#[test]
fn what_a_replaced_master_had_on_its_way_is_refused() {
    let zookeeper = ZooKeeper::start();
    let proxy = Proxy::before(&zookeeper.address());
    let watcher = Watcher::events(&zookeeper);
    // A long session survives the claim, so that only the fence protects.
    let options = [
        "--name",
        "map1",
        "--session-timeout",
        "20s",
        "--timeout",
        "500ms",
    ];
    let mut master = Mapper::with_options(&proxy.address(), &options);
    watcher.wait_for_event("claimed", "map1");
    let _next = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("alive", "map2");
    let _other = Mapper::start(&zookeeper, "map3");
    watcher.wait_for_event("alive", "map3");

    // The next write of a report is held, and its claim is gone before it arrives.
    proxy.freeze_at("follower map3 still alive", Direction::ToServer);
    wait_until("the master has a report to write", SOON, || {
        proxy.is_frozen()
    });
    zookeeper.visit(async |session| {
        for claim in session.line(true).await.expect("the server answers") {
            let path = session.paths().claim(&claim);
            let (value, _) = session.read(&path).await.expect("it stands");
            if holder(&value.bytes) == "map1" {
                session.remove(&path).await.expect("it can be removed");
            }
        }
    });
    watcher.wait_for_event("claimed", "map2");
    let replaced = watcher.lines().len();
    wait_until_alive(&watcher, replaced, "map3");
    let begin = watcher.lines().len();
    proxy.restore();
    // The answer shows the member that it was replaced; then it follows.
    wait_until_alive(&watcher, begin, "map1");
    assert_eq!(zookeeper.holders(), ["map2", "map3", "map1"]);

    let epochs: Vec<i64> = watcher
        .all_events()
        .iter()
        .map(|logged| logged.epoch)
        .filter(|epoch| *epoch != 0)
        .collect();
    assert!(
        epochs.is_sorted(),
        "nothing was written in an older epoch: {epochs:?}"
    );
    assert_one_master_an_epoch(&watcher.story());
    master.feed(b"a ");
    assert_counted(master);
}

fn start(proxy: &Proxy, name: &str) -> Mapper {
    Mapper::with_options(&proxy.address(), &[&["--name", name], &SHORT[..]].concat())
}

/// Waits until `node` was heard twice since then: the first line only shows that its znode exists.
fn wait_until_alive(watcher: &Watcher, before: usize, node: &str) {
    watcher.wait_for(&format!("{node} beats"), |lines| {
        let alive = lines[before..]
            .iter()
            .filter(|line| line.contains("\"alive\"") && line.contains(&format!("\"{node}\"")));
        alive.count() >= 2
    });
}

/// Ends a member that has read one word, and checks its count.
fn assert_counted(mut member: Mapper) {
    member.feed(b"a");
    let ended = member.finish();
    assert_eq!(
        (ended.status(), ended.stdout()),
        (0, "a\t1\na\t1\n".to_owned())
    );
}
