//! A node control server, its agents, and clients that follow the seed.

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::{Guarded, SOON, wait_until};

/// The shared secret of a test's nodes.
pub(crate) const SECRET: &str = "a secret of thirty-two characters";

/// A running program; the lines of both its outputs are kept.
pub(crate) struct Program {
    process: Guarded,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone().expect("a pipe"))
            .stderr(writer);
        let process = Guarded::spawn(command);
        // The command holds ends of the pipe, and would keep it open.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                kept.lock().expect("lines").push(line);
            }
        });
        Self { process, lines }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("lines").clone()
    }

    /// Waits until a line contains this.
    pub(crate) fn wait_for(&self, what: &str) {
        self.wait_for_times(what, 1);
    }

    /// Waits until this number of lines contain this.
    pub(crate) fn wait_for_times(&self, what: &str, times: usize) {
        let count = || {
            self.lines()
                .iter()
                .filter(|line| line.contains(what))
                .count()
        };
        wait_until(&format!("'{what}' in {:#?}", self.lines()), SOON, || {
            count() >= times
        });
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.is_running()
    }
}

/// A server on a free port, with a state file of its own.
pub(crate) struct ServerOfNodes {
    program: Option<Program>,
    options: Vec<String>,
    pub(crate) address: SocketAddr,
    /// The servers that clients try.
    servers: String,
    folder: TempDir,
}

impl ServerOfNodes {
    /// A server that accepts the seed's bare messages on this machine.
    pub(crate) fn bare(options: &[&str]) -> Self {
        Self::start(Self::folder(), options)
    }

    /// A server that accepts only clients that know [`SECRET`].
    pub(crate) fn sealed(options: &[&str]) -> Self {
        let folder = Self::folder();
        let secret = write_secret(folder.path(), SECRET);
        let secret = ["--secret-file", secret.to_str().expect("text")];
        Self::start(folder, &[&secret, options].concat())
    }

    /// A server with the certificate `ctl.pem` of the CA in `folder`. Clients show `ops.pem`, unless a test gives them
    /// another.
    pub(crate) fn certified(folder: TempDir, options: &[&str]) -> Self {
        let [ca, certificate] = ["ca.pem", "ctl.pem"].map(|name| folder.path().join(name));
        let tls = ["--tls-ca", text(&ca), "--tls-cert", text(&certificate)];
        Self::start(folder, &[&tls, options].concat())
    }

    /// Two servers that keep their state in `ZooKeeper`. They accept only clients that know [`SECRET`], or the seed's
    /// bare messages. The first one is active. Clients of the first get both addresses, those of the second only its
    /// own.
    pub(crate) fn pair(zookeepers: [&str; 2], is_sealed: bool, options: &[&str]) -> [Self; 2] {
        let start = |zookeeper| {
            let place = ["--state", "zookeeper", "--zookeeper", zookeeper];
            let options = [&place, options].concat();
            if is_sealed {
                Self::sealed(&options)
            } else {
                Self::bare(&options)
            }
        };
        let mut first = start(zookeepers[0]);
        first.log().wait_for("has the claim and works");
        let second = start(zookeepers[1]);
        first.servers = format!("{},{}", first.address, second.address);
        [first, second]
    }

    /// The folder with its state, and its secret or certificates.
    pub(crate) fn folder_path(&self) -> &Path {
        self.folder.path()
    }

    fn folder() -> TempDir {
        TempDir::with_prefix("heartline-nodes-").expect("a temporary folder")
    }

    fn start(folder: TempDir, options: &[&str]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("its address");
        drop(free);
        let mut server = Self {
            program: None,
            options: options.iter().map(ToString::to_string).collect(),
            address,
            servers: address.to_string(),
            folder,
        };
        server.start_again();
        server
    }

    /// Kills the server with -9.
    pub(crate) fn kill(&mut self) {
        self.program = None;
    }

    /// Starts the server again with its saved state.
    pub(crate) fn start_again(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command.args(["nodes", "server", "--listen", &self.address.to_string()]);
        if !self.options.iter().any(|option| option == "--state") {
            command.arg("--state").arg(self.state());
        }
        let program = Program::start(command.args(&self.options));
        program.wait_for("listening on");
        self.program = Some(program);
    }

