//! What stands between members, or talks to a master's port, does harm to its connections: nobody who lives is dead for it.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::support::left_out::{self, leave_out};
use crate::support::{
    Mapper, Proxy, SOON, Watcher, ZooKeeper, connections, cut_connections, endpoint, free_port,
    no_cuts, wait_until, wait_until_connected,
};
use rustix::process::Signal;

/// Nothing is dead for its silence while a test waits, and no session expires.
const PATIENT: [&str; 4] = ["--timeout", "10s", "--session-timeout", "30s"];

/// Longer than a connection must last to be made again at once.
const PAUSE: Duration = Duration::from_millis(150);

/// Starts map1, the master, and map2 and map3 with these options.
fn job(zookeeper: &ZooKeeper, options: &[&str]) -> (Watcher, Vec<Mapper>) {
    let watcher = Watcher::events(zookeeper);
    let names = ["map1", "map2", "map3"];
    let members = names.map(|name| {
        let options = [&["--name", name], options].concat();
        let member = Mapper::with_options(&zookeeper.address(), &options);
        let event = if name == "map1" { "claimed" } else { "alive" };
        watcher.wait_for_event(event, name);
        member
    });
    wait_until_connected(zookeeper, "map1", 2);
    (watcher, members.into())
}

/// Checks that nobody has died or returned, and that the master is the first one.
fn assert_peace(watcher: &Watcher) {
    let story = watcher.story();
    let quiet = ["joined", "claimed", "connected"];
    let harm = story
        .iter()
        .find(|logged| !quiet.contains(&logged.event.as_str()));
    assert_eq!(harm, None, "{story:?}");
    let claims = story.iter().filter(|logged| logged.event == "claimed");
    assert_eq!(claims.count(), 1, "{story:?}");
}

/// Kills a member with -9; its death is known by its connection.
fn kill(watcher: &Watcher, member: &Mapper, name: &str) {
    member.signal(Signal::KILL);
    watcher.wait_for_event("died", name);
    let story = watcher.story();
    let death = story.iter().rfind(|logged| logged.event == "died");
    let death = death.expect("it was waited for");
    assert_eq!(
        (death.node.as_str(), death.cause.as_str()),
        (name, "closed")
    );
}

fn connections_that_are_cut_kill_nobody(transport: &str) {
    if let Some(why) = no_cuts() {
        leave_out!("{why}");
    }
    let zookeeper = ZooKeeper::start();
    let options = [&PATIENT[..], &["--transport", transport]].concat();
    let (watcher, members) = job(&zookeeper, &options);
    let address = endpoint(&zookeeper, "map1");
    let mut cut = 0;
    wait_until("many connections are cut", SOON, || {
        cut += cut_connections(address);
        thread::sleep(PAUSE);
        cut >= 30
    });
    wait_until_connected(&zookeeper, "map1", 2);
    assert_peace(&watcher);
    kill(&watcher, &members[2], "map3");
    members[0].signal(Signal::KILL);
    watcher.wait_for_event("claimed", "map2");
    let story = watcher.story();
    let claim = story.iter().rfind(|logged| logged.event == "claimed");
    assert_eq!(claim.map(|logged| logged.cause.as_str()), Some("closed"));
}

#[test]
fn connections_that_are_cut_again_and_again_kill_nobody() {
    connections_that_are_cut_kill_nobody("auto");
}

#[test]
fn connections_that_are_cut_kill_nobody_who_beats_in_zookeeper_rarely() {
    connections_that_are_cut_kill_nobody("direct");
}

#[test]
fn a_proxy_between_members_is_no_witness_for_them() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let straight = format!("127.0.0.1:{}", free_port());
    let times = ["--timeout", "1s", "--session-timeout", "30s"];
    let listen = [&["--name", "map1", "--listen", &straight], &times[..]].concat();
    let _master = Mapper::with_options(&zookeeper.address(), &listen);
    watcher.wait_for_event("claimed", "map1");
    // The follower reads the proxy's address in the master's claim.
    let between = Proxy::before(&straight);
    let reading = Proxy::before(&zookeeper.address());
    reading.rewrite(&straight, &between.address());
    let options = [&["--name", "map2"], &times[..]].concat();
    let follower = Mapper::with_options(&reading.address(), &options);
    watcher.wait_for_event("alive", "map2");
    for cut in 1..=10 {
        wait_until("it is connected by the proxy", SOON, || {
            between.connected() >= cut && connections(straight.parse().expect("an address")) > 0
        });
        thread::sleep(PAUSE);
        // Refuses connections in the master's place, too.
        between.cut();
        thread::sleep(PAUSE);
        between.restore();
    }
    between.cut();
    thread::sleep(Duration::from_secs(3));
    assert_peace(&watcher);
    between.restore();
    wait_until("it is connected again", SOON, || between.connected() > 10);
    follower.signal(Signal::KILL);
    watcher.wait_for_event("died", "map2");
    let story = watcher.story();
    let death = story.iter().find(|logged| logged.event == "died");
    // Nobody knows its address.
    assert_eq!(death.map(|logged| logged.cause.as_str()), Some("silent"));
}

