//! A real `ZooKeeper` ensemble of three servers on this machine.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::server::{Server, free_port};
use super::wait_until;

/// The number of servers: one may fail.
pub(crate) const SERVERS: usize = 3;

/// How long an election may take, including the start of the servers.
const ELECTION: Duration = Duration::from_secs(60);

/// Three servers with data of their own; removed, with their data, when this value is dropped.
pub(crate) struct Ensemble {
    // Dropped before the folders that the servers write to.
    servers: Vec<Server>,
    dirs: Vec<TempDir>,
    /// The lines of `zoo.cfg` that name all servers.
    peers: String,
}

impl Ensemble {
    /// Starts an ensemble and waits until it has a leader and two followers.
    pub(crate) fn start() -> Self {
        Self::arranged(|_| {})
    }

    /// Starts an ensemble whose servers go on without a quorum, for clients that only read.
    pub(crate) fn with_read_only_mode() -> Self {
        Self::arranged(|server| {
            server
                .properties
                .push("-Dreadonlymode.enabled=true".to_owned());
        })
    }

    /// Starts an ensemble after `arrange` has modified each server.
    pub(crate) fn arranged(arrange: impl Fn(&mut Server)) -> Self {
        // Another program may take a port after it was chosen and before the server opens it.
        for attempt in 1.. {
            let mut ensemble = Self::new(&arrange);
            for server in 0..SERVERS {
                ensemble.launch(server);
            }
            let ready = ensemble
                .servers
                .iter_mut()
                .try_for_each(|server| server.wait_for("srvr", |answer| is_serving(mode(answer))));
            match ready {
                Ok(()) => return ensemble,
                Err(why) => assert!(attempt < 3, "the ensemble does not start: {why}"),
            }
        }
        unreachable!("the third attempt is the last")
    }

    fn new(arrange: impl Fn(&mut Server)) -> Self {
        let (mut servers, mut dirs, mut peers) = (Vec::new(), Vec::new(), String::new());
        for number in 1..=SERVERS {
            let dir = TempDir::with_prefix("heartline-ensemble-").expect("a temporary folder");
            let mut server = Server::new(dir.path(), free_port());
            fs::create_dir(server.data()).expect("a folder for the data");
            fs::write(server.data().join("myid"), number.to_string()).expect("its number");
            let (quorum, election) = (free_port(), free_port());
            let _ = writeln!(peers, "server.{number}=127.0.0.1:{quorum}:{election}");
            arrange(&mut server);
            servers.push(server);
            dirs.push(dir);
        }
        Self {
            servers,
            dirs,
            peers,
        }
    }

    /// All servers, in the form of `--zookeeper`.
    pub(crate) fn address(&self) -> String {
        let all: Vec<String> = (0..SERVERS).map(|server| self.address_of(server)).collect();
        all.join(",")
    }

    /// `127.0.0.1:PORT` of TLS of each server that has one.
    pub(crate) fn tls_addresses(&self) -> Vec<String> {
        let ports = self.servers.iter().filter_map(|server| server.tls_port);
        ports.map(|port| format!("127.0.0.1:{port}")).collect()
    }

    /// Where each server waits for the votes of the others: `127.0.0.1:PORT`.
    pub(crate) fn election_addresses(&self) -> Vec<String> {
        let ports = self
            .peers
            .lines()
            .filter_map(|line| line.rsplit(':').next());
        ports.map(|port| format!("127.0.0.1:{port}")).collect()
    }

    /// One server: `127.0.0.1:PORT`.
    pub(crate) fn address_of(&self, server: usize) -> String {
        self.servers[server].socket_address().to_string()
    }

    /// Waits for a leader; returns its number.
    pub(crate) fn leader(&self) -> usize {
        let mut leader = None;
        wait_until("the ensemble has a leader", ELECTION, || {
            leader = (0..SERVERS).find(|&server| self.mode(server) == "leader");
            leader.is_some()
        });
        leader.expect("it was waited for")
    }

    /// The numbers of the servers that follow now.
    pub(crate) fn followers(&self) -> Vec<usize> {
        let servers = 0..SERVERS;
        servers
            .filter(|&server| self.mode(server) == "follower")
            .collect()
    }

    /// `leader`, `follower`, `read-only`, or empty for a server that does not serve.
    pub(crate) fn mode(&self, server: usize) -> String {
        mode(&self.servers[server].ask("srvr").unwrap_or_default()).to_owned()
    }

    /// Whether a server's process exists.
    pub(crate) fn is_running(&mut self, server: usize) -> bool {
        self.servers[server].is_running()
    }

    /// Kills a server with -9.
    pub(crate) fn kill(&mut self, server: usize) {
        self.servers[server].kill();
    }

    /// Stops a server's process (SIGSTOP): its sockets stay open and it does not answer.
    pub(crate) fn pause(&self, server: usize) {
        self.servers[server].pause();
    }

    /// Continues a server's process (SIGCONT).
    pub(crate) fn resume(&self, server: usize) {
        self.servers[server].signal(Signal::CONT);
    }

    /// Starts a server again on the same ports and data. It may take long until it serves: see
    /// [`Ensemble::wait_until_whole`].
    pub(crate) fn restart(&mut self, server: usize) {
        self.launch(server);
    }

    /// Waits until all servers serve.
    pub(crate) fn wait_until_whole(&self) {
        wait_until("all servers serve", ELECTION, || {
            (0..SERVERS).all(|server| is_serving(&self.mode(server)))
        });
    }

    fn launch(&mut self, server: usize) {
        let server = &mut self.servers[server];
        // Short ticks, so that an election takes a second or two and sessions may be short; the
        // longest session is for members that keep theirs through an outage.
        let config = format!(
            "{}tickTime=500\ninitLimit=20\nsyncLimit=5\nmaxSessionTimeout=120000\n{}",
            server.usual_settings(),
            self.peers
        );
        server.launch(&config);
    }
}

/// The server's mode in the answer to `srvr`.
fn mode(answer: &str) -> &str {
    let mut lines = answer.lines();
    let mode = lines.find_map(|line| line.strip_prefix("Mode: "));
    mode.unwrap_or_default()
}

fn is_serving(mode: &str) -> bool {
    matches!(mode, "leader" | "follower")
}
