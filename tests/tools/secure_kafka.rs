//! Events reach a real Kafka broker by TLS and SASL, and what is wrong is told, with what to do; meanwhile no event is lost.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{
    Authority, Mapper, PASSWORD, Published, Publisher, SOON, SecuredKafka, Watcher, ZooKeeper,
    assert_all_published, wait_until,
};

/// How soon a failure that does not go away by itself must be told, in seconds, on a busy machine.
const TOLD: Duration = Duration::from_secs(30);

fn start(zookeeper: &ZooKeeper, target: &str, options: &[&str]) -> Publisher {
    let options = [&["--to", target], options].concat();
    Publisher::start(&zookeeper.address(), &options, Stdio::null())
}

/// Ends it; a password must not be in what it said.
fn end(running: Publisher) -> (Option<i32>, String) {
    let (status, said) = running.end();
    assert!(!said.contains(PASSWORD), "{said}");
    (status, said)
}

/// How often the event that a node has finished has arrived.
fn finished(kafka: &SecuredKafka, topic: &str, node: &str) -> usize {
    let records = kafka.broker.consume(topic);
    let events = records.iter().map(|(_, value)| Published::parse(value));
    events
        .filter(|event| event.event == "finished" && event.node == node)
        .count()
}

#[test]
fn events_arrive_by_tls_from_users_and_certificates() {
    let (zookeeper, kafka) = (ZooKeeper::start(), SecuredKafka::start());
    kafka.broker.create_topic("events", 2, 1);
    let principals = ["User:job", "User:CN=worker"].map(|name| ["--allow-principal", name]);
    let rights = ["--operation", "Write", "--topic", "events"];
    kafka.allow(&[principals.as_flattened(), &rights].concat());
    let file = kafka.credentials("job", "job");
    let certificate = kafka.authority.sign("worker", "nowhere.example");
    let ca = kafka.authority.certificate();
    let ways = [
        ("closed", "--kafka-sasl", format!("scram-sha-512:{file}")),
        ("closed", "--kafka-sasl", format!("scram-sha-256:{file}")),
        ("closed", "--kafka-sasl", format!("plain:{file}")),
        ("certified", "--kafka-tls-cert", certificate),
    ];
    let running = ways.map(|(listener, option, value)| {
        let target = kafka.target(listener, "events");
        start(&zookeeper, &target, &["--kafka-tls", &ca, option, &value])
    });
    let watcher = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let follower = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("joined", "map2");
    follower.finish();
    wait_until("each has delivered the event", SOON, || {
        finished(&kafka, "events", "map2") == running.len()
    });
    for running in running {
        let (status, said) = end(running);
        assert_eq!(status, Some(0), "{said}");
        assert!(!said.contains("kafka"), "{said}");
    }
}

/// Publishes to a listener until it complains of a mistake, which it must tell with these words, and try again.
fn told(kafka: &SecuredKafka, zookeeper: &ZooKeeper, listener: &str, options: &[&str], says: &str) {
    let options = [options, &["--linger", "1ms"]].concat();
    let running = start(zookeeper, &kafka.target(listener, "events"), &options);
    let what = format!("{listener} {options:?}: it says '{says}'");
    wait_until(&what, TOLD, || running.said().contains(says));
    let (_, said) = end(running);
    let line = said.lines().find(|line| line.contains(says));
    assert!(
        line.is_some_and(|line| line.ends_with("; trying again")),
        "{said}"
    );
}

#[test]
fn a_broker_that_cannot_be_trusted_or_trusts_nobody_is_told() {
    let (zookeeper, kafka) = (ZooKeeper::start(), SecuredKafka::start());
    let told = |listener, options: &[&str], says| told(&kafka, &zookeeper, listener, options, says);
    let ca = kafka.authority.certificate();
    let tls = ["--kafka-tls", &ca];
    told(
        "expired",
        &tls,
        "has a certificate that has expired: renew it there",
    );
    told("elsewhere", &tls, "connect by one of them (kafka.example)");
    told(
        "open",
        &tls,
        "name a listener of SSL or SASL_SSL, or leave out --kafka-tls",
    );
    told("closed", &[], "asks for TLS: give --kafka-tls");
    let wants = "wants a certificate: give one that its CA has signed, by --kafka-tls-cert";
    told("certified", &tls, wants);
    let stranger = Authority::new(kafka.folder(), "stranger");
    let own = format!(
        "--kafka-tls-cert={}",
        stranger.sign("foreign", "nowhere.example")
    );
    let refuses = "its trust store must have the CA that signed it";
    told("certified", &[&tls, &[own.as_str()][..]].concat(), refuses);
}

