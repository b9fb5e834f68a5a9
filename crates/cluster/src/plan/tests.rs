//! Tests of the `plan` module.

use std::path::Path;

use super::*;
use crate::model::{Authentication, HostKind};
use crate::parse::read;
use crate::process::ProcessRecord;

const ONE: &str = include_str!("../../../../sample-data/clusters/one-machine.toml");
const HA: &str = include_str!("../../../../sample-data/clusters/three-hosts-ha.toml");
const KAFKA: &str = include_str!("../../../../sample-data/clusters/observers-kafka.toml");

fn cluster(text: &str) -> Cluster {
    read(text, Path::new("."), HostKind::Loopback).unwrap().0
}

/// A step as one short line.
fn short(step: &Step) -> String {
    let names = |places: &[RoleInstance]| {
        let names: Vec<String> = places.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    match step {
        Step::Runs(place) => format!("runs {place}"),
        Step::Start(places) => format!("start {}", names(places)),
        Step::Run(tools) => {
            let tool = |tool: &OneTimeTask| match tool {
                OneTimeTask::Format(place) => format!("format {}", place.host),
                OneTimeTask::ShareEdits(place) => format!("share {}", place.host),
                OneTimeTask::FormatFailover(_) => "failover".to_owned(),
                OneTimeTask::Bootstrap(place) => format!("bootstrap {}", place.host),
            };
            tools.iter().map(tool).collect::<Vec<_>>().join(", ")
        }
        Step::Said(_) => "said".to_owned(),
        Step::Await(ReadyCondition::Serves(places)) => format!("await {}", names(places)),
        Step::Await(ReadyCondition::Forgotten(places)) => format!("forget {}", names(places)),
        Step::Await(condition) => format!("await {condition:?}"),
    }
}

fn plan(cluster: &Cluster, found: &Inspection) -> Vec<String> {
    steps(cluster, found).iter().map(short).collect()
}

fn place(host: &str, role: Role) -> RoleInstance {
    let host = host.to_owned();
    RoleInstance { host, role }
}

fn known() -> ProcessRecord {
    ProcessRecord::of(std::process::id().cast_signed()).unwrap()
}

#[test]
fn one_machine_from_nothing() {
    let steps = plan(&cluster(ONE), &Inspection::default());
    assert_eq!(
        steps,
        [
            "start h1 zookeeper",
            "await Ensemble",
            "format h1",
            "start h1 namenode",
            "await h1 namenode",
            "start h1 datanode, h1 resourcemanager",
            "await ActiveManager",
            "start h1 nodemanager",
            "await Datanodes",
            "await Nodemanagers",
        ]
    );
}

#[test]
fn a_secure_cluster_begins_with_its_kdc() {
    let mut cluster = cluster(ONE);
    cluster.set_authentication(Authentication::Kerberos);
    let steps = plan(&cluster, &Inspection::default());
    assert_eq!(
        steps[..3],
        ["start h1 kdc", "await h1 kdc", "start h1 zookeeper"]
    );
}

#[test]
fn two_namenodes_from_nothing() {
    let steps = plan(&cluster(HA), &Inspection::default());
    assert_eq!(
        steps[3..],
        [
            "format h1, failover",
            "said",
            "start h1 namenode",
            "await h1 namenode",
            "bootstrap h2",
            "start h2 namenode, h1 zkfc, h2 zkfc",
            "await ActiveNamenode",
            "start h1 datanode, h2 datanode, h3 datanode, h1 resourcemanager, h2 resourcemanager",
            "await ActiveManager",
            "start h1 nodemanager, h2 nodemanager, h3 nodemanager",
            "await Datanodes",
            "await Nodemanagers",
        ]
    );
    assert!(
        steps[0].contains("h3 zookeeper, h1 journalnode"),
        "{steps:?}"
    );
}

#[test]
fn what_holds_data_is_never_formatted() {
    let cluster = cluster(HA);
    let mut found = Inspection::default();
    for host in ["h1", "h2", "h3"] {
        for role in [Role::Namenode, Role::Journalnode] {
            found.data.insert(place(host, role), Data::Ours);
        }
    }
    let steps = plan(&cluster, &found);
    assert_eq!(
        steps[3..6],
        [
            "failover",
            "start h1 namenode, h2 namenode, h1 zkfc, h2 zkfc",
            "await ActiveNamenode"
        ]
    );
    // The first NameNode has lost its data, and gets it from the second.
    found.data.remove(&place("h1", Role::Namenode));
    let steps = plan(&cluster, &found);
    assert_eq!(
        steps[3..8],
        [
            "failover",
            "start h2 namenode",
            "await h2 namenode",
            "bootstrap h1",
            "start h1 namenode, h1 zkfc, h2 zkfc",
        ]
    );
}

#[test]
fn a_namenode_that_was_alone_shares_its_edits() {
    let mut found = Inspection::default();
    found.data.insert(place("h1", Role::Namenode), Data::Ours);
    let steps = plan(&cluster(HA), &found);
    assert_eq!(
        steps[3..7],
        [
            "share h1, failover",
            "start h1 namenode",
            "await h1 namenode",
            "bootstrap h2"
        ]
    );
}

#[test]
fn what_was_begun_is_done_again() {
    let mut found = Inspection::default();
    found.data.insert(place("h1", Role::Namenode), Data::Begun);
    let steps = plan(&cluster(HA), &found);
    assert_eq!(steps[3], "format h1, failover");
    found.data.insert(place("h1", Role::Namenode), Data::Ours);
    found
        .data
        .insert(place("h1", Role::Journalnode), Data::Ours);
    found.data.insert(place("h2", Role::Namenode), Data::Begun);
    let steps = plan(&cluster(HA), &found);
    assert!(steps.contains(&"bootstrap h2".to_owned()), "{steps:?}");
}

#[test]
fn what_runs_is_left_alone() {
    let cluster = cluster(HA);
    let mut found = Inspection::default();
    for one in cluster.places() {
        found.running.insert(one.clone(), known());
        found.data.insert(one, Data::Ours);
    }
    let starts = |found: &Inspection| {
        let steps = plan(&cluster, found).into_iter();
        let starts = steps.filter(|step| step.starts_with("start"));
        starts.collect::<Vec<_>>()
    };
    assert_eq!(starts(&found), [""; 0]);
    found.running.remove(&place("h2", Role::Zkfc));
    found.running.remove(&place("h3", Role::Datanode));
    assert_eq!(starts(&found), ["start h2 zkfc", "start h3 datanode"]);
}

#[test]
fn brokers_come_last() {
    let steps = plan(&cluster(KAFKA), &Inspection::default());
    assert_eq!(
        steps[1..],
        [
            "await Ensemble",
            "start k1 kafka, k2 kafka",
            "await Brokers"
        ]
    );
}
