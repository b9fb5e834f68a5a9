//! Nodes whose keys are held by a real `ssh-agent`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::left_out::{self, leave_out};
use crate::support::{Guarded, Program, SOON, ServerOfNodes, node_folder, wait_until, which};
use serde_json::Value;
use tempfile::TempDir;

/// An ECDSA key whose private number has 31 bytes, as one of 512 has; made for this test.
const SHORT: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS\n\
1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQRy4cMwG5DcBkTgTimsyZX0T5vkG01z\n\
7s4HvJuKdyZUZ6qabnxgkv6hXUV1dBz7pHyMX0dP+2v3ObtmzlSAZh8LAAAAmJuY6/qbmO\n\
v6AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHLhwzAbkNwGROBO\n\
KazJlfRPm+QbTXPuzge8m4p3JlRnqppufGCS/qFdRXV0HPukfIxfR0/7a/c5u2bOVIBmHw\n\
sAAAAfbSb8SMPHxjYdOHLB5u6UYVZnJiK28Tojv9Kumx1LlwAAAAAB\n\
-----END OPENSSH PRIVATE KEY-----\n";
const SHORT_PUBLIC: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlz\
                            dHAyNTYAAABBBHLhwzAbkNwGROBOKazJlfRPm+QbTXPuzge8m4p3JlRnqppu\
                            fGCS/qFdRXV0HPukfIxfR0/7a/c5u2bOVIBmHws=\n";

/// A running `ssh-agent`, with a socket of its own.
struct SshAgent {
    folder: TempDir,
    _process: Guarded,
}

