//! What cannot be started is reported before anything starts: the line, what is wrong, and what to do instead.

use std::fs;
use std::net::TcpListener;

use crate::support::Described;
use rustix::fs::{FlockOperation, flock};

const HOST: &str = "[[host]]\nname = \"h1\"\nid = 1\nroles = [\"zookeeper\"]\n";

fn refused(cluster: &Described, more: &[&str], status: i32, parts: &[&str]) {
    let (found, said) = cluster.ask("up", more);
    assert_eq!(found, status, "{said}");
    for part in parts {
        assert!(said.contains(part), "'{part}' is not in:\n{said}");
    }
    assert!(!said.contains("started,"), "{said}");
}

fn with_role(role: &str) -> String {
    HOST.replace("\"zookeeper\"", &format!("\"zookeeper\", \"{role}\""))
}

#[test]
fn a_bad_description_names_its_lines() {
    let two = format!("{HOST}{}", HOST.replace("h1", "h2"));
    let cluster = Described::new("loopback", &two.replace("zookeeper", "zookeper"));
    refused(
        &cluster,
        &[],
        2,
        &[
            "cluster.toml:7: unknown role 'zookeper'; write one of kdc, zookeeper, observer,",
            "cluster.toml:10: id 1 is already used by the host on line 6; give each host a number",
        ],
    );
    let cluster = Described::new("loopback", "[[host]\n");
    refused(&cluster, &[], 2, &["cluster.toml:4: "]);
}

#[test]
fn hosts_whose_agents_could_not_be_distinguished_are_refused() {
    let of = |name: &str, id: u32| {
        let host = HOST.replace("\"h1\"", &format!("\"{name}\""));
        host.replace("id = 1", &format!("id = {id}"))
    };
    let hosts = [of("h1", 1), of("H1", 2), of("7", 3)].concat();
    let cluster = Described::new("netns", &hosts);
    refused(
        &cluster,
        &[],
        1,
        &[
            "cluster.toml:9: hostname 'h1' differs from another host's only in case; write another name",
            "cluster.toml:13: hostname '7' ends in a number",
        ],
    );
}

#[test]
fn a_taken_port_is_reported_with_its_line_and_its_owner() {
    let ports = format!("{HOST}ports = {{ zookeeper = 22181 }}\n");
    let cluster = Described::new("loopback", &ports);
    let _taken = TcpListener::bind((cluster.address(1), 22181)).unwrap();
    let taker = format!("is taken by pid {} (", std::process::id());
    refused(
        &cluster,
        &[],
        1,
        &[
            "cluster.toml:8: zookeeper of host 'h1'",
            &taker,
            "ports = { zookeeper = 22182 }",
        ],
    );
    let two = format!(
        "{HOST}{}",
        HOST.replace("h1", "h2").replace("id = 1", "id = 2")
    );
    let cluster = Described::new("loopback", &two);
    let _taken = TcpListener::bind((cluster.address(2), 3888)).unwrap();
    refused(
        &cluster,
        &[],
        1,
        &["cluster.toml:9: zookeeper-election of host 'h2'"],
    );
}

#[test]
fn a_cluster_stays_as_secure_as_it_is() {
    let open = format!("security = \"simple\"\n{HOST}");
    let cluster = Described::new("loopback", &open);
    fs::create_dir(cluster.folder()).unwrap();
    fs::write(cluster.folder().join("security"), "kerberos\n").unwrap();
    let parts = [
        "cluster.toml:4: the cluster was started with security = \"kerberos\", not \"simple\"",
        "discard all data of this cluster with --format",
    ];
    refused(&cluster, &[], 1, &parts);
}

#[test]
fn a_machine_without_the_native_library_starts_no_secure_yarn() {
    let roles = "\"zookeeper\", \"namenode\", \"resourcemanager\", \"nodemanager\"";
    let cluster = Described::new("loopback", &HOST.replace("\"zookeeper\"", roles));
    let empty = tempfile::tempdir().unwrap();
    let jars = empty.path().join("lib");
    let jars = jars.to_str().unwrap();
    let parts = ["/native/libhadoop.so is missing", "fetch-parts native"];
    refused(&cluster, &["--secure", "--jars", jars], 1, &parts);
}

#[test]
fn a_machine_without_the_parts_gets_one_list_of_all() {
    let cluster = Described::new("loopback", &with_role("kafka"));
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().to_str().unwrap();
    let mut command = cluster.command("up", &["--jars", empty, "--kafka-jars", empty]);
    let output = command.env("JAVA_HOME", "/nowhere").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in [
        "JAVA_HOME has no Java: /nowhere/bin/java",
        "apt-get install openjdk-17-jdk-headless",
        "zookeeper-*.jar is not in",
        "scripts/fetch-parts",
        "--kafka-jars",
        "3 errors; nothing was started",
    ] {
        assert!(said.contains(part), "'{part}' is not in:\n{said}");
    }
}