/// Longer than a member looks for its session, and than its timeout after that.
const AWAY: Duration = Duration::from_secs(5);

#[test]
fn a_follower_that_has_lost_zookeeper_is_heard_by_its_connection_and_says_goodbye_by_it() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let times = ["--timeout", "1s", "--session-timeout", "12s"];
    let master = [&["--name", "map1"], &times[..]].concat();
    let _master = Mapper::with_options(&zookeeper.address(), &master);
    watcher.wait_for_event("claimed", "map1");
    let proxy = Proxy::before(&zookeeper.address());
    let options = [&["--name", "map2"], &times[..]].concat();
    let mut follower = Mapper::with_options(&proxy.address(), &options);
    watcher.wait_for_event("alive", "map2");
    wait_until_connected(&zookeeper, "map1", 1);
    proxy.cut();
    thread::sleep(AWAY);
    assert_peace(&watcher);
    proxy.restore();
    wait_until_beaten(&zookeeper, "map2");
    wait_until_connected(&zookeeper, "map1", 1);
    follower.feed(b"a");
    proxy.cut();
    let ended = follower.finish();
    assert_eq!((ended.status(), ended.stdout().as_str()), (0, "a\t1\n"));
    // Its znode is there until its session ends.
    thread::sleep(AWAY);
    assert_peace(&watcher);
    assert!(zookeeper.exists("/heart_beat/map2"));
    watcher.wait_for_event("finished", "map2");
    let story = watcher.story();
    assert!(
        story.iter().all(|logged| logged.event != "died"),
        "{story:?}"
    );
}

/// Waits until a member's znode changes.
fn wait_until_beaten(zookeeper: &ZooKeeper, name: &str) {
    let beat = || {
        zookeeper.visit(async |session| {
            let read = session.read(&session.paths().member(name)).await;
            read.ok()
                .map(|(value, _)| (value.stat.created, value.stat.version))
        })
    };
    let before = beat();
    wait_until("it beats in ZooKeeper", SOON, || beat() != before);
}

/// Sends random bytes to an address on many connections, some of which stay open until the end.
fn send_garbage(address: SocketAddr, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut open = Vec::new();
    for _ in 0..1500 {
        // A refusal is as good.
        let Ok(mut stream) = TcpStream::connect_timeout(&address, SOON) else {
            continue;
        };
        let mut bytes = vec![0; random.usize(0..200)];
        random.fill(&mut bytes);
        let _ = stream.write_all(&bytes);
        if random.u8(0..10) == 0 {
            open.push(stream);
        }
    }
}

#[test]
fn garbage_on_the_ports_of_all_members_harms_nobody() {
    let zookeeper = ZooKeeper::start();
    let (watcher, mut members) = job(&zookeeper, &PATIENT);
    let addresses = ["map1", "map2"].map(|name| endpoint(&zookeeper, name));
    thread::scope(|scope| {
        for (seed, address) in (1..).zip(addresses) {
            scope.spawn(move || send_garbage(address, seed));
        }
    });
    assert_peace(&watcher);
    kill(&watcher, &members[2], "map3");
    let late = [&["--name", "map4"], &PATIENT[..]].concat();
    let late = Mapper::with_options(&zookeeper.address(), &late);
    watcher.wait_for_event("alive", "map4");
    wait_until_connected(&zookeeper, "map1", 2);
    kill(&watcher, &late, "map4");
    members[1].feed(b"a");
    let ended = members.swap_remove(1).finish();
    assert_eq!((ended.status(), ended.stdout().as_str()), (0, "a\t1\n"));
}
