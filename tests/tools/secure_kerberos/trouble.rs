//! What can be wrong with Kerberos: each is one line that says what to do, soon, and the mapper's work is done.

use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;

/// How soon a trouble is told. The goal is 2 s; the rest is for a busy machine, where Kerberos' own limits for a silent
/// KDC would take longer still.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

/// Checks what a program and a mapper tell of a trouble with the session of this client, and that the work is done.
fn assert_told(ticket: &Ticket, address: &str, says: &[&str]) {
    let begin = Instant::now();
    loop {
        let output = ticket.run(SETUP, &["--zookeeper", address, JOB, GSSAPI]);
        let took = begin.elapsed();
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        eprintln!("after {took:.1?}: {why}");
        assert_eq!(output.status.code(), Some(1), "{why}");
        assert_eq!(why.lines().count(), 1, "{why}");
        if says.iter().all(|part| why.contains(part)) {
            break;
        }
        // On a busy machine the KDC may not answer in time.
        assert!(took < TOLD_WITHIN, "{says:?} is not told: {why}");
    }
    // A mapper that waits for more input tells it, too.
    let folder = TempDir::with_prefix("heartline-told-").expect("a temporary folder");
    let told = folder.path().join("stderr");
    let into = format!(r#"exec "$0" "$@" 2>{}"#, told.display());
    let starter = [
        &ticket.starter()[..],
        &["sh", "-c", &into].map(str::to_owned),
    ]
    .concat();
    let starter: Vec<&str> = starter.iter().map(String::as_str).collect();
    let mut mapper = Mapper::behind(&starter, &["--zookeeper", address, JOB, GSSAPI]);
    mapper.feed(b"one two\n");
    let said = || fs::read_to_string(&told).unwrap_or_default();
    wait_until("the mapper tells it", SOON, || {
        says.iter().all(|part| said().contains(part))
    });
    assert_one_two(mapper);
    let lines = said();
    let lines = lines.lines().filter(|line| line.contains(says[0]));
    assert_eq!(lines.count(), 1, "{}", said());
}

#[test]
fn a_client_without_a_ticket_is_told_what_to_do() {
    if let Some(missing) = no_kerberos() {
        leave_out!("{missing}");
    }
    let realm = Realm::found();
    let zookeeper = realm.zookeeper(&[], &[]);
    let address = zookeeper.address();
    let expiring = realm.by_cache("expiring");
    realm.kinit(&expiring, "job", &["-l", "1s"]);
    realm.add("gone");
    realm.administrate("delprinc -force gone\n");
    realm.add("rekeyed");
    realm.administrate("cpw -randkey rekeyed\n");

    let none = realm.by_cache("none");
    let absent = none.with("KRB5_CLIENT_KTNAME", "/none/job.keytab");
    let says = [
        "/none/job.keytab of KRB5_CLIENT_KTNAME cannot be read: No such file",
        "get a ticket by kinit",
    ];
    assert_told(&absent, &address, &says);
    let none = none.with("KRB5_CLIENT_KTNAME", "MEMORY:none");
    let says = [
        "no Kerberos ticket for zookeeper/127.0.0.1: ",
        "get a ticket by kinit, or name a keytab",
    ];
    assert_told(&none, &address, &says);
    assert_told(
        &realm.by_keytab("gone"),
        &address,
        &["ask who administers the realm for the principal"],
    );
    assert_told(&realm.by_keytab("rekeyed"), &address, &["export it again"]);
    // The server is known by another name than that by which it is asked for.
    let named = address.replace("127.0.0.1", "localhost");
    let says = [
        "zookeeper/localhost",
        "connect by the host name that the server's principal has",
    ];
    assert_told(&realm.by_keytab("job"), &named, &says);
    realm.wait_until_expired(&expiring);
    let expiring = expiring.with("KRB5_CLIENT_KTNAME", "MEMORY:none");
    assert_told(&expiring, &address, &["expired", "kinit"]);
}

#[test]
fn a_ticket_that_a_server_would_get_is_refused() {
    if let Some(missing) = no_kerberos() {
        leave_out!("{missing}");
    }
    let realm = Realm::found();
    let zookeeper = realm.zookeeper(&[], &[]);
    let more = " enforce_ok_as_delegate = false\n forwardable = true\n";
    let config = realm.configured("forwarding.conf", more);
    let forwarding = realm.by_keytab("job").with("KRB5_CONFIG", &config);
    let says = [
        "the Kerberos ticket may be forwarded, and zookeeper/127.0.0.1 would get a copy",
        "enforce_ok_as_delegate = true",
    ];
    assert_told(&forwarding, &zookeeper.address(), &says);
    // A ticket that may not be forwarded.
    let own = realm.by_cache("own").with("KRB5_CONFIG", &config);
    realm.kinit(&own, "job", &["-F"]);
    let done = own.run(SETUP, &["--zookeeper", &zookeeper.address(), JOB, GSSAPI]);
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn a_kdc_that_does_not_answer_is_told() {
    if let Some(missing) = no_kerberos() {
        leave_out!("{missing}");
    }
    let mut realm = Realm::found();
    let zookeeper = realm.zookeeper(&[], &[]);
    let job = realm.by_keytab("job");
    let says = [
        "no Kerberos ticket",
        "see whether the kdc that krb5.conf (KRB5_CONFIG) names runs",
    ];
    // It accepts connections and does not answer; then nothing listens.
    realm.kdc().pause();
    assert_told(&job, &zookeeper.address(), &says);
    realm.stop();
    assert_told(&job, &zookeeper.address(), &says);

    // A mapper that has begun without it beats as soon as it is there.
    let mut waiting = mapper(&job, &zookeeper.address(), "map1", &[GSSAPI]);
    waiting.feed(b"one two\n");
    realm.restart();
    let watcher = events(&realm.by_keytab("stranger"), &zookeeper.address());
    watcher.wait_for_event("claimed", "map1");
    assert_one_two(waiting);
}

#[test]
fn clocks_that_differ_are_told() {
    if let Some(missing) = no_kerberos() {
        leave_out!("{missing}");
    }
    let realm = Realm::found();
    let zookeeper = realm.zookeeper(&[], &[]);
    let address = zookeeper.address();
    for offset in ["+10m", "-10m"] {
        let (_kdc, named) = realm.skewed(offset);
        let ticket = realm.by_keytab("job").with("KRB5_CONFIG", &named);
        let ticket = ticket.with("KRB5CCNAME", &format!("{named}.tickets"));
        let says = [
            "ZooKeeper refuses the Kerberos principal job@TEST.HEARTLINE",
            "the clocks of the KDC and the server differ",
        ];
        assert_told(&ticket, &address, &says);
    }
    // A client's own clock does not matter: its library goes by that of the KDC.
    let job = realm.by_keytab("job");
    let starter = job.starter();
    let words = starter.iter().skip(1).map(String::as_str);
    let words: Vec<&str> = words
        .chain([
            "faketime",
            "-f",
            "+10m",
            SETUP,
            "--zookeeper",
            &address,
            JOB,
            GSSAPI,
        ])
        .collect();
    let output = job.run("env", &words);
    assert!(output.status.success(), "{output:?}");
}
