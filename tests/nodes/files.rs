//! Whatever a user puts in place of the files that root's agent keeps for that user, the agent neither hangs nor needs
//! more memory, writes no file of root, and reports the node as unwell until the files are right.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::left_out::{self, leave_out};
use crate::support::{
    Program, SOON, ServerOfNodes, node_folder, not_root, wait_until, write_secret,
};
use rustix::fs::{CWD, FileType, mknodat};
use rustix::process::Signal;
use tempfile::TempDir;

/// A user of every system who is not root.
const USER: &str = "nobody";
const ID: u32 = 65534;

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, 0o666.into(), 0).expect("a pipe");
}

/// An action of the user.
type Trap = fn(&Path);

/// What replaces `authorized_keys`, and the agent's message about it.
const IN_PLACE_OF_THE_FILE: [(&str, Trap, &str); 7] = [
    (
        "fifo",
        fifo,
        "authorized_keys cannot be read: it is a named pipe",
    ),
    (
        "zero",
        |path| symlink("/dev/zero", path).expect("linked"),
        "it is a symbolic link, which is not followed",
    ),
    (
        "link",
        |path| symlink("other", path).expect("linked"),
        "it is a symbolic link, which is not followed",
    ),
    (
        "nothing",
        |path| symlink("nothing", path).expect("linked"),
        "it is a symbolic link, which is not followed",
    ),
    (
        "huge",
        |path| {
            File::create(path)
                .and_then(|file| file.set_len(1 << 40))
                .expect("made");
        },
        "authorized_keys cannot be read: it is larger than 32.0 MiB",
    ),
    (
        "folder",
        |path| fs::create_dir(path).expect("made"),
        "it is a directory",
    ),
    (
        "socket",
        |path| drop(UnixListener::bind(path).expect("made")),
        "it is a socket",
    ),
];

/// What replaces `.ssh`.
const IN_PLACE_OF_THE_FOLDER: [(&str, Trap, &str); 3] = [
    ("sshfifo", fifo, "Not a directory"),
    // A folder of root.
    ("sshroot", |_| (), "Permission denied"),
    (
        "sshfile",
        |path| fs::write(path, "").expect("written"),
        "Not a directory",
    ),
];

/// A node of another user, and root's agent that keeps its files.
struct Node {
    name: &'static str,
    home: TempDir,
    agent: Program,
    _own: TempDir,
}

impl Node {
    /// Starts the agent for a home of the user, after `make` has changed it.
    fn new(
        server: &ServerOfNodes,
        name: &'static str,
        number: usize,
        make: impl FnOnce(&Path),
    ) -> Self {
        let home = TempDir::with_prefix("heartline-home-").expect("a temporary folder");
        fs::set_permissions(home.path(), Permissions::from_mode(0o755)).expect("its owner");
        lchown(home.path(), Some(ID), Some(ID)).expect("root may");
        for folder in ["key", ".ssh"] {
            fs::create_dir(home.path().join(folder)).expect("made");
            lchown(home.path().join(folder), Some(ID), Some(ID)).expect("root may");
        }
        make(home.path());
        let own = node_folder("");
        let usual = server.agent_command(own.path(), &["--role", "slave", "--interval", "200ms"]);
        let mut command = Command::new(usual.get_program());
        for word in usual.get_args() {
            // The hosts file belongs to root, all others to the user.
            if word == own.path().join("id_ed25519") {
                command.arg(home.path().join("key/id_ed25519"));
            } else if word == own.path().join("authorized_keys") {
                command.arg(home.path().join(".ssh/authorized_keys"));
            } else if word == own.path().join("known_hosts") {
                command.arg(home.path().join(".ssh/known_hosts"));
            } else {
                command.arg(word);
            }
        }
        let ip = format!("127.0.2.{number}");
        command.args(["--hostname", name, "--ip", &ip, "--user", USER]);
        Self {
            name,
            home,
            agent: Program::start(&mut command),
            _own: own,
        }
    }

