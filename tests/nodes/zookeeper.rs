//! Two node control servers with their state in a real ZooKeeper: if one of them fails, the other goes on
//! with everything that was acknowledged.

use std::{fs, path::Path};

use crate::support::{
    Client, Direction, KEYS, Program, Proxy, SECRET, SOON, ServerOfNodes, Storm, ZooKeeper, node,
    node_folder, wait_until, write_secret,
};
use heartline::nodes::auth::Body;
use rustix::process::Signal;
use tempfile::TempDir;

const WORKS: &str = "has the claim and works";
const STANDS_BY: &str = "stands by: its claim is lost";
const NODES: &str = "/heart_beat_nodes/nodes";

fn folder() -> TempDir {
    node_folder("127.0.0.1\tlocalhost\n")
}

fn pair(zookeeper: &ZooKeeper, is_sealed: bool, options: &[&str]) -> [ServerOfNodes; 2] {
    let address = zookeeper.address();
    ServerOfNodes::pair([&address, &address], is_sealed, options)
}

fn wait_for_entries(folder: &Path, names: &[&str]) {
    wait_until(&format!("{names:?} are in the block"), SOON, || {
        let text = fs::read_to_string(folder.join("hosts")).unwrap_or_default();
        let has = |name: &&str| text.contains(&format!("\t{name}\n"));
        names.iter().all(has)
    });
}

/// No live node was ever reported dead.
fn assert_none_died(agents: &[&Program]) {
    for agent in agents {
        let lines = agent.lines();
        let died = lines.iter().any(|line| line.ends_with("is dead"));
        assert!(!died, "{lines:#?}");
    }
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one sequence of steps with real processes"
)]
fn when_one_is_killed_or_stopped_the_other_goes_on() {
    let zookeeper = ZooKeeper::start();
    let [mut first, mut second] = pair(&zookeeper, true, &[]);
    let folders = [folder(), folder(), folder()];
    let master = first.agent(folders[0].path(), "m1", "master", "127.0.1.1");
    let slave = first.agent(folders[1].path(), "s1", "slave", "127.0.1.2");
    for folder in &folders[..2] {
        wait_for_entries(folder.path(), &["m1", "s1"]);
    }
    let alone = second.asked(&["list"]);
    assert_eq!(alone.status.code(), Some(1));
    let why = String::from_utf8_lossy(&alone.stderr);
    assert!(why.contains("stands by for another one"), "{why}");

    first.kill();
    second.log().wait_for(WORKS);
    second.log().wait_for("2 nodes are known");
    first.wait_for_verdict("m1", "alive");
    first.wait_for_verdict("s1", "alive");
    let late = first.agent(folders[2].path(), "s2", "slave", "127.0.1.3");
    for folder in &folders {
        wait_for_entries(folder.path(), &["m1", "s1", "s2"]);
    }

    // The active server hangs. When it continues, another one is active: it logs that, and sends its clients nothing.
    first.start_again();
    let mut client = Client::of(&second);
    let mut seal = client.hello(SECRET);
    let stolen = node("s2", "127.0.1.9", KEYS[0]).to_string();
    let mut attempt = |client: &mut Client| {
        let seal = seal.seal(&Body::new(stolen.clone().into_bytes()));
        client.send(&[&seal[..], stolen.as_bytes()].concat());
    };
    attempt(&mut client);
    second.log().wait_for("belongs to another key");
    second.log().signal(Signal::STOP);
    attempt(&mut client);
    first.log().wait_for(WORKS);
    first.log().wait_for("3 nodes are known");
    let before = second.log().lines().len();
    second.log().signal(Signal::CONT);
    second.log().wait_for(STANDS_BY);
    client.wait_for_end();
    for line in &second.log().lines()[before..] {
        let has_decided = line.contains("has died") || line.contains("is refused");
        assert!(!has_decided, "{line}");
    }
    for name in ["m1", "s1", "s2"] {
        first.wait_for_verdict(name, "alive");
    }
    assert_none_died(&[&master, &slave, &late]);

    // Both are killed: their state is in ZooKeeper.
    first.kill();
    second.kill();
    drop(late);
    first.start_again();
    first.log().wait_for("3 nodes are known");
    first.wait_for_verdict("s2", "dead");
    let lives = first.asked(&["forget", "s1"]);
    assert_eq!(lives.status.code(), Some(1));
    let why = String::from_utf8_lossy(&lives.stderr);
    assert!(
        why.contains("s1 is alive and would register again"),
        "{why}"
    );
    let forgotten = first.asked(&["forget", "s2"]);
    assert!(forgotten.status.success(), "{forgotten:?}");
    assert!(!zookeeper.exists(&format!("{NODES}/s2")));
    assert!(zookeeper.exists(&format!("{NODES}/s1")));
    master.wait_for("s2 is dead");
    let forced = first.asked(&["forget", "s1", "--force"]);
    assert!(forced.status.success(), "{forced:?}");
    first.log().wait_for("s1 is forgotten");
}

