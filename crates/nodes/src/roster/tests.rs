//! Tests of the roster's rules, with a simulated time.

use std::time::Duration;

use super::*;
use crate::fields::NodeAddress;
use crate::state::PersistedState;
use heartline_core::detect::Rule;

const KEYS: [&str; 3] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICAfHh0cGxoZGBcWFRQTEhEQDw4NDAsKCQgHBgUEAwIB",
];

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn rules() -> Rules {
    Rules {
        detection: DetectorConfig {
            rule: Rule::Fixed,
            timeout: ms(3000),
            longest_gap: ms(300),
        },
        reconnect_timeout: ms(1000),
        grace: ms(8000),
        most: 10,
        most_of_one: 3,
        domain: None,
    }
}

fn node(name: &str, role: NodeRole, n: usize) -> Registration {
    Registration {
        role,
        is_well: true,
        name: name.parse().expect("a name"),
        address: NodeAddress::parse(&format!("10.0.0.{n}"), false).expect("an address"),
        key: KEYS[n % 3].parse().expect("a key"),
        host_key: None,
        user: "hadoop".parse().expect("a user"),
        keeps_connection: true,
        signature: None,
        is_proven: false,
    }
}

fn beat(of: &Registration) -> NodeHeartbeat {
    NodeHeartbeat {
        role: of.role,
        is_well: true,
        name: of.name.clone(),
        address: of.address,
    }
}

fn events(roster: &mut Roster) -> Vec<String> {
    std::iter::from_fn(|| roster.poll_event())
        .map(|event| event.to_string())
        .collect()
}

/// Ticks every 100 ms from one time to another.
fn pass(roster: &mut Roster, from: u64, to: u64) {
    for at in (from..=to).step_by(100) {
        roster.tick(ms(at));
    }
}

#[test]
fn the_first_that_would_be_master_is_and_comes_first() {
    let mut roster = Roster::new(rules());
    let slave = node("s1", NodeRole::Slave, 1);
    assert_eq!(roster.register(ms(0), &slave), Ok(Standing::Slave));
    let master = node("m1", NodeRole::Master, 2);
    assert_eq!(roster.register(ms(10), &master), Ok(Standing::Master));
    let second = node("m2", NodeRole::Master, 3);
    assert_eq!(roster.register(ms(20), &second), Ok(Standing::Standby));
    let order: Vec<&str> = roster
        .nodes()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(order, ["m1", "s1", "m2"]);
}

#[test]
fn a_standby_takes_over_from_the_dead_and_remains_master() {
    let mut roster = Roster::new(rules());
    let (first, second) = (
        node("m1", NodeRole::Master, 1),
        node("m2", NodeRole::Master, 2),
    );
    roster.register(ms(0), &first).expect("taken");
    roster.register(ms(0), &second).expect("taken");
    events(&mut roster);
    for at in (0..=4000).step_by(500) {
        pass(&mut roster, at, at + 400);
        roster.beat(ms(at + 450), &beat(&second)).expect("known");
    }
    assert_eq!(
        events(&mut roster),
        [
            "m1 is late",
            "m1 has died",
            "m2 is master in the place of m1"
        ]
    );
    assert_eq!(roster.beat(ms(5000), &beat(&first)), Ok(Standing::Standby));
    assert_eq!(events(&mut roster), ["m1 has returned"]);
    assert_eq!(roster.standing(&second.name), Standing::Master);
}

#[test]
fn a_dead_master_without_a_standby_is_master_when_it_returns() {
    let mut roster = Roster::new(rules());
    let first = node("m1", NodeRole::Master, 1);
    roster.register(ms(0), &first).expect("taken");
    pass(&mut roster, 0, 4000);
    assert!(!roster.nodes[&first.name].is_alive());
    let before = roster.version();
    assert_eq!(roster.register(ms(4100), &first), Ok(Standing::Master));
    assert!(roster.version() > before);
}

#[test]
fn another_host_key_is_a_change_and_the_same_is_none() {
    let mut roster = Roster::new(rules());
    let mut own = node("n1", NodeRole::Slave, 1);
    let mut changes = |own: &Registration| {
        let before = roster.version();
        roster.register(ms(0), own).expect("taken");
        let known = roster.node(&own.name).expect("known");
        assert_eq!(known.host_key, own.host_key);
        roster.version() - before
    };
    assert_eq!(changes(&own), 1);
    own.host_key = Some(KEYS[2].parse().expect("a key"));
    assert_eq!(changes(&own), 1);
    assert_eq!(changes(&own), 0);
    own.host_key = None;
    assert_eq!(changes(&own), 1);
}

