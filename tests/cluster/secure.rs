//! A cluster with Kerberos and TLS: who has no ticket is refused, and a job goes on when the active `NameNode` is killed
//! under it. One cluster for all, about three minutes.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::support::hadoop::{
    ONE_MAPPER_A_TEXT, assert_same_counts, count_words, job_counts, log_of, run_job,
    sample_data_of_equal_length, script, start, succeed,
};
use crate::support::left_out::{self, leave_out};
use crate::support::{Described, Mapper, Parts, Watcher, visit, wait_until, which};
use heartline::coordination::Failure;
use serde_json::Value;
use tempfile::TempDir;

/// The time limit of a step, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(180);

const HOSTS: &str = r#"
[[host]]
name = "h1"
id = 1
roles = ["zookeeper", "journalnode", "namenode", "datanode", "resourcemanager", "nodemanager"]
[[host]]
name = "h2"
id = 2
roles = ["zookeeper", "journalnode", "namenode", "datanode", "resourcemanager", "nodemanager"]
[[host]]
name = "h3"
id = 3
roles = ["zookeeper", "journalnode", "kafka"]
"#;

#[test]
fn a_secure_cluster_serves_its_own_and_refuses_others() {
    for program in ["krb5kdc", "kadmin.local", "kinit"] {
        if which(program).is_none() {
            leave_out!("{program} is missing");
        }
    }
    let _machine = crate::support::whole_machine();
    Parts::of_kafka();
    Parts::of_native();
    let cluster = Described::new("loopback", HOSTS);
    let (status, said) = cluster.ask("up", &["--secure"]);
    assert_eq!(status, 0, "it does not come up:\n{said}");
    assert!(said.contains("brokers: all 1 registered"), "{said}");

    check_secrets(&cluster);
    check_ensemble(&cluster);
    check_hdfs(&cluster);
    check_kafka(&cluster);
    let status = cluster.status_when_well(LIMIT);
    assert_eq!(status["kdcs"][0]["listens"], true, "{status:#}");
    check_status(&cluster, &status);
    job_outlives_a_namenode(&cluster);

    // It goes on as it was started, without another word.
    let said = cluster.up();
    let started = said.lines().filter(|line| line.contains(": started"));
    assert_eq!(started.count(), 1, "{said}");
    assert!(!said.contains("keytabs made"), "{said}");
    assert!(
        said.contains("namenodes: nn2 active, nn1 standby"),
        "{said}"
    );
    cluster.down();
}

/// Nobody else may read a key, a password or a ticket.
fn check_secrets(cluster: &Described) {
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    let mut keytabs = 0;
    for host in ["h1", "h2", "h3", "this_machine"] {
        let folder = cluster.folder().join(host).join("security");
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for file in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = file.path();
            if path.extension().is_some_and(|it| it == "keytab") {
                keytabs += 1;
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
    }
    // Seven services on each of two hosts, four on the last, and the user.
    assert_eq!(keytabs, 7 + 7 + 4 + 1);
    for file in [
        "h1/conf/ssl-server.xml",
        "h3/conf/server.properties",
        "h1/security/keystore.p12",
        "this_machine/security/ca.p12",
    ] {
        assert_eq!(mode(&cluster.folder().join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&cluster.folder().join("h1/data/kdc")), 0o700);
}

/// The servers know each other, and keep what Hadoop writes for Hadoop.
fn check_ensemble(cluster: &Described) {
    let mut modes = cluster.modes(&[1, 2, 3]);
    modes.sort();
    assert_eq!(modes, ["follower", "follower", "leader"]);
    let logs: String = ["h1", "h2", "h3"]
        .map(|host| cluster.log(host, "zookeeper"))
        .concat();
    assert!(logs.contains("Successfully completed the authentication using SASL"));
    for principal in ["nn", "rm", "kafka"] {
        let told = format!("adding SASL authorization for authorizationID: {principal}");
        assert!(logs.contains(&told), "{told}");
    }
    for znode in [
        format!("/hadoop-ha/{}", cluster.name()),
        "/rmstore".to_owned(),
    ] {
        let read = visit(&cluster.ensemble(&[1]), async |session| {
            session.read_fresh(&znode).await
        });
        let read = read.expect("the server answers");
        assert!(
            matches!(read, Err(Failure::Refused(_))),
            "{znode}: {read:?}"
        );
    }
}

fn check_hdfs(cluster: &Described) {
    hadoop(cluster, &["fs", "-put", "README.md", "/"]);
    let read = hadoop(cluster, &["fs", "-cat", "/README.md"]);
    assert_eq!(read, fs::read_to_string("README.md").expect("a file"));
    // The same command without a ticket.
    let script = Parts::root().join("scripts/hadoop");
    let script = script.to_str().expect("a path");
    let words = [
        "bash",
        "-c",
        r#"KRB5CCNAME=/nonexistent "$0" --config "$HADOOP_CONF_DIR" fs -ls /"#,
        script,
    ];
    let output = cluster.on("h1", &words);
    let said = text(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("Client cannot authenticate via"), "{said}");
    // By HTTP no page is served, and by HTTPS none to those who do not know the CA.
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://{}:50070/jmx", cluster.address(1));
        assert!(ureq::get(url).call().is_err(), "{scheme}");
    }
}

/// With a ticket, the status shows what is closed to others; without one it says so.
fn check_status(cluster: &Described, status: &Value) {
    if cfg!(feature = "gssapi") {
        check_closed(cluster, status);
    } else {
        let why = status["no_ticket"].as_str().unwrap_or_default();
        assert!(why.contains("built without Kerberos"), "{status:#}");
    }
}

fn check_closed(cluster: &Described, status: &Value) {
    assert_eq!(status["no_ticket"], Value::Null, "{status:#}");
    let file = |name: &str| cluster.folder().join("this_machine/security").join(name);
    let config = format!("KRB5_CONFIG={}", file("krb5.conf").display());
    let tickets = format!("KRB5CCNAME={}", file("tickets").display());
    let ensemble = cluster.ensemble(&[1, 2, 3]);
    let words = [
        "--zookeeper",
        &ensemble,
        "--name=map1",
        "--namespace=/closed",
    ];
    let closed = ["--zookeeper-sasl=gssapi", "--acl=private"];
    let _mapper = Mapper::behind(&["env", &config, &tickets], &[&words[..], &closed].concat());
    let ask = |variables: &[(&str, &str)]| -> Value {
        let mut command = cluster.command("status", &["--json", "--namespace=/closed"]);
        let output = command.envs(variables.iter().copied()).output();
        serde_json::from_slice(&output.expect("it runs").stdout).expect("JSON")
    };
    wait_until("the status shows the closed job", LIMIT, || {
        ask(&[])["heartline"]["master"] == "map1"
    });
    // The same files, and nobody's ticket.
    let config = file("krb5.conf").display().to_string();
    let nobody = ask(&[("KRB5_CONFIG", &config), ("KRB5CCNAME", "/nonexistent")]);
    let why = nobody["no_ticket"].as_str().unwrap_or_default();
    assert!(
        why.contains("no Kerberos ticket for zookeeper/"),
        "{nobody:#}"
    );
    assert_eq!(nobody["heartline"]["master"], Value::Null, "{nobody:#}");
}

fn check_kafka(cluster: &Described) {
    let properties = cluster.folder().join("h1/conf/kafka-client.properties");
    let properties = properties.to_str().expect("a path");
    let broker = format!("{}:9092", cluster.address(3));
    let kafka = |words: &[&str]| {
        let script = Parts::root().join("scripts/kafka");
        let script = script.to_str().expect("a path");
        let words = [
            &["--", script],
            words,
            &["--broker", &broker, "--config", properties],
        ]
        .concat();
        cluster.command("exec", &words)
    };
    // A topic that the producer's first record creates is not there in time on a busy machine.
    succeed(&mut kafka(&["topic", "create", "closed"]));
    let mut produce = kafka(&["produce", "closed"]);
    let mut produce = produce.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = produce.stdin.take().expect("a pipe");
    stdin.write_all(b"one\ntwo\n").expect("it reads");
    drop(stdin);
    assert!(produce.wait().expect("it ends").success());
    let words = [
        "consume",
        "closed",
        "--from-beginning",
        "--max",
        "2",
        "--timeout",
        "60",
    ];
    let output = succeed(&mut kafka(&words));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "one\ntwo\n");
}

