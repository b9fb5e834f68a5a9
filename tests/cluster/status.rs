//! `heartline cluster status`: one screen over real servers of all kinds, over some that are dead or stopped, and over
//! nothing at all.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Described as Cluster, Mapper, free_port, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");
const SOON: Duration = Duration::from_secs(60);

/// A description of one host with kind `own`, under the name that its daemons report, with its own ports.
struct Described {
    dir: TempDir,
    address: String,
    roles: &'static str,
    ports: Vec<(&'static str, u16)>,
}

impl Described {
    fn new(roles: &'static str, ports: &[(&'static str, u16)]) -> Self {
        Self {
            dir: TempDir::with_prefix("heartline-status-").expect("a temporary folder"),
            address: "127.0.0.1".to_owned(),
            roles,
            ports: ports.to_vec(),
        }
    }

    fn at(self, address: String) -> Self {
        Self { address, ..self }
    }

    fn status(&self, options: &[&str]) -> Output {
        let mut text = "name = \"c\"\n[ports]\n".to_owned();
        for (name, port) in &self.ports {
            let _ = writeln!(text, "{name} = {port}");
        }
        let _ = writeln!(
            text,
            "[[host]]\nname = \"localhost\"\nid = 1\naddress = \"{}\"\nroles = [{}]",
            self.address, self.roles
        );
        let file = self.dir.path().join("c.toml");
        std::fs::write(&file, text).expect("the description can be written");
        let mut command = Command::new(HEARTLINE);
        command.args(["cluster", "status", "--hosts", "own"]);
        command.arg(file).args(options).stdin(Stdio::null());
        command.output().expect("it runs")
    }

    fn json(&self) -> (Value, Option<i32>) {
        let output = self.status(&["--json"]);
        let text = stdout(&output);
        let json = serde_json::from_str(&text);
        (
            json.unwrap_or_else(|_| panic!("{output:?}")),
            output.status.code(),
        )
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn problems(json: &Value) -> Vec<String> {
    let problems = json["troubles"].as_array().expect("a list").iter();
    problems
        .map(|it| it.as_str().expect("a text").to_owned())
        .collect()
}

/// The port of a `HOST:PORT`.
fn port(place: &Value) -> u16 {
    let place = place
        .as_str()
        .unwrap_or_else(|| panic!("no place: {place}"));
    place
        .rsplit_once(':')
        .expect("a port")
        .1
        .parse()
        .expect("a number")
}

const ALL: &str = "\"zookeeper\", \"namenode\", \"datanode\", \"resourcemanager\", \"nodemanager\"";

// One test, for one cluster: two at once would be more than a small machine holds.
#[test]
fn real_servers_are_shown_as_they_are() {
    let _machine = crate::support::whole_machine();
    let cluster = Cluster::sample("loopback", "one-machine");
    cluster.up();
    // No server listens on these ports.
    let elsewhere = [
        ("datanode", free_port()),
        ("datanode-http", free_port()),
        ("nodemanager", free_port()),
        ("nodemanager-http", free_port()),
    ];
    let mut described = Described::new(ALL, &elsewhere).at(cluster.address(1));
    check_workers_elsewhere(&mut described);
    all_is_well(&described, &cluster);
    check_dead_and_stopped(&described, &cluster);
}

/// Also finds out the workers' ports.
fn check_workers_elsewhere(described: &mut Described) {
    let expected = [
        "datanode on localhost: nothing listens there",
        "nodemanager on localhost: nothing listens there",
    ];
    let (mut json, mut code) = (Value::Null, None);
    // The ResourceManager registers nodes a moment before it says that it is active.
    wait_until("all but these two is well", SOON, || {
        (json, code) = described.json();
        problems(&json) == expected
    });
    assert_eq!(code, Some(1), "{json}");
    let (datanode, node) = (
        &json["datanodes"][1]["listed"],
        &json["nodemanagers"][1]["listed"],
    );
    for (name, place) in [
        ("datanode", &datanode["address"]),
        ("datanode-http", &datanode["page"]),
        ("nodemanager", &node["id"]),
        ("nodemanager-http", &node["page"]),
    ] {
        let known = described.ports.iter_mut().find(|(known, _)| *known == name);
        known.expect("it was given").1 = port(place);
    }
}

fn all_is_well(described: &Described, cluster: &Cluster) {
    let hadoop = |arguments: &[&str]| cluster.fs("h1", arguments);
    hadoop(&["-mkdir", "-p", "/user/somebody", "/words"]);
    hadoop(&["-put", "README.md", "/words.md"]);
    hadoop(&["-chmod", "1770", "/words"]);
    let _mapper = Mapper::with_options(
        &cluster.ensemble(&[1]),
        &["--name", "map1", "--timeout", "500ms"],
    );
    wait_until("all is well", SOON, || {
        let (json, code) = described.json();
        println!("{:?}", problems(&json));
        code == Some(0)
    });

    let (json, _) = described.json();
    assert_eq!(
        (json["healthy"].as_bool(), problems(&json).len()),
        (Some(true), 0)
    );
    assert_eq!(json["ensemble"][0]["mode"], "standalone");
    assert_eq!(json["namenodes"][0]["state"], "active");
    assert_eq!(json["namenodes"][0]["safe_mode"], Value::Null);
    assert_eq!(json["datanodes"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(json["datanodes"][0]["listed"]["blocks"], 1, "{json}");
    assert_eq!(json["resourcemanagers"][0]["state"], "active");
    assert_eq!(json["nodemanagers"][0]["listed"]["state"], "RUNNING");
    assert_eq!(json["heartline"]["master"], "map1");
    assert_eq!(json["kafka"], Value::Null);

    let screen = stdout(&described.status(&[]));
    assert!(screen.starts_with("c: all is well\nPART"), "{screen}");
    assert!(!screen.contains('\u{1b}'), "escapes in a pipe: {screen}");
    let listing = hadoop(&["-ls", "/"]);
    assert!(listing.contains("/words.md\n"), "{listing}");
    assert!(
        screen.ends_with(&format!("\n\n{listing}")),
        "{screen}\n{listing}"
    );
}

fn check_dead_and_stopped(described: &Described, cluster: &Cluster) {
    let pid = |role: &str| {
        let pid = cluster.pid("h1", role).parse().expect("a pid");
        Pid::from_raw(pid).expect("a pid")
    };
    let datanode = pid("datanode");
    kill_process(datanode, Signal::KILL).expect("it runs");
    // Its port is closed only when the last of its threads is gone.
    let place = format!("/proc/{}", datanode.as_raw_nonzero());
    wait_until("the DataNode is gone", SOON, || !Path::new(&place).exists());
    let manager = pid("resourcemanager");
    kill_process(manager, Signal::STOP).expect("it runs");
    let begin = Instant::now();
    let (json, code) = described.json();
    let took = begin.elapsed();
    kill_process(manager, Signal::CONT).expect("it is there");
    assert_eq!(code, Some(1));
    let [datanode, yarn, resourcemanager, node] = &problems(&json)[..] else {
        panic!("{json}");
    };
    let lost = "datanode on localhost: nothing listens there, listed as live, last contact ";
    assert!(datanode.starts_with(lost), "{datanode}");
    assert_eq!(yarn, "yarn: no active resourcemanager");
    assert_eq!(
        resourcemanager,
        "resourcemanager rm1 on localhost: does not answer"
    );
    assert_eq!(node, "nodemanager on localhost: answers, nobody lists it");
    assert!(took < Duration::from_secs(20), "it took {took:?}");
}

#[test]
fn nothing_at_all_is_a_row_each() {
    let names = [
        "zookeeper",
        "zookeeper-admin",
        "namenode",
        "namenode-http",
        "datanode",
        "datanode-http",
        "resourcemanager",
        "resourcemanager-http",
        "nodemanager",
        "nodemanager-http",
        "kafka",
    ];
    let roles = "\"zookeeper\", \"namenode\", \"datanode\", \"resourcemanager\", \"nodemanager\", \"kafka\"";
    let closed = names.map(|name| (name, free_port()));
    let described = Described::new(roles, &closed);
    let (json, code) = described.json();
    assert_eq!((code, json["quorum"].as_bool()), (Some(1), Some(false)));
    assert_eq!(
        problems(&json),
        [
            "ensemble: no quorum, 0 of 1 voters serve",
            "zookeeper on localhost: nothing listens there",
            "hdfs: no active namenode",
            "namenode nn1 on localhost: nothing listens there",
            "datanode on localhost: nothing listens there",
            "hdfs /: not listed, nn1 on localhost: nothing listens there",
            "yarn: no active resourcemanager",
            "resourcemanager rm1 on localhost: nothing listens there",
            "nodemanager on localhost: nothing listens there",
            "kafka: not known, ZooKeeper does not serve",
            "broker 1 on localhost: nothing listens there",
            "heartline: not known, ZooKeeper does not serve",
        ]
    );

    // Servers that accept connections and send nothing: the status does not wait for them.
    let mute = names.map(|name| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        (name, listener)
    });
    let ports = mute
        .each_ref()
        .map(|(name, listener)| (*name, listener.local_addr().expect("its address").port()));
    let described = Described::new(roles, &ports);
    let begin = Instant::now();
    let output = described.status(&[]);
    let took = begin.elapsed();
    assert_eq!(output.status.code(), Some(1));
    assert!(took < Duration::from_secs(20), "it took {took:?}");
    let screen = stdout(&output);
    let silent = screen
        .lines()
        .filter(|line| line.contains("does not answer"))
        .count();
    // The ensemble's server and four daemons; the broker accepts connections, which is all that the status checks.
    assert_eq!(silent, 5, "{screen}");
    assert!(
        screen.contains("nn1 on localhost: gives no listing"),
        "{screen}"
    );
}

#[test]
fn wrong_usage_is_2_and_so_is_a_wrong_description() {
    let described = Described::new("\"zookeper\"", &[]);
    for wrong in [&["--every", "1s"][..], &["--hosts", "docker"], &["another"]] {
        assert_eq!(described.status(wrong).status.code(), Some(2), "{wrong:?}");
    }
    let output = described.status(&[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("unknown role 'zookeper'"), "{said}");
}
