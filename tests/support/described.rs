//! A cluster started by `heartline cluster up` from a test's own description.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::Parts;

/// A cluster with its own folder and network; ended with everything it started when this value is dropped, and
/// when the test process is killed.
pub(crate) struct Described {
    dir: TempDir,
    name: String,
    /// The second number of the hosts' addresses, on one machine.
    second: u32,
    third: u32,
    host_kind: &'static str,
    guardian: Child,
}

impl Described {
    /// Writes a description: `rest` is what follows name, folder and network. Starts nothing.
    pub(crate) fn new(host_kind: &'static str, rest: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let dir = TempDir::with_prefix("heartline-described-").expect("a temporary folder");
        // Other tests have another process id or another count.
        let number = std::process::id().wrapping_mul(8) + COUNT.fetch_add(1, Ordering::Relaxed);
        let (second, third) = (100 + number / 250 % 150, 1 + number % 250);
        let name = format!("t{number}");
        let head =
            format!("name = \"{name}\"\nfolder = \"cluster\"\nnetwork = \"10.{second}.{third}\"\n");
        fs::write(dir.path().join("cluster.toml"), head + rest).expect("a description");
        let guardian = Command::new("sh")
            .args(["-c", r#"trap '' INT TERM HUP; read -r _ || { "$0" cluster down "$1/cluster.toml"; rm -rf "$1"; }"#])
            .arg(env!("CARGO_BIN_EXE_heartline"))
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell to guard the cluster");
        Self {
            dir,
            name,
            second,
            third,
            host_kind,
            guardian,
        }
    }

    /// One of the samples, without the name and the network at its beginning.
    pub(crate) fn sample(host_kind: &'static str, name: &str) -> Self {
        Self::sample_and(host_kind, name, "")
    }

    /// A sample with `more` at its end: properties of the file that the sample names last.
    pub(crate) fn sample_and(host_kind: &'static str, name: &str, more: &str) -> Self {
        let path = Parts::root().join(format!("sample-data/clusters/{name}.toml"));
        let text = fs::read_to_string(&path).expect("a sample");
        let rest = text.find("[[host]]").expect("it has hosts");
        Self::new(host_kind, &(text[rest..].to_owned() + more))
    }

    /// The cluster's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("cluster.toml")
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("cluster")
    }

    /// A host's address by its id.
    pub(crate) fn address(&self, id: u32) -> String {
        let first = if self.host_kind == "netns" { 10 } else { 127 };
        format!("{first}.{}.{}.{id}", self.second, self.third)
    }

    /// The command `heartline cluster ACTION FILE MORE…`, not started.
    pub(crate) fn command(&self, action: &str, more: &[&str]) -> Command {
        Parts::get();
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
        command
            .args(["cluster", action])
            .arg(self.file())
            .args(more);
        if action == "up" {
            command.args(["--hosts", self.host_kind]);
        }
        command.env("HEARTLINE_HOME_DIR", Parts::home());
        command
    }

    /// Runs that command to its end: its status and its output.
    pub(crate) fn ask(&self, action: &str, more: &[&str]) -> (i32, String) {
        let output = self.command(action, more).output().expect("heartline runs");
        let status = output.status.code().unwrap_or(-1);
        (status, text(&output))
    }

    /// Runs a command on a host to its end.
    pub(crate) fn on(&self, host: &str, words: &[&str]) -> Output {
        let words = [&["--on", host, "--"], words].concat();
        self.command("exec", &words)
            .stdin(Stdio::null())
            .output()
            .expect("heartline runs")
    }

    /// Starts the cluster, or continues to start it. Returns the output.
    pub(crate) fn up(&self) -> String {
        let (status, said) = self.ask("up", &[]);
        assert_eq!(status, 0, "it does not come up:\n{said}");
        said
    }

    /// Ends the cluster, and checks that nothing is left.
    pub(crate) fn down(&self) {
        let (status, said) = self.ask("down", &[]);
        assert_eq!(status, 0, "it does not end:\n{said}");
        assert!(said.ends_with("down: nothing is left\n"), "{said}");
        assert_eq!(self.processes(), Vec::<String>::new());
    }

    /// The result of `heartline cluster status`: its exit status, and its JSON.
    pub(crate) fn status(&self) -> (i32, Value) {
        let output = self.command("status", &["--json"]).output();
        let output = output.expect("heartline runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        (output.status.code().unwrap_or(-1), value)
    }

    /// The status once all is well: servers that have just started may not answer in time on a busy machine.
    pub(crate) fn status_when_well(&self, limit: Duration) -> Value {
        let (mut code, mut status) = self.status();
        let end = Instant::now() + limit;
        while code != 0 {
            assert!(
                Instant::now() < end,
                "not well within {limit:?}: {status:#}"
            );
            sleep(Duration::from_millis(500));
            (code, status) = self.status();
        }
        status
    }

    /// The process id of a server.
    pub(crate) fn pid(&self, host: &str, role: &str) -> String {
        let file = self.folder().join(format!("{host}/run/{role}.pid"));
        let text = fs::read_to_string(&file).unwrap_or_default();
        text.split(' ').next().unwrap_or_default().to_owned()
    }

    /// The log of a role.
    pub(crate) fn log(&self, host: &str, role: &str) -> String {
        let file = self.folder().join(format!("{host}/logs/{role}.log"));
        String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
    }

    /// The servers with these ids, in the form of `--zookeeper`.
    pub(crate) fn ensemble(&self, ids: &[u32]) -> String {
        let servers = ids.iter().map(|id| format!("{}:2181", self.address(*id)));
        servers.collect::<Vec<_>>().join(",")
    }

    /// `Mode` of the servers with these ids.
    pub(crate) fn modes(&self, ids: &[u32]) -> Vec<String> {
        ids.iter().map(|id| self.mode(*id)).collect()
    }

    /// `leader`, `follower` and so on; `none` while the server does not answer.
    pub(crate) fn mode(&self, id: u32) -> String {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect((self.address(id), 2181)) {
            // A server that is just ending sends no answer.
            let _ = stream.write_all(b"srvr");
            let _ = stream.read_to_string(&mut answer);
        }
        let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "));
        mode.unwrap_or("none").to_owned()
    }

    /// Kills a role of a host (`h1/namenode`), or everything on a host, with -9.
    pub(crate) fn kill(&self, target: &str) {
        let (status, said) = self.ask("kill", &[target]);
        assert_eq!(status, 0, "{said}");
    }

    /// `active` or `standby`; empty while the server does not answer.
    pub(crate) fn namenode(&self, id: u32) -> String {
        let bean = self.bean(id, "NameNodeStatus");
        bean["State"].as_str().unwrap_or_default().to_owned()
    }

    /// A JMX bean of a `NameNode`.
    pub(crate) fn bean(&self, id: u32, name: &str) -> Value {
        let path = format!("/jmx?qry=Hadoop:service=NameNode,name={name}");
        self.page(id, 50070, &path)["beans"][0].clone()
    }

    /// `ACTIVE` or `STANDBY`.
    pub(crate) fn manager(&self, id: u32) -> String {
        let page = self.page(id, 8088, "/ws/v1/cluster/info");
        page["clusterInfo"]["haState"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// A page of JSON; null if it is not available.
    pub(crate) fn page(&self, id: u32, port: u16, path: &str) -> Value {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(10)))
            .build();
        let agent = ureq::Agent::new_with_config(config);
        let answer = agent
            .get(format!("http://{}:{port}{path}", self.address(id)))
            .call();
        let text = answer
            .ok()
            .and_then(|mut answer| answer.body_mut().read_to_string().ok());
        text.and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or(Value::Null)
    }

    /// Runs `hadoop fs` on a host, with the configuration of that host.
    pub(crate) fn fs(&self, host: &str, arguments: &[&str]) -> String {
        let conf = self.folder().join(host).join("conf");
        let mut command = Command::new("java");
        let class_path = format!("{}:{}", conf.display(), Parts::get().class_path());
        command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        let hosts = self.folder().join("hosts");
        if hosts.exists() {
            command.arg(format!("-Djdk.net.hosts.file={}", hosts.display()));
        }
        command
            .args(["-cp", &class_path, "org.apache.hadoop.fs.FsShell"])
            .args(arguments);
        let output = command.stdin(Stdio::null()).output().expect("java runs");
        assert!(output.status.success(), "{arguments:?}:\n{}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The stderr of each attempt of every job on a host.
    pub(crate) fn task_logs(&self, host: &str) -> Vec<String> {
        let folders = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
        folders(self.folder().join(host).join("logs/tasks"))
            .flat_map(|application| folders(application.path()))
            .filter_map(|container| fs::read(container.path().join("stderr")).ok())
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .collect()
    }

    /// Every live process of a job's tasks, found by its working folder: its pid and its command line.
    pub(crate) fn tasks(&self) -> Vec<(u32, String)> {
        let folder = self.folder();
        let pids = pids().filter(|pid| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
        });
        pids.filter_map(|pid| Some((pid, command_line(pid)?)))
            .collect()
    }

    /// The running attempts of `program` on this cluster: the pid and the attempt id from Hadoop.
    pub(crate) fn attempts_of(&self, program: &str) -> Vec<(u32, String)> {
        let tasks = self.tasks().into_iter().map(|(pid, _)| pid);
        // The process name, not the command line: the Java process that started it has this name in its arguments.
        let tasks = tasks.filter(|pid| {
            fs::read_to_string(format!("/proc/{pid}/comm"))
                .is_ok_and(|name| name.trim_end() == program)
        });
        tasks
            .filter_map(|pid| {
                let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
                let attempt = environment
                    .split(|&byte| byte == 0)
                    .find_map(|variable| variable.strip_prefix(b"mapreduce_task_attempt_id="))?;
                Some((pid, String::from_utf8_lossy(attempt).into_owned()))
            })
            .collect()
    }

    /// Every live process that has this cluster's folder in its command line, except the guardian.
    pub(crate) fn processes(&self) -> Vec<String> {
        let folder = self.folder();
        pids()
            .filter_map(|pid| {
                let words = command_line(pid)?;
                words
                    .contains(folder.to_str()?)
                    .then(|| format!("{pid} {words}"))
            })
            .collect()
    }
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn command_line(pid: u32) -> Option<String> {
    let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&words).replace('\0', " "))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

impl Drop for Described {
    fn drop(&mut self) {
        let (status, said) = self.ask("down", &[]);
        if let Some(mut stdin) = self.guardian.stdin.take() {
            let _ = stdin.write_all(b"done\n");
        }
        let _ = self.guardian.wait();
        let ended = status == 0 || !self.folder().exists();
        assert!(
            ended || std::thread::panicking(),
            "it does not end:\n{said}"
        );
    }
}