#[test]
fn a_folder_with_data_of_another_cluster_is_left_alone() {
    let roles = HOST.replace("\"zookeeper\"", "\"zookeeper\", \"namenode\", \"datanode\"");
    let cluster = Described::new("loopback", &roles);
    let data = cluster.folder().join("h1/data");
    let write = |file: &str, text: &str| {
        let file = data.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("zookeeper/myid", "7\n");
    write("namenode/current/VERSION", "clusterID=CID-other\n");
    let folder = data.join("namenode").display().to_string();
    refused(
        &cluster,
        &[],
        1,
        &[
            "cluster.toml:5: h1 zookeeper",
            "holds data of myid 7, and this host's id is 1",
            &format!("{folder} holds data of HDFS CID-other, and this cluster is CID-heartline-t"),
            "write another folder =",
            "--format",
        ],
    );
    assert_eq!(
        fs::read_to_string(data.join("zookeeper/myid")).unwrap(),
        "7\n"
    );
    fs::remove_dir_all(&data).unwrap();
    // Blocks without their names.
    let description = fs::read_to_string(cluster.file()).unwrap();
    let name = description.split('"').nth(1).unwrap();
    write(
        "datanode/current/VERSION",
        &format!("clusterID=CID-heartline-{name}\n"),
    );
    refused(
        &cluster,
        &[],
        1,
        &["h1 datanode holds data of a file system, and no namenode does"],
    );
}

#[test]
fn one_start_or_stop_at_a_time() {
    let cluster = Described::new("loopback", HOST);
    fs::create_dir_all(cluster.folder()).unwrap();
    let lock = fs::File::create(cluster.folder().join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    refused(
        &cluster,
        &[],
        1,
        &["another heartline cluster up or down works in"],
    );
    drop(lock);
}

#[test]
fn what_was_never_started_has_nothing_to_end_or_show() {
    let cluster = Described::new("loopback", HOST);
    let (status, said) = cluster.ask("down", &[]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("no cluster was started in"), "{said}");
    assert!(!cluster.folder().exists());
    let (status, said) = cluster.ask("logs", &["zookeeper"]);
    assert_eq!(status, 1);
    assert!(said.contains("heartline cluster up"), "{said}");
    let (status, said) = cluster.ask("logs", &["namenod"]);
    assert_eq!(status, 1);
    assert!(
        said.contains("unknown role 'namenod'; write one of"),
        "{said}"
    );
    let (status, said) = cluster.ask("kill", &["h2"]);
    assert_eq!(status, 1);
    assert!(
        said.contains("there is no host 'h2'; the hosts are h1"),
        "{said}"
    );
    let (status, said) = cluster.ask("cut", &["h1"]);
    assert_eq!(status, 1);
    assert!(said.contains("--hosts netns"), "{said}");
}

#[test]
fn a_server_that_dies_while_it_comes_up_is_shown_with_the_end_of_its_log() {
    let broken = format!("{HOST}[properties.\"zoo.cfg\"]\nclientPort = \"none\"\n");
    let cluster = Described::new("loopback", &broken);
    let (status, said) = cluster.ask("up", &[]);
    assert_eq!(status, 1, "{said}");
    for part in [
        "h1 zookeeper: started, pid",
        "has ended; the end of",
        "NumberFormatException",
        "heartline cluster up goes on from here",
    ] {
        assert!(said.contains(part), "'{part}' is not in:\n{said}");
    }
    cluster.down();
}

#[test]
fn what_runs_and_is_not_described_any_more_is_neither_ended_nor_forgotten() {
    let cluster = Described::new("loopback", HOST);
    cluster.up();
    let described = fs::read_to_string(cluster.file()).unwrap();
    let pid = cluster.pid("h1", "zookeeper");
    fs::write(cluster.file(), described.replace("\"h1\"", "\"h2\"")).unwrap();
    let (status, said) = cluster.ask("up", &[]);
    assert_eq!(status, 1, "{said}");
    let line = format!("h1 zookeeper runs, pid {pid}, and is not described any more");
    assert!(said.contains(&line), "{said}");
    assert_eq!(cluster.mode(1), "standalone");
    // It stops as it was started, even if the description has changed since.
    cluster.down();
    assert_eq!(cluster.mode(1), "none");
}
