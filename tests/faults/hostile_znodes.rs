//! Foreign znodes in heartline's places: they are skipped, and everything else goes on.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Crowd, Ended, Mapper, SOON, Watcher, ZooKeeper, ask, pair, wait_until};
use heartline::coordination::client::{Access, Kind};

const SESSION: Duration = Duration::from_secs(10);

fn silent(zookeeper: &ZooKeeper, name: &str, value: &str) -> Crowd {
    Crowd::join(zookeeper, SESSION, [name.to_owned()], value)
}

/// Checks that nothing was reported except the members' own joining, and the deaths of `silent`.
fn assert_peace(watcher: &Watcher, silent: &[&str]) {
    for logged in watcher.story() {
        let is_expected = match logged.event.as_str() {
            "claimed" => logged.node == "map1",
            "connected" | "joined" | "finished" => true,
            "died" => silent.contains(&logged.node.as_str()),
            _ => false,
        };
        assert!(is_expected, "{logged:?}");
    }
}

#[test]
fn a_znode_with_others_below_it_is_named_once_and_passed_over() {
    let zookeeper = ZooKeeper::start();
    let (watcher, master, follower) = pair(&zookeeper);
    zookeeper.create_lasting("/heart_beat/junk", "");
    zookeeper.create_lasting("/heart_beat/junk/child", "");
    // Znodes of another job below this one.
    for path in ["", "/heart_beat_master", "/heart_beat", "/heart_beat/map9"] {
        if !path.is_empty() {
            zookeeper.create_lasting(&format!("/heart_beat{path}"), "");
        }
    }
    // A znode that gets a child only after it was read.
    zookeeper.create_lasting("/heart_beat/late", "");
    watcher.wait_for_event("joined", "late");
    zookeeper.create_lasting("/heart_beat/late/child", "");
    let _dead = silent(&zookeeper, "map3", "this is a map!\n");
    watcher.wait_for_event("died", "map3");
    // Long enough for a master to leave and for another one to take over.
    sleep(Duration::from_secs(2));
    assert_peace(&watcher, &["map3"]);
    for path in [
        "/heart_beat/junk/child",
        "/heart_beat/late/child",
        "/heart_beat/heart_beat/map9",
    ] {
        assert!(zookeeper.exists(path), "{path}");
    }
    assert_eq!(follower.finish().status(), 0);
    let ended = master.finish();
    assert_eq!(ended.status(), 0);
    for name in ["junk", "late"] {
        assert_passed_over(&ended, &format!("/heart_beat/{name}"));
    }
}

#[test]
fn a_claim_that_is_no_path_or_another_ones_is_not_removed() {
    let zookeeper = ZooKeeper::start();
    let (watcher, master, follower) = pair(&zookeeper);
    let claims = zookeeper.visit(async |session| session.line(true).await.expect("it answers"));
    let masters = claims
        .iter()
        .min_by_key(|claim| claim.rsplit('-').next().map(str::to_owned));
    let masters = masters.expect("the master's claim");
    let values = [
        ("map3", format!("this is a map!\nclaim: {masters}\n")),
        ("map4", "this is a map!\nclaim: a/../b-lock-1\n".to_owned()),
        (
            "map5",
            "this is a map!\nclaim: ../../heart_beat_control\n".to_owned(),
        ),
        ("map6", "this is a map!\nclaim: .\n".to_owned()),
    ];
    let crowds: Vec<Crowd> = values
        .iter()
        .map(|(name, value)| silent(&zookeeper, name, value))
        .collect();
    for (name, _) in &values {
        watcher.wait_for_event("died", name);
    }
    sleep(Duration::from_secs(1));
    assert_peace(&watcher, &["map3", "map4", "map5", "map6"]);
    drop(crowds);
    for mapper in [follower, master] {
        assert_eq!(mapper.finish().status(), 0);
    }
}

#[test]
fn an_order_to_a_member_with_a_blank_in_its_name_ends_no_other() {
    let zookeeper = ZooKeeper::start();
    let (watcher, master, mut follower) = pair(&zookeeper);
    let value = "alive at 1.5!\ninterval: 1000000us\nattempt: attempt_7_0001_m_000003_0\n";
    let _odd = silent(&zookeeper, "map2 x", value);
    watcher.wait_for_event("joined", "map2 x");
    for target in ["attempt_7_0001_m_000003_0", "map2\\u{20}x"] {
        let asked = ask(&zookeeper, &["kill", target]);
        assert_eq!(asked.status.code(), Some(0), "{asked:?}");
        let control = zookeeper.znode("/heart_beat_control");
        assert!(control.contains("kill-task map2\\u{20}x "), "{control}");
        assert!(control.contains(" session="), "{control}");
    }
    sleep(Duration::from_secs(1));
    assert!(follower.is_running());
    for mapper in [follower, master] {
        assert_eq!(mapper.finish().status(), 0);
    }
}

