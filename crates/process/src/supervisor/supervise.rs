//! The supervisor's own process: one loop over the command, the socket to the program, and time limits.

use std::ffi::OsString;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, set_child_subreaper, wait};
use rustix::stdio::stdin;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

use super::control::{Lines, Order, Report};
use super::{Ended, Until, boot_time, is_ignored, tree};
use crate::say::say;

/// Time between two checks for killed processes that are not gone yet.
const LOOK: Duration = Duration::from_millis(5);
/// The longest sleep: when a machine wakes from sleep, its timers have not advanced, but the time has.
const LONGEST_SLEEP: Duration = Duration::from_millis(250);

/// The options of a supervisor.
#[derive(Clone, Debug)]
pub struct SupervisorOptions {
    /// The program that the command belongs to, by its name in messages.
    pub program: String,
    /// How long the command may run at first.
    pub until: Until,
    /// How long the command gets to end when the program is gone, and the processes it leaves behind get to end.
    pub grace: Duration,
    /// How long the processes that the command leaves behind may go on before that, if it was successful.
    pub drain_time: Duration,
    /// The command.
    pub command: Vec<OsString>,
}

/// Supervises a command until it is over. Call it from the first thread of a process of its own, whose
/// stdin is the socket to the program: the first byte comes with the command's stdin and
/// stdout.
pub fn supervise(options: &SupervisorOptions) -> ExitCode {
    match Supervisor::start(options).and_then(Supervisor::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(
                &options.program,
                format_args!("cannot supervise the command: {error}"),
            );
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug)]
enum SupervisorPhase {
    Running,
    /// The command must be gone at this time, or when its time runs out.
    Stopping(Duration),
}

struct Supervisor {
    own: Pid,
    command: Pid,
    children: UnixStream,
    until: Until,
    grace: Duration,
    drain_time: Duration,
    phase: SupervisorPhase,
    /// Whether the program still listens.
    heard: bool,
    by_itself: bool,
    status: Option<u8>,
    /// When the processes that the command has left behind are asked to end.
    drain_until: Option<Duration>,
    lines: Lines,
}

