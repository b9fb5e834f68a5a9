//! Members are connected to the master: a killed one is known by its connection, long before its timeout, and everything
//! else that happens to a member is told apart from that.

use std::time::{Duration, Instant};

use crate::support::left_out::{self, leave_out};
use crate::support::{
    LinkedHost, Mapper, SOON, Watcher, ZooKeeper, ask, endpoint, free_port, no_namespaces,
    wait_until, wait_until_connected,
};
use rustix::process::Signal;

/// Nothing is dead for its silence while a test waits, and no session expires.
const PATIENT: [&str; 4] = ["--timeout", "10s", "--session-timeout", "30s"];

/// Silence is judged soon, and no session expires.
const IMPATIENT: [&str; 4] = ["--timeout", "1s", "--session-timeout", "30s"];

fn start(zookeeper: &ZooKeeper, name: &str, options: &[&str]) -> Mapper {
    Mapper::with_options(&zookeeper.address(), &[&["--name", name], options].concat())
}

/// A master named map1 that reports to a watcher.
fn lead(zookeeper: &ZooKeeper, options: &[&str]) -> (Watcher, Mapper) {
    let watcher = Watcher::events(zookeeper);
    let master = start(zookeeper, "map1", options);
    watcher.wait_for_event("claimed", "map1");
    (watcher, master)
}

/// Starts a member and waits until the master has heard it.
fn follow(zookeeper: &ZooKeeper, watcher: &Watcher, name: &str, options: &[&str]) -> Mapper {
    let follower = start(zookeeper, name, options);
    watcher.wait_for_event("alive", name);
    follower
}

/// How each death of `node` was found.
fn causes(watcher: &Watcher, node: &str) -> Vec<String> {
    let story = watcher.story().into_iter();
    let deaths = story.filter(|logged| logged.event == "died" && logged.node == node);
    deaths.map(|logged| logged.cause).collect()
}

/// Checks that nobody has died, except these.
fn assert_dead(watcher: &Watcher, nodes: &[&str]) {
    let story = watcher.story();
    let deaths = story.iter().filter(|logged| logged.event == "died");
    let dead: Vec<&str> = deaths.map(|logged| logged.node.as_str()).collect();
    assert_eq!(dead, nodes, "{story:?}");
}

#[test]
fn a_killed_follower_is_known_by_its_connection() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master) = lead(&zookeeper, &PATIENT);
    let follower = follow(&zookeeper, &watcher, "map2", &PATIENT);
    let _other = follow(&zookeeper, &watcher, "map3", &PATIENT);
    wait_until_connected(&zookeeper, "map1", 2);
    follower.signal(Signal::KILL);
    watcher.wait_for_event("died", "map2");
    assert_eq!(causes(&watcher, "map2"), ["closed"]);
    assert!(!zookeeper.exists("/heart_beat/map2"));
    // The next report names the dead.
    wait_until("the status says why", SOON, || {
        let status = ask(&zookeeper, &["status", "--over", "100ms"]);
        String::from_utf8_lossy(&status.stdout).contains("dead: closed")
    });
}

#[test]
fn a_killed_follower_without_a_connection_is_dead_for_its_silence() {
    let zookeeper = ZooKeeper::start();
    let alone = [&IMPATIENT[..], &["--transport", "zookeeper"]].concat();
    let (watcher, _master) = lead(&zookeeper, &IMPATIENT);
    let follower = follow(&zookeeper, &watcher, "map2", &alone);
    let other = follow(&zookeeper, &watcher, "map3", &IMPATIENT);
    wait_until_connected(&zookeeper, "map1", 1);
    follower.signal(Signal::KILL);
    watcher.wait_for_event("died", "map2");
    assert_eq!(causes(&watcher, "map2"), ["silent"]);
    assert!(!zookeeper.exists("/heart_beat/map2"));
    assert_eq!(other.finish().status(), 0);
}