#[test]
fn what_stands_in_the_line_and_is_no_claim_holds_nobody_up() {
    let zookeeper = ZooKeeper::start();
    assert!(ask(&zookeeper, &["status"]).status.code().is_some());
    let setup = assert_cmd::Command::new(env!("CARGO_BIN_EXE_setup-zookeeper"))
        .args(["--zookeeper", &zookeeper.address()])
        .output();
    assert!(setup.unwrap().status.success());
    let path = "/heart_beat_master/_c_x-lock-0000000000";
    zookeeper.create_lasting(path, "somebody\nalive at 1.5!\n");
    zookeeper.create_lasting(&format!("{path}/child"), "");
    for odd in ["notes-2024", "x-lock-", "a b-lock-1 2"] {
        zookeeper.create_lasting(&format!("/heart_beat_master/{odd}"), "");
    }
    let (watcher, master, follower) = pair(&zookeeper);
    // And a foreign claim that comes later, before all others in the line.
    let late = "/heart_beat_master/_c_y-standing-lock-0000000000";
    zookeeper.create_lasting(late, "");
    zookeeper.create_lasting(&format!("{late}/child"), "");
    let backup = Mapper::start(&zookeeper, "map3");
    watcher.wait_for_event("joined", "map3");
    assert_eq!(master.finish().status(), 0);
    wait_until("another one is master", SOON, || {
        watcher
            .story()
            .iter()
            .filter(|logged| logged.event == "claimed")
            .count()
            == 2
    });
    for mapper in [follower, backup] {
        assert_eq!(mapper.finish().status(), 0);
    }
    for path in [path, late] {
        assert!(zookeeper.exists(&format!("{path}/child")), "{path}");
    }
}

#[test]
fn a_claim_that_no_session_owns_misleads_nobody() {
    let zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    let setup = || {
        assert_cmd::Command::new(env!("CARGO_BIN_EXE_setup-zookeeper"))
            .args(["--zookeeper", &address])
            .assert()
    };
    setup().success();
    let forged = "/heart_beat_master/_c_x-lock--1";
    zookeeper.create_lasting(forged, "somebody\nalive at 1.5!");
    let begin = Instant::now();
    let asked = ask(&zookeeper, &["kill", "map1"]);
    assert_eq!(asked.status.code(), Some(1));
    let why = String::from_utf8_lossy(&asked.stderr);
    assert!(why.contains("no member runs"), "{why}");
    assert!(begin.elapsed() < Duration::from_secs(8));

    let (_watcher, master, follower) = pair(&zookeeper);
    let status = ask(&zookeeper, &["status"]);
    let table = String::from_utf8_lossy(&status.stdout);
    assert!(
        table.contains("map1") && !table.contains("somebody"),
        "{table}"
    );
    // Longer than the reports repeat an event.
    sleep(Duration::from_millis(1500));
    let late = Watcher::events(&zookeeper);
    late.wait_for_event("claimed", "map1");
    let named = predicates::str::contains("map1 (master), map2 (in line)");
    setup().code(1).stderr(named);
    for mapper in [master, follower] {
        assert_eq!(mapper.finish().status(), 0);
    }
    setup().success();
    assert!(!zookeeper.exists(forged));
}

#[test]
fn a_control_that_cannot_be_used_costs_its_orders_alone() {
    let zookeeper = ZooKeeper::start();
    zookeeper.create_unwritable("/heart_beat_control", "");
    let (watcher, master, follower) = pair(&zookeeper);
    let _dead = silent(&zookeeper, "map3", "this is a map!\n");
    watcher.wait_for_event("died", "map3");
    // Long enough for a master to leave and for another one to take over.
    sleep(Duration::from_secs(1));
    assert_peace(&watcher, &["map3"]);
    let killed = ask(&zookeeper, &["kill", "map2"]);
    let said = String::from_utf8_lossy(&killed.stderr).into_owned();
    assert!(said.contains("may not write /heart_beat_control"), "{said}");
    assert_eq!(follower.finish().status(), 0);
    let ended = master.finish();
    assert_eq!(ended.status(), 0);
    assert_passed_over(&ended, "/heart_beat_control");
}