impl Supervisor {
    fn start(options: &SupervisorOptions) -> io::Result<Self> {
        let own = getpid();
        // Orphans of the command's children become children of this process instead of init.
        set_child_subreaper(Some(own))?;
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            // The program receives these signals too, and decides what to do. They are caught, not ignored: the
            // command would inherit that.
            if !is_ignored(signal) {
                signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
            }
        }
        let (children, teller) = UnixStream::pair()?;
        children.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(SIGCHLD, teller)?;
        let (input, output) = receive_streams()?;
        if boot_time() >= options.until.stop_by {
            return Err(io::Error::other(
                "the time limit passed before the command was started",
            ));
        }
        let child = Command::new("/proc/self/exe")
            .arg0("heartline")
            .args(["become", "--program", &options.program, "--supervisor"])
            .arg(own.to_string())
            .arg("--")
            .args(&options.command)
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(output))
            .spawn()?;
        let supervisor = Self {
            own,
            command: Pid::from_child(&child),
            children,
            until: options.until,
            grace: options.grace,
            drain_time: options.drain_time,
            phase: SupervisorPhase::Running,
            heard: true,
            by_itself: true,
            status: None,
            drain_until: None,
            lines: Lines::default(),
        };
        send(Report::Started(child.id()));
        Ok(supervisor)
    }

    fn run(mut self) -> io::Result<()> {
        loop {
            let is_alone = self.reap()?;
            if let Some(status) = self.status {
                // Orphans become children of this process: without a child there is nothing to look for.
                if is_alone || tree::below(self.own).is_empty() {
                    // Reap processes that have ended since: otherwise init would do so at some later time.
                    self.reap()?;
                    send(Report::Ended(Ended {
                        status,
                        by_itself: self.by_itself,
                    }));
                    return Ok(());
                }
                // The command has ended on its own and left processes behind, whose work counts only after a success.
                let drain_time = if status == 0 {
                    self.drain_time
                } else {
                    Duration::ZERO
                };
                let until = *self
                    .drain_until
                    .get_or_insert_with(|| boot_time() + drain_time);
                if boot_time() >= until {
                    self.stop(self.grace);
                }
            }
            let now = boot_time();
            if now >= self.until.stop_by && matches!(self.phase, SupervisorPhase::Running) {
                self.by_itself = false;
                self.stop(Duration::MAX);
            }
            let next = match self.phase {
                SupervisorPhase::Running if self.status.is_some() => now + LOOK,
                SupervisorPhase::Running => self.until.stop_by,
                SupervisorPhase::Stopping(at) => {
                    let at = at.min(self.until.dead_by);
                    if now >= at {
                        tree::signal_below(self.own, Signal::KILL);
                        now + LOOK
                    } else if self.status.is_some() {
                        // A process left behind is not always our own child: poll for its end.
                        at.min(now + LOOK)
                    } else {
                        at
                    }
                }
            };
            self.sleep(next.saturating_sub(now).min(LONGEST_SLEEP))?;
        }
    }

    /// Asks the command, and all processes that it has started, to end.
    fn stop(&mut self, grace: Duration) {
        let at = boot_time().saturating_add(grace);
        match &mut self.phase {
            SupervisorPhase::Running => {
                self.phase = SupervisorPhase::Stopping(at);
                tree::signal_below(self.own, Signal::TERM);
                // A stopped process handles no other signal.
                tree::signal_below(self.own, Signal::CONT);
            }
            SupervisorPhase::Stopping(before) => *before = at.min(*before),
        }
    }

    /// Waits for an event, at most for `limit`.
    fn sleep(&mut self, limit: Duration) -> io::Result<()> {
        let limit = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            // Rounded up: a sleep that ends too early costs another one.
            tv_nsec: i64::from(limit.subsec_nanos()),
        };
        let control = stdin();
        let mut sources = vec![PollFd::new(&self.children, PollFlags::IN)];
        if self.heard {
            sources.push(PollFd::new(&control, PollFlags::IN));
        }
        match poll(&mut sources, Some(&limit)) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let spoken = sources
            .get(1)
            .is_some_and(|source| !source.revents().is_empty());
        let mut buffer = [0; 512];
        while let Ok(1..) = rustix::io::read(&self.children, &mut buffer) {}
        if spoken {
            match rustix::io::read(stdin(), &mut buffer) {
                Ok(count @ 1..) => self.lines.push(&buffer[..count]),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                // The program is gone.
                Ok(_) | Err(_) => {
                    self.heard = false;
                    self.apply(Order::Stop(self.grace));
                }
            }
            while let Some(order) = self.lines.next() {
                self.apply(order);
            }
        }
        Ok(())
    }

    fn apply(&mut self, order: Order) {
        match order {
            Order::Renew(until) => self.until = until,
            Order::Stop(grace) => {
                if self.status.is_none() {
                    self.by_itself = false;
                }
                self.stop(grace);
            }
        }
    }

    /// Reaps every child that has ended. Returns whether none is left.
    fn reap(&mut self) -> io::Result<bool> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.command => {
                    self.status = Some(status_of(status));
                }
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => return Ok(false),
                Err(rustix::io::Errno::CHILD) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn send(report: Report) {
    // If the program is gone, the report is not needed.
    let _ = rustix::io::write(stdin(), report.to_string().as_bytes());
}

/// The exit status as a shell shows it.
fn status_of(status: WaitStatus) -> u8 {
    let status = status
        .exit_status()
        .or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    status
        .and_then(|status| u8::try_from(status).ok())
        .unwrap_or(255)
}

/// Receives the command's stdin and stdout, which come with the first byte.
fn receive_streams() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    recvmsg(
        stdin(),
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(mut files) = message
            && let (Some(input), Some(output)) = (files.next(), files.next())
        {
            return Ok((input, output));
        }
    }
    Err(io::Error::other(
        "its streams were not passed; only heartline itself may start this subcommand",
    ))
}