#[test]
fn a_killed_master_is_known_by_its_connection_and_its_followers_go_to_the_next() {
    let zookeeper = ZooKeeper::start();
    let (watcher, master) = lead(&zookeeper, &PATIENT);
    let _next = follow(&zookeeper, &watcher, "map2", &PATIENT);
    let other = follow(&zookeeper, &watcher, "map3", &PATIENT);
    wait_until_connected(&zookeeper, "map1", 2);
    master.signal(Signal::KILL);
    watcher.wait_for_event("claimed", "map2");
    let story = watcher.story();
    let claim = story.iter().rfind(|logged| logged.event == "claimed");
    let claim = claim.expect("it was waited for");
    let previous = Some(("map1".to_owned(), "dead".to_owned()));
    assert_eq!(
        (&claim.previous, claim.cause.as_str()),
        (&previous, "closed")
    );
    wait_until_connected(&zookeeper, "map2", 1);
    assert_dead(&watcher, &[]);
    other.signal(Signal::KILL);
    watcher.wait_for_event("died", "map3");
    assert_eq!(causes(&watcher, "map3"), ["closed"]);
}

/// The host answers, and the connection stays open: only silence says that the process does nothing.
fn a_stopped_follower_is_dead_for_its_silence_and_returns(transport: &str) {
    let zookeeper = ZooKeeper::start();
    let options = [&IMPATIENT[..], &["--transport", transport]].concat();
    let (watcher, _master) = lead(&zookeeper, &options);
    let _next = follow(&zookeeper, &watcher, "map2", &options);
    let follower = follow(&zookeeper, &watcher, "map3", &options);
    wait_until_connected(&zookeeper, "map1", 2);
    follower.signal(Signal::STOP);
    watcher.wait_for_event("died", "map3");
    assert_eq!(causes(&watcher, "map3"), ["silent"]);
    follower.signal(Signal::CONT);
    watcher.wait_for_event("returned", "map3");
    wait_until_connected(&zookeeper, "map1", 2);
    // Longer than its timeout: it is heard.
    std::thread::sleep(Duration::from_secs(3));
    assert_dead(&watcher, &["map3"]);
    follower.signal(Signal::KILL);
    watcher.wait_for("it has died again", |_| causes(&watcher, "map3").len() == 2);
    assert_eq!(causes(&watcher, "map3"), ["silent", "closed"]);
}

#[test]
fn a_stopped_follower_is_dead_for_its_silence_and_returns_with_its_connection() {
    a_stopped_follower_is_dead_for_its_silence_and_returns("auto");
}

#[test]
fn a_stopped_follower_with_rare_beats_in_zookeeper_returns_once() {
    a_stopped_follower_is_dead_for_its_silence_and_returns("direct");
}

#[test]
fn a_host_that_vanishes_is_silent() {
    if let Some(why) = no_namespaces(&[]) {
        leave_out!("{why}");
    }
    let host = LinkedHost::start();
    let zookeeper = ZooKeeper::with_settings(&["clientPortAddress=0.0.0.0"]);
    let port = zookeeper.address().rsplit(':').next().map(str::to_owned);
    let address = format!("{}:{}", host.here(), port.expect("a port"));
    let watcher = Watcher::events(&zookeeper);
    let options = |name| [&["--zookeeper", &address, "--name", name], &IMPATIENT[..]].concat();
    let _master = Mapper::with_options(&address, &options("map1")[2..]);
    watcher.wait_for_event("claimed", "map1");
    let _follower = Mapper::behind(&host.starter(), &options("map2"));
    watcher.wait_for_event("alive", "map2");
    wait_until_connected(&zookeeper, "map1", 1);
    host.unplug();
    watcher.wait_for_event("died", "map2");
    assert_eq!(causes(&watcher, "map2"), ["silent"]);
    assert!(!zookeeper.exists("/heart_beat/map2"));
}

/// How often a follower's znode was written.
fn version(zookeeper: &ZooKeeper, name: &str) -> i32 {
    zookeeper.visit(async |session| {
        let path = session.paths().member(name);
        let (value, _) = session.read(&path).await.expect("it beats");
        value.stat.version
    })
}

