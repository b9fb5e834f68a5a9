//! Runs the `--on-death` command for each death that the master declares. It runs in a separate thread, so
//! that it cannot delay the heartbeat. The program's main thread starts it: the heartbeat's thread would pass
//! its real-time priority on to the hook and its commands.
//!
//! The hook handles each verdict at most once: the master whose transaction made the verdict runs the
//! command, after ZooKeeper has acknowledged it. A master that is cut off or ends at that moment runs
//! nothing.
//!
//! Beside a wrapped command ([`crate::run`]) these commands are children of the same process. That matters
//! only when the wrapped command's supervisor is killed with -9: then everything left below it ends, these
//! commands included.

use std::convert::Infallible;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use heartline_core::master::state::Death;
use heartline_core::template::{Template, fitting};
use heartline_process::say::say;

/// Maximum number of commands that run at once.
const AT_ONCE: usize = 4;
/// Maximum number of deaths that wait for their command.
const MOST_WAITING: usize = 1024;
/// Maximum run time of a command.
const LIMIT: Duration = Duration::from_secs(60);
/// How long a command may take to end after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// Interval between two checks of the running commands.
const LOOK: Duration = Duration::from_millis(20);

/// Receives each declared death.
pub type DeathSink = Box<dyn Fn(Death) + Send>;

/// The handle of the hook thread: the command, and the number of waiting deaths.
#[derive(Clone, Debug)]
pub(super) struct DeathHook {
    program: &'static str,
    waiting: Arc<AtomicUsize>,
    /// Disconnects when no death waits and none can come.
    drained: Arc<Mutex<Receiver<Infallible>>>,
}

impl DeathHook {
    /// Starts the thread. It accepts deaths as long as the [`DeathSink`] lives.
    pub(super) fn start(program: &'static str, command: Template) -> io::Result<(Self, DeathSink)> {
        Self::with_limit(program, command, LIMIT)
    }

    fn with_limit(
        program: &'static str,
        command: Template,
        limit: Duration,
    ) -> io::Result<(Self, DeathSink)> {
        let (deaths, inbox) = channel();
        let (drain, drained) = channel();
        let (waiting, refused) = (Arc::default(), Arc::default());
        let runner = Runner {
            program,
            command,
            limit,
            inbox,
            waiting: Arc::clone(&waiting),
            refused: Arc::clone(&refused),
            running: Vec::new(),
        };
        thread::Builder::new()
            .name("on-death".to_owned())
            .spawn(move || runner.run(drain))?;
        let hook = Self {
            program,
            waiting: Arc::clone(&waiting),
            drained: Arc::new(Mutex::new(drained)),
        };
        let death_sink = move |death| {
            if waiting.load(Ordering::Relaxed) >= MOST_WAITING {
                // The hook's thread reports it: writing to stderr here could block.
                refused.fetch_add(1, Ordering::Relaxed);
                return;
            }
            waiting.fetch_add(1, Ordering::Relaxed);
            // If the thread is gone, the program is ending.
            let _ = deaths.send(death);
        };
        Ok((hook, Box::new(death_sink)))
    }

    /// Waits until a command has been started for each death, for `limit` at most; running commands continue.
    /// Call it after the [`DeathSink`] is dropped.
    pub(super) fn close(&self, limit: Duration) {
        let drained = self.drained.lock().unwrap_or_else(PoisonError::into_inner);
        if drained.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            let waiting = self.waiting.load(Ordering::Relaxed);
            let what = "deaths for which the command of --on-death is not run: this master ends";
            say(self.program, format_args!("{waiting} {what}"));
        }
    }
}

struct Runner {
    program: &'static str,
    command: Template,
    limit: Duration,
    inbox: Receiver<Death>,
    waiting: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    running: Vec<Running>,
}

/// A running command.
struct Running {
    node: String,
    child: Child,
    until: Instant,
    was_asked: bool,
}

impl Runner {
    fn run(mut self, drain: Sender<Infallible>) {
        let mut drain = Some(drain);
        loop {
            let refused = self.refused.swap(0, Ordering::Relaxed);
            if refused > 0 {
                self.say(format_args!(
                    "{refused} deaths for which the command of --on-death is not run: more than {MOST_WAITING} wait"
                ));
            }
            let (program, limit) = (self.program, self.limit);
            self.running.retain_mut(|one| !one.is_over(program, limit));
            if drain.is_none() || self.running.len() >= AT_ONCE {
                if drain.is_none() && self.running.is_empty() {
                    return;
                }
                sleep(LOOK);
                continue;
            }
            let next = if self.running.is_empty() {
                self.inbox.recv().map_err(RecvTimeoutError::from)
            } else {
                self.inbox.recv_timeout(LOOK)
            };
            match next {
                Ok(death) => self.begin(&death),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => drain = None,
            }
        }
    }

    fn begin(&mut self, death: &Death) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        match start(&self.command, death) {
            Ok(child) => self.running.push(Running {
                node: death.node.clone(),
                child,
                until: Instant::now() + self.limit,
                was_asked: false,
            }),
            Err(error) => self.say(format_args!(
                "cannot run the command of --on-death for {}: {error}",
                death.node
            )),
        }
    }

    fn say(&self, what: impl std::fmt::Display) {
        say(self.program, what);
    }
}

impl Running {
    /// Whether the command has ended. Stops a command that runs longer than `limit`.
    fn is_over(&mut self, program: &str, limit: Duration) -> bool {
        let what = format_args!("the command of --on-death for {}", self.node);
        match self.child.try_wait() {
            Ok(Some(status)) => {
                if !status.success() && !self.was_asked {
                    say(program, format_args!("{what} ended with {status}"));
                }
                true
            }
            Ok(None) if Instant::now() >= self.until => {
                let limit = humantime::format_duration(limit);
                let how = if std::mem::replace(&mut self.was_asked, true) {
                    Signal::KILL
                } else {
                    say(
                        program,
                        format_args!("{what} runs longer than {limit} and is ended"),
                    );
                    Signal::TERM
                };
                self.until = Instant::now() + GRACE;
                // A command that has ended in the meantime needs no signal.
                let _ = kill_process_group(Pid::from_child(&self.child), how);
                false
            }
            Ok(None) => false,
            // Another part of the process has already waited for it.
            Err(_) => true,
        }
    }
}

/// Starts the command for one death, in a process group of its own, so that all its processes can be stopped.
fn start(command: &Template, death: &Death) -> io::Result<Child> {
    let identity = &death.identity;
    let known = |value: &Option<String>| value.clone().unwrap_or_default();
    let pid = (identity.pid > 0).then(|| identity.pid.to_string());
    let (attempt, job) = (known(&identity.attempt), known(&identity.job));
    let (pid, epoch) = (known(&pid), death.epoch.to_string());
    // One value of an unusual form costs its placeholder, not the command.
    let values = [
        ("attempt", attempt.as_str()),
        ("node", &death.node),
        ("host", &identity.host),
        ("job", &job),
        ("pid", &pid),
        ("epoch", &epoch),
    ]
    .map(|(place, value)| (place, fitting(place, value)));
    let words = command.fill(&values).map_err(io::Error::other)?;
    let (executable, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(executable)
        .args(arguments)
        .stdin(Stdio::null())
        // Stdout carries records or the output of the master.
        .stdout(io::stderr().as_fd().try_clone_to_owned()?)
        .process_group(0)
        .spawn()
}

#[cfg(test)]
mod tests;