    /// Waits until the server has failed.
    pub(crate) fn wait_for_end(&mut self) {
        let program = self.program.as_mut().expect("it was started");
        wait_until("it ends", SOON, || !program.is_running());
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state.json")
    }

    pub(crate) fn log(&self) -> &Program {
        self.program.as_ref().expect("it runs")
    }

    /// All nodes, from `nodes list --json`.
    pub(crate) fn list(&self) -> Vec<Value> {
        let output = self.asked(&["list", "--json"]);
        let text = String::from_utf8_lossy(&output.stdout);
        let Ok(list) = serde_json::from_str::<Value>(&text) else {
            panic!("no list: {output:?}");
        };
        list["nodes"].as_array().expect("nodes").clone()
    }

    /// `nodes list --watch`, running.
    pub(crate) fn watched_list(&self) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command.args(["nodes", "list", "--watch"]);
        Program::start(self.introduce(&mut command))
    }

    /// The result of `nodes` with these words.
    pub(crate) fn asked(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command.arg("nodes").args(words);
        self.introduce(&mut command).output().expect("it runs")
    }

    /// Passes a client the addresses of the servers, and their secret or certificates if they have them.
    fn introduce<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let secret = self.folder.path().join("secret");
        if secret.exists() {
            command.arg("--secret-file").arg(secret);
        }
        let ca = self.folder.path().join("ca.pem");
        if ca.exists() {
            let own = self.folder.path().join("ops.pem");
            command.env("HEARTLINE_NODES_TLS_CA", ca);
            command.env("HEARTLINE_NODES_TLS_CERT", own);
        }
        command.args(["--server", &self.servers])
    }

    /// Waits until a node has this verdict.
    pub(crate) fn wait_for_verdict(&self, name: &str, verdict: &str) {
        wait_until(&format!("{name} is {verdict}"), SOON, || {
            let nodes = self.list();
            let node = nodes.iter().find(|node| node["hostname"] == name);
            node.is_some_and(|node| node["verdict"] == verdict)
        });
    }

    /// Starts an agent whose files are in `folder`.
    pub(crate) fn agent(&self, folder: &Path, name: &str, role: &str, ip: &str) -> Program {
        let mut command = self.agent_command(folder, &["--role", role]);
        Program::start(command.args(["--hostname", name, "--ip", ip, "--interval", "200ms"]))
    }

    pub(crate) fn agent_command(&self, folder: &Path, words: &[&str]) -> Command {
        self.agent_command_with_key(folder, "id_ed25519", words)
    }

    /// The same with another file as its key.
    pub(crate) fn agent_command_with_key(
        &self,
        folder: &Path,
        key: &str,
        words: &[&str],
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command.args(["nodes", "agent"]).args(words);
        self.introduce(&mut command);
        for (option, file) in [
            ("--key", key),
            ("--hosts-file", "hosts"),
            ("--authorized-keys", "authorized_keys"),
            ("--known-hosts", "known_hosts"),
        ] {
            command.arg(option).arg(folder.join(file));
        }
        command
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// A folder for an agent's files, with this hosts file in it.
pub(crate) fn node_folder(hosts: &str) -> TempDir {
    let folder = TempDir::with_prefix("heartline-node-").expect("a temporary folder");
    fs::write(folder.path().join("hosts"), hosts).expect("written");
    folder
}

/// A file with a secret that only its owner can read.
pub(crate) fn write_secret(folder: &Path, secret: &str) -> PathBuf {
    let path = folder.join("secret");
    fs::write(&path, secret).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("permitted");
    path
}

/// Runs a Python 3 script to its end; its stdout, or why there is no Python.
pub(crate) fn python(script: &str, arguments: &[&str]) -> Result<String, String> {
    let started = Command::new("python3")
        .args(["-c", script])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.map_err(|why| format!("python3 cannot be run: {why}"))?;
    let mut said = String::new();
    let mut complained = String::new();
    let mut stdout = child.stdout.take().expect("its output is a pipe");
    let mut stderr = child.stderr.take().expect("its output is a pipe");
    stdout.read_to_string(&mut said).expect("text");
    stderr.read_to_string(&mut complained).expect("text");
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{said}\n{complained}");
    Ok(said)
}