#[test]
fn with_direct_beats_a_znode_is_written_rarely_and_endings_are_told_right() {
    let zookeeper = ZooKeeper::start();
    let direct = [&IMPATIENT[..], &["--transport", "direct"]].concat();
    let (watcher, _master) = lead(&zookeeper, &direct);
    // The next in line listens to the master's claim, and for that it needs the answers to its own beats.
    let _next = follow(&zookeeper, &watcher, "map2", &direct);
    let mut rare = follow(&zookeeper, &watcher, "map3", &direct);
    let failing = follow(&zookeeper, &watcher, "map4", &direct);
    let often = follow(&zookeeper, &watcher, "map5", &IMPATIENT);
    rare.feed(b"one two\n");
    wait_until_connected(&zookeeper, "map1", 4);

    let begin = Instant::now();
    let before = (version(&zookeeper, "map3"), version(&zookeeper, "map5"));
    let grown = || {
        let (rare, often) = (version(&zookeeper, "map3"), version(&zookeeper, "map5"));
        (rare - before.0, often - before.1)
    };
    wait_until("many beats", SOON, || grown().1 >= 600 && grown().0 >= 2);
    let (seldom, beats) = grown();
    let seconds = i32::try_from(begin.elapsed().as_secs()).expect("a short time");
    assert!(
        seldom <= seconds + 3 && seldom * 10 < beats,
        "{seldom} and {beats} writes in {seconds} s"
    );

    failing.signal(Signal::TERM);
    watcher.wait_for("it has left", |_| {
        let story = watcher.story();
        let ends = ["failed", "finished", "died"];
        story
            .iter()
            .any(|it| it.node == "map4" && ends.contains(&it.event.as_str()))
    });
    let story = watcher.story();
    let end = story.iter().rfind(|it| it.node == "map4");
    assert_eq!(end.map(|it| it.event.as_str()), Some("failed"), "{story:?}");
    let ended = rare.finish();
    assert_eq!(
        (ended.status(), ended.stdout().as_str()),
        (0, "one\t1\ntwo\t1\n"),
        "{}",
        ended.stderr()
    );
    watcher.wait_for_event("finished", "map3");
    assert_eq!(often.finish().status(), 0);
    watcher.wait_for_event("finished", "map5");
    for name in ["map6", "map7", "map8"] {
        let short = follow(&zookeeper, &watcher, name, &direct);
        assert_eq!(short.finish().status(), 0);
        watcher.wait_for_event("finished", name);
    }
    assert_dead(&watcher, &[]);
}

#[test]
fn an_address_that_is_not_of_this_host_costs_the_connections_and_one_line() {
    let zookeeper = ZooKeeper::start();
    let (watcher, _master) = lead(&zookeeper, &PATIENT);
    let taken = endpoint(&zookeeper, "map1").to_string();
    for (number, wrong) in ["192.0.2.1", "nobody.invalid", &taken]
        .into_iter()
        .enumerate()
    {
        let name = format!("wrong{number}");
        let options = [&PATIENT[..], &["--listen", wrong]].concat();
        let mut mapper = follow(&zookeeper, &watcher, &name, &options);
        mapper.feed(b"one two\n");
        let ended = mapper.finish();
        let said = ended.stderr();
        assert_eq!(
            (ended.status(), ended.stdout().as_str()),
            (0, "one\t1\ntwo\t1\n"),
            "{wrong}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{wrong}: {said}");
        assert!(said.contains(wrong), "{wrong}: {said}");
        watcher.wait_for_event("finished", &name);
    }
    for usage in ["", "localhost:99999", "0.0.0.0"] {
        let ended = start(&zookeeper, "usage", &["--listen", usage]).wait();
        assert_eq!(ended.status(), 2, "{usage}: {}", ended.stderr());
        assert!(ended.stderr().contains("--listen"), "{}", ended.stderr());
    }
    assert_dead(&watcher, &[]);
}

#[test]
fn a_master_accepts_connections_where_it_is_told_to() {
    let zookeeper = ZooKeeper::start();
    let address = format!("127.0.0.1:{}", free_port());
    let options = [&PATIENT[..], &["--listen", &address]].concat();
    let (watcher, _master) = lead(&zookeeper, &options);
    assert_eq!(endpoint(&zookeeper, "map1").to_string(), address);
    let follower = follow(&zookeeper, &watcher, "map2", &PATIENT);
    wait_until_connected(&zookeeper, "map1", 1);
    follower.signal(Signal::KILL);
    watcher.wait_for_event("died", "map2");
    assert_eq!(causes(&watcher, "map2"), ["closed"]);
}
