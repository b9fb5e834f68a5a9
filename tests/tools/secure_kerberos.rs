//! Sessions by Kerberos, with a real KDC and a real `ZooKeeper` that refuses everybody without a ticket.

mod renewal;
mod trouble;

use std::thread;
use std::time::{Duration, Instant};

use crate::support::left_out::{self, leave_out};
use crate::support::{Direction, Mapper, Proxy, Realm, SOON, Ticket, Watcher, ZooKeeper};
use crate::support::{no_kerberos, wait_until};

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");
const SETUP: &str = env!("CARGO_BIN_EXE_setup-zookeeper");
const JOB: &str = "--namespace=/job";
const GSSAPI: &str = "--zookeeper-sasl=gssapi";
/// A session that is lost soon after its connection, on a busy machine too.
const SHORT: &str = "--session-timeout=2s";
/// The time limit of what takes several steps, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// The life of a ticket that ends during a job: long enough to join it on a busy machine.
const LIFE: Duration = Duration::from_secs(8);

fn mapper(ticket: &Ticket, address: &str, name: &str, more: &[&str]) -> Mapper {
    let starter = ticket.starter();
    let starter: Vec<&str> = starter.iter().map(String::as_str).collect();
    let options = [
        "--zookeeper",
        address,
        "--name",
        name,
        "--timeout=500ms",
        JOB,
    ];
    Mapper::behind(&starter, &[&options, more].concat())
}

fn events(ticket: &Ticket, address: &str) -> Watcher {
    let starter = ticket.starter();
    let words: Vec<&str> = starter.iter().skip(1).map(String::as_str).collect();
    let options = [HEARTLINE, "events", "--zookeeper", address, JOB, GSSAPI];
    Watcher::start("env", &[&words, &options[..]].concat())
}

