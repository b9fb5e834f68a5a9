//! A cluster with Kerberos and TLS: who has no ticket is refused, and a job goes on when the active `NameNode` is killed
//! under it. One cluster for all, about three minutes.

mod job;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::hadoop::{script, succeed};
use crate::support::left_out::{self, leave_out};
use crate::support::{Described, Mapper, Parts, visit, wait_until, which};
use heartline::coordination::Failure;
use heartline::probe::{Pages, Silence};
use job::job_outlives_a_namenode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

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
    check_pages(&cluster);
    if cfg!(feature = "gssapi") {
        let status = cluster.status_when_well(LIMIT);
        assert_eq!(status["kdcs"][0]["listens"], true, "{status:#}");
        check_closed(&cluster, &status);
    } else {
        let mut status = Value::Null;
        wait_until("the status has no ticket", LIMIT, || {
            status = cluster.status().1;
            has_closed_pages(&status)
        });
        let why = status["no_ticket"].as_str().unwrap_or_default();
        assert!(why.contains("--features gssapi"), "{status:#}");
    }
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

/// Each page asks for a ticket.
fn check_pages(cluster: &Described) {
    let ca = cluster.folder().join("this_machine/security/ca.pem");
    let pages = Pages::signed_by(&fs::read(ca).expect("a certificate"));
    for (id, port, path) in [
        (1, 50070, "jmx"),
        (1, 50070, "webhdfs/v1/?op=LISTSTATUS"),
        (1, 9864, "jmx"),
        (3, 8480, "jmx"),
        (1, 8088, "ws/v1/cluster/info"),
        (2, 8042, "ws/v1/node/info"),
    ] {
        let place = format!("{}:{port}/{path}", cluster.address(id));
        let end = Instant::now() + LIMIT;
        let closed = Silence::Closed(String::new());
        let anonymous = pages.without_ticket();
        assert_eq!(anonymous.page::<Value>(&place, end), Err(closed), "{place}");
        // A cookie that nobody has signed does not help.
        let forged = "hadoop.auth=\"u=nn&p=nn@X&t=kerberos&e=9999999999999&s=AAAA\"";
        let forged = pages.with_cookie(forged.to_owned());
        let refusals = ["401 Unauthorized", "403 Forbidden"];
        let refusals = refusals.map(|it| Silence::Broken(format!("answers with HTTP {it}")));
        let why = forged.page::<Value>(&place, end).expect_err(&place);
        assert!(refusals.contains(&why), "{place}: {why}");
    }
}

/// Whether the status says of each NameNode that it wants a ticket. Then it does not say what it does not know.
fn has_closed_pages(status: &Value) -> bool {
    let namenodes = status["namenodes"].as_array().expect("a list");
    let is_closed = |namenode: &Value| {
        let why = namenode["trouble"].as_str().unwrap_or_default();
        why.starts_with("asks for a Kerberos ticket")
    };
    let are_closed = namenodes.iter().all(is_closed);
    let troubles = status["troubles"].to_string();
    assert!(
        !are_closed || !troubles.contains("no active namenode"),
        "{status:#}"
    );
    are_closed
}

fn check_closed(cluster: &Described, status: &Value) {
    assert_eq!(status["no_ticket"], Value::Null, "{status:#}");
    // WebHDFS, too: the file that was put there.
    let root = status["root"].as_array().expect("a listing");
    assert!(
        root.iter().any(|file| file["path"] == "/README.md"),
        "{status:#}"
    );
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
    let mut nobody = Value::Null;
    // On a busy machine a page may not answer in time.
    wait_until("the status is refused", LIMIT, || {
        nobody = ask(&[("KRB5_CONFIG", &config), ("KRB5CCNAME", "/nonexistent")]);
        has_closed_pages(&nobody)
    });
    let why = nobody["no_ticket"].as_str().unwrap_or_default();
    assert!(
        why.contains("no Kerberos ticket for zookeeper/"),
        "{nobody:#}"
    );
    assert_eq!(nobody["heartline"]["master"], Value::Null, "{nobody:#}");
    let why = nobody["namenodes"][0]["trouble"].to_string();
    assert!(why.contains("no Kerberos ticket for HTTP/"), "{nobody:#}");
    assert!(why.contains("kinit"), "{nobody:#}");
    check_silent_kdc(cluster, &config);
}

/// A process that goes on when this is dropped, also by a test that fails: a stopped one would not end.
struct Stopped(Pid);

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have ended.
        let _ = kill_process(self.0, Signal::CONT);
    }
}

/// A KDC that does not answer is named in the status' own time, and what needs no ticket is shown.
fn check_silent_kdc(cluster: &Described, config: &str) {
    let kdc = cluster.pid("h1", "kdc").parse().ok();
    let kdc = kdc.and_then(Pid::from_raw).expect("a pid");
    kill_process(kdc, Signal::STOP).expect("ours");
    let stopped = Stopped(kdc);
    let security = cluster.folder().join("this_machine/security");
    let mut status = Value::Null;
    wait_until("the status names the KDC", LIMIT, || {
        let mut command = cluster.command("status", &["--json"]);
        command
            .env("KRB5_CONFIG", config)
            .env("KRB5CCNAME", security.join("no-tickets"))
            .env("KRB5_CLIENT_KTNAME", security.join("user.keytab"));
        let asked = command.output().expect("it runs");
        status = serde_json::from_slice(&asked.stdout).expect("JSON");
        has_closed_pages(&status) && status["quorum"] == true
    });
    drop(stopped);
    for why in [&status["namenodes"][0]["trouble"], &status["no_ticket"]] {
        assert!(
            why.to_string().contains("whether the kdc that"),
            "{status:#}"
        );
    }
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
