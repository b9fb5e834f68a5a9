//! A cluster that `heartline cluster up` starts from a description of the test's own.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Parts, hadoop, wait_until};

/// Three hosts of which one may be lost.
const HIGH_AVAILABILITY: &str = include_str!("../../sample-data/clusters/three-hosts-ha.toml");

/// The cluster, brought down when this value goes, and also when the test process is killed.
pub(crate) struct Described {
    dir: TempDir,
    network: String,
    guardian: Child,
}

impl Described {
    /// The sample of three hosts, on addresses of its own.
    pub(crate) fn high_availability() -> Self {
        Self::start(HIGH_AVAILABILITY)
    }

    /// Starts a cluster by a description whose folder and network are the test's.
    pub(crate) fn start(description: &str) -> Self {
        let dir = TempDir::with_prefix("heartline-described-").expect("a temporary folder");
        // Two test processes at once have two networks.
        let own = std::process::id();
        let network = format!("{}.{}", 100 + own % 100, own / 100 % 250);
        let lines = description
            .lines()
            .filter(|line| !line.starts_with("network = "));
        let lines: Vec<&str> = lines.collect();
        let text = format!(
            "network = \"10.{network}\"\nfolder = \"data\"\n{}\n",
            lines.join("\n")
        );
        let file = dir.path().join("cluster.toml");
        fs::write(&file, text).expect("a description");
        // The shell reads its end of the pipe only when this process is gone.
        let guardian = Command::new("sh")
            .args([
                "-c",
                r#"trap '' INT TERM HUP; read -r _ || { "$0" cluster down "$1/cluster.toml"; rm -rf "$1"; }"#,
            ])
            .arg(env!("CARGO_BIN_EXE_heartline"))
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell to guard the cluster");
        let cluster = Self {
            dir,
            network: format!("127.{network}"),
            guardian,
        };
        cluster.up();
        cluster
    }

    /// The description.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("cluster.toml")
    }

    /// Starts what does not run, and waits until all of it is ready.
    pub(crate) fn up(&self) -> Output {
        hadoop::succeed(&mut self.ask("up"))
    }

    /// `heartline cluster ACTION` on this cluster.
    pub(crate) fn ask(&self, action: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        let jars = Parts::get().folder();
        command.args(["cluster", action]).arg(self.file());
        command.env("HEARTLINE_JARS", jars).stdin(Stdio::null());
        command
    }

    /// A host's address.
    pub(crate) fn address(&self, id: u16) -> String {
        format!("{}.{id}", self.network)
    }

    /// The ensemble as `--zookeeper` takes it.
    pub(crate) fn ensemble(&self) -> String {
        let servers: Vec<String> = (1..=3)
            .map(|id| format!("{}:2181", self.address(id)))
            .collect();
        servers.join(",")
    }

    /// Which of the hosts with a `NameNode` has the active one.
    pub(crate) fn active_namenode(&self) -> Option<String> {
        let path = "/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus";
        self.host_that(50070, path, "\"State\" : \"active\"")
    }

    /// Which of the hosts with a `ResourceManager` has the active one.
    pub(crate) fn active_resourcemanager(&self) -> Option<String> {
        self.host_that(8088, "/ws/v1/cluster/info", "\"haState\":\"ACTIVE\"")
    }

    /// Which host leads the ensemble.
    pub(crate) fn leader(&self) -> Option<String> {
        (1..=3).find_map(|id| {
            let answer = exchange(&format!("{}:2181", self.address(id)), "srvr")?;
            answer.contains("Mode: leader").then(|| format!("h{id}"))
        })
    }

    fn host_that(&self, port: u16, path: &str, says: &str) -> Option<String> {
        (1..=2).find_map(|id| {
            let request = format!("GET {path} HTTP/1.0\r\n\r\n");
            let answer = exchange(&format!("{}:{port}", self.address(id)), &request)?;
            answer.contains(says).then(|| format!("h{id}"))
        })
    }

    /// The process of a role on a host.
    pub(crate) fn pid(&self, host: &str, role: &str) -> Pid {
        let path = self
            .dir
            .path()
            .join("data")
            .join(host)
            .join("run")
            .join(format!("{role}.pid"));
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let first = text
            .split_ascii_whitespace()
            .next()
            .and_then(|word| word.parse().ok());
        first
            .and_then(Pid::from_raw)
            .unwrap_or_else(|| panic!("{text:?}"))
    }

    /// Kills it with -9, and waits until it is gone.
    pub(crate) fn kill(&self, host: &str, role: &str) {
        let pid = self.pid(host, role);
        kill_process(pid, Signal::KILL).expect("it runs");
        let place = format!("/proc/{}", pid.as_raw_nonzero());
        wait_until("it is gone", Duration::from_secs(20), || {
            !Path::new(&place).exists()
        });
    }
}

/// Sends a request and takes the whole answer; `None` if there is none.
fn exchange(address: &str, request: &str) -> Option<String> {
    let address = address.parse().ok()?;
    let limit = Duration::from_secs(2);
    let mut server = TcpStream::connect_timeout(&address, limit).ok()?;
    server.set_read_timeout(Some(limit)).ok()?;
    server.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

impl Drop for Described {
    fn drop(&mut self) {
        let down = self.ask("down").output();
        if let Some(mut stdin) = self.guardian.stdin.take() {
            let _ = stdin.write_all(b"done\n");
        }
        let _ = self.guardian.wait();
        let down = down.expect("heartline runs");
        assert!(
            down.status.success() || std::thread::panicking(),
            "the cluster does not go down: {}",
            String::from_utf8_lossy(&down.stderr)
        );
    }
}
