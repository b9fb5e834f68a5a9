//! A host that is cut off with its namespace in the middle of a job: its mappers are reported dead, their attempts run
//! elsewhere, and its return disturbs nobody. About two minutes; needs root, ip and sshd.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use crate::support::hadoop::{
    assert_same_counts, count_words, counter, job_counts, log_of, run_job,
    sample_data_of_equal_length, start,
};
use crate::support::left_out::{self, leave_out};
use crate::support::{Described, Watcher, no_namespaces, wait_until};
use tempfile::TempDir;

/// The time limit of a step, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(180);

/// The hosts that run tasks have room for two containers each, so that neither has all: the application master and a
/// mapper on one, two mappers on the other.
const DESCRIPTION: &str = r#"
[[host]]
name = "h1"
id = 1
roles = ["zookeeper", "namenode", "datanode", "resourcemanager"]
[[host]]
name = "h2"
id = 2
roles = ["datanode", "nodemanager"]
[[host]]
name = "h3"
id = 3
roles = ["datanode", "nodemanager"]

[properties.yarn-site]
"yarn.nodemanager.resource.memory-mb" = 2560
"yarn.nm.liveness-monitor.expiry-interval-ms" = 10000
"yarn.resourcemanager.nm.liveness-monitor.expiry-interval-ms" = 10000
"yarn.client.nodemanager-connect.max-wait-ms" = 5000
"yarn.client.nodemanager-connect.retry-interval-ms" = 1000
"#;

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one sequence of steps with real processes"
)]
fn a_host_that_is_cut_off_loses_its_mappers_to_another_and_returns_in_peace() {
    let _machine = crate::support::whole_machine();
    if let Some(why) = no_namespaces(&["sshd", "fuser"]) {
        leave_out!("{why}");
    }
    let cluster = Described::new("netns", DESCRIPTION);
    cluster.up();
    let ensemble = cluster.ensemble(&[1]);
    // This master runs outside of all hosts, so every mapper is a follower.
    let times = ["--interval", "50ms", "--timeout", "2s"];
    let standing = [
        "master",
        "--zookeeper",
        &ensemble,
        "--name",
        "outside",
        "--json",
    ];
    let master = Watcher::start(
        env!("CARGO_BIN_EXE_heartline"),
        &[&standing[..], &times].concat(),
    );
    master.wait_for_event("claimed", "outside");

    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    let files = sample_data_of_equal_length(dir.path());
    // Each text takes three quarters of a minute: on a busy machine containers start far apart.
    let job = start(
        run_job()
            .arg("--cluster")
            .arg(cluster.file())
            .args([
                "--zookeeper",
                "h1:2181",
                "-D",
                "mapreduce.job.reduce.slowstart.completedmaps=1.0",
            ])
            .args([
                "--mapper",
                "wc-mapper --line-delay 20ms --interval 50ms --timeout 2s",
            ])
            .args(&files)
            .arg(&output),
    );

    let mut members = BTreeSet::new();
    wait_until(
        "two mappers run on one host, and one on the other",
        LIMIT,
        || {
            members = mappers(&ensemble);
            members.len() == 3
        },
    );
    let on = |host: &str| -> Vec<String> {
        let here = members.iter().filter(|(of, _)| of == host);
        here.map(|(_, node)| node.clone()).collect()
    };
    let lost = ["h2", "h3"].into_iter().find(|host| on(host).len() == 2);
    let lost = lost.unwrap_or_else(|| panic!("{members:?}"));
    let (status, said) = cluster.ask("cut", &[lost]);
    assert_eq!(status, 0, "{said}");
    for node in on(lost) {
        master.wait_for_event("died", &node);
    }
    let elsewhere = if lost == "h2" { "h3" } else { "h2" };
    let known: BTreeSet<_> = members.iter().map(|(_, node)| node.clone()).collect();
    wait_until("one of their tasks runs elsewhere", LIMIT, || {
        let now = mappers(&ensemble);
        now.iter()
            .any(|(host, node)| host == elsewhere && !known.contains(node))
    });
    let (status, said) = cluster.ask("mend", &[lost]);
    assert_eq!(status, 0, "{said}");

    let job = job.wait_with_output().expect("run-job ends");
    let log = log_of(&job);
    assert!(job.status.success(), "{log}");
    assert_same_counts(&job_counts(&output), &count_words(&files));
    assert!(counter(&log, "Launched map tasks") >= Some(5), "{log}");
    let died: BTreeSet<_> = master
        .story()
        .into_iter()
        .filter(|logged| logged.event == "died")
        .map(|logged| logged.node)
        .collect();
    assert_eq!(died, on(lost).into_iter().collect(), "nobody else died");
    cluster.down();
}

/// The mappers that are members: each one's host and name.
fn mappers(ensemble: &str) -> BTreeSet<(String, String)> {
    let status = Command::new(env!("CARGO_BIN_EXE_heartline"))
        .args([
            "status",
            "--json",
            "--zookeeper",
            ensemble,
            "--over",
            "100ms",
        ])
        .output()
        .expect("heartline runs");
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        for row in value["members"].as_array().into_iter().flatten() {
            let word = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            if row["verdict"] != "dead" && word("node").starts_with("map") {
                found.insert((word("host"), word("node")));
            }
        }
    }
    found
}