#[test]
fn a_name_belongs_to_its_key_until_it_is_forgotten() {
    let mut roster = Roster::new(rules());
    roster
        .register(ms(0), &node("n1", NodeRole::Slave, 1))
        .expect("taken");
    let mut thief = node("n1", NodeRole::Slave, 2);
    assert!(roster.register(ms(1), &thief).is_err());
    pass(&mut roster, 0, 5000);
    assert!(
        roster.register(ms(5000), &thief).is_err(),
        "also when it is dead"
    );
    roster.forget(ms(5000), &thief.name, false).expect("known");
    roster.register(ms(5001), &thief).expect("free");
    thief.role = NodeRole::Master;
    assert!(
        roster.register(ms(5002), &thief).is_err(),
        "a role is fixed by the first registration"
    );
    let other = node("n2", NodeRole::Slave, 0);
    assert!(
        roster
            .leave(
                ms(5003),
                &Registration {
                    key: other.key,
                    ..thief.clone()
                }
            )
            .is_err()
    );
    assert_eq!(roster.leave(ms(5003), &thief), Ok(()));
}

#[test]
fn who_lives_is_forgotten_only_by_force() {
    let mut roster = Roster::new(rules());
    let one = node("n1", NodeRole::Slave, 1);
    roster.register(ms(0), &one).expect("taken");
    let refused = roster.forget(ms(1), &one.name, false);
    assert!(refused.is_err_and(|why| why.to_string().contains("n1 is alive")));
    assert!(roster.node(&one.name).is_some());
    assert_eq!(roster.forget(ms(2), &one.name, true), Ok(()));
    assert!(roster.node(&one.name).is_none());
    roster.register(ms(3), &one).expect("taken");
    pass(&mut roster, 0, 5000);
    assert_eq!(roster.forget(ms(5000), &one.name, false), Ok(()));
}

#[test]
fn who_has_proven_to_have_the_key_must_do_so_again() {
    let mut roster = Roster::new(rules());
    let mut owner = node("n1", NodeRole::Slave, 1);
    roster.register(ms(0), &owner).expect("taken");
    owner.is_proven = true;
    let before = roster.version();
    roster.register(ms(1), &owner).expect("known");
    assert!(roster.version() > before, "it is to be kept");
    let mut thief = node("n1", NodeRole::Slave, 1);
    assert!(roster.register(ms(2), &thief).is_err());
    assert!(roster.leave(ms(2), &thief).is_err());
    thief.is_proven = true;
    assert_eq!(roster.leave(ms(3), &thief), Ok(()));
}

#[test]
fn an_address_belongs_to_who_lives_there() {
    let mut roster = Roster::new(rules());
    let first = node("n1", NodeRole::Slave, 1);
    roster.register(ms(0), &first).expect("taken");
    let mut second = node("n2", NodeRole::Slave, 2);
    second.address = first.address;
    assert!(roster.register(ms(1), &second).is_err());
    pass(&mut roster, 0, 4000);
    roster
        .register(ms(4000), &second)
        .expect("its owner is dead");
    assert_eq!(roster.nodes[&first.name].address, None);
}

#[test]
fn one_address_does_not_take_all_names() {
    let mut roster = Roster::new(rules());
    let at = |name: &str, n: usize| Registration {
        address: node("n", NodeRole::Slave, n).address,
        ..node(name, NodeRole::Slave, 0)
    };
    let mut now = 0;
    for name in ["n1", "n2", "n3"] {
        roster.register(ms(now), &at(name, 1)).expect("taken");
        pass(&mut roster, now, now + 4000);
        now += 4000;
    }
    let refused = roster.register(ms(now), &at("n4", 1));
    assert!(refused.is_err_and(|why| why.to_string().contains("has had 3 names already")));
    // The node is known again, and the others do not block it.
    let mut roster = PersistedState::of(&roster).roster(rules(), ms(now));
    assert!(roster.register(ms(now), &at("n4", 1)).is_err());
    roster.register(ms(now), &at("n4", 2)).expect("elsewhere");
    roster
        .register(ms(now), &at("n1", 3))
        .expect("it has moved");
    pass(&mut roster, now, now + 9000);
    roster
        .register(ms(now + 9000), &at("n5", 1))
        .expect("there is room");
}

#[test]
fn a_lost_connection_is_followed_by_death_unless_it_comes_back() {
    let mut roster = Roster::new(rules());
    let (lasting, mut passing) = (
        node("n1", NodeRole::Slave, 1),
        node("n2", NodeRole::Slave, 2),
    );
    passing.keeps_connection = false;
    for node in [&lasting, &passing] {
        roster.register(ms(0), node).expect("taken");
        roster.lose(ms(100), &node.name);
    }
    pass(&mut roster, 0, 900);
    roster.register(ms(900), &lasting).expect("taken");
    roster.lose(ms(950), &lasting.name);
    pass(&mut roster, 1000, 2400);
    assert!(!roster.nodes[&lasting.name].is_alive());
    assert!(roster.nodes[&passing.name].is_alive());
}

