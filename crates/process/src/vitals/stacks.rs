//! The stacks of another process's threads, read by the debugging tools that the machine has.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::proc::Place;
use super::tool::output_of;

/// How long all tools together may take for a snapshot; most of it is for reading symbols. A command that is to
/// end waits for this.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// The most bytes of a tool's output that are kept.
const MOST: usize = 12 * 1024;

/// A tool that reads stacks.
struct Way {
    name: &'static str,
    command: fn(pid: u32) -> Command,
    /// Beginnings of the lines to keep; the other lines are about reading symbols.
    keeps: &'static [&'static str],
    /// Use the tool only for processes with this in their name.
    only: Option<&'static str>,
}

/// In this order: the most informative first, then the one that stops the process for the shortest time.
const WAYS: &[Way] = &[
    Way {
        name: "py-spy",
        command: |pid| with("py-spy", &["dump", "--pid"], pid),
        keeps: &["Thread", "    "],
        only: Some("py"),
    },
    Way {
        name: "gdb",
        command: |pid| {
            let mut gdb = Command::new("gdb");
            gdb.args(["--nx", "--quiet", "--batch"])
                .args(["-ex", "set debuginfod enabled off"])
                .args(["-ex", "thread apply all backtrace 40"])
                .args(["-p", &pid.to_string()]);
            gdb
        },
        keeps: &["Thread", "#"],
        only: None,
    },
    Way {
        name: "eu-stack",
        command: |pid| with("eu-stack", &["-n", "40", "-p"], pid),
        keeps: &["TID", "#"],
        only: None,
    },
];

fn with(tool: &str, arguments: &[&str], pid: u32) -> Command {
    let mut command = Command::new(tool);
    command.args(arguments).arg(pid.to_string());
    command
}

/// The stacks of a process's threads, and the name of the tool that read them, if that takes no longer than `limit`.
/// The process is stopped for a moment.
pub(super) fn of(
    pid: u32,
    name: &str,
    limit: Duration,
    ended: &AtomicBool,
) -> Option<(&'static str, String)> {
    let place = Place::of_process(pid);
    let started = Instant::now();
    for way in WAYS {
        if way.only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let left = limit.saturating_sub(started.elapsed());
        let mut command = (way.command)(pid);
        // Tools must not download symbols.
        command.env_remove("DEBUGINFOD_URLS");
        let text = output_of(&mut command, left, MOST, ended);
        if text.is_none() {
            let_go(pid, &place);
        }
        let kept = text.map(|text| keep(&text, way.keeps)).unwrap_or_default();
        if kept.contains('#') || kept.contains('(') {
            return Some((way.name, kept));
        }
        if ended.load(Relaxed) || started.elapsed() >= limit {
            return None;
        }
    }
    None
}

/// Continues a process that a debugger, ended at the wrong moment, has left stopped.
fn let_go(pid: u32, place: &Place) {
    thread::sleep(Duration::from_millis(20));
    if place.stat().is_some_and(|stat| stat.is_stopped())
        && let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
    {
        let _ = kill_process(pid, Signal::CONT);
    }
}

fn keep(text: &str, keeps: &[&str]) -> String {
    let lines = text.lines();
    let wanted = lines.filter(|line| keeps.iter().any(|begin| line.starts_with(begin)));
    wanted.fold(String::new(), |kept, line| kept + line + "\n")
}