#[test]
fn without_zookeeper_nobody_is_served_and_nothing_is_lost() {
    let mut zookeeper = ZooKeeper::start();
    let [first, second] = pair(&zookeeper, true, &[]);
    let folder = folder();
    let agent = first.agent(folder.path(), "m1", "master", "127.0.1.1");
    wait_for_entries(folder.path(), &["m1"]);
    let before = fs::read_to_string(folder.path().join("hosts")).expect("there");
    zookeeper.kill();
    first.log().wait_for(STANDS_BY);
    agent.wait_for("stands by for another one");
    zookeeper.restart();
    let worked = |server: &ServerOfNodes| {
        let lines = server.log().lines();
        lines.iter().filter(|line| line.contains(WORKS)).count()
    };
    wait_until("one of them works again", SOON, || {
        worked(&first) + worked(&second) >= 2
    });
    first.wait_for_verdict("m1", "alive");
    let after = fs::read_to_string(folder.path().join("hosts")).expect("there");
    assert_eq!(after, before);
    assert_none_died(&[&agent]);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed_amid_registrations() {
    const ALL: usize = 200;
    let zookeeper = ZooKeeper::start();
    let options = ["--connections-per-address", "300"];
    let [mut first, second] = pair(&zookeeper, false, &options);
    let storm = Storm::of(first.address, ALL);
    storm.wait_for(20);
    first.kill();
    let known = storm.acknowledged();
    eprintln!(
        "{} of {ALL} were acknowledged when the server was killed",
        known.len()
    );
    second.log().wait_for(WORKS);
    let nodes = second.list();
    for name in &known {
        let is_known = nodes.iter().any(|node| node["hostname"] == **name);
        assert!(is_known, "{name} is lost");
    }
}

#[test]
fn a_server_that_zookeeper_does_not_hear_acknowledges_nothing() {
    let zookeeper = ZooKeeper::start();
    let proxy = Proxy::before(&zookeeper.address());
    let ways = [&*proxy.address(), &*zookeeper.address()];
    let [first, second] = ServerOfNodes::pair(ways, false, &[]);
    let mut client = Client::of(&first);
    client.send(node("n1", "127.0.1.1", KEYS[0]).to_string().as_bytes());
    client.wait_for(r#""type":"ack","of":"register""#);

    // Its connection stands, and so does its claim, for a while.
    proxy.freeze(Direction::ToServer);
    let mut late = Client::of(&first);
    late.send(node("n2", "127.0.1.2", KEYS[1]).to_string().as_bytes());
    late.wait_for_end();
    first.log().wait_for(STANDS_BY);
    second.log().wait_for(WORKS);

    // Its delayed write arrives now, and is rejected.
    proxy.restore();
    let mut other = Client::of(&second);
    other.send(node("n3", "127.0.1.3", KEYS[1]).to_string().as_bytes());
    other.wait_for(r#""type":"ack","of":"register""#);
    let nodes = second.list();
    let names: Vec<_> = nodes
        .iter()
        .filter_map(|node| node["hostname"].as_str())
        .collect();
    assert_eq!(names, ["n1", "n3"]);
    assert!(!zookeeper.exists(&format!("{NODES}/n2")));
}

#[test]
fn what_another_has_written_to_zookeeper_is_not_believed() {
    let zookeeper = ZooKeeper::start();
    let [mut first, second] = pair(&zookeeper, true, &[]);
    drop(second);
    let folder = folder();
    let agent = first.agent(folder.path(), "m1", "master", "127.0.1.1");
    agent.wait_for("m1 is master now");
    first.kill();
    let path = format!("{NODES}/m1");
    let value = zookeeper.znode(&path);
    assert!(value.contains("127.0.1.1"), "{value}");
    let forged = value.replace("127.0.1.1", "127.0.1.9");
    zookeeper
        .visit(async |session| session.set(&path, &forged).await)
        .expect("written");
    first.start_again();
    first.log().wait_for(&format!("{path} is passed over: "));
    // The real node registers again.
    first.wait_for_verdict("m1", "alive");
    wait_until("its own address is kept", SOON, || {
        zookeeper.znode(&path).contains("127.0.1.1")
    });
}

#[test]
fn a_znode_that_is_no_nodes_costs_no_server_its_work() {
    let zookeeper = ZooKeeper::start();
    let [first, second] = pair(&zookeeper, true, &[]);
    let folder = folder();
    let agent = first.agent(folder.path(), "m1", "master", "127.0.1.1");
    agent.wait_for("m1 is master now");
    for path in [
        "nodes/junk",
        "nodes/junk/child",
        "heart_beat",
        "heart_beat/junk",
        "heart_beat/junk/child",
    ] {
        let path = format!("/heart_beat_nodes/{path}");
        if !zookeeper.exists(&path) {
            zookeeper.create_lasting(&path, "hello");
        }
    }
    drop(first);
    second.log().wait_for(WORKS);
    second
        .log()
        .wait_for("/heart_beat_nodes/nodes/junk is passed over: ");
    second.wait_for_verdict("m1", "alive");
    assert!(zookeeper.exists("/heart_beat_nodes/nodes/junk/child"));
}

#[test]
fn a_znode_that_cannot_be_written_costs_its_node_alone() {
    let zookeeper = ZooKeeper::start();
    let [first, second] = pair(&zookeeper, false, &[]);
    drop(second);
    let folders = [folder(), folder(), folder(), folder()];
    let master = first.agent(folders[0].path(), "m1", "master", "127.0.1.1");
    master.wait_for("m1 is master now");
    // One may be written and not read, one may be read and not written, and one gets a child.
    zookeeper.create_unreadable(&format!("{NODES}/s1"), "");
    zookeeper.create_unwritable(&format!("{NODES}/s3"), "");
    let hidden = first.agent(folders[1].path(), "s1", "slave", "127.0.1.2");
    zookeeper.create_lasting(&format!("{NODES}/m1/child"), "");
    let late = first.agent(folders[2].path(), "s2", "slave", "127.0.1.3");
    for folder in &folders[..3] {
        wait_for_entries(folder.path(), &["m1", "s1", "s2"]);
    }
    assert!(zookeeper.exists(&format!("{NODES}/s2")));
    let refused = first.agent(folders[3].path(), "s3", "slave", "127.0.1.4");
    refused.wait_for("s3 is refused: 'the change is not stored: ZooKeeper refuses ");
    let complaint = format!("{NODES}/s3 is passed over: ");
    first.log().wait_for(&complaint);
    drop((master, hidden, late, refused));
    first.wait_for_verdict("s2", "dead");
    let forgotten = first.asked(&["forget", "s2"]);
    assert!(forgotten.status.success(), "{forgotten:?}");
    assert!(!zookeeper.exists(&format!("{NODES}/s2")));
    let lines = first.log().lines();
    let complaints = lines.iter().filter(|line| line.contains(&complaint));
    assert_eq!(complaints.count(), 1, "{lines:#?}");
}

#[test]
fn a_forgotten_node_stays_forgotten_though_its_znode_cannot_be_removed() {
    let zookeeper = ZooKeeper::start();
    let [mut first, second] = pair(&zookeeper, true, &[]);
    drop(second);
    let folders = [folder(), folder()];
    let agents = [("m1", "master"), ("s1", "slave")].map(|(name, role)| {
        let at = usize::from(name == "s1");
        first.agent(
            folders[at].path(),
            name,
            role,
            ["127.0.1.1", "127.0.1.2"][at],
        )
    });
    wait_for_entries(folders[0].path(), &["m1", "s1"]);
    drop(agents);
    zookeeper.create_lasting(&format!("{NODES}/s1/child"), "");
    let forgotten = first.asked(&["forget", "s1", "--force"]);
    assert!(forgotten.status.success(), "{forgotten:?}");
    assert_eq!(zookeeper.znode(&format!("{NODES}/s1")), "");
    first.kill();
    first.start_again();
    first.log().wait_for("1 nodes are known");
    let nodes = first.list();
    assert_eq!(nodes.len(), 1, "{nodes:?}");
    let lines = first.log().lines();
    assert!(
        !lines.iter().any(|line| line.contains("passed over")),
        "{lines:#?}"
    );
    // The name is free.
    let _agent = first.agent(folders[1].path(), "s1", "slave", "127.0.1.2");
    first.wait_for_verdict("s1", "alive");
    assert_ne!(zookeeper.znode(&format!("{NODES}/s1")), "");
}

#[test]
fn a_number_that_no_server_gave_costs_no_server_its_work() {
    let zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    let place = ["--state", "zookeeper", "--zookeeper", &address];
    let mut server = ServerOfNodes::bare(&place);
    server.log().wait_for(WORKS);
    let folders = [folder(), folder()];
    let agent = server.agent(folders[0].path(), "m1", "master", "127.0.1.1");
    agent.wait_for("m1 is master now");
    let stored = zookeeper.znode(&format!("{NODES}/m1"));
    server.kill();
    for (name, number) in [
        ("e1", "9223372036854775807"),
        ("e2", "18446744073709551615"),
    ] {
        let forged = stored
            .replace("\"m1\"", &format!("{name:?}"))
            .replace("\"number\":0", &format!("\"number\":{number}"))
            .replace(
                "127.0.1.1",
                &format!("127.0.1.{}", name.len() + number.len()),
            );
        assert!(forged.contains(number), "{forged}");
        zookeeper.create_lasting(&format!("{NODES}/{name}"), &forged);
        server.start_again();
        server.log().wait_for(WORKS);
        server.wait_for_verdict("m1", "alive");
        server.kill();
    }
    server.start_again();
    server.log().wait_for("3 nodes are known");
    let _late = server.agent(folders[1].path(), "s1", "slave", "127.0.1.9");
    server.wait_for_verdict("s1", "alive");
    server.kill();
    server.start_again();
    server.log().wait_for("4 nodes are known");
}

#[test]
fn a_standby_with_another_secret_is_found_out_before_it_is_needed() {
    let zookeeper = ZooKeeper::start();
    let place = ["--state", "zookeeper", "--zookeeper", &zookeeper.address()];
    let first = ServerOfNodes::sealed(&place);
    first.log().wait_for(WORKS);
    let folder = folder();
    let agent = first.agent(folder.path(), "m1", "master", "127.0.1.1");
    agent.wait_for("m1 is master now");
    let other = write_secret(folder.path(), "another secret of the same length");
    let other = ["--secret-file", other.to_str().expect("text")];
    let mut second = ServerOfNodes::bare(&[&place[..], &other].concat());
    second
        .log()
        .wait_for("cannot be trusted; is --secret-file the same as the other servers'?");
    second.wait_for_end();
    first.wait_for_verdict("m1", "alive");
}