#[test]
fn a_pause_of_the_server_kills_nobody() {
    let mut roster = Roster::new(rules());
    let one = node("n1", NodeRole::Slave, 1);
    roster.register(ms(0), &one).expect("taken");
    roster.tick(ms(100));
    roster.tick(ms(60_000));
    assert!(roster.nodes[&one.name].is_alive());
    assert_eq!(roster.nodes[&one.name].verdict(ms(60_000)), Verdict::Alive);
}

#[test]
fn after_a_pause_of_the_server_all_may_come_back_before_anybody_is_dead() {
    let mut roster = Roster::new(rules());
    let nodes = [1, 2, 3].map(|n| node(&format!("n{n}"), NodeRole::Slave, n));
    for node in &nodes {
        roster.register(ms(0), node).expect("taken");
    }
    roster.tick(ms(100));
    // The heartbeats of the pause come first, then the ends of the connections.
    for node in &nodes {
        roster.beat(ms(12_000), &beat(node)).expect("known");
        roster.lose(ms(12_000), &node.name);
    }
    pass(&mut roster, 12_000, 14_900);
    roster.register(ms(14_900), &nodes[0]).expect("known");
    for at in (15_000..=19_900).step_by(100) {
        roster.tick(ms(at));
        roster.beat(ms(at), &beat(&nodes[0])).expect("known");
    }
    roster.register(ms(19_900), &nodes[1]).expect("known");
    let died = |roster: &mut Roster| {
        let mut said = events(roster);
        said.retain(|said| said.ends_with("has died"));
        said
    };
    assert_eq!(died(&mut roster), [""; 0]);
    // The grace ends: a node that has not come back is dead, and from now on all are judged as before.
    for at in (20_000..=20_400).step_by(100) {
        roster.tick(ms(at));
        roster.beat(ms(at), &beat(&nodes[0])).expect("known");
    }
    assert_eq!(died(&mut roster), ["n3 has died"]);
    roster.lose(ms(20_400), &nodes[1].name);
    pass(&mut roster, 20_500, 21_500);
    assert_eq!(died(&mut roster), ["n2 has died"]);
}

#[test]
fn what_is_wrong_is_not_taken() {
    let mut roster = Roster::new(Rules {
        most: 1,
        domain: Some("hadoop.com".parse().expect("a name")),
        ..rules()
    });
    assert!(
        roster
            .register(ms(0), &node("bank.com", NodeRole::Slave, 1))
            .is_err()
    );
    assert!(
        roster
            .register(ms(0), &node("evilhadoop.com", NodeRole::Slave, 1))
            .is_err()
    );
    let one = node("n1.hadoop.com", NodeRole::Slave, 1);
    roster.register(ms(0), &one).expect("taken");
    assert!(
        roster
            .register(ms(0), &node("n2.hadoop.com", NodeRole::Slave, 2))
            .is_err(),
        "too many"
    );
    let mut elsewhere = beat(&one);
    elsewhere.address = NodeAddress::parse("10.0.0.9", false).expect("an address");
    assert!(roster.beat(ms(1), &elsewhere).is_err());
    let mut other = beat(&one);
    other.role = NodeRole::Master;
    assert!(roster.beat(ms(1), &other).is_err());
    other = beat(&node("n3.hadoop.com", NodeRole::Slave, 3));
    assert!(roster.beat(ms(1), &other).is_err(), "not registered");
}

#[test]
fn a_node_that_says_it_does_not_work_is_published_as_not_working() {
    let mut roster = Roster::new(rules());
    let one = node("n1", NodeRole::Slave, 1);
    roster.register(ms(0), &one).expect("taken");
    let before = roster.version();
    let mut unwell = beat(&one);
    unwell.is_well = false;
    roster.beat(ms(1), &unwell).expect("known");
    assert!(!roster.nodes[&one.name].is_alive());
    assert!(roster.version() > before);
}

#[test]
fn who_was_known_before_has_time_to_come_back() {
    let mut before = Roster::new(rules());
    let nodes = [
        node("m1", NodeRole::Master, 0),
        node("s1", NodeRole::Slave, 1),
        node("s2", NodeRole::Slave, 2),
    ];
    for node in &nodes {
        before.register(ms(0), node).expect("taken");
    }
    before.forget(ms(0), &nodes[2].name, true).expect("known");
    let mut roster = PersistedState::of(&before).roster(rules(), ms(50_000));
    let run = |roster: &mut Roster, from: u64, to: u64| {
        for at in (from..to).step_by(100) {
            roster.tick(ms(at));
            if at >= 51_000 {
                // Only one of them finds the server.
                roster.beat(ms(at), &beat(&nodes[1])).expect("known");
            }
        }
    };
    run(&mut roster, 50_000, 57_900);
    assert_eq!(events(&mut roster), ["m1 is late"]);
    assert_eq!(roster.master(), Some(&nodes[0].name));
    run(&mut roster, 57_900, 58_200);
    assert_eq!(events(&mut roster), ["m1 has died"]);
    assert_eq!(roster.nodes()[1].1.verdict(ms(58_200)), Verdict::Alive);
}
