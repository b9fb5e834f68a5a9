//! A real Kafka broker on a real `ZooKeeper`, and its own tools.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::hadoop::{script, succeed};
use super::server::free_port;
use super::{Guarded, Parts, ZooKeeper};

/// How long a broker may take until it serves. Usually it takes about five seconds; after a kill, the broker waits
/// until `ZooKeeper` forgets it.
const START_LIMIT: Duration = Duration::from_secs(120);

/// How it says that it serves: with ZooKeeper, and without.
const STARTED: [&str; 3] = ["] started (", "] started\n", "] Kafka Server started"];

/// A broker with data of its own; removed, with its data, when this value is dropped.
pub(crate) struct Kafka {
    // Dropped before the folder that the broker writes to.
    process: Option<Guarded>,
    dir: TempDir,
    port: u16,
    /// The lines of its `server.properties` that not all brokers have.
    settings: String,
}

impl Kafka {
    /// A broker that is not started yet.
    pub(crate) fn new(zookeeper: &ZooKeeper) -> Self {
        let port = free_port();
        let settings = format!(
            "listeners=PLAINTEXT://127.0.0.1:{port}\nzookeeper.connect={}\nzookeeper.session.timeout.ms=4000\n",
            zookeeper.address()
        );
        Self::arranged(port, settings)
    }

    /// A broker with these settings, which open `port` for everybody.
    pub(super) fn arranged(port: u16, settings: String) -> Self {
        Self {
            process: None,
            dir: TempDir::with_prefix("heartline-kafka-").expect("a temporary folder"),
            port,
            settings,
        }
    }

    /// Starts a broker and waits until it serves.
    pub(crate) fn start(zookeeper: &ZooKeeper) -> Self {
        let mut kafka = Self::new(zookeeper);
        kafka.launch();
        kafka
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills the broker with -9.
    pub(crate) fn kill(&mut self) {
        drop(self.process.take().expect("the broker runs"));
    }

    /// Starts the broker, on the same port and data if it ran before, and waits until it serves.
    pub(crate) fn launch(&mut self) {
        let end = Instant::now() + START_LIMIT;
        while let Err(log) = self.try_launch(end) {
            // The killed broker's registration remains until ZooKeeper ends its session.
            let again = log.contains("NodeExists") && Instant::now() < end;
            assert!(again, "the broker does not start:\n{log}");
            thread::sleep(Duration::from_millis(500));
        }
    }

    fn try_launch(&mut self, end: Instant) -> Result<(), String> {
        let config = self.write_settings();
        let log = File::create(self.log_path()).expect("the log can be written");
        let mut process = Guarded::spawn(
            Command::new("java")
                .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
                .arg(Parts::logging())
                .args(["-cp", &Parts::of_kafka().class_path(), "kafka.Kafka"])
                .arg(&config)
                .stdin(Stdio::null())
                .stdout(log.try_clone().expect("a second handle of the log"))
                .stderr(log),
        );
        loop {
            let log = fs::read_to_string(self.log_path()).unwrap_or_default();
            if STARTED.iter().any(|words| log.contains(words)) {
                self.process = Some(process);
                return Ok(());
            }
            if !process.is_running() || Instant::now() >= end {
                return Err(log);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Writes its `server.properties`.
    pub(super) fn write_settings(&self) -> PathBuf {
        let folder = self.dir.path();
        let config = folder.join("server.properties");
        let lines = format!(
            "{}log.dirs={}\nnum.partitions=2\nnum.network.threads=2\nnum.io.threads=2\n\
             offsets.topic.num.partitions=1\noffsets.topic.replication.factor=1\n\
             group.initial.rebalance.delay.ms=0\n",
            self.settings,
            folder.join("data").display(),
        );
        fs::write(&config, lines).expect("server.properties can be written");
        config
    }

    /// A command of Kafka's that has no script here.
    pub(super) fn tool(class: &str) -> Command {
        let mut command = Command::new("java");
        command.args(["-Xmx128m", "-XX:TieredStopAtLevel=1"]).args([
            "-cp",
            &Parts::of_kafka().class_path(),
            class,
        ]);
        command
    }

    /// Creates a topic with `scripts/kafka`, with this number of replicas for each partition.
    pub(crate) fn create_topic(&self, name: &str, partitions: usize, replicas: usize) {
        let (partitions, replicas) = (partitions.to_string(), replicas.to_string());
        succeed(self.script(&["topic", "create", name]).args([
            "--partitions",
            &partitions,
            "--replication-factor",
            &replicas,
        ]));
    }

    /// The content of a topic, read by Kafka's own consumer: key and value, each partition in its order.
    pub(crate) fn consume(&self, topic: &str) -> Vec<(String, String)> {
        let held = self.held(topic);
        if held == 0 {
            return Vec::new();
        }
        let max = held.to_string();
        let output = succeed(self.script(&["consume", topic]).args([
            "--from-beginning",
            "--keys",
            "--max",
            &max,
            "--timeout",
            "60",
        ]));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let lines: Vec<_> = text
            .lines()
            .map(|line| line.split_once('\t').expect("a key and a value"))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(lines.len(), held, "{text}");
        lines
    }

    /// The number of records in a topic; none if there is no such topic yet.
    fn held(&self, topic: &str) -> usize {
        let class = "org.apache.kafka.tools.GetOffsetShell";
        let options = ["--bootstrap-server", &self.address(), "--topic", topic];
        let output = Self::tool(class).args(options).output();
        let output = output.expect("java runs");
        let said = String::from_utf8_lossy(&output.stderr);
        let is_there = !said.contains("Could not match any topic-partitions");
        assert!(output.status.success() || !is_there, "{said}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let ends = text.lines().filter(|line| line.starts_with(topic));
        let ends = ends.map(|line| line.rsplit(':').next().expect("an offset"));
        ends.map(|end| end.parse::<usize>().expect("a number"))
            .sum()
    }

    /// The command `scripts/kafka` with these words, for this broker.
    pub(crate) fn script(&self, words: &[&str]) -> Command {
        let mut command = script("kafka");
        command.args(words).args(["--broker", &self.address()]);
        command
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("kafka.log")
    }
}
