//! Tests of the `validate` module.

use std::path::Path;

use super::*;
use crate::parse::read;
use crate::problem::Problem;

const SAMPLES: [&str; 3] = [
    include_str!("../../../../sample-data/clusters/one-machine.toml"),
    include_str!("../../../../sample-data/clusters/three-hosts-ha.toml"),
    include_str!("../../../../sample-data/clusters/observers-kafka.toml"),
];

fn problems(text: &str) -> Vec<Problem> {
    read(text, Path::new("."), HostKind::Loopback)
        .map_or_else(|problems| problems, |(_, warnings)| warnings)
}

fn assert_problem(text: &str, line: usize, what: &str, grave: bool) {
    let problems = problems(text);
    let found = |problem: &Problem| {
        problem.line == line && problem.what.contains(what) && problem.grave == grave
    };
    assert!(problems.iter().any(found), "{problems:#?}");
}

#[test]
fn the_samples_are_well() {
    for sample in SAMPLES {
        assert_eq!(problems(sample), []);
    }
}

fn hosts(roles: &[&str]) -> String {
    let host = |(roles, id): (&&str, usize)| {
        format!("[[host]]\nname = \"h{id}\"\nid = {id}\nroles = [{roles}]\n")
    };
    let hosts: Vec<String> = roles.iter().zip(1..).map(host).collect();
    format!("name = \"c\"\n{}", hosts.concat())
}

#[test]
fn what_is_written_twice_is_reported_with_both_lines() {
    let text = hosts(&["\"zookeeper\"", ""]);
    assert_problem(
        &text.replace("id = 2", "id = 1"),
        8,
        "by the host on line 4",
        true,
    );
    assert_problem(
        &text.replace("h2", "h1"),
        7,
        "already defined on line 3",
        true,
    );
}

#[test]
fn parts_that_need_another_are_reported() {
    assert_problem(
        &hosts(&["\"zookeper\""]),
        5,
        "unknown role 'zookeper'",
        true,
    );
    assert_problem(&hosts(&["\"datanode\""]), 5, "without a namenode", true);
    assert_problem(
        &hosts(&["\"zookeeper\", \"nodemanager\""]),
        5,
        "without a resourcemanager",
        true,
    );
    assert_problem(
        &hosts(&["\"observer\", \"zookeeper\""]),
        5,
        "both vote and only observe",
        true,
    );
    assert_problem(
        &hosts(&["\"zookeeper\"", "\"observer\""]),
        9,
        "a single voter runs standalone",
        true,
    );
    let two = hosts(&["\"zookeeper\", \"namenode\"", "\"namenode\""]);
    assert_problem(&two, 9, "no JournalNode", true);
    assert_problem(
        &hosts(&["\"zookeeper\", \"zkfc\""]),
        5,
        "needs two namenodes",
        true,
    );
}

#[test]
fn a_kdc_belongs_to_a_secure_cluster_of_this_machine() {
    let text = hosts(&["\"zookeeper\", \"kdc\""]);
    assert_problem(&text, 5, "a kdc in a cluster without Kerberos", true);
    let secure = format!("security = \"kerberos\"\n{text}");
    assert_eq!(problems(&secure), []);
    let wrong = secure.replace("kerberos", "tls");
    assert_problem(&wrong, 1, "unknown security 'tls'", true);
    let two = hosts(&["\"zookeeper\", \"kdc\"", "\"kdc\""]);
    let two = format!("security = \"kerberos\"\n{two}");
    assert_problem(&two, 10, "more than one host is the kdc", true);
    let own = read(&secure, Path::new("."), HostKind::Own).unwrap_err();
    assert!(own[0].what.contains("get no KDC"), "{own:?}");
}

#[test]
fn an_even_ensemble_is_a_warning() {
    let text = hosts(&["\"zookeeper\"", "\"zookeeper\""]);
    assert_problem(
        &text,
        9,
        "2 voters can lose 0, just as many as 1 can",
        false,
    );
}

#[test]
fn ports_and_other_values_are_looked_at() {
    let text = hosts(&["\"zookeeper\""]);
    assert_problem(
        &format!("{text}ports = {{ zookeeper = 2888 }}\n"),
        3,
        "port 2888 for both",
        true,
    );
    assert_problem(
        &format!("{text}ports = {{ web = 1 }}\n"),
        6,
        "unknown port 'web'",
        true,
    );
    assert_problem(
        &format!("{text}ports = {{ zookeeper = 0 }}\n"),
        6,
        "port 0 is not allowed",
        true,
    );
    assert_problem(
        &format!("network = \"10.91\"\n{text}"),
        1,
        "not a valid network",
        true,
    );
    assert_problem(
        &format!("{text}[heap]\nnamenode = 3\n"),
        7,
        "too small",
        true,
    );
    assert_problem(
        &format!("{text}[properties.hdfs]\na = 1\n"),
        6,
        "unknown file",
        true,
    );
    assert_problem(&text.replace("h1", "h_1"), 3, "not a valid host name", true);
    assert_problem(
        &text.replace("id = 1", "id = 251"),
        4,
        "not a valid host id",
        true,
    );
    assert_problem(
        &format!("{text}rank = 1\n"),
        6,
        "unknown field `rank`",
        true,
    );
    assert_problem("name = \"c\"\n", 1, "there is no host", true);
    assert_problem("name = ", 1, "", true);
}
