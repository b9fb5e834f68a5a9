//! One `ZooKeeper` server process, alone or in an ensemble, with its own folder and client port.

use std::{
    fs::{self, File},
    io::{Read, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{Guarded, Parts};

/// How long a server may take until it answers. Usually it takes a second; a busy machine needs more.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A server that tests start, stop and query; killed when this value is dropped.
pub(crate) struct Server {
    dir: PathBuf,
    port: u16,
    /// Further arguments for `java`, such as `-Dreadonlymode.enabled=true`.
    pub(crate) properties: Vec<String>,
    /// A command that starts `java` and replaces itself with it.
    pub(crate) starter: Vec<String>,
    /// The class path of its jars.
    pub(crate) class_path: String,
    /// More lines for its `zoo.cfg`.
    pub(crate) settings: Vec<String>,
    /// Its port for TLS, if it has one.
    pub(crate) tls_port: Option<u16>,
    process: Option<Guarded>,
}

impl Server {
    /// A server that is not started yet, with its files in `dir`.
    pub(crate) fn new(dir: &Path, port: u16) -> Self {
        Self {
            dir: dir.to_owned(),
            port,
            properties: Vec::new(),
            starter: Vec::new(),
            class_path: Parts::get().class_path(),
            settings: Vec::new(),
            tls_port: None,
            process: None,
        }
    }

    /// The address for clients.
    pub(crate) fn socket_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The folder of its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// The lines at the beginning of every server's `zoo.cfg`.
    pub(crate) fn usual_settings(&self) -> String {
        format!(
            "dataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n\
             4lw.commands.whitelist=*\n{}\n",
            self.data().display(),
            self.port,
            self.settings.join("\n")
        )
    }

    /// Starts the process, after killing one that still runs, and does not wait for it.
    pub(crate) fn launch(&mut self, config: &str) {
        drop(self.process.take());
        let file = self.dir.join("zoo.cfg");
        fs::write(&file, config).expect("zoo.cfg can be written");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("the log can be written");
        let mut words = self.starter.iter().map(String::as_str).chain(["java"]);
        self.process = Some(Guarded::spawn(
            Command::new(words.next().expect("a program"))
                .args(words)
                .args([
                    "-Xmx128m",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Dzookeeper.jmx.log4j.disable=true",
                ])
                .arg(Parts::logging())
                .args(&self.properties)
                .args([
                    "-cp",
                    &self.class_path,
                    "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                ])
                .arg(&file)
                .stdin(Stdio::null())
                .stdout(log.try_clone().expect("a second handle of the log"))
                .stderr(log),
        ));
    }

    /// Waits until the answer to a four-letter word is as expected; `Err` with the log if it does not come.
    pub(crate) fn wait_for(
        &mut self,
        word: &str,
        hoped: impl Fn(&str) -> bool,
    ) -> Result<(), String> {
        let end = Instant::now() + START_LIMIT;
        while !self.ask(word).is_some_and(|answer| hoped(&answer)) {
            if !self.is_running() {
                return Err(format!("it ended; its log:\n{}", self.log()));
            }
            if Instant::now() >= end {
                return Err(format!(
                    "no such answer to {word} within {START_LIMIT:?}; its log:\n{}",
                    self.log()
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Sends a four-letter word; `None` if there is no answer.
    pub(crate) fn ask(&self, word: &str) -> Option<String> {
        let limit = Duration::from_secs(1);
        let mut stream = TcpStream::connect_timeout(&self.socket_address(), limit).ok()?;
        stream.set_read_timeout(Some(limit)).ok()?;
        stream.write_all(word.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Whether its process exists, running or stopped.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Guarded::is_running)
    }

    /// Its process id; panics when it is not running.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// Kills it with -9: clients are not notified.
    pub(crate) fn kill(&mut self) {
        drop(self.process.take().expect("the server runs"));
    }

    /// Stops its process (SIGSTOP).
    pub(crate) fn pause(&self) {
        self.process.as_ref().expect("the server runs").pause();
    }

    /// Sends it a signal, such as SIGCONT.
    pub(crate) fn signal(&self, signal: Signal) {
        self.process
            .as_ref()
            .expect("the server runs")
            .signal(signal);
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("zookeeper.log")
    }
}

/// A port that was free a moment ago: below those that the kernel assigns automatically, so that no client's own end of
/// a connection takes it while its server is down.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 20_000;
    // Test programs that run at once begin at different ports.
    let begin = std::process::id().wrapping_mul(211) % u32::from(COUNT);
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = (begin + step) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).expect("less than COUNT");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