fn job_outlives_a_namenode(cluster: &Described) {
    let ensemble = cluster.ensemble(&[1, 2, 3]);
    let watcher = Watcher::events_of(&ensemble);
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    let files = sample_data_of_equal_length(dir.path());
    let mapper = "sh hangs_once.sh --line-delay 4ms --interval 50ms --timeout 3s";
    let script = Parts::root().join("tests/cluster/hangs_once.sh");
    let job = start(
        run_job()
            .arg("--cluster")
            .arg(cluster.file())
            .args(["--zookeeper", &ensemble, "--mapper", mapper, "--file"])
            .arg(script)
            .args(["--file", env!("CARGO_BIN_EXE_heartline")])
            .args(["--file", env!("CARGO_BIN_EXE_wc-mapper")])
            .args(ONE_MAPPER_A_TEXT)
            .args(&files)
            .arg(&output),
    );
    wait_until("two mappers beat", LIMIT, || {
        let story = watcher.story();
        let has = |event: &str| story.iter().any(|logged| logged.event == event);
        has("claimed") && has("joined")
    });
    cluster.kill("h1/namenode");
    let job = job.wait_with_output().expect("run-job ends");
    let log = log_of(&job);
    assert!(job.status.success(), "{log}");
    assert_same_counts(&job_counts(&output), &count_words(&files));
    let story = watcher.story();
    assert!(
        !story.iter().any(|logged| logged.event == "died"),
        "{story:?}"
    );
    check_umbilical(cluster, &log);
}

/// The attempt that hung was failed by heartline's word to its application master, whose RPC takes encrypted messages
/// alone (`hadoop.rpc.protection` is `privacy`).
fn check_umbilical(cluster: &Described, log: &str) {
    let mut lines = log
        .lines()
        .skip_while(|line| !line.contains("_m_000000_0, Status : FAILED"));
    let error = lines.nth(1).unwrap_or_default();
    let begin = "Error: heartline: stalled: blocked for ";
    assert!(error.starts_with(begin), "{error}: {log}");
    let logs = ["h1", "h2"].map(|host| cluster.task_logs(host)).concat();
    let cannot = logs.iter().find(|log| log.contains("cannot report"));
    assert_eq!(cannot, None);
}

/// Runs Hadoop's own command as the user that has started the cluster.
fn hadoop(cluster: &Described, words: &[&str]) -> String {
    let mut command = script("hadoop");
    command
        .arg("--cluster-file")
        .arg(cluster.file())
        .args(words);
    let output = succeed(command.stdin(Stdio::null()));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}
