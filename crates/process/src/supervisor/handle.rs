//! The program's side: starts a supervisor, gives it more time, and learns how the command ended.

use std::ffi::OsString;
use std::io::{self, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as Socket;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, WaitOptions, getpid, set_child_subreaper, wait};
use tokio::net::UnixStream;

use super::control::{Ended, Lines, Order, Report, Until};
use super::{boot_time, tree};

/// How long after the supervisor's deadline this side ends the command itself.
const KILL_SLACK: Duration = Duration::from_millis(50);

/// What the supervisor starts, and how.
#[derive(Clone, Debug)]
pub struct ChildSpec {
    /// The program that the command belongs to, by its name in messages.
    pub program: &'static str,
    /// The command.
    pub command: Vec<OsString>,
    /// Environment variables in addition to the program's own.
    pub environment: Vec<(&'static str, String)>,
    /// How long the command may run at first.
    pub until: Until,
    /// How long the command gets to end when the program is gone.
    pub grace: Duration,
    /// How long the processes that the command leaves behind may go on after its end, if that was a success; then they
    /// get `grace` to end.
    pub drain_time: Duration,
    /// Whether the program starts nothing else, so that all processes below it are the command's: then what
    /// a killed supervisor leaves behind is found below the program, and ended.
    pub is_all: bool,
}

/// A command and its supervisor. When dropped, it lets the supervisor end the command.
#[derive(Debug)]
pub struct SupervisorHandle {
    supervisor: Child,
    socket: UnixStream,
    lines: Lines,
    command: Option<u32>,
    until: Until,
    is_all: bool,
    /// When the command must be gone, once it was asked to end.
    gone_by: Option<Duration>,
}

impl SupervisorHandle {
    /// Starts the supervisor, which starts the command with this stdin and stdout. Requires a thread with a
    /// runtime.
    pub fn start(charge: &ChildSpec, streams: [BorrowedFd<'_>; 2]) -> io::Result<Self> {
        if charge.is_all {
            // Processes that a killed supervisor leaves behind become children of this process instead of init.
            set_child_subreaper(Some(getpid()))?;
        }
        let (own, other) = Socket::pair()?;
        let micros = |time: Duration| time.as_micros().to_string();
        let supervisor = Command::new("/proc/self/exe")
            .arg0("heartline")
            .args(["keep", "--program", charge.program, "--stop-by"])
            .arg(micros(charge.until.stop_by))
            .arg("--dead-by")
            .arg(micros(charge.until.dead_by))
            .arg("--grace")
            .arg(micros(charge.grace))
            .arg("--linger")
            .arg(micros(charge.drain_time))
            .arg("--")
            .args(&charge.command)
            .envs(charge.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(OwnedFd::from(other)))
            // The command's stdout ends only when no other process holds it.
            .stdout(Stdio::null())
            .spawn()?;
        send_streams(&own, streams)?;
        own.set_nonblocking(true)?;
        Ok(Self {
            supervisor,
            socket: UnixStream::from_std(own)?,
            lines: Lines::default(),
            command: None,
            until: charge.until,
            is_all: charge.is_all,
            gone_by: None,
        })
    }

    /// The supervisor's process id: all processes of the command are below it.
    pub fn supervisor(&self) -> Pid {
        Pid::from_child(&self.supervisor)
    }

    /// The command's process id, once the supervisor has reported it.
    pub fn command(&self) -> Option<u32> {
        self.command
    }

    /// Lets the command run longer.
    pub fn renew(&mut self, until: Until) {
        self.until = until;
        self.order(Order::Renew(until));
    }

    /// Asks the command to end, within `grace` or its remaining time, whichever is shorter.
    pub fn stop(&mut self, grace: Duration) {
        let by = boot_time().saturating_add(grace);
        self.gone_by = Some(self.gone_by.map_or(by, |before| before.min(by)));
        self.order(Order::Stop(grace));
    }

    fn order(&mut self, order: Order) {
        // If the supervisor does not read, the command does not end in time, which is noticed.
        let _ = self.socket.try_write(order.to_string().as_bytes());
    }

    /// Waits until the command has ended, with all processes that it had started. A supervisor that does not achieve
    /// this in time is ended together with all processes below it.
    ///
    /// # Cancellation safety
    /// Received messages are kept: the next call continues from there.
    pub async fn ended(&mut self) -> Ended {
        loop {
            let mut heard = None;
            while let Some(report) = self.lines.next() {
                match report {
                    Report::Started(pid) => self.command = Some(pid),
                    Report::Ended(ended) => heard = Some(ended),
                }
            }
            if let Some(ended) = heard {
                let _ = self.supervisor.wait();
                return ended;
            }
            let limit = self.wait_limit();
            if limit.is_zero() {
                self.end_supervisor();
                return self.without_supervisor();
            }
            let limit = limit.min(Duration::from_millis(250));
            if tokio::time::timeout(limit, self.socket.readable())
                .await
                .is_err()
            {
                continue;
            }
            let mut buffer = [0; 512];
            match self.socket.try_read(&mut buffer) {
                Ok(count @ 1..) => self.lines.push(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => {
                    self.end_supervisor();
                    return self.without_supervisor();
                }
            }
        }
    }

    /// How much longer to rely on the supervisor.
    fn wait_limit(&self) -> Duration {
        let dead_by = self.until.dead_by;
        let by = self.gone_by.map_or(dead_by, |by| by.min(dead_by));
        (by + KILL_SLACK).saturating_sub(boot_time())
    }

    fn end_supervisor(&mut self) {
        let supervisor = Pid::from_child(&self.supervisor);
        // A stopped supervisor cannot start anything more.
        let _ = rustix::process::kill_process(supervisor, Signal::STOP);
        for _ in 0..100 {
            if !tree::signal_below(supervisor, Signal::KILL) {
                break;
            }
            sleep(Duration::from_millis(1));
        }
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }

    /// The kernel kills the command when its supervisor dies; waits until that is done.
    fn without_supervisor(&mut self) -> Ended {
        for _ in 0..500 {
            if !self.command.is_some_and(tree::is_alive) {
                break;
            }
            sleep(Duration::from_millis(1));
        }
        if self.is_all {
            end_all_below();
        }
        Ended {
            status: 128 + 9,
            // Unless the command was to end, the supervisor was killed by others: treated as if the command itself was.
            by_itself: self.gone_by.is_none() && boot_time() < self.until.stop_by,
        }
    }
}

/// Ends the processes that a killed supervisor has left to this process.
fn end_all_below() {
    for _ in 0..500 {
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if !tree::signal_below(getpid(), Signal::KILL) {
            return;
        }
        sleep(Duration::from_millis(1));
    }
}

/// Sends the command's stdin and stdout.
fn send_streams(socket: &Socket, files: [BorrowedFd<'_>; 2]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    sendmsg(
        socket,
        &[IoSlice::new(b"i")],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}
