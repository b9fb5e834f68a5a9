//! A one-machine HDFS and YARN in a folder of its own.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use super::{Parts, hadoop};

/// The cluster of `scripts/yarn-cluster`, stopped when this value is dropped, and when the test process is killed.
pub(crate) struct Cluster {
    dir: TempDir,
    guardian: Child,
}

impl Cluster {
    /// Starts a cluster and waits until it accepts jobs.
    pub(crate) fn start() -> Self {
        let dir = TempDir::with_prefix("heartline-cluster-").expect("a temporary folder");
        // The shell reads the end of the pipe only when this process is gone.
        let guardian = Command::new("sh")
            .args(["-c", r#"trap '' INT TERM HUP; read -r _ || { "$0" stop; rm -rf "$HEARTLINE_CLUSTER_DIR"; }"#])
            .arg(Parts::root().join("scripts/yarn-cluster"))
            .env("HEARTLINE_CLUSTER_DIR", dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell to guard the cluster");
        let cluster = Self { dir, guardian };
        hadoop::succeed(&mut cluster.script("start"));
        cluster
    }

    /// The ports of its servers: two of the `NameNode` (one for its web page), five of the `ResourceManager`.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let ports = fs::read_to_string(self.dir.path().join("ports")).expect("it runs");
        ports.lines().filter_map(|port| port.parse().ok()).collect()
    }

    /// Passes this cluster to a script.
    pub(crate) fn used_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("HEARTLINE_CLUSTER_DIR", self.dir.path())
    }

    /// Runs `scripts/yarn-cluster start|stop|status` on this cluster to its end.
    pub(crate) fn ask(&self, action: &str) -> Output {
        self.script(action)
            .output()
            .expect("scripts/yarn-cluster runs")
    }

    /// A page of the resource manager, which also leads to each job's application master; `None` if it is not
    /// available.
    pub(crate) fn page(&self, path: &str) -> Option<String> {
        let ports = fs::read_to_string(self.dir.path().join("ports")).ok()?;
        let port = ports.lines().nth(6)?.parse().ok()?;
        let mut server = TcpStream::connect(("127.0.0.1", port)).ok()?;
        server
            .set_read_timeout(Some(Duration::from_secs(10)))
            .ok()?;
        // With HTTP/1.0 the answer ends when the connection ends.
        write!(server, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.contains(" 200 ").then(|| body.to_owned())
    }

    /// The stderr of each attempt of every job.
    pub(crate) fn task_logs(&self) -> Vec<String> {
        let folders = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
        folders(self.dir.path().join("logs/tasks"))
            .flat_map(|application| folders(application.path()))
            .filter_map(|container| fs::read(container.path().join("stderr")).ok())
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .collect()
    }

    /// Every live process of this cluster: its servers, found by their command line, and its tasks, found by their
    /// working folder.
    pub(crate) fn processes(&self) -> Vec<(u32, String)> {
        processes()
            .filter(|process| {
                let command_line = fs::read(process.join("cmdline")).unwrap_or_default();
                let cwd = fs::read_link(process.join("cwd")).unwrap_or_default();
                contains(
                    &command_line,
                    self.dir.path().as_os_str().as_encoded_bytes(),
                ) || cwd.starts_with(self.dir.path())
            })
            .filter_map(|process| {
                let pid = process.file_name()?.to_str()?.parse().ok()?;
                let command_line = fs::read(process.join("cmdline")).ok()?;
                Some((
                    pid,
                    String::from_utf8_lossy(&command_line).replace('\0', " "),
                ))
            })
            .collect()
    }

    /// The running attempts of `program` on this cluster: the pid and the attempt id from Hadoop.
    pub(crate) fn attempts_of(&self, program: &str) -> Vec<(u32, String)> {
        processes()
            .filter(|process| {
                fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(self.dir.path()))
            })
            // The process name, not the command line: the Java process that started it has this name in its arguments.
            .filter(|process| {
                fs::read_to_string(process.join("comm"))
                    .is_ok_and(|name| name.trim_end() == program)
            })
            .filter_map(|process| {
                let pid = process.file_name()?.to_str()?.parse().ok()?;
                let environment = fs::read(process.join("environ")).ok()?;
                let attempt = environment
                    .split(|&byte| byte == 0)
                    .find_map(|variable| variable.strip_prefix(b"mapreduce_task_attempt_id="))?;
                Some((pid, String::from_utf8_lossy(attempt).into_owned()))
            })
            .collect()
    }

    fn script(&self, action: &str) -> Command {
        let mut command = hadoop::script("yarn-cluster");
        self.used_by(command.arg(action));
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stopped = self.ask("stop");
        if let Some(mut stdin) = self.guardian.stdin.take() {
            let _ = stdin.write_all(b"done\n");
        }
        let _ = self.guardian.wait();
        let ended = stopped.status.success() || std::thread::panicking();
        assert!(
            ended,
            "the cluster does not stop: {}",
            String::from_utf8_lossy(&stopped.stderr)
        );
    }
}

fn processes() -> impl Iterator<Item = PathBuf> {
    fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
        let path = entry.ok()?.path();
        path.file_name()?.to_str()?.parse::<u32>().ok()?;
        Some(path)
    })
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
