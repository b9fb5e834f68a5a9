//! A whole cluster by one command: it starts, continues after a stop, survives failures, and leaves nothing behind.
//! One machine takes about half a minute, three hosts one and a half.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::support::{Described, wait_until};
use serde_json::Value;

/// The time limit of a step, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(180);

/// One cluster at a time: each alone fills two cores while it starts.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one sequence of steps with real processes"
)]
fn one_machine_comes_up_goes_on_and_ends() {
    let _machine = crate::support::whole_machine();
    let _alone = alone();
    let cluster = Described::sample("loopback", "one-machine");
    // A start that is killed while it formats HDFS: the next start formats again.
    let mut first = cluster.command("up", &[]);
    let mut first = first.stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(first.stderr.take().unwrap());
    let mut lines = said.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("ensemble: h1 stands alone")));
    wait_until("it is being formatted", LIMIT, || {
        cluster.folder().join("h1/run/namenode.begun").exists()
    });
    first.kill().unwrap();
    first.wait().unwrap();
    let zookeeper = cluster.pid("h1", "zookeeper");
    let said = cluster.up();
    assert!(
        said.contains(&format!("h1 zookeeper: runs already, pid {zookeeper}\n")),
        "{said}"
    );
    assert!(said.contains("h1 namenode: format done"), "{said}");

    assert_eq!(cluster.fs("h1", &["-ls", "/"]), "");
    cluster.fs("h1", &["-mkdir", "/kept"]);
    let said = cluster.up();
    assert!(!said.contains("started"), "{said}");
    assert!(!said.contains("format done"), "{said}");

    let roles = [
        "zookeeper",
        "namenode",
        "datanode",
        "resourcemanager",
        "nodemanager",
    ];
    let pids = || roles.map(|role| cluster.pid("h1", role));
    let before = pids();
    cluster.kill("h1/nodemanager");
    let said = cluster.up();
    let started: Vec<&str> = said
        .lines()
        .filter(|line| line.contains(": started"))
        .collect();
    assert_eq!(started.len(), 1, "{said}");
    assert!(
        started[0].starts_with("h1 nodemanager: started, pid "),
        "{said}"
    );
    let after = pids();
    assert_eq!(before[..4], after[..4]);
    assert_ne!(before[4], after[4]);

    let (status, said) = cluster.ask("up", &["--format"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("--format: 5 servers run"), "{said}");
    let (status, said) = cluster.ask("logs", &["h1/namenode"]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("NameNode RPC up at"), "{said}");

    cluster.down();
    // The data are there again; only --format discards them.
    cluster.up();
    assert!(cluster.fs("h1", &["-ls", "/"]).contains("/kept"));
    cluster.down();
    let (status, said) = cluster.ask("up", &["--format"]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("is discarded"), "{said}");
    assert_eq!(cluster.fs("h1", &["-ls", "/"]), "");
    cluster.down();
    cluster.down();
}

#[test]
fn three_hosts_bear_the_loss_of_the_active_namenode() {
    let _machine = crate::support::whole_machine();
    let _alone = alone();
    let cluster = Described::sample("loopback", "three-hosts-ha");
    let said = cluster.up();
    assert!(
        said.contains("journals: formatted with the namenode"),
        "{said}"
    );
    seeds_checks(&cluster);
    cluster.fs("h3", &["-mkdir", "/kept"]);

    cluster.kill("h1/namenode");
    wait_until("nn2 takes over", LIMIT, || cluster.namenode(2) == "active");
    assert!(
        cluster
            .log("h2", "zkfc")
            .contains("Fencing successful by method")
    );
    assert!(cluster.fs("h3", &["-ls", "/"]).contains("/kept"));

    let said = cluster.up();
    assert!(
        said.contains("namenodes: nn2 active, nn1 standby"),
        "{said}"
    );
    let started = said
        .lines()
        .filter(|line| line.contains(": started"))
        .count();
    assert_eq!(started, 1, "{said}");
    cluster.down();
}

/// What an administrator looks at after a start.
fn seeds_checks(cluster: &Described) {
    let mut modes = cluster.modes(&[1, 2, 3]);
    modes.sort();
    assert_eq!(modes, ["follower", "follower", "leader"]);
    assert_eq!([1, 2].map(|id| cluster.namenode(id)), ["active", "standby"]);
    let mut managers = [1, 2].map(|id| cluster.manager(id));
    managers.sort();
    assert_eq!(managers, ["ACTIVE", "STANDBY"]);
    for id in [1, 2] {
        let state = cluster.bean(id, "FSNamesystemState");
        assert_eq!(state["NumLiveDataNodes"], 3, "{state}");
        assert_eq!(state["FSState"], "Operational", "{state}");
    }
    let active = if cluster.manager(1) == "ACTIVE" { 1 } else { 2 };
    let metrics = cluster.page(active, 8088, "/ws/v1/cluster/metrics");
    assert_eq!(metrics["clusterMetrics"]["activeNodes"], 3, "{metrics}");
    assert_eq!(cluster.fs("h2", &["-ls", "/"]), "");
    // `heartline cluster status` shows the same.
    let status = cluster.status_when_well(LIMIT);
    assert_eq!(status["healthy"], Value::Bool(true), "{status:#}");
    for (part, known) in [
        ("namenodes", [1, 2].map(|id| cluster.namenode(id))),
        (
            "resourcemanagers",
            [1, 2].map(|id| cluster.manager(id).to_lowercase()),
        ),
    ] {
        let reported = status[part].as_array().unwrap().iter();
        let reported: Vec<_> = reported
            .map(|part| part["state"].as_str().unwrap())
            .collect();
        assert_eq!(reported, known, "{status:#}");
    }
    assert_eq!(status["datanodes"].as_array().unwrap().len(), 3);
    assert_eq!(status["root"].as_array().map(Vec::len), Some(0));
}
