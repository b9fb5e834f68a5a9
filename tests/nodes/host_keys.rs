//! The host keys of the nodes: each node tells the key of its `sshd`, and each finds those of all in its `known_hosts`.

use std::fs;

use crate::support::{
    Client, KEYS, Program, SOON, ServerOfNodes, is_refused, node, node_folder, wait_until, with,
};
use tempfile::TempDir;

/// An agent whose `sshd` has this key.
fn agent(server: &ServerOfNodes, folder: &TempDir, number: u8, key: &str) -> Program {
    let host_key = folder.path().join("host_key.pub");
    fs::write(&host_key, format!("{key} root@somewhere\n")).expect("written");
    let mut command = server.agent_command(folder.path(), &["--role", "slave"]);
    let (name, ip) = (format!("n{number}"), format!("127.0.1.{number}"));
    command.args(["--hostname", &name, "--ip", &ip, "--interval", "200ms"]);
    Program::start(command.arg("--host-key").arg(host_key))
}

fn known(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("known_hosts")).unwrap_or_default()
}

#[test]
fn each_node_knows_the_host_keys_of_all_and_a_leave_leaves_nothing() {
    let mut server = ServerOfNodes::sealed(&[]);
    let folders = [node_folder(""), node_folder("")];
    let own = "other.hadoop.com ssh-ed25519 AAAA\n";
    fs::write(folders[0].path().join("known_hosts"), own).expect("written");
    let first = agent(&server, &folders[0], 1, KEYS[0]);
    first.wait_for("n1 is slave now");
    let second = agent(&server, &folders[1], 2, KEYS[1]);
    let lines = |key: &str| format!("n1,127.0.1.1 {key}\nn2,127.0.1.2 {}\n# END", KEYS[1]);
    for folder in &folders {
        wait_until("both keys are there", SOON, || {
            known(folder).contains(&lines(KEYS[0]))
        });
    }
    assert!(known(&folders[0]).starts_with(own));

    // What was acknowledged is known after a restart too, without the node.
    drop(first);
    server.kill();
    server.start_again();
    let folder = node_folder("");
    let third = agent(&server, &folder, 3, KEYS[1]);
    third.wait_for("known_hosts is written");
    drop(third);
    second.wait_for_times("n2 is slave now", 2);
    wait_until("nothing is lost", SOON, || {
        known(&folders[1]).contains(&format!("n1,127.0.1.1 {}\n", KEYS[0]))
    });

    // A node that is installed anew has another key.
    let again = agent(&server, &folders[0], 1, KEYS[1]);
    wait_until("the new key is there", SOON, || {
        known(&folders[1]).contains(&format!("n1,127.0.1.1 {}\n", KEYS[1]))
    });
    assert!(!known(&folders[1]).contains(KEYS[0]));
    drop(again);
    let leave = server
        .agent_command(folders[0].path(), &["leave"])
        .args(["--hostname", "n1", "--ip", "127.0.1.1"])
        .output()
        .expect("it runs");
    assert!(leave.status.success(), "{leave:?}");
    assert_eq!(known(&folders[0]), own);
    wait_until("it is gone", SOON, || !known(&folders[1]).contains("n1,"));
}

#[test]
fn a_host_key_is_one_line_and_a_node_without_one_is_taken() {
    let server = ServerOfNodes::bare(&[]);
    let host_key = |key: &str| {
        let node = node("n1", "127.0.1.1", KEYS[0]);
        with(node, "ssh_host_key", key).to_string()
    };
    for (attempt, key, why) in [
        (
            "two host keys",
            KEYS.join("\n"),
            "ssh_host_key is not one line",
        ),
        (
            "a marker",
            format!("@cert-authority * {}", KEYS[0]),
            "ssh_host_key is not one OpenSSH",
        ),
        (
            "no key",
            "xxxxxx".to_owned(),
            "ssh_host_key is not one OpenSSH",
        ),
    ] {
        is_refused(&server, attempt, host_key(&key).as_bytes(), why);
    }
    let mut client = Client::of(&server);
    client.send(node("n1", "127.0.1.1", KEYS[0]).to_string().as_bytes());
    let said = client.wait_for("clusers_alive");
    assert!(!said.contains("clusers_host_keys"), "{said}");
    client.send(host_key(KEYS[1]).as_bytes());
    client.wait_for(&format!(r#""clusers_host_keys":[["n1","{}"]]"#, KEYS[1]));

    let folder = node_folder("");
    let mut agent = server.agent_command(folder.path(), &["--role", "slave"]);
    let output = agent.args(["--host-key", "/proc/no"]).output();
    let output = output.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("--host-key /proc/no does not exist"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(2));
}
