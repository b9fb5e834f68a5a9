//! Processes of a cluster: started apart from the terminal, known by a file with their number and the moment they
//! began, so that a number that is given away again is never taken for theirs.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use crate::files::{self, Links};

/// How long a killed process may take to be gone.
pub(super) const GONE: Duration = Duration::from_secs(10);
/// Between two looks at a process.
const GLANCE: Duration = Duration::from_millis(20);
/// How much of a log's end is shown, in lines and in bytes.
const TAIL: usize = 15;
const TAIL_BYTES: u64 = 8192;
/// Two numbers are no longer.
const LONGEST_RECORD: u64 = 64;

/// One process: its number, and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProcessRecord {
    /// Its number.
    pub(super) pid: i32,
    /// In ticks since the machine was started.
    began: u64,
}

impl ProcessRecord {
    /// The process of this number, if it lives.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let stat = procfs::process::Process::new(pid).ok()?.stat().ok()?;
        // One that has ended and is only not yet waited for lives no more. But a thread of it may outlive the first
        // one for a moment, and with it everything that it holds, such as ports.
        let lives = !matches!(stat.state, 'Z' | 'X') || stat.num_threads > 1;
        lives.then_some(Self {
            pid,
            began: stat.starttime,
        })
    }

    /// The process that a file names, if it lives. A file that others may have written names nobody: whom it names may
    /// be killed.
    pub(super) fn recorded(file: &Path) -> Option<Self> {
        let text = files::read_record(file, LONGEST_RECORD).ok()?;
        let (pid, began) = text.trim().split_once(' ')?;
        let known = Self {
            pid: pid.parse().ok()?,
            began: began.parse().ok()?,
        };
        known.lives().then_some(known)
    }

    /// Whether it has not ended.
    pub(super) fn lives(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends it a signal. One that has ended meanwhile needs none.
    pub(super) fn signal(self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return;
        };
        // Held, its number is not given away between the look and the signal.
        let held = pidfd_open(pid, PidfdFlags::empty());
        if !self.lives() {
            return;
        }
        let _ = match held {
            Ok(held) => pidfd_send_signal(held, signal),
            // A kernel before 5.3.
            Err(Errno::NOSYS) => kill_process(pid, signal),
            Err(error) => Err(error),
        };
    }

    /// Kills it. Returns whether it is gone then.
    pub(super) fn kill(self) -> bool {
        self.signal(Signal::KILL);
        self.wait(GONE)
    }

    /// Waits until it has ended. Returns whether it has.
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

/// Starts a command in a session of its own, so that neither Ctrl-C nor a closed terminal reaches it, with all that it
/// says in `log`, and writes down who it is.
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
    let child =
        child.with_context(|| format!("{} cannot be run", command.get_program().display()))?;
    let pid = child.id().cast_signed();
    ProcessRecord::of(pid).with_context(|| format!("process {pid} has ended at once{}", tail(log)))
}

/// Runs a command to its end. Returns its status; `None` when the limit was over and it was killed.
pub(super) fn run(
    command: &mut Command,
    log: &Path,
    limit: Duration,
) -> anyhow::Result<Option<i32>> {
    let mut child = quiet(command, log)?
        .spawn()
        .with_context(|| format!("{} cannot be run", command.get_program().display()))?;
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

/// Writes down who a process is: whole or not at all.
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
        // Nobody would find it again.
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
        // It may grow meanwhile.
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
        // Another one of the same number.
        fs::write(&file, format!("{} {}\n", known.pid, known.began + 1)).unwrap();
        assert_eq!(ProcessRecord::recorded(&file), None);
        known.signal(Signal::KILL);
        assert!(known.wait(Duration::from_secs(20)));
        // Nobody has waited for it: it is there, and lives no more.
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
        let status = run(Command::new("sleep").arg("60"), &log, Duration::ZERO).unwrap();
        assert_eq!(status, None);
    }
}
