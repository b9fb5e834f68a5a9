//! The services as systemd sees them, by its real protocol: datagrams to the socket that `NOTIFY_SOCKET` names.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::{
    Guarded, Parts, SECRET, SOON, ServerOfNodes, ZooKeeper, free_port, node_folder, write_secret,
};

/// The time of the watchdog: feeding is due twice in it.
const WATCHDOG: Duration = Duration::from_millis(600);

/// A service, and the socket of its service manager.
struct Service {
    name: String,
    program: Guarded,
    socket: UnixDatagram,
    _folder: TempDir,
}

impl Service {
    fn start(command: &mut Command) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self {
            name: format!("{:?}", command.get_args().collect::<Vec<_>>()),
            program: Guarded::spawn(command),
            socket,
            _folder: folder,
        }
    }

    fn heartline(words: &[&str]) -> Self {
        Self::start(Command::new(env!("CARGO_BIN_EXE_heartline")).args(words))
    }

    /// The next message, unless none comes within the limit.
    fn message(&self, limit: Duration) -> Option<String> {
        let mut bytes = [0; 4096];
        let limit = limit.max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(limit)).expect("set");
        match self.socket.recv(&mut bytes) {
            Ok(length) => Some(String::from_utf8_lossy(&bytes[..length]).into_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{}: {error}", self.name),
        }
    }

    /// Waits for a message with this line; nothing of `never` may come before it.
    fn wait_for(&self, line: &str, never: &str) {
        let end = Instant::now() + SOON;
        let mut said = Vec::new();
        loop {
            let message = self.message(end.saturating_duration_since(Instant::now()));
            let message = message.unwrap_or_else(|| panic!("{}: no {line} in {said:?}", self.name));
            assert!(
                !message.lines().any(|line| line == never),
                "{}: {said:?}",
                self.name
            );
            if message.lines().any(|said| said.starts_with(line)) {
                break;
            }
            said.push(message);
        }
    }

    /// What came until now is thrown away.
    fn forget(&self) {
        while self.message(Duration::ZERO).is_some() {}
    }
}

/// A service that has READY=1 behind it: alive, stopped, alive again, and ended.
fn is_watched_until_its_end(mut service: Service) {
    for _ in 0..3 {
        service.wait_for("WATCHDOG=1", "STOPPING=1");
    }
    service.program.pause();
    service.forget();
    assert_eq!(service.message(2 * WATCHDOG), None, "{}", service.name);
    service.program.signal(Signal::CONT);
    service.wait_for("WATCHDOG=1", "STOPPING=1");
    service.program.signal(Signal::TERM);
    service.wait_for("STOPPING=1", "READY=1");
    service.program.wait();
}

#[test]
fn what_needs_zookeeper_is_ready_when_that_answers() {
    let mut zookeeper = ZooKeeper::start();
    zookeeper.kill();
    let address = zookeeper.address();
    let there = ["--zookeeper", &address];
    let folder = tempfile::tempdir().expect("a folder");
    let events = format!("file:{}/events.json", folder.path().display());
    let listen = format!("127.0.0.1:{}", free_port());
    let secret = write_secret(folder.path(), SECRET);
    let secret = secret.to_str().expect("a path");
    let master = Service::heartline(&[&["master"], &there[..]].concat());
    let events = Service::heartline(&[&["events", "--to", &events], &there[..]].concat());
    let serve = Service::heartline(&[&["serve", "--listen", "127.0.0.1:0"], &there[..]].concat());
    let nodes = [
        "nodes",
        "server",
        "--state",
        "zookeeper",
        "--listen",
        &listen,
        "--secret-file",
        secret,
    ];
    let nodes = Service::heartline(&[&nodes[..], &there].concat());
    // They work, and serve nobody.
    for service in [&master, &events, &nodes] {
        service.wait_for("STATUS=waits for ZooKeeper", "READY=1");
        service.wait_for("WATCHDOG=1", "READY=1");
    }
    serve.wait_for("STATUS=cannot read 1 of 1 jobs", "READY=1");
    serve.wait_for("WATCHDOG=1", "READY=1");
    zookeeper.restart();
    for service in [&master, &events, &serve, &nodes] {
        service.wait_for("READY=1", "STOPPING=1");
    }
    for service in [master, events, nodes] {
        is_watched_until_its_end(service);
    }
}

#[test]
fn a_zookeeper_that_hangs_does_not_stop_the_feeding_of_a_watchdog() {
    let zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    let master = Service::heartline(&["master", "--zookeeper", &address]);
    master.wait_for("READY=1", "STOPPING=1");
    zookeeper.pause();
    master.wait_for("STATUS=waits for ZooKeeper", "STOPPING=1");
    // Each attempt to connect hangs to its end, and is longer than the one before: there are not that many in this time.
    let end = Instant::now() + SOON;
    let mut fed = 0;
    while fed < 10 {
        let message = master.message(end.saturating_duration_since(Instant::now()));
        let message = message.unwrap_or_else(|| panic!("fed only {fed} times"));
        fed += usize::from(message.lines().any(|line| line == "WATCHDOG=1"));
    }
    zookeeper.resume();
    master.wait_for("STATUS=is the master", "STOPPING=1");
}

#[test]
fn a_control_server_with_a_file_is_ready_at_once_and_an_agent_when_it_is_registered() {
    let mut server = ServerOfNodes::bare(&[]);
    server.kill();
    let folder = node_folder("");
    let mut command = server.agent_command(
        folder.path(),
        &["--role", "slave", "--hostname", "n1", "--ip", "127.0.0.1"],
    );
    let agent = Service::start(&mut command);
    agent.wait_for("STATUS=waits for a control server", "READY=1");
    agent.wait_for("WATCHDOG=1", "READY=1");
    server.start_again();
    agent.wait_for("READY=1", "STOPPING=1");
    is_watched_until_its_end(agent);

    let state = folder.path().join("nodes.json");
    let listen = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
    command.args(["nodes", "server", "--listen", &listen, "--state"]);
    let server = Service::start(command.arg(state));
    server.wait_for("READY=1", "STOPPING=1");
    is_watched_until_its_end(server);
}

#[test]
fn a_replay_is_ready_when_it_listens() {
    let recording = Parts::root().join("tests/corpus/recording/two-blocks");
    let recording = recording.to_str().expect("a path");
    let serve = Service::heartline(&["serve", "--listen", "127.0.0.1:0", "--replay", recording]);
    serve.wait_for("READY=1", "STOPPING=1");
    for _ in 0..3 {
        serve.wait_for("WATCHDOG=1", "STOPPING=1");
    }
}