#[test]
fn credentials_that_a_listener_does_not_take_are_told() {
    let (zookeeper, kafka) = (ZooKeeper::start(), SecuredKafka::start());
    let told = |listener, options: &[&str], says| told(&kafka, &zookeeper, listener, options, says);
    let ca = format!("--kafka-tls={}", kafka.authority.certificate());
    let job = kafka.credentials("job", "job");
    let sasl = |mechanism: &str, file: &str| format!("--kafka-sasl={mechanism}:{file}");
    let (scram, plain) = (sasl("scram-sha-256", &job), sasl("plain", &job));
    let nobody = sasl("plain", &kafka.credentials("nobody", "job"));
    told(
        "closed",
        &[&ca],
        "give --kafka-sasl, if this listener asks for it",
    );
    told(
        "scram",
        &[&scram],
        "the brokers do not offer SCRAM-SHA-256: give --kafka-sasl",
    );
    told(
        "scram",
        &[&plain],
        "the brokers do not offer PLAIN: give --kafka-sasl",
    );
    told("open", &[&plain], "or leave out --kafka-sasl");
    told(
        "closed",
        &[&ca, &nobody],
        "they know no such user by PLAIN, or it has another",
    );
}

#[test]
fn no_event_is_lost_until_the_mistakes_are_corrected() {
    let (zookeeper, kafka) = (ZooKeeper::start(), SecuredKafka::start());
    kafka.broker.create_topic("events", 1, 1);
    let ca = kafka.folder().join("trusted.pem");
    let other = Authority::new(kafka.folder(), "other");
    fs::copy(other.certificate(), &ca).expect("a folder");
    let ca = ca.to_str().expect("a path");
    let sasl = format!("scram-sha-512:{}", kafka.credentials("job", "stranger"));
    let options = ["--kafka-tls", ca, "--kafka-sasl", &sasl];
    let watcher = Watcher::events(&zookeeper);
    let running = start(&zookeeper, &kafka.target("closed", "events"), &options);
    running.wait_until_said("has a certificate that no CA in --kafka-tls");
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let follower = Mapper::start(&zookeeper, "map2");
    watcher.wait_for_event("joined", "map2");
    fs::copy(kafka.authority.certificate(), ca).expect("a folder");
    running.wait_until_said("the brokers refuse the user job of --kafka-sasl scram-sha-512:");
    kafka.credentials("job", "job");
    let refusal = "--allow-principal 'User:job' --operation Write --topic events";
    running.wait_until_said(refusal);
    let right = |name| {
        [
            "--allow-principal",
            "User:job",
            "--operation",
            name,
            "--topic",
            "events",
        ]
    };
    // Found, but not written to.
    kafka.allow(&right("Describe"));
    running.wait_until_said("takes events again");
    wait_until("it says so again", SOON, || {
        running.said().matches(refusal).count() == 2
    });
    follower.finish();
    watcher.wait_for_event("finished", "map2");
    kafka.allow(&right("Write"));
    wait_until("it has arrived", SOON, || {
        finished(&kafka, "events", "map2") == 1
    });
    let (status, said) = end(running);
    assert_eq!(status, Some(0), "{said}");
    for once in [
        "has a certificate that no CA",
        "the brokers refuse the user job",
    ] {
        assert_eq!(said.matches(once).count(), 1, "{said}");
    }
    let mut truth = watcher.lines();
    truth.retain(|line| !line.contains("\"alive\""));
    let records = kafka.broker.consume("events");
    let published: Vec<_> = records
        .iter()
        .map(|(_, value)| Published::parse(value))
        .collect();
    assert_eq!(assert_all_published(&truth, &published), 0);
}

#[test]
fn a_new_password_needs_no_restart() {
    let (zookeeper, mut kafka) = (ZooKeeper::start(), SecuredKafka::start());
    kafka.broker.create_topic("events", 2, 1);
    let rights = ["--operation", "Write", "--topic", "events"];
    kafka.allow(&[&["--allow-principal", "User:job"], &rights[..]].concat());
    let file = kafka.credentials("job", "job");
    let sasl = format!("--kafka-sasl=scram-sha-512:{file}");
    let ca = format!("--kafka-tls={}", kafka.authority.certificate());
    let watcher = Watcher::events(&zookeeper);
    let running = start(&zookeeper, &kafka.target("closed", "events"), &[&ca, &sasl]);
    let _master = Mapper::start(&zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let leave = |name| {
        let follower = Mapper::start(&zookeeper, name);
        watcher.wait_for_event("joined", name);
        follower.finish();
        watcher.wait_for_event("finished", name);
    };
    leave("map2");
    wait_until("it has arrived", SOON, || {
        finished(&kafka, "events", "map2") == 1
    });
    kafka.change_password("job", "new");
    kafka.broker.kill();
    kafka.broker.launch();
    leave("map3");
    running.wait_until_said("the brokers refuse the user job");
    kafka.credentials("job", "new");
    // Each partition has its own connection.
    running.wait_until_said("takes events again");
    leave("map4");
    for name in ["map3", "map4"] {
        wait_until("it has arrived", SOON, || {
            finished(&kafka, "events", name) == 1
        });
    }
    let (status, said) = end(running);
    assert_eq!(status, Some(0), "{said}");
}
