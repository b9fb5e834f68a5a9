//! Runs a debugging tool with a time limit and reads its output.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process_group};

/// How often to check whether the output is still wanted.
const TURN: Duration = Duration::from_millis(50);

/// How long a tool that must end may take to detach from the process it looks at.
const LEAVE: Duration = Duration::from_millis(300);

/// Runs a tool for at most `limit` and reads at most `most` bytes of its output. `None` if it
/// cannot be run, fails, takes longer, or `ended` is set meanwhile.
pub(super) fn output_of(
    command: &mut Command,
    limit: Duration,
    most: usize,
    ended: &AtomicBool,
) -> Option<String> {
    let started = Instant::now();
    // A process group of its own: a tool that is a script starts others.
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .ok()?;
    let mut tool = Tool { child };
    let mut stdout = tool.child.stdout.take()?;
    ioctl_fionbio(&stdout, true).ok()?;
    let mut kept = Vec::new();
    let mut block = [0; 4096];
    while started.elapsed() < limit && !ended.load(Relaxed) {
        match stdout.read(&mut block) {
            Ok(0) => {
                let left = limit.saturating_sub(started.elapsed());
                let succeeded = tool.wait(left, ended)?.success();
                return succeeded.then(|| String::from_utf8_lossy(&kept).into_owned());
            }
            // The rest is read and discarded: a tool that waits for us would keep the process that it
            // looks at stopped.
            Ok(count) => {
                let room = most.saturating_sub(kept.len());
                kept.extend_from_slice(&block[..count.min(room)]);
            }
            Err(_) => {
                let turn = Timespec::try_from(TURN).ok()?;
                let _ = poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&turn));
            }
        }
    }
    None
}

/// A tool that is ended when it is no longer needed.
struct Tool {
    child: Child,
}

impl Tool {
    fn wait(&mut self, limit: Duration, ended: &AtomicBool) -> Option<ExitStatus> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().ok()? {
                return Some(status);
            }
            if started.elapsed() >= limit || ended.load(Relaxed) {
                return None;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::TERM);
        if self.wait(LEAVE, &AtomicBool::new(false)).is_none() {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: u64) -> Option<String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let limit = Duration::from_secs(limit);
        output_of(&mut command, limit, 20, &AtomicBool::new(false))
    }

    #[test]
    fn what_a_tool_says_is_taken_up_to_a_limit() {
        assert_eq!(shell("echo one; echo two", 60).unwrap(), "one\ntwo\n");
        assert_eq!(shell("seq 100000", 60).unwrap().len(), 20);
        assert_eq!(shell("echo one; exit 3", 60), None);
        let mut none = Command::new("/nonexistent/tool");
        assert_eq!(
            output_of(
                &mut none,
                Duration::from_secs(60),
                20,
                &AtomicBool::new(false)
            ),
            None
        );
    }

    #[test]
    fn a_tool_that_hangs_is_ended_with_what_it_has_started() {
        let marker = tempfile::NamedTempFile::new().unwrap();
        let path = marker.path().display();
        let started = Instant::now();
        assert_eq!(
            shell(
                &format!("trap '' TERM; sleep 600 & echo $! > {path}; wait; sleep 600"),
                2
            ),
            None
        );
        assert!(started.elapsed() < Duration::from_secs(300));
        let sleeper = std::fs::read_to_string(marker.path()).unwrap();
        let sleeper = super::super::proc::Place::of_process(sleeper.trim().parse().unwrap());
        let gone = || sleeper.stat().is_none_or(|stat| stat.has_ended());
        while !gone() {
            assert!(started.elapsed() < Duration::from_secs(300));
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_tool_is_ended_when_nobody_wants_to_know() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let limit = Duration::from_secs(600);
        assert_eq!(
            output_of(&mut command, limit, 20, &AtomicBool::new(true)),
            None
        );
    }
}
