//! An agent with the rights that its systemd unit gives it, and with none.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::left_out::{self, leave_out};
use crate::support::{Program, ServerOfNodes, node_folder, not_root, which};

/// The user whose files the agent keeps; each Linux has it.
const USER: &str = "nobody";
/// Its number.
const UID: u32 = 65_534;

/// What the unit leaves of root's capabilities, in the form of `setpriv`: `-all,+setuid,…`.
fn bounding_set() -> String {
    let unit =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/systemd/heartline-nodes-agent.service");
    let unit = fs::read_to_string(unit).expect("a unit");
    let mut lines = unit.lines();
    let line = lines.find_map(|line| line.strip_prefix("CapabilityBoundingSet="));
    let names = line.expect("it limits them").split_whitespace();
    let names = names.map(|name| name.strip_prefix("CAP_").expect("a capability"));
    names.fold("-all".to_owned(), |set, name| {
        format!("{set},+{}", name.to_lowercase())
    })
}

/// The agent of `USER`, whose hosts file is root's, with these capabilities and no way to others.
fn agent(server: &ServerOfNodes, node: &TempDir, home: &TempDir, set: &str) -> Command {
    let own = server.agent_command(home.path(), &["--role", "slave", "--user", USER]);
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--bounding-set={set}"))
        .args(["--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"])
        .arg(own.get_program());
    let hosts = home.path().join("hosts");
    command.args(own.get_args().map(|word| {
        // The one file that is not the user's.
        if word == hosts {
            node.path().join("hosts").into_os_string()
        } else {
            word.to_owned()
        }
    }));
    command.args(["--hostname", "n1", "--ip", "127.0.1.1"]);
    command
}

#[test]
fn an_agent_needs_the_capabilities_of_its_unit_and_no_others() {
    if let Some(why) = not_root() {
        leave_out!("{why}");
    }
    if which("setpriv").is_none() {
        leave_out!("setpriv is missing");
    }
    let set = bounding_set();
    assert_eq!(set, "-all,+setuid,+setgid");
    let server = ServerOfNodes::bare(&[]);
    let node = node_folder("127.0.0.1\tlocalhost\n");
    fs::set_permissions(node.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    let home = TempDir::with_prefix("heartline-home-").expect("a temporary folder");
    chown(home.path(), Some(UID), Some(UID)).expect("root may");

    // With one of the two, or with neither, it says which it needs.
    for set in ["-all", "-all,+setuid", "-all,+setgid"] {
        let agent = agent(&server, &node, &home, set);
        // One that goes on must not hold up all tests.
        let mut limited = Command::new("timeout");
        limited.arg("60").arg(agent.get_program());
        let output = limited.args(agent.get_args()).output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{set}: {said}");
        let says =
            "may not act as nobody: run it as root with the capabilities CAP_SETUID and CAP_SETGID";
        assert!(said.contains(says), "{set}: {said}");
    }

    let agent = Program::start(&mut agent(&server, &node, &home, &set));
    agent.wait_for("/hosts is written");
    agent.wait_for("/authorized_keys is written");
    let text = fs::read_to_string(node.path().join("hosts")).expect("there");
    assert!(text.contains("127.0.1.1\tn1\n"), "{text}");
    let status = fs::read_to_string(format!("/proc/{}/status", agent.id())).expect("it runs");
    // CAP_SETGID is the bit 6, CAP_SETUID the bit 7 (capabilities(7)).
    let only = "CapBnd:\t00000000000000c0";
    assert!(status.contains(only), "{status}");
}
