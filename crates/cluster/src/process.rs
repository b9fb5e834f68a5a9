//! Processes of a cluster. They are detached from the terminal, and identified by a pid file with the pid and the start
//! time, so that a reused pid is never mistaken for theirs.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use heartline_process::files::{self, Links};

/// How long a killed process may take to end.
pub(super) const GONE: Duration = Duration::from_secs(10);
/// The interval between checks of a process.
const GLANCE: Duration = Duration::from_millis(20);
/// How much of a log's end is shown: the number of lines, and of bytes.
const TAIL: usize = 15;
const TAIL_BYTES: u64 = 8192;
/// The maximum size in bytes of a pid file: two numbers are not longer.
const LONGEST_RECORD: u64 = 64;

/// One process: its pid and its start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProcessRecord {
    /// The process id.
    pub(super) pid: i32,
    /// The start time in clock ticks since boot.
    began: u64,
}

impl ProcessRecord {
    /// The process with this pid, if it is running.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let stat = procfs::process::Process::new(pid).ok()?.stat().ok()?;
        // A zombie is not running any more. But its other threads may outlive the main thread for a moment, and keep
        // everything that the process holds, such as ports.
        let lives = !matches!(stat.state, 'Z' | 'X') || stat.num_threads > 1;
        lives.then_some(Self {
            pid,
            began: stat.starttime,
        })
    }

    /// The process that a pid file names, if it is running. A file that others could have written is ignored, because
    /// the process that it names may be killed.
    pub(super) fn recorded(file: &Path) -> Option<Self> {
        let text = files::read_record(file, LONGEST_RECORD).ok()?;
        let (pid, began) = text.trim().split_once(' ')?;
        let known = Self {
            pid: pid.parse().ok()?,
            began: began.parse().ok()?,
        };
        known.lives().then_some(known)
    }

    /// Whether the process is still running.
    pub(super) fn lives(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal to the process; does nothing if it has ended.
    pub(super) fn signal(self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return;
        };
        // The pidfd keeps the pid from being reused between the check and the signal.
        let held = pidfd_open(pid, PidfdFlags::empty());
        if !self.lives() {
            return;
        }
        let _ = match held {
            Ok(held) => pidfd_send_signal(held, signal),
            // Kernels before 5.3 have no `pidfd_open`.
            Err(Errno::NOSYS) => kill_process(pid, signal),
            Err(error) => Err(error),
        };
    }

    /// Kills the process. Returns whether it has ended.
    pub(super) fn kill(self) -> bool {
        self.signal(Signal::KILL);
        self.wait(GONE)
    }

    /// Waits until the process has ended, for at most `limit`. Returns whether it has.
    pub(super) fn wait(self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while self.lives() {
            if Instant::now() >= end {
                return false;
            }
            sleep(GLANCE);
        }
        true
    }
}

/// Starts a command in its own session, so that neither Ctrl-C nor a closed terminal reaches it; its output goes to
/// `log`, and its pid and start time to the pid file.
pub(super) fn start(
    command: &mut Command,
    log: &Path,
    pid_file: &Path,
) -> anyhow::Result<ProcessRecord> {
    let known = spawn(command, log)?;
    record(known, pid_file)?;
    Ok(known)
}

fn spawn(command: &mut Command, log: &Path) -> anyhow::Result<ProcessRecord> {
    let child = quiet(command, log)?.spawn();
    let child = named(child, command)?;
    let pid = child.id().cast_signed();
    ProcessRecord::of(pid)
        .with_context(|| format!("process {pid} has ended immediately{}", tail(log)))
}

/// Runs a command to its end. Returns its status; `None` if it exceeded the limit and was killed.
pub(super) fn run(
    command: &mut Command,
    log: &Path,
    limit: Duration,
) -> anyhow::Result<Option<i32>> {
    let child = quiet(command, log)?.spawn();
    ended(named(child, command)?, limit)
}

/// Like [`run`], for a command that reads `input` from its stdin.
pub(super) fn feed(
    command: &mut Command,
    input: &str,
    log: &Path,
    limit: Duration,
) -> anyhow::Result<Option<i32>> {
    let child = quiet(command, log)?.stdin(Stdio::piped()).spawn();
    let mut child = named(child, command)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that has ended reads nothing more; its status says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    ended(child, limit)
}

fn named(child: io::Result<Child>, command: &Command) -> anyhow::Result<Child> {
    child.with_context(|| format!("{} cannot be run", command.get_program().display()))
}

fn ended(mut child: Child, limit: Duration) -> anyhow::Result<Option<i32>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.code().unwrap_or(-1)));
        }
        if Instant::now() >= end {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(None);
        }
        sleep(GLANCE);
    }
}

fn quiet<'a>(command: &'a mut Command, log: &Path) -> anyhow::Result<&'a mut Command> {
    let what = || format!("{} cannot be written", log.display());
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).with_context(what)?;
    }
    let said = files::append(log, Links::OfUsOrRoot).with_context(what)?;
    let also = said.try_clone().with_context(what)?;
    Ok(command.stdin(Stdio::null()).stdout(said).stderr(also))
}

/// Writes a pid file, completely or not at all.
fn record(known: ProcessRecord, file: &Path) -> anyhow::Result<()> {
    let what = || format!("{} cannot be written", file.display());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(what)?;
    }
    let fresh = file.with_extension("new");
    let written = files::create(&fresh, Links::Refused)
        .and_then(|mut file| writeln!(file, "{} {}", known.pid, known.began))
        .and_then(|()| fs::rename(&fresh, file));
    if written.is_err() {
        // Without its pid file, no later command would find the process.
        known.signal(Signal::KILL);
    }
    written.with_context(what)
}

/// The last lines of a log, with a heading.
pub(super) fn tail(log: &Path) -> String {
    let read = || {
        let mut file = files::open(log, Links::OfUsOrRoot)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut text = Vec::new();
        // The log may grow meanwhile.
        file.take(TAIL_BYTES).read_to_end(&mut text)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&text).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(TAIL)..].join("\n");
    format!("; the end of {}:\n{last}", log.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_number_and_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let (log, file) = (
            folder.path().join("logs/a.log"),
            folder.path().join("run/a"),
        );
        let known = start(Command::new("sleep").arg("60"), &log, &file).unwrap();
        assert_eq!(ProcessRecord::recorded(&file), Some(known));
        // A different process with the same pid.
        fs::write(&file, format!("{} {}\n", known.pid, known.began + 1)).unwrap();
        assert_eq!(ProcessRecord::recorded(&file), None);
        known.signal(Signal::KILL);
        assert!(known.wait(Duration::from_secs(20)));
        // The process is a zombie: it still exists, but counts as ended.
        assert!(fs::exists(format!("/proc/{}", known.pid)).unwrap());
        assert!(!known.lives());
    }

    #[test]
    fn a_command_is_run_to_its_end_or_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo said; exit 3"]);
        let status = run(&mut command, &log, Duration::from_secs(60)).unwrap();
        assert_eq!(status, Some(3));
        assert!(tail(&log).ends_with(":\nsaid"), "{}", tail(&log));
        let fed = feed(
            &mut Command::new("cat"),
            "told\n",
            &log,
            Duration::from_secs(60),
        );
        assert_eq!(fed.unwrap(), Some(0));
        assert!(tail(&log).ends_with("told"), "{}", tail(&log));
        let status = run(Command::new("sleep").arg("60"), &log, Duration::ZERO).unwrap();
        assert_eq!(status, None);
    }
}
