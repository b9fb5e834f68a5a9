//! A job on a cluster with Kerberos: its tasks get tickets for ZooKeeper, and it goes on when the active `NameNode` is
//! killed under it.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::LIMIT;
use crate::support::hadoop::{
    ONE_MAPPER_A_TEXT, finish_unharmed, run_job, sample_data_of_equal_length, start, succeed,
};
use crate::support::{Described, Parts, Watcher, assert_closed, visit, wait_until};

pub(super) fn job_outlives_a_namenode(cluster: &Described) {
    let ensemble = cluster.ensemble(&[1, 2, 3]);
    let namespace = "--namespace=/tickets";
    let words = ["--json", "--zookeeper", &ensemble, namespace];
    let watcher = Watcher::start(env!("CARGO_BIN_EXE_watch-master"), &words);
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
            .args(tickets_for_tasks(cluster, dir.path()))
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
    if cfg!(feature = "gssapi") {
        // Who made the namespace and the znodes in it.
        let seen = visit(&ensemble, async |session| {
            assert_closed(session, "/tickets", "sasl:job").await
        });
        assert!(seen.expect("the servers answer").len() > 3);
    }
    cluster.kill("h1/namenode");
    let (log, _) = finish_unharmed(job, (&files, &output), &watcher);
    check_umbilical(cluster, &log);
}

/// The options of a job by which its tasks get tickets as the principal `job`: docs/security.md has these lines.
fn tickets_for_tasks(cluster: &Described, folder: &Path) -> Vec<String> {
    let security = cluster.folder().join("this_machine/security");
    let keytab = folder.join("job.keytab");
    for line in [
        "addprinc -randkey job".to_owned(),
        format!("ktadd -k {} job", keytab.display()),
    ] {
        let mut kadmin = Command::new("env");
        kadmin
            .env("KRB5_CONFIG", security.join("krb5.conf"))
            .env("KRB5_KDC_PROFILE", security.join("kdc.conf"))
            .args(["PATH=/usr/sbin:/usr/bin", "kadmin.local", "-q", &line]);
        succeed(&mut kadmin);
    }
    let own = folder.join("own.conf");
    let text = "[libdefaults]\nenforce_ok_as_delegate = true\n";
    fs::write(&own, text).expect("a folder");
    let krb5_conf = security.join("krb5.conf");
    let mut options = Vec::new();
    for (option, value) in [
        ("--file", keytab.display().to_string()),
        ("--file", own.display().to_string()),
        ("--cmdenv", "KRB5_CLIENT_KTNAME=job.keytab".to_owned()),
        ("--cmdenv", "KRB5CCNAME=MEMORY:job".to_owned()),
        (
            "--cmdenv",
            format!("KRB5_CONFIG=own.conf:{}", krb5_conf.display()),
        ),
        ("-D", "heartline.namespace=/tickets".to_owned()),
        ("-D", "heartline.zookeeper.sasl=gssapi".to_owned()),
    ] {
        options.extend([option.to_owned(), value]);
    }
    if !cfg!(feature = "gssapi") {
        // Such a build beats without a ticket.
        options.truncate(options.len() - 2);
    }
    options
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
