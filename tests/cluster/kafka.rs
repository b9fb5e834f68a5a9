//! The sample with observers and two brokers: voters and observers, a topic on both brokers, and the cluster's status
//! after one broker is killed. About a minute.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::hadoop::{script, succeed};
use crate::support::{Described, Parts, wait_until};

/// The time limit of a step, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn observers_do_not_vote_and_a_topic_outlives_a_broker() {
    let _machine = crate::support::whole_machine();
    Parts::of_kafka();
    let cluster = Described::sample("loopback", "observers-kafka");
    let said = cluster.up();
    assert!(said.contains("brokers: all 2 registered"), "{said}");
    let mut modes = cluster.modes(&[1, 2, 3]);
    modes.sort();
    assert_eq!(modes, ["follower", "follower", "leader"]);
    assert_eq!(cluster.modes(&[4, 5]), ["observer", "observer"]);

    let broker = |id: u32| format!("{}:9092", cluster.address(id));
    let kafka = |of: u32, words: &[&str]| {
        let mut command = script("kafka");
        command.args(words).args(["--broker", &broker(of)]);
        command
    };
    let copies = ["--partitions", "2", "--replication-factor", "2"];
    succeed(kafka(4, &["topic", "create", "mymsg"]).args(copies));
    let topics = succeed(&mut kafka(5, &["topic", "list"]));
    assert!(String::from_utf8_lossy(&topics.stdout).contains("mymsg"));
    let mut produce = kafka(4, &["produce", "mymsg"]);
    let mut produce = produce.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = produce.stdin.take().expect("a pipe");
    stdin.write_all(b"one\ntwo\nthree\n").expect("it reads");
    drop(stdin);
    assert!(produce.wait().expect("it ends").success());
    let consumed = |of: u32| {
        let words = ["consume", "mymsg", "--from-beginning", "--max", "3"];
        let output = succeed(kafka(of, &words).args(["--timeout", "60"]));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    // The first consumer makes Kafka create the topic of offsets, which takes both brokers.
    assert_eq!(consumed(4), ["one", "three", "two"]);
    cluster.status_when_well(LIMIT);

    cluster.kill("k1/kafka");
    wait_until("the status says what is missing", LIMIT, || {
        let (code, status) = cluster.status();
        let problems = status["troubles"].to_string();
        code == 1 && problems.contains("k1") && problems.contains("replicated")
    });
    // The other broker has all of it.
    assert_eq!(consumed(5), ["one", "three", "two"]);
    cluster.up();
    wait_until("all copies are there again", LIMIT, || {
        cluster.status().0 == 0
    });

    // Two voters of three are gone: the observers do not replace them.
    cluster.kill("z1");
    cluster.kill("z2");
    let zkstats = || {
        let hosts = (1..=5).map(|id| cluster.address(id));
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        let output = command.arg("zkstats").args(hosts).output();
        output.expect("heartline runs").status.code()
    };
    wait_until("there is no quorum", LIMIT, || zkstats() == Some(1));
    cluster.down();
}
