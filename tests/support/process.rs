//! Child processes that do not outlive their test, and waiting with a limit.

use std::{
    fs,
    io::Write,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// A child that is killed when this value is dropped, and when the whole test process is killed.
///
/// A parent-death signal would fire when the *thread* that started the child ends, which for a server shared by
/// several tests is too early. So a small shell holds the other end of a pipe instead: its read returns only when the
/// test process is gone, for whatever reason.
pub(crate) struct Guarded {
    child: Child,
    guardian: Child,
}

impl Guarded {
    /// Starts the command under guard.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let guardian = Command::new("sh")
            .args([
                "-c",
                r#"trap '' INT TERM HUP; read -r _ || kill -9 "$1""#,
                "guardian",
                &child.id().to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match guardian {
            Ok(guardian) => Self { child, guardian },
            Err(error) => {
                let _ = child.kill();
                panic!("cannot start a shell to guard {command:?}: {error}");
            }
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its stdout, if that is a pipe and was not taken before.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Its stderr, if that is a pipe and was not taken before.
    pub(crate) fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it can be waited for")
    }

    /// Its stdin, if that is a pipe and was not taken before.
    pub(crate) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Whether it still exists, running or stopped.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal)
            .unwrap_or_else(|error| panic!("{signal:?}: {error}"));
    }

    /// Stops it (SIGSTOP), and waits until all its threads have stopped: until then one may still answer.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        let tasks = format!("/proc/{}/task", self.child.id());
        wait_until(
            "all its threads stand still",
            Duration::from_secs(20),
            || {
                let threads = fs::read_dir(&tasks).into_iter().flatten().flatten();
                let mut states = threads.filter_map(|thread| {
                    let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
                    stat[stat.rfind(')')? + 1..].trim_start().chars().next()
                });
                states.all(|state| matches!(state, 'T' | 'Z' | 'X'))
            },
        );
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // The child first: while the guardian waits, no other process can get its pid.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(mut stdin) = self.guardian.stdin.take() {
            let _ = stdin.write_all(b"done\n");
        }
        let _ = self.guardian.wait();
    }
}

/// Repeats `ready` until it returns true; panics with `what` when the time is over.
pub(crate) fn wait_until(what: &str, limit: Duration, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !ready() {
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
