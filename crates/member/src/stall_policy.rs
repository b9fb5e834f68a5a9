//! Watches a program's work for a stall and acts on it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::{StatusSource, WorkStatus};
use heartline_core::condition::StallTimeout;
use heartline_process::say::say;
use heartline_process::stdio;
use heartline_process::vitals::{
    Ends, FlowSource, Monitor, MonitorEvent, MonitorSettings, SampleTarget,
};
use heartline_streaming::Task;

/// What to do about work that stalls.
#[derive(Clone, Copy, Debug)]
pub struct StallPolicy {
    /// How long the work may stall.
    pub stall_timeout: StallTimeout,
    /// Whether a stall ends the work.
    pub kills: bool,
    /// Whether debuggers may be run to show what the work does.
    pub stacks: bool,
    /// Whether to report to Hadoop that the task is alive although it makes no progress.
    pub keep_alive: bool,
}

/// Ends the work, for the given reason.
pub type Kill = Arc<dyn Fn(String) + Send + Sync>;

/// The work of `program`, as seen from outside.
pub(super) struct StallWatch<S> {
    pub(super) program: &'static str,
    pub(super) task: Task,
    pub(super) target: SampleTarget,
    pub(super) ends: Ends,
    pub(super) streams: S,
}

impl StallPolicy {
    /// Watches the work until the monitor is dropped. Observations go to `work_status`, and to stderr once
    /// per stall.
    pub(super) fn watch<S: FlowSource + 'static>(
        self,
        seen: StallWatch<S>,
        work_status: &Arc<WorkStatus>,
        kill: Kill,
    ) -> io::Result<Monitor> {
        let settings = MonitorSettings {
            target: seen.target,
            ends: seen.ends,
            stall_timeout: self.stall_timeout,
            interval: MonitorSettings::INTERVAL,
            debuggers: self.stacks,
        };
        let (program, task) = (seen.program, seen.task);
        let monitored = Arc::clone(work_status);
        let reason = Mutex::new(String::new());
        let monitor = Monitor::start(settings, seen.streams, move |news| match news {
            MonitorEvent::Stalled { condition, still } => {
                let still = still.as_secs_f64();
                let text = format!("stalled: {condition} for {still:.1} s");
                say(program, &text);
                *reason.lock().unwrap_or_else(PoisonError::into_inner) = text;
            }
            MonitorEvent::Snapshot(snapshot) => {
                let snapshot = place(&task, monitored.status().bytes_in) + &snapshot;
                // Indented, so that Hadoop takes no line of it for a counter or a status.
                let lines = snapshot.lines().map(|line| format!("\n  {line}"));
                say(
                    program,
                    format_args!("what it does:{}", lines.collect::<String>()),
                );
                monitored.keep(snapshot);
                // The work may have continued during the inspection.
                if self.kills && monitored.is_stalled() {
                    let reason = reason.lock().unwrap_or_else(PoisonError::into_inner);
                    let reason = format!("{reason}; ended for it (--on-stall kill)");
                    // A log that cannot be written does not keep the work alive.
                    let _ = task.status(&mut stdio::err(), &reason);
                    kill(reason);
                }
            }
            MonitorEvent::Recovered => say(program, "it works again"),
        })?;
        work_status.watch(monitor.vitals());
        Ok(monitor)
    }
}

/// Position of the work in its input; empty if Hadoop has not set an input split. The position is
/// approximate: Hadoop's mappers begin a split at its first whole line and read on to the end of its last
/// line.
fn place(task: &Task, taken: u64) -> String {
    task.split.as_ref().map_or_else(String::new, |split| {
        let byte = split.start.saturating_add(taken);
        format!("about byte {byte} of {} (split {split})\n", split.file)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_that_in_the_file() {
        let mut task = Task::default();
        task.split = "hdfs://nn/in/a.txt:1000+500".parse().ok();
        assert_eq!(
            place(&task, 24),
            "about byte 1024 of hdfs://nn/in/a.txt (split hdfs://nn/in/a.txt:1000+500)\n"
        );
        task.split = None;
        assert_eq!(place(&task, 24), "");
    }
}
