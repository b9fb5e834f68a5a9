//! A client that knows the seed's messages and nothing else registers, beats and gets its updates; and impossible
//! option values are refused.

use std::process::Output;

use crate::support::left_out::{self, leave_out};
use crate::support::{KEYS, SOON, ServerOfNodes, python};
use assert_cmd::Command;

const CLIENT: &str = include_str!("nodes_client.py");

#[test]
fn a_python_client_of_the_seed_gets_all_that_it_is_promised() {
    let server = ServerOfNodes::bare(&["--timeout", "4s"]);
    let (host, port) = (
        server.address.ip().to_string(),
        server.address.port().to_string(),
    );
    let said = match python(CLIENT, &[&host, &port, KEYS[0], KEYS[1]]) {
        Ok(said) => said,
        Err(why) => leave_out!("{why}"),
    };
    let said: Vec<&str> = said.lines().collect();
    let expected = [
        "registered",
        "got the status",
        "beats",
        "registered in pieces",
        "got the update",
        "got the reason",
        "beats elsewhere",
        "got the death",
        "took over",
    ];
    assert_eq!(said, expected, "{:#?}", server.log().lines());
    server
        .log()
        .wait_for("second.hadoop.com is master in the place of master.hadoop.com");
}

fn nodes(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
    command.arg("nodes").args(words).timeout(SOON);
    command.output().expect("it ends")
}

#[test]
fn impossible_values_are_refused_at_once() {
    let agent = ["agent", "--server", "127.0.0.1:9", "--role", "slave"];
    let server = ["server", "--listen", "127.0.0.1:0", "--state", "/proc/no"];
    for (of, words, why) in [
        (
            &agent[..],
            ["--interval", "10ms"],
            "must be between 50ms and 20s",
        ),
        (&agent, ["--interval", "1m"], "must be between 50ms and 20s"),
        (&server, ["--timeout", "1ms"], "must be between 300ms and"),
        (&server, ["--nodes", "0"], "at least 1"),
        (&server, ["--connections", "0"], "at least 1"),
        (&server, ["--names-per-address", "no"], "at least 1"),
    ] {
        let output = nodes(&[of, &words].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(why), "{words:?}: {said}");
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
    // Nothing is wrong with the words: there is no such folder, and none can be made.
    let output = nodes(&[&agent[..], &["--key", "/proc/no/key"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("this node has no key: "), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn only_what_is_of_zookeeper_stands_below_its_heading() {
    let output = nodes(&["server", "--help"]);
    let help = String::from_utf8_lossy(&output.stdout);
    let (own, of_zookeeper) = help.split_once("ZooKeeper:\n").expect("a heading");
    for option in ["--secret-file", "--timeout", "--names-per-address"] {
        assert!(own.contains(&format!(" {option} ")), "{option}");
        assert!(!of_zookeeper.contains(&format!(" {option} ")), "{option}");
    }
    assert!(of_zookeeper.contains(" --session-timeout "));
}