    /// The most memory that the agent has had, in KiB.
    fn memory(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.agent.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .expect("a number")
    }
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one sequence of steps with real processes"
)]
fn whatever_a_user_puts_in_place_of_its_files_roots_agent_goes_on_and_the_node_is_unwell() {
    if let Some(why) = not_root() {
        leave_out!("{why}");
    }
    let server = ServerOfNodes::bare(&[]);
    let root = TempDir::with_prefix("heartline-root-").expect("a temporary folder");
    fs::write(root.path().join("authorized_keys"), "root's\n").expect("written");
    let of_root = root.path().to_owned();
    let mut nodes = Vec::new();
    for (number, (name, trap, said)) in (1..).zip(IN_PLACE_OF_THE_FILE) {
        let node = Node::new(&server, name, number, |home| {
            fs::write(home.join(".ssh/other"), "other\n").expect("written");
            trap(&home.join(".ssh/authorized_keys"));
            lchown(home.join(".ssh/authorized_keys"), Some(ID), Some(ID)).expect("root may");
        });
        nodes.push((node, said));
    }
    for (number, (name, trap, said)) in (101..).zip(IN_PLACE_OF_THE_FOLDER) {
        let node = Node::new(&server, name, number, |home| {
            fs::remove_dir(home.join(".ssh")).expect("empty");
            if name == "sshroot" {
                symlink(&of_root, home.join(".ssh")).expect("linked");
            } else {
                trap(&home.join(".ssh"));
            }
            lchown(home.join(".ssh"), Some(ID), Some(ID)).expect("root may");
        });
        nodes.push((node, said));
    }
    let node = Node::new(&server, "later", 201, |_| {});
    server.wait_for_verdict("later", "alive");
    let keys = node.home.path().join(".ssh/authorized_keys");
    wait_until("its file is written", SOON, || keys.exists());
    fs::remove_file(&keys).expect("there");
    fifo(&keys);
    nodes.push((node, "authorized_keys cannot be read: it is a named pipe"));

    for (node, said) in &nodes {
        node.agent.wait_for(said);
        server.wait_for_verdict(node.name, "unwell");
        let memory = node.memory();
        assert!(memory < 200 << 10, "{}: {memory} KiB", node.name);
    }
    let text = fs::read_to_string(root.path().join("authorized_keys")).expect("there");
    assert_eq!(text, "root's\n");
    assert_eq!(fs::read_dir(root.path()).expect("a folder").count(), 1);
    for (node, _) in &nodes {
        if let Ok(other) = fs::read_to_string(node.home.path().join(".ssh/other")) {
            assert_eq!(other, "other\n", "{}", node.name);
        }
    }

    // Once the user has corrected the file, the node is well.
    for (node, _) in &nodes {
        let ssh = node.home.path().join(".ssh");
        fs::rename(&ssh, node.home.path().join("away")).expect("there");
    }
    for (node, _) in &mut nodes {
        server.wait_for_verdict(node.name, "alive");
        let keys = fs::read_to_string(node.home.path().join(".ssh/authorized_keys"));
        assert!(
            keys.expect("written").contains("ssh-ed25519"),
            "{}",
            node.name
        );
        node.agent.signal(Signal::TERM);
        wait_until("it ends", SOON, || !node.agent.is_running());
    }
}

/// Runs a command to its end, under `timeout`, which kills it if it hangs and then sets the exit status.
fn nodes(command: &mut Command) -> Output {
    let mut limited = Command::new("timeout");
    limited
        .args(["--signal=KILL", "60"])
        .arg(command.get_program());
    limited.args(command.get_args()).stdin(Stdio::null());
    limited.output().expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_key_that_is_no_regular_file_is_named_at_once() {
    let server = ServerOfNodes::bare(&[]);
    let traps: [(&str, Trap, &str); 4] = [
        ("id_ed25519", fifo, "it is a named pipe"),
        ("id_ed25519.pub", fifo, "it is a named pipe"),
        (
            "id_ed25519",
            |path| symlink("/dev/zero", path).expect("linked"),
            "it is a device",
        ),
        (
            "id_ed25519.pub",
            |path| {
                File::create(path)
                    .and_then(|file| file.set_len(1 << 40))
                    .expect("made");
            },
            "it is larger than 64.0 KiB",
        ),
    ];
    for (name, trap, why) in traps {
        let folder = node_folder("");
        trap(&folder.path().join(name));
        let mut command =
            server.agent_command(folder.path(), &["--role", "slave", "--hostname", "n1"]);
        let output = nodes(&mut command);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(name) && said.contains(why), "{said}");
    }
}

#[test]
fn a_secret_is_a_file_of_this_user_or_what_its_shell_gives() {
    let folder = TempDir::with_prefix("heartline-secret-").expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    fifo(&at("fifo"));
    symlink("/dev/zero", at("zero")).expect("linked");
    let list = |secret: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command.args(["nodes", "list", "--server", "127.0.0.1:1", "--secret-file"]);
        nodes(command.arg(secret))
    };
    for (name, why) in [
        ("fifo", "it is a named pipe"),
        ("zero", "it is a device"),
        ("", "it is a directory"),
    ] {
        let output = list(&at(name));
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(said(&output).contains(why), "{output:?}");
    }
    // No server listens there: the secret was accepted.
    let secret = write_secret(folder.path(), "0123456789abcdef");
    assert_eq!(list(&secret).status.code(), Some(1));
    let script = r#"exec "$0" nodes list --server 127.0.0.1:1 --secret-file <(sleep 0.2; printf 0123456789abcdef)"#;
    let mut command = Command::new("bash");
    let output = nodes(command.args(["-c", script, env!("CARGO_BIN_EXE_heartline")]));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said(&output).contains("127.0.0.1:1"), "{output:?}");

    if let Some(why) = not_root() {
        leave_out!("{why}");
    }
    lchown(&secret, Some(ID), None).expect("root may");
    let output = list(&secret);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        said(&output).contains("belongs to another user (uid 65534); do: chown 0 "),
        "{output:?}"
    );
}

#[test]
fn a_state_that_others_may_write_is_not_believed() {
    let folder = TempDir::with_prefix("heartline-state-").expect("a temporary folder");
    let state = folder.path().join("nodes.json");
    let lock = folder.path().join("nodes.json.lock");
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command.args(["nodes", "server", "--listen", "127.0.0.1:0", "--state"]);
        let output = nodes(command.arg(&state));
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        said(&output)
    };
    fs::write(&state, r#"{"form":1,"nodes":[]}"#).expect("written");
    fs::set_permissions(&state, Permissions::from_mode(0o646)).expect("its owner");
    let why = start();
    assert!(
        why.contains("others may write it (mode 0646)") && why.contains("chmod go-w"),
        "{why}"
    );
    fs::remove_file(&state).expect("there");
    fifo(&state);
    let why = start();
    assert!(
        why.contains("nodes.json cannot be read: it is a named pipe"),
        "{why}"
    );
    fs::remove_file(&lock).expect("made");
    fifo(&lock);
    let why = start();
    assert!(
        why.contains("nodes.json.lock cannot be written: it is a named pipe"),
        "{why}"
    );
}
