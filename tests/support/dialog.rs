//! Programs that tests control by stdin, and their output: the real `zkCli.sh` class, and Python with kazoo.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{FlockOperation, flock};

use super::{Guarded, Parts, SOON, ZooKeeper};

/// A running program that a test controls by stdin.
pub(crate) struct Dialog {
    process: Guarded,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
}

impl Dialog {
    /// The program of `zkCli.sh -server ADDRESS`, once it has connected.
    pub(crate) fn zkcli(zookeeper: &ZooKeeper) -> Self {
        let mut command = Command::new("java");
        command
            .args(["-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg(Parts::logging())
            .args(["-cp", &Parts::get().class_path()])
            .args(["org.apache.zookeeper.ZooKeeperMain", "-server"])
            .arg(zookeeper.address());
        let dialog = Self::start(&command);
        dialog.wait_for("state:SyncConnected");
        dialog
    }

    /// Python with kazoo that runs a script, or why that is not available.
    pub(crate) fn kazoo(zookeeper: &ZooKeeper, script: &str) -> Result<Self, String> {
        let mut command = Command::new(python_with_kazoo()?);
        command.args(["-u", "-c", script, &zookeeper.address()]);
        Ok(Self::start(&command))
    }

    fn start(command: &Command) -> Self {
        // Both outputs in the order in which they are written.
        let mut process = Guarded::spawn(
            Command::new("sh")
                .args(["-c", r#"exec "$0" "$@" 2>&1"#])
                .arg(command.get_program())
                .args(command.get_args())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped()),
        );
        let said = Arc::new(Mutex::new(String::new()));
        let stdout = process.take_stdout().expect("its output is a pipe");
        let collected = Arc::clone(&said);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let mut said = collected.lock().expect("nobody panicked");
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self {
            stdin: process.take_stdin(),
            process,
            said,
        }
    }

    /// Writes a line to it.
    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its input is open");
        writeln!(stdin, "{line}").expect("it reads its input");
    }

    /// Writes a line to it, and waits until it has printed `answer` since; returns everything printed since.
    pub(crate) fn ask(&mut self, line: &str, answer: &str) -> String {
        let before = self.said().len();
        self.say(line);
        self.wait(before, answer)
    }

    /// Waits until it has printed this.
    pub(crate) fn wait_for(&self, what: &str) -> String {
        self.wait(0, what)
    }

    fn wait(&self, from: usize, what: &str) -> String {
        let end = Instant::now() + SOON;
        loop {
            let said = self.said()[from..].to_owned();
            if said.contains(what) {
                return said;
            }
            assert!(Instant::now() < end, "not said: {what}; but:\n{said}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Everything it has printed so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("nobody panicked").clone()
    }
}

/// A Python that has kazoo: that of `scripts/bench beats`, or the machine's; if there is none, the former is created.
fn python_with_kazoo() -> Result<PathBuf, String> {
    let folder = Parts::home().join("bench");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    // Tests in several processes may try to create it at once.
    let lock = File::create(folder.join("venv.lock")).map_err(|error| error.to_string())?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| error.to_string())?;
    let python = folder.join("venv/bin/python");
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("{}: {error}", command.get_program().display())),
    };
    let has_kazoo = |python: &Path| run(Command::new(python).args(["-c", "import kazoo"]));
    let of_machine = Path::new("python3");
    if has_kazoo(&python).is_ok() {
        return Ok(python);
    }
    if has_kazoo(of_machine).is_ok() {
        return Ok(of_machine.to_owned());
    }
    let venv = folder.join("venv");
    run(Command::new(of_machine).args(["-m", "venv"]).arg(venv))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "kazoo"]))?;
    has_kazoo(&python)?;
    Ok(python)
}
