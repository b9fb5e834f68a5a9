//! A task as Hadoop runs it: attempts of a mapper on the same input, until one is not killed.

use std::{
    fmt::Write as _,
    fs::File,
    io::{Read, Seek, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// A mapper that is fed bit by bit and started again after a kill. Unlike [`super::Mapper`] it writes to files, so
/// that it can write any amount before the test reads it.
pub(crate) struct Task {
    name: String,
    address: String,
    options: Vec<String>,
    input: Vec<u8>,
    /// The number of attempts so far.
    attempts: usize,
    running: Attempt,
}

struct Attempt {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: File,
    stderr: File,
    fed: usize,
    is_stopped: bool,
}

impl Task {
    /// Starts the first attempt.
    pub(crate) fn start(name: &str, address: &str, options: &[&str], input: Vec<u8>) -> Self {
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        Self {
            running: Attempt::start(&format!("{name}.1"), address, &options),
            name: name.to_owned(),
            address: address.to_owned(),
            options,
            input,
            attempts: 1,
        }
    }

    /// The member name of the running attempt.
    pub(crate) fn member(&self) -> String {
        format!("{}.{}", self.name, self.attempts)
    }

    /// The number of bytes still to be fed.
    pub(crate) fn remaining(&self) -> usize {
        self.input.len() - self.running.fed
    }

    /// Feeds this number of bytes, unless it is stopped.
    pub(crate) fn feed(&mut self, bytes: usize) {
        let attempt = &mut self.running;
        if attempt.is_stopped {
            return;
        }
        let end = self.input.len().min(attempt.fed + bytes);
        let stdin = attempt.stdin.as_mut().expect("its input is open");
        let fed = stdin.write_all(&self.input[attempt.fed..end]);
        fed.unwrap_or_else(|error| panic!("{} reads its input: {error}", self.member()));
        self.running.fed = end;
    }

    /// Kills the running attempt with -9, and starts the next one.
    pub(crate) fn kill(&mut self) {
        self.running.child.kill().expect("it runs");
        let ended = self.running.child.wait().expect("it can be waited for");
        assert_eq!(ended.signal(), Some(9), "it ran until it was killed");
        self.attempts += 1;
        self.running = Attempt::start(&self.member(), &self.address, &self.options);
    }

    /// Stops its process.
    pub(crate) fn stop(&mut self) {
        self.running.is_stopped = true;
        self.running.signal(Signal::STOP);
    }

    /// Continues its process, if it was stopped.
    pub(crate) fn go_on(&mut self) {
        self.running.is_stopped = false;
        self.running.signal(Signal::CONT);
    }

    /// Feeds the rest; checks every word of the output, the exit status, and that it printed at most one line.
    pub(crate) fn finish(mut self) {
        self.feed(self.remaining());
        let name = self.member();
        let (ended, written, said) = self.running.end();
        assert_eq!(ended.code(), Some(0), "{name}: {ended}, {said}");
        assert!(said.lines().count() <= 1, "{name} said: {said}");
        let expected = ones(&self.input);
        if written != expected {
            let (has, wants) = (written.lines().count(), expected.lines().count());
            panic!("{name} wrote {has} records, not the {wants} there should be, or others");
        }
    }
}

impl Attempt {
    fn start(name: &str, address: &str, options: &[String]) -> Self {
        let file = || tempfile::tempfile().expect("a temporary file");
        let (stdout, stderr) = (file(), file());
        let second = |file: &File| file.try_clone().expect("a second handle");
        let mut child = Command::new(env!("CARGO_BIN_EXE_wc-mapper"))
            .args(["--zookeeper", address, "--name", name])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(second(&stdout))
            .stderr(second(&stderr))
            .spawn()
            .expect("wc-mapper starts");
        Self {
            stdin: child.stdin.take(),
            child,
            stdout,
            stderr,
            fed: 0,
            is_stopped: false,
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    fn end(&mut self) -> (ExitStatus, String, String) {
        drop(self.stdin.take());
        let ended = self.child.wait().expect("it can be waited for");
        let text = |file: &mut File| {
            let mut text = String::new();
            file.rewind().expect("a file");
            file.read_to_string(&mut text).expect("text");
            text
        };
        (ended, text(&mut self.stdout), text(&mut self.stderr))
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `WORD<tab>1` for every word, independent of the program under test.
fn ones(input: &[u8]) -> String {
    let text = std::str::from_utf8(input).expect("ASCII");
    let mut ones = String::new();
    for word in text.split_ascii_whitespace() {
        let _ = writeln!(ones, "{word}\t1");
    }
    ones
}