/// Runs `heartline` with a session of this client, and returns its status, stdout and stderr.
fn ask(ticket: &Ticket, words: &[&str], address: &str) -> (Option<i32>, String, String) {
    let options = ["--zookeeper", address, JOB, GSSAPI];
    let output = ticket.run(HEARTLINE, &[words, &options].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// How often the server has let somebody in as `user`.
fn logins(zookeeper: &ZooKeeper, user: &str) -> usize {
    let told = format!("authorizationID: {user}");
    zookeeper.log().matches(&told).count()
}

/// Waits until the server has let in as many as `job`, and both members are alive for somebody else, who needs no other
/// ticket than his.
fn wait_until_both_beat(stranger: &Ticket, zookeeper: &ZooKeeper, count: usize) {
    let begin = Instant::now();
    loop {
        let (status, shown, why) = ask(stranger, &["status"], &zookeeper.address());
        let has_both = shown.contains("map1") && shown.contains("map2");
        let seen = logins(zookeeper, "job");
        if seen >= count && status == Some(0) && has_both {
            break;
        }
        let took = begin.elapsed();
        assert!(
            took < LIMIT,
            "after {took:.1?}, {seen} of {count} logins: {shown}{why}"
        );
        thread::sleep(Duration::from_millis(100));
    }
}

fn assert_one_two(mapper: Mapper) -> String {
    let ended = mapper.finish();
    let said = ended.stderr();
    assert_eq!(
        (ended.status(), ended.stdout().as_str()),
        (0, "one\t1\ntwo\t1\n"),
        "{said}"
    );
    said
}

#[test]
fn a_job_by_keytab_and_by_ticket_runs_and_strangers_are_refused() {
    if let Some(missing) = no_kerberos() {
        leave_out!("{missing}");
    }
    let realm = Realm::found();
    let zookeeper = realm.zookeeper(&[], &[]);
    let address = zookeeper.address();
    let (keytab, cache) = (realm.by_keytab("job"), realm.by_cache("job"));
    realm.kinit(&cache, "job", &[]);
    let done = keytab.run(SETUP, &["--zookeeper", &address, JOB, GSSAPI]);
    assert!(done.status.success(), "{done:?}");

    let watcher = events(&keytab, &address);
    let mut master = mapper(&keytab, &address, "map1", &[GSSAPI]);
    watcher.wait_for_event("claimed", "map1");
    let mut follower = mapper(&cache, &address, "map2", &[GSSAPI]);
    watcher.wait_for_event("joined", "map2");
    assert!(logins(&zookeeper, "job") >= 4, "{}", zookeeper.log());

    let (status, shown, why) = ask(&cache, &["status"], &address);
    assert_eq!(status, Some(0), "{shown}{why}");
    assert!(shown.contains("map1") && shown.contains("map2"), "{shown}");
    // Another principal of the realm may look, and order nothing.
    let stranger = realm.by_keytab("stranger");
    assert_eq!(ask(&stranger, &["status"], &address).0, Some(0));
    let (status, _, why) = ask(&stranger, &["kill", "map2"], &address);
    assert_eq!(status, Some(1), "{why}");
    assert!(
        why.contains("the Kerberos principal stranger@TEST.HEARTLINE"),
        "{why}"
    );
    assert!(
        why.contains("may not create /job/heart_beat_requests/"),
        "{why}"
    );

    // Without a ticket there is no session, and the work is done.
    let anonymous = mapper(&realm.by_cache("none"), &address, "map3", &[]);
    let mut anonymous = anonymous;
    anonymous.feed(b"one two\n");
    let said = assert_one_two(anonymous);
    assert!(
        said.contains("refuses a session without credentials"),
        "{said}"
    );

    for mapper in [&mut master, &mut follower] {
        mapper.feed(b"one two\n");
    }
    let (status, _, why) = ask(&cache, &["kill", "map2"], &address);
    assert_eq!(status, Some(0), "{why}");
    assert_eq!(follower.wait().status(), 1);
    assert_one_two(master);
}

#[test]
fn a_ticket_that_ends_during_a_job_is_renewed() {
    if let Some(missing) = no_kerberos() {
        leave_out!("{missing}");
    }
    let realm = Realm::found();
    let zookeeper = realm.zookeeper(&[], &[]);
    let proxy = Proxy::before(&zookeeper.address());
    let (straight, address) = (zookeeper.address(), proxy.address());
    let life = format!("{}s", LIFE.as_secs());
    let soon = format!(" ticket_lifetime = {life}\n");
    let keytab = realm.by_keytab("job");
    let keytab = keytab.with("KRB5_CONFIG", &realm.configured("short.conf", &soon));
    let cache = realm.by_cache("renewable");
    let lasting = realm.by_cache("lasting");
    realm.kinit(&lasting, "job", &[]);
    let stranger = realm.by_keytab("stranger");

    let watcher = events(&lasting, &straight);
    let mut master = mapper(&keytab, &address, "map1", &[GSSAPI]);
    watcher.wait_for_event("claimed", "map1");
    realm.kinit(&cache, "job", &["-l", &life, "-r", "1h"]);
    let mut follower = mapper(&cache, &address, "map2", &[GSSAPI]);
    watcher.wait_for_event("joined", "map2");
    for mapper in [&mut master, &mut follower] {
        mapper.feed(b"one ");
    }
    // Somebody renews the tickets of the cache; a keytab is enough for the program itself.
    let end = Instant::now() + LIFE + Duration::from_secs(1);
    while Instant::now() < end {
        thread::sleep(Duration::from_secs(1));
        realm.renew(&cache);
    }
    realm.wait_until_expired(&keytab);
    // From here on nobody renews it, however long it takes.
    realm.kinit(&cache, "job", &[]);
    // Sessions outlive their tickets; a new connection needs one.
    let before = logins(&zookeeper, "job");
    proxy.cut();
    proxy.restore();
    wait_until_both_beat(&stranger, &zookeeper, before + 2);
    for mapper in [&mut master, &mut follower] {
        mapper.feed(b"two\n");
    }
    assert_one_two(follower);
    assert_one_two(master);
}

#[test]
fn a_session_that_has_expired_is_followed_by_one_with_a_ticket() {
    if let Some(missing) = no_kerberos() {
        leave_out!("{missing}");
    }
    let realm = Realm::found();
    let zookeeper = realm.zookeeper(&["tickTime=200"], &[]);
    let proxy = Proxy::before(&zookeeper.address());
    let keytab = realm.by_keytab("job");
    let stranger = realm.by_cache("stranger");
    realm.kinit(&stranger, "stranger", &[]);
    // Its ticket for the server is fetched while there is a KDC.
    let _ = ask(&stranger, &["status"], &zookeeper.address());
    let watcher = events(&keytab, &zookeeper.address());
    let mut master = mapper(&keytab, &zookeeper.address(), "map1", &[GSSAPI]);
    watcher.wait_for_event("claimed", "map1");
    let mut follower = mapper(&keytab, &proxy.address(), "map2", &[GSSAPI, SHORT]);
    watcher.wait_for_event("joined", "map2");
    follower.feed(b"one ");
    proxy.freeze(Direction::ToServer);
    // Meanwhile nobody gives tickets: the one that is there suffices for hours.
    realm.kdc().pause();
    wait_until("the session of map2 has expired", LIMIT, || {
        zookeeper.log().contains("Expiring session")
    });
    let before = logins(&zookeeper, "job");
    proxy.restore();
    wait_until_both_beat(&stranger, &zookeeper, before + 1);
    for mapper in [&mut master, &mut follower] {
        mapper.feed(b"two\n");
    }
    assert_one_two(follower);
    assert_eq!(master.finish().status(), 0);
}
