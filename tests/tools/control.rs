//! The master's instructions to its followers, and operators' requests to the master.

use crate::support::{Mapper, SOON, ZooKeeper, ask, pair, wait_until};
use heartline::protocol::Beat;
use heartline::protocol::control::Control;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn control(zookeeper: &ZooKeeper) -> Control {
    Control::parse(zookeeper.znode("/heart_beat_control").as_bytes())
}

fn beat(zookeeper: &ZooKeeper, node: &str) -> Beat {
    Beat::parse(zookeeper.znode(&format!("/heart_beat/{node}")).as_bytes())
}

#[test]
fn an_operator_ends_a_member_which_fails() {
    let zookeeper = ZooKeeper::start();
    let (watcher, master, follower) = pair(&zookeeper);
    let asked = ask(&zookeeper, &["kill", "map2"]);
    assert_eq!(asked.status.code(), Some(0), "{}", text(&asked.stderr));
    assert_eq!(text(&asked.stdout), "map2\n");
    let ended = follower.wait();
    assert_eq!(ended.status(), 1);
    assert!(
        ended
            .stderr()
            .contains("wc-mapper: kill-task: by an operator\n"),
        "{}",
        ended.stderr()
    );
    watcher.wait_for_event("failed", "map2");
    assert_eq!(master.finish().status(), 0);
}

#[test]
fn the_master_itself_can_be_ended_and_is_followed() {
    let zookeeper = ZooKeeper::start();
    let (watcher, master, _follower) = pair(&zookeeper);
    assert_eq!(ask(&zookeeper, &["kill", "map1"]).status.code(), Some(0));
    assert_eq!(master.wait().status(), 1);
    watcher.wait_for_event("claimed", "map2");
}

#[test]
fn who_is_not_there_cannot_be_ended() {
    let zookeeper = ZooKeeper::start();
    let nobody = ask(&zookeeper, &["kill", "map2"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(
        text(&nobody.stderr).contains("no member runs"),
        "{}",
        text(&nobody.stderr)
    );
    let (_watcher, _master, mut follower) = pair(&zookeeper);
    let unknown = ask(&zookeeper, &["kill", "map9"]);
    assert_eq!(unknown.status.code(), Some(1));
    let reason = text(&unknown.stderr);
    assert!(reason.contains("is called map9"), "{reason}");
    assert_eq!(ask(&zookeeper, &["kill", "a b"]).status.code(), Some(2));
    assert!(follower.is_running());
}

#[test]
fn an_order_of_an_old_epoch_is_not_followed() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master, _next) = pair(&zookeeper);
    let mut follower = Mapper::start(&zookeeper, "map3");
    watcher.wait_for_event("alive", "map3");
    let current = control(&zookeeper).epoch.unwrap();
    let order =
        |epoch| format!("epoch: {epoch}\ninterval: 5000us\norder 7 kill-task map3 by hand\n");
    let set = |value: String| {
        zookeeper.visit(async |session| {
            let path = session.paths().control().to_owned();
            session.set(&path, &value).await.unwrap();
        });
    };
    set(order(current - 1));
    // The value of the current epoch comes after it, so the old one has been read by then.
    set(format!("epoch: {current}\ninterval: 30000us\n"));
    wait_until("it beats as the current epoch says", SOON, || {
        beat(&zookeeper, "map3").status.interval.as_millis() == 30
    });
    assert!(follower.is_running());
    assert!(
        !watcher
            .story()
            .iter()
            .any(|logged| logged.event == "failed")
    );
    set(order(current));
    assert_eq!(follower.wait().status(), 1);
}

#[test]
fn an_operator_sets_the_interval_for_all_and_for_later_masters() {
    let zookeeper = ZooKeeper::start();
    let (watcher, master, _follower) = pair(&zookeeper);
    let _third = Mapper::start(&zookeeper, "map3");
    watcher.wait_for_event("alive", "map3");
    assert_eq!(
        ask(&zookeeper, &["interval", "40ms"]).status.code(),
        Some(0)
    );
    // The next in line beats as before: it listens to the master.
    wait_until("it beats less often", SOON, || {
        beat(&zookeeper, "map3").status.interval.as_millis() == 40
    });
    assert_eq!(beat(&zookeeper, "map2").status.interval.as_millis(), 5);
    assert_eq!(master.finish().status(), 0);
    watcher.wait_for_event("claimed", "map2");
    wait_until("the next master keeps to it", SOON, || {
        let control = control(&zookeeper);
        control.asked.is_some() && Some(watcher.all_events().last().unwrap().epoch) == control.epoch
    });
    assert_eq!(
        ask(&zookeeper, &["interval", "auto"]).status.code(),
        Some(0)
    );
    // By now it is the next in line itself.
    wait_until("all have the new interval", SOON, || {
        control(&zookeeper).asked.is_none()
    });
    assert_eq!(beat(&zookeeper, "map3").status.interval.as_millis(), 5);
    let too_long = ask(&zookeeper, &["interval", "1h"]);
    assert_eq!(too_long.status.code(), Some(1));
    assert_eq!(
        ask(&zookeeper, &["interval", "fast"]).status.code(),
        Some(2)
    );
    let story = watcher.story();
    assert!(
        !story.iter().any(|logged| logged.event == "died"),
        "{story:?}"
    );
}

#[test]
fn a_member_that_rejoins_on_request_is_dead_for_nobody() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master, mut follower) = pair(&zookeeper);
    assert_eq!(ask(&zookeeper, &["reinit", "map2"]).status.code(), Some(0));
    wait_until("it has joined again", SOON, || {
        beat(&zookeeper, "map2").identity.returns == 1
    });
    zookeeper.wait_until_in_line("map2");
    assert!(follower.is_running());
    let story = watcher.story();
    assert!(
        !story.iter().any(|logged| logged.event == "died"),
        "{story:?}"
    );
    assert_eq!(follower.finish().status(), 0);
}
