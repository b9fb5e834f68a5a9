//! A real standalone `ZooKeeper` server on a free loopback port.

use std::fmt::Write as _;
use std::path::PathBuf;

use rustix::process::Signal;
use tempfile::TempDir;

use super::Parts;
use super::server::{Server, free_port};

/// A server with data of its own; removed, with its data, when this value is dropped.
pub(crate) struct ZooKeeper {
    // Dropped before the folder that the server writes to.
    server: Server,
    dir: TempDir,
    settings: Vec<String>,
}

impl ZooKeeper {
    /// Starts a server and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::with_settings(&[])
    }

    /// Starts a server with more lines for its `zoo.cfg`, such as `maxClientCnxns=3`; they override the usual ones.
    pub(crate) fn with_settings(settings: &[&str]) -> Self {
        Self::arranged(settings, |_| {})
    }

    /// Starts a server of version 3.4, which is too old.
    pub(crate) fn old() -> Self {
        let class_path = Parts::of_old_zookeeper().class_path();
        Self::arranged(&[], |server| server.class_path.clone_from(&class_path))
    }

    /// Starts a server with more settings, after `arrange` has modified it.
    pub(crate) fn arranged(settings: &[&str], arrange: impl Fn(&mut Server)) -> Self {
        // Another program may take the port after it was chosen and before the server opens it.
        for attempt in 1.. {
            let dir = TempDir::with_prefix("heartline-zookeeper-").expect("a temporary folder");
            let mut server = Server::new(dir.path(), free_port());
            arrange(&mut server);
            let settings = settings.iter().map(ToString::to_string).collect();
            let mut zookeeper = Self {
                server,
                dir,
                settings,
            };
            match zookeeper.launch() {
                Ok(()) => return zookeeper,
                Err(why) => assert!(attempt < 3, "ZooKeeper does not start: {why}"),
            }
        }
        unreachable!("the third attempt is the last")
    }

    /// `127.0.0.1:PORT`, in the form of `--zookeeper`.
    pub(crate) fn address(&self) -> String {
        self.server.socket_address().to_string()
    }

    /// The server's process id; panics when it is not running.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Whether the server's process exists.
    pub(crate) fn is_running(&mut self) -> bool {
        self.server.is_running()
    }

    /// The folder of the server's data.
    pub(crate) fn data(&self) -> PathBuf {
        self.server.data()
    }

    /// The server's log so far.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }

    /// Kills it with -9: clients are not notified.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// Stops its process (SIGSTOP): its sockets stay open and it does not answer.
    pub(crate) fn pause(&self) {
        self.server.pause();
    }

    /// Continues its process (SIGCONT).
    pub(crate) fn resume(&self) {
        self.server.signal(Signal::CONT);
    }

    /// Starts it again on the same port and data, after killing it if it still runs.
    pub(crate) fn restart(&mut self) {
        self.launch()
            .unwrap_or_else(|why| panic!("ZooKeeper does not start again: {why}"));
    }

    /// Sends a four-letter word, such as `mntr` or `cons`, and returns the answer: empty if there is none.
    pub(crate) fn four_letter_word(&self, word: &str) -> String {
        self.server.ask(word).unwrap_or_default()
    }

    fn launch(&mut self) -> Result<(), String> {
        let mut config = format!("{}tickTime=2000\n", self.server.usual_settings());
        // In Java's properties the last line with a key wins.
        for line in &self.settings {
            let _ = writeln!(config, "{line}");
        }
        self.server.launch(&config);
        // Check that the answer names our folder: another server may have taken the port meanwhile.
        let ours = format!("dataDir={}", self.server.data().display());
        self.server
            .wait_for("conf", |answer| answer.contains(&ours))
    }
}
