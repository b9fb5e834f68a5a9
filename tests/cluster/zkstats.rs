//! `heartline zkstats`: the modes of real servers, with four-letter words allowed and forbidden, of hosts that do not
//! exist or do not answer, with and without a quorum.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Ensemble, SERVERS, ZooKeeper, free_port, wait_until};
use serde_json::Value;

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");
/// The time limit of a step, on a busy machine too.
const GENEROUS: [&str; 2] = ["--timeout", "30s"];

fn zkstats(arguments: &[&str]) -> Output {
    let mut command = Command::new(HEARTLINE);
    command.arg("zkstats").args(arguments).stdin(Stdio::null());
    command.output().expect("it runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(arguments: &[&str]) -> (Value, Option<i32>) {
    let output = zkstats(&[&["--json"], arguments].concat());
    let value = serde_json::from_str(&stdout(&output)).expect("JSON");
    (value, output.status.code())
}

#[test]
fn an_ensemble_is_shown_until_and_after_it_has_lost_its_quorum() {
    let _machine = crate::support::part_of_machine();
    let mut ensemble = Ensemble::start();
    let leader = ensemble.leader();
    let addresses: Vec<String> = (0..SERVERS).map(|one| ensemble.address_of(one)).collect();
    let all: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let ask = |options: &[&str]| zkstats(&[&GENEROUS, options, &all[..]].concat());

    let output = ask(&[]);
    let line = |one: usize| {
        let mode = if one == leader { "leader" } else { "follower" };
        format!("{}\tMode: {mode}", all[one])
    };
    let expected: Vec<String> = (0..SERVERS).map(line).collect();
    assert_eq!(stdout(&output), expected.join("\n") + "\n");
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (Some(0), String::new())
    );

    let wide = stdout(&ask(&["--wide"]));
    assert_eq!(wide.lines().count(), 1 + SERVERS, "{wide}");
    assert!(!wide.contains('\u{1b}'), "escapes in a pipe: {wide}");
    let of_leader = wide.lines().nth(1 + leader).unwrap();
    let words: Vec<&str> = of_leader.split_whitespace().collect();
    assert_eq!(words.len(), 12, "{wide}");
    assert_eq!(words[..3], [all[leader], "leader", "3.8.4"]);
    assert!(words[3].starts_with("0x"), "{wide}");

    // One server is lost: it is reported, and there is a quorum.
    let lost = ensemble.followers()[0];
    ensemble.kill(lost);
    let output = ask(&[]);
    let line = format!("{}\tMode:NULL\n", all[lost]);
    assert!(stdout(&output).contains(&line), "{}", stdout(&output));
    assert_eq!(output.status.code(), Some(0));
    let why = format!("heartline zkstats: {}: nothing listens there\n", all[lost]);
    assert_eq!(stderr(&output), why);

    // Two are lost: the third one reports that there is no quorum.
    let lost = ensemble.leader();
    ensemble.kill(lost);
    wait_until("nobody serves", Duration::from_secs(60), || {
        ask(&[]).status.code() == Some(1)
    });
    let output = ask(&[]);
    let expected: Vec<String> = all.iter().map(|one| format!("{one}\tMode:NULL")).collect();
    assert_eq!(stdout(&output), expected.join("\n") + "\n");
    assert!(
        stderr(&output).contains("it has no quorum"),
        "{}",
        stderr(&output)
    );
    let (value, code) = json(&[&GENEROUS[..], &all].concat());
    assert_eq!((value["quorum"].as_bool(), code), (Some(false), Some(1)));
}

#[test]
fn a_server_with_closed_words_is_asked_through_its_admin_server() {
    let _machine = crate::support::part_of_machine();
    let admin = free_port().to_string();
    let port = format!("admin.serverPort={admin}");
    let settings = [
        "admin.enableServer=true",
        "admin.serverAddress=127.0.0.1",
        &port,
    ];
    // `srvr` is open always, and `conf` for the test's own waiting.
    let word = "4lw.commands.whitelist=conf";
    let zookeeper = ZooKeeper::with_settings(&[&settings[..], &[word]].concat());
    let address = zookeeper.address();
    let ask = |options: &[&str]| {
        let options = [
            &GENEROUS,
            &["--admin-port", &admin][..],
            options,
            &[&address],
        ]
        .concat();
        zkstats(&options)
    };
    let output = ask(&[]);
    assert_eq!(stdout(&output), format!("{address}\tMode: standalone\n"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let options = [&GENEROUS[..], &["--admin-port", &admin, &address]].concat();
    let (value, _) = json(&options);
    let server = &value["servers"][0];
    assert_eq!(server["mode"], "standalone");
    assert!(
        server["watches"].is_u64() && server["ephemerals"].is_u64(),
        "{value}"
    );
    assert!(
        server["zxid"].as_str().unwrap().starts_with("0x"),
        "{value}"
    );
    assert!(server["trouble"].is_null(), "{value}");

    // If both ways are closed, the message says what to open.
    let closed = free_port().to_string();
    let output = zkstats(&["--wide", "--admin-port", &closed, &address]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "srvr is open: {}",
        stderr(&output)
    );
    assert!(
        stderr(&output).contains("4lw.commands.whitelist"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn one_that_says_nothing_costs_its_limit_alone() {
    let _machine = crate::support::part_of_machine();
    let mute = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mute = mute.local_addr().expect("its address").to_string();
    let closed = format!("127.0.0.1:{}", free_port());
    // No host has this address: it is reserved for documentation.
    let (away, unknown) = ("192.0.2.1:2181", "no-such-host.invalid");
    let zookeeper = ZooKeeper::start();
    let good = zookeeper.address();
    let begin = Instant::now();
    let output = zkstats(&["--timeout", "500ms", &mute, away, &good, unknown, &closed]);
    let took = begin.elapsed();
    let expected = format!(
        "{mute}\tMode:NULL\n{away}\tMode:NULL\n{good}\tMode: standalone\n{unknown}\tMode:NULL\n{closed}\tMode:NULL\n"
    );
    assert_eq!(stdout(&output), expected);
    assert_eq!(output.status.code(), Some(0));
    assert!(took < Duration::from_secs(20), "it took {took:?}");
    let said = stderr(&output);
    assert!(said.contains(&format!("{mute}: does not answer")), "{said}");
    assert!(
        said.contains(&format!("{closed}: nothing listens there")),
        "{said}"
    );
    let output = zkstats(&["--timeout", "500ms", &mute, &closed]);
    assert_eq!(output.status.code(), Some(1), "nobody answers: no quorum");
}

#[test]
fn wrong_usage_is_2() {
    let _machine = crate::support::part_of_machine();
    for wrong in [
        &[][..],
        &["zk1:0"],
        &["zk1,zk2"],
        &["zk1/chroot"],
        &["--timeout", "1", "zk1"],
    ] {
        let output = zkstats(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}