impl SshAgent {
    fn start() -> Self {
        let folder = TempDir::with_prefix("heartline-agent-").expect("a temporary folder");
        // It answers each question for a confirmation or a passphrase with this word, or not at all.
        let ask = folder.path().join("ask");
        fs::write(&ask, "#!/bin/sh\necho password\n").expect("written");
        fs::set_permissions(&ask, Permissions::from_mode(0o700)).expect("its owner");
        let mut command = Command::new("ssh-agent");
        command
            .arg("-D")
            .arg("-a")
            .arg(folder.path().join("socket"));
        // Nobody confirms anything.
        command
            .env("SSH_ASKPASS", "/bin/false")
            .env("SSH_ASKPASS_REQUIRE", "force");
        command.stdout(std::process::Stdio::null());
        let agent = Self {
            _process: Guarded::spawn(&mut command),
            folder,
        };
        // 2: there is no agent.
        wait_until("it answers", SOON, || {
            agent.try_add(&["-l"]).status.code() != Some(2)
        });
        agent
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn try_add(&self, words: &[&str]) -> Output {
        let mut command = Command::new("ssh-add");
        command.args(words).env("SSH_AUTH_SOCK", self.socket());
        command.env("SSH_ASKPASS", self.folder.path().join("ask"));
        command.env("SSH_ASKPASS_REQUIRE", "force");
        command.output().expect("ssh-add runs")
    }

    /// `ssh-add` with these words.
    fn add(&self, words: &[&str]) {
        let output = self.try_add(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
    }

    /// An agent of a node that asks this one.
    fn node(&self, server: &ServerOfNodes, folder: &TempDir, number: usize, key: &str) -> Program {
        let mut command = node(server, folder, number, key);
        Program::start(command.env("SSH_AUTH_SOCK", self.socket()))
    }
}

/// An agent of a node with this key, and without an `ssh-agent`.
fn node(server: &ServerOfNodes, folder: &TempDir, number: usize, key: &str) -> Command {
    let mut command = server.agent_command_with_key(folder.path(), key, &["--role", "slave"]);
    let (name, ip) = (format!("n{number}"), format!("127.0.1.{number}"));
    command.args(["--hostname", &name, "--ip", &ip, "--interval", "200ms"]);
    command.env_remove("SSH_AUTH_SOCK");
    command
}

/// Runs ssh-keygen in a folder.
fn keygen(folder: &TempDir, words: &[&str]) {
    let mut command = Command::new("ssh-keygen");
    let output = command.args(words).current_dir(folder.path()).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
}

/// A folder with a new key of this kind, in the files `key` and `key.pub`.
fn folder_with_key(kind: &str, bits: &str) -> TempDir {
    let folder = node_folder("");
    keygen(
        &folder,
        &["-q", "-t", kind, "-b", bits, "-N", "", "-f", "key"],
    );
    folder
}

fn path(folder: &TempDir, name: &str) -> String {
    let path = folder.path().join(name);
    path.to_str().expect("text").to_owned()
}

/// Whether the server knows that this node has its key.
fn is_proven(server: &ServerOfNodes, number: usize) -> bool {
    let state = fs::read_to_string(server.state()).unwrap_or_default();
    let state: Value = serde_json::from_str(&state).expect("JSON");
    let name = format!("n{number}");
    let nodes = state["nodes"].as_array().expect("nodes");
    let node = nodes.iter().find(|node| node["hostname"] == name.as_str());
    node.expect("it is registered")["proven"] == true
}

/// Why these tests cannot be run here.
fn missing() -> Option<String> {
    let programs = ["ssh-agent", "ssh-add", "ssh-keygen"];
    let missing = programs
        .into_iter()
        .find(|program| which(program).is_none())?;
    Some(format!("{missing} is missing"))
}

#[test]
fn a_key_of_each_kind_that_an_ssh_agent_holds_proves_its_name() {
    if let Some(why) = missing() {
        leave_out!("{why}");
    }
    let server = ServerOfNodes::sealed(&[]);
    let ssh_agent = SshAgent::start();
    let kinds = [
        ("ed25519", "256"),
        ("ecdsa", "256"),
        ("ecdsa", "384"),
        ("rsa", "2048"),
        // More than heartline signs with itself.
        ("rsa", "4608"),
    ];
    for ((kind, bits), number) in kinds.into_iter().zip(1..) {
        let folder = folder_with_key(kind, bits);
        ssh_agent.add(&["-q", &path(&folder, "key")]);
        fs::remove_file(folder.path().join("key")).expect("it was there");
        let agent = ssh_agent.node(&server, &folder, number, "key.pub");
        agent.wait_for(&format!("n{number} is slave now"));
        assert!(is_proven(&server, number), "{kind} {bits}");
        assert!(!folder.path().join("key").exists(), "no other key is made");
        // It leaves by the same key.
        let mut leave = server.agent_command_with_key(folder.path(), "key.pub", &["leave"]);
        let (name, ip) = (format!("n{number}"), format!("127.0.1.{number}"));
        leave.args(["--hostname", &name, "--ip", &ip]);
        let left = leave.env("SSH_AUTH_SOCK", ssh_agent.socket()).output();
        let left = left.expect("it runs");
        assert!(left.status.success(), "{kind} {bits}: {left:?}");
    }
}

#[test]
fn what_an_ssh_agent_does_not_sign_is_said_and_tried_again() {
    if let Some(why) = missing() {
        leave_out!("{why}");
    }
    let server = ServerOfNodes::sealed(&[]);
    let folder = folder_with_key("ed25519", "256");
    let key = path(&folder, "key");

    // None at all.
    let output = node(&server, &folder, 1, "key.pub").output();
    let output = output.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("SSH_AUTH_SOCK is not set"), "{said}");

    // Without the key, then with it.
    let ssh_agent = SshAgent::start();
    let agent = ssh_agent.node(&server, &folder, 1, "key.pub");
    agent.wait_for("does not have this key, or is locked: run ssh-add");
    ssh_agent.add(&["-q", &key]);
    agent.wait_for("n1 is slave now");
    assert!(is_proven(&server, 1));
    drop(agent);

    // Locked, then not.
    ssh_agent.add(&["-x"]);
    let agent = ssh_agent.node(&server, &folder, 1, "key.pub");
    agent.wait_for("does not have this key, or is locked: run ssh-add");
    ssh_agent.add(&["-X"]);
    agent.wait_for("n1 is slave now");
    drop(agent);

    // With a confirmation that nobody gives.
    ssh_agent.add(&["-q", "-D"]);
    ssh_agent.add(&["-q", "-c", &key]);
    let agent = ssh_agent.node(&server, &folder, 1, "key.pub");
    agent.wait_for("has this key and refuses to sign");
    let socket = ssh_agent.socket();
    drop(ssh_agent);
    agent.wait_for(&format!(
        "cannot reach the ssh-agent at {}",
        socket.display()
    ));
    let once = agent
        .lines()
        .iter()
        .filter(|line| line.contains("refuses to sign"))
        .count();
    // Once, and once more if an answer was late between two refusals.
    assert!((1..=2).contains(&once), "{:#?}", agent.lines());
    drop(agent);

    // A key that no server can verify.
    let ssh_agent = SshAgent::start();
    let folder = folder_with_key("ecdsa", "521");
    ssh_agent.add(&["-q", &path(&folder, "key")]);
    let agent = ssh_agent.node(&server, &folder, 2, "key.pub");
    agent.wait_for("keys of this kind cannot be verified");
}

/// A key file that heartline cannot sign with: its name, and what is said of it without an `ssh-agent`.
fn check_perhaps(
    server: &ServerOfNodes,
    folder: &TempDir,
    ssh_agent: &SshAgent,
    number: usize,
    why: &str,
) {
    let agent = ssh_agent.node(server, folder, number, "key");
    agent.wait_for(&format!("n{number} is slave now"));
    assert!(is_proven(server, number), "{why}");
    let lines = agent.lines();
    assert!(
        !lines.iter().any(|line| line.contains("without proof")),
        "{lines:#?}"
    );
    drop(agent);

    let alone = number + 100;
    let agent = Program::start(&mut node(server, folder, alone, "key"));
    agent.wait_for(&format!("n{alone} is slave now"));
    let lines = agent.lines();
    let said = lines
        .iter()
        .find(|line| line.contains("without proof of its key"));
    let said = said.unwrap_or_else(|| panic!("{why}: {lines:#?}"));
    assert!(
        said.contains(why) && said.contains("SSH_AUTH_SOCK is not set"),
        "{said}"
    );
    assert!(!is_proven(server, alone), "{why}");
}

#[test]
fn an_ssh_agent_signs_for_key_files_that_heartline_cannot_use() {
    if let Some(why) = missing() {
        leave_out!("{why}");
    }
    let server = ServerOfNodes::sealed(&[]);
    let ssh_agent = SshAgent::start();
    let folder = folder_with_key("ed25519", "256");
    ssh_agent.add(&["-q", &path(&folder, "key")]);
    keygen(
        &folder,
        &["-q", "-p", "-P", "", "-N", "a passphrase", "-f", "key"],
    );
    check_perhaps(&server, &folder, &ssh_agent, 1, "it has a passphrase");

    let folder = node_folder("");
    write_key(folder.path(), SHORT);
    let output = node(&server, &folder, 2, "key").output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("make its public half by ssh-keygen -y"),
        "{said}"
    );
    fs::write(folder.path().join("key.pub"), SHORT_PUBLIC).expect("written");
    ssh_agent.add(&["-q", &path(&folder, "key")]);
    let why = "the private number of some ECDSA keys is a byte shorter than usual";
    check_perhaps(&server, &folder, &ssh_agent, 2, why);

