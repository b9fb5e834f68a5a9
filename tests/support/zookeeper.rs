//! A real standalone `ZooKeeper` server on a free loopback port.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{Read, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use tempfile::TempDir;

use super::{Guarded, Parts};

/// How long a server may take until it answers. A second is usual; a busy machine needs more.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A server with data of its own; gone, with its data, when this value is.
pub(crate) struct ZooKeeper {
    dir: TempDir,
    port: u16,
    settings: Vec<String>,
    server: Option<Guarded>,
}

impl ZooKeeper {
    /// Starts one and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::with_settings(&[])
    }

    /// Starts one with more lines for its `zoo.cfg`, such as `maxClientCnxns=3`; they win over the usual ones.
    pub(crate) fn with_settings(settings: &[&str]) -> Self {
        let mut zookeeper = Self {
            dir: TempDir::with_prefix("heartline-zookeeper-").expect("a temporary folder"),
            port: 0,
            settings: settings.iter().map(ToString::to_string).collect(),
            server: None,
        };
        // Between choosing a port and the server's taking it, somebody else may.
        for attempt in 1.. {
            zookeeper.port = free_port();
            match zookeeper.launch() {
                Ok(()) => break,
                Err(why) => assert!(attempt < 3, "ZooKeeper does not start: {why}"),
            }
        }
        zookeeper
    }

    /// `127.0.0.1:PORT`, as `--zookeeper` takes it.
    pub(crate) fn address(&self) -> String {
        self.socket_address().to_string()
    }

    /// The server's process id; panics when it is not running.
    pub(crate) fn pid(&self) -> u32 {
        self.running().id()
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Kills it with -9: no goodbye to any client.
    pub(crate) fn kill(&mut self) {
        drop(self.server.take().expect("ZooKeeper runs"));
    }

    /// Stops it as it is (SIGSTOP): its sockets stay open and nobody answers.
    pub(crate) fn pause(&self) {
        self.running().signal(Signal::STOP);
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn resume(&self) {
        self.running().signal(Signal::CONT);
    }

    /// Starts it again on the same port and data, after killing it if it still runs.
    pub(crate) fn restart(&mut self) {
        drop(self.server.take());
        self.launch()
            .unwrap_or_else(|why| panic!("ZooKeeper does not start again: {why}"));
    }

    /// Sends a four-letter word, such as `mntr` or `cons`, and returns the answer: empty when there is none.
    pub(crate) fn four_letter_word(&self, word: &str) -> String {
        self.ask(word).unwrap_or_default()
    }

    fn running(&self) -> &Guarded {
        self.server.as_ref().expect("ZooKeeper runs")
    }

    fn socket_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("zookeeper.log")
    }

    fn launch(&mut self) -> Result<(), String> {
        let config = self.dir.path().join("zoo.cfg");
        fs::write(&config, self.config()).expect("zoo.cfg can be written");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("the log can be written");
        let mut server = Guarded::spawn(
            Command::new("java")
                .args([
                    "-Xmx128m",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Dzookeeper.jmx.log4j.disable=true",
                ])
                .arg(format!(
                    "-Dlog4j.configuration=file:{}/scripts/parts/log4j.properties",
                    Parts::root().display()
                ))
                .args([
                    "-cp",
                    &Parts::get().class_path(),
                    "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                ])
                .arg(&config)
                .stdin(Stdio::null())
                .stdout(log.try_clone().expect("a second handle of the log"))
                .stderr(log),
        );
        let end = Instant::now() + START_LIMIT;
        // Its folder in the answer: another server that took the port meanwhile would answer too.
        let ours = format!("dataDir={}/data", self.dir.path().display());
        while !self
            .ask("conf")
            .is_some_and(|answer| answer.contains(&ours))
        {
            if !server.is_running() {
                return Err(format!("it ended at once; its log:\n{}", self.log()));
            }
            if Instant::now() >= end {
                return Err(format!(
                    "no answer within {START_LIMIT:?}; its log:\n{}",
                    self.log()
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.server = Some(server);
        Ok(())
    }

    fn config(&self) -> String {
        let mut config = format!(
            "dataDir={}/data\nclientPort={}\nclientPortAddress=127.0.0.1\ntickTime=2000\nmaxClientCnxns=0\n\
             admin.enableServer=false\n4lw.commands.whitelist=*\n",
            self.dir.path().display(),
            self.port
        );
        // Java's properties: the last line with a key wins.
        for line in &self.settings {
            let _ = writeln!(config, "{line}");
        }
        config
    }

    fn ask(&self, word: &str) -> Option<String> {
        let limit = Duration::from_secs(1);
        let mut stream = TcpStream::connect_timeout(&self.socket_address(), limit).ok()?;
        stream.set_read_timeout(Some(limit)).ok()?;
        stream.write_all(word.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    listener.local_addr().expect("its address").port()
}