#[test]
fn a_control_that_nobody_may_read_is_named_by_every_member() {
    let zookeeper = ZooKeeper::start();
    zookeeper.create_unreadable("/heart_beat_control", "");
    let (watcher, master, follower) = pair(&zookeeper);
    let _dead = silent(&zookeeper, "map3", "this is a map!\n");
    watcher.wait_for_event("died", "map3");
    assert_peace(&watcher, &["map3"]);
    for mapper in [follower, master] {
        let ended = mapper.finish();
        assert_eq!(ended.status(), 0);
        assert_passed_over(&ended, "/heart_beat_control");
    }
}

#[test]
fn a_control_that_was_removed_is_made_again() {
    let zookeeper = ZooKeeper::start();
    let (watcher, master, mut follower) = pair(&zookeeper);
    zookeeper.visit(async |session| {
        let removed = session.remove("/heart_beat_control").await;
        removed.expect("anybody may");
    });
    let killed = ask(&zookeeper, &["kill", "map2"]);
    assert_eq!(killed.status.code(), Some(0), "{killed:?}");
    wait_until("the follower obeys", SOON, || !follower.is_running());
    assert!(zookeeper.exists("/heart_beat_control"));
    assert_one_claim(&watcher);
    assert_eq!(master.finish().status(), 0);
}

#[test]
fn a_request_that_is_none_costs_the_others_nothing() {
    let zookeeper = ZooKeeper::start();
    let (watcher, master, mut follower) = pair(&zookeeper);
    let odd = ["hidden", "odd", "left"].map(|name| format!("/heart_beat_requests/{name}"));
    zookeeper.create_unreadable(&odd[0], "kill map2");
    zookeeper.create_lasting(&odd[2], "kill map1");
    let _stranger = Crowd::at(&zookeeper, SESSION, [odd[1].clone()], "launch the missiles");
    let killed = ask(&zookeeper, &["kill", "map2"]);
    assert_eq!(killed.status.code(), Some(0), "{killed:?}");
    wait_until("the follower obeys", SOON, || !follower.is_running());
    assert_one_claim(&watcher);
    let ended = master.finish();
    assert_eq!(ended.status(), 0);
    for path in odd {
        assert_passed_over(&ended, &path);
    }
}

/// Somebody takes the name that a member's claim would have next, in front of all others.
#[test]
fn a_claim_with_a_members_own_prefix_does_not_make_it_lose_its_place() {
    let zookeeper = ZooKeeper::start();
    let (watcher, master, follower) = pair(&zookeeper);
    let mut claims = zookeeper.visit(async |session| session.line(true).await.expect("it answers"));
    claims.sort_by_key(|claim| claim.rsplit('-').next().map(str::to_owned));
    let forged = |number: &str| {
        let forged = claims.iter().map(|claim| {
            let (prefix, _) = claim.rsplit_once("-lock-").expect("a claim");
            format!("/heart_beat_master/{prefix}-lock-{number}")
        });
        forged.collect::<Vec<_>>()
    };
    let lasting = forged("-000000007");
    assert_eq!(lasting.len(), 2);
    for path in &lasting {
        zookeeper.create_lasting(path, "x\nbeat");
    }
    zookeeper.visit(async |session| {
        for path in &forged("-000000005") {
            let made = session
                .client()
                .create(path, b"x\nbeat", Kind::Ephemeral, Access::Shared);
            made.await.expect("it does not exist");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    let backup = Mapper::start(&zookeeper, "map3");
    watcher.wait_for_event("joined", "map3");
    assert_eq!(master.finish().status(), 0);
    wait_until("another one is master", SOON, || {
        let claimed = watcher.story().into_iter();
        claimed.filter(|logged| logged.event == "claimed").count() == 2
    });
    assert_eq!(backup.finish().status(), 0);
    let ended = follower.finish();
    assert_eq!(ended.status(), 0);
    // What no session owns is named; what another session owns is one more claim in the line.
    assert_passed_over(&ended, &lasting[1]);
}

/// Checks that the master was master all the time.
fn assert_one_claim(watcher: &Watcher) {
    let story = watcher.story().into_iter();
    assert_eq!(story.filter(|logged| logged.event == "claimed").count(), 1);
}

/// Checks that a member named this znode, once.
fn assert_passed_over(ended: &Ended, path: &str) {
    let message = format!("{path} is passed over: ");
    let count = ended.stderr().matches(&message).count();
    assert_eq!(count, 1, "{path}: {}", ended.stderr());
}