    // Where the private half is not at all.
    let folder = folder_with_key("ecdsa", "384");
    ssh_agent.add(&["-q", &path(&folder, "key")]);
    fs::remove_file(folder.path().join("key")).expect("it was there");
    check_perhaps(
        &server,
        &folder,
        &ssh_agent,
        3,
        "its private half cannot be read",
    );

    let missing = node(&server, &folder, 4, "other.pub").output();
    let missing = missing.expect("it ends");
    let said = String::from_utf8_lossy(&missing.stderr);
    assert_eq!(missing.status.code(), Some(1), "{said}");
    assert!(said.contains("there is no public key"), "{said}");
    assert!(!folder.path().join("other.pub").exists(), "nothing is made");
}

fn write_key(folder: &Path, text: &str) {
    let path = folder.join("key");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its owner");
}

#[test]
fn an_ssh_agent_that_fails_under_a_private_key_is_named() {
    if let Some(why) = missing() {
        leave_out!("{why}");
    }
    let mut server = ServerOfNodes::sealed(&[]);
    let folder = folder_with_key("ed25519", "256");
    let key = path(&folder, "key");
    let ssh_agent = SshAgent::start();
    ssh_agent.add(&["-q", &key]);
    // From here on only the ssh-agent can use it.
    keygen(
        &folder,
        &["-q", "-p", "-P", "", "-N", "a passphrase", "-f", "key"],
    );
    let agent = ssh_agent.node(&server, &folder, 1, "key");
    agent.wait_for("n1 is slave now");
    assert!(is_proven(&server, 1));
    let socket = ssh_agent.socket();
    drop(ssh_agent);
    // It registers anew, and cannot prove its key any more.
    server.kill();
    server.start_again();
    agent.wait_for("registers without proof of its key");
    agent.wait_for(&format!(
        "cannot reach the ssh-agent at {}",
        socket.display()
    ));
}
