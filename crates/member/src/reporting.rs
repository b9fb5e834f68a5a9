//! Reports a program's work while it runs and when it has ended: to ZooKeeper by the heartbeat, to Hadoop
//! by the status line, the counters and the failure report. The reports do not influence the result of the
//! work.

use std::io::{self, Write};
use std::process::exit;
use std::sync::Arc;

use super::drain::drain;
use super::failure_report::FailureReport;
use super::stall_policy::StallWatch;
use super::{Config, Heartbeat, Kill, Signals, StallPolicy, StatusSource, Summary, WorkStatus};
use heartline_core::protocol::Ending;
use heartline_process::progress::Progress;
use heartline_process::say::say;
use heartline_process::stdio;
use heartline_process::vitals::{Ends, FlowSource, Monitor, SampleTarget};
use heartline_streaming::{StatusLine, Task};

/// The configuration of the reports.
#[derive(Clone, Debug)]
pub struct Reporter {
    /// The program's name in its messages.
    pub program: &'static str,
    /// The Hadoop task that the program runs as.
    pub task: Task,
    /// The configuration of the member, if the program is one.
    pub config: Option<Config>,
    /// Whether the program must not work without a heartbeat.
    pub required: bool,
    /// What to do when the work stalls.
    pub stall_policy: StallPolicy,
}

/// The running reports of a program. [`Reporting::end`] ends them.
pub struct Reporting {
    reporter: Reporter,
    progress: Arc<Progress>,
    work_status: Arc<WorkStatus>,
    last_word: Arc<FailureReport>,
    heartbeat: Option<Heartbeat>,
    status: StatusLine,
    kill: Kill,
    monitor: Option<Monitor>,
}

impl Reporter {
    /// Starts the reports. If the heartbeat is required, this waits until the member has joined, and returns
    /// an error with the reason if it cannot join. If `kill` is given, the program handles signals, and
    /// `kill` ends the work; otherwise the heartbeat ends the process.
    pub fn start(self, progress: Arc<Progress>, kill: Option<Kill>) -> Result<Reporting, String> {
        let work_status = Arc::new(WorkStatus::new(Arc::clone(&progress), self.task.binary));
        let last_word = Arc::new(FailureReport::new(self.program, &self.task));
        let (signals, alone) = if let Some(kill) = kill {
            let condemned = Arc::clone(&work_status);
            let kill: Kill = Arc::new(move |reason: String| {
                condemned.condemn(&reason);
                kill(reason);
            });
            (Signals::Program(Arc::clone(&kill)), kill)
        } else {
            let words = Arc::clone(&last_word);
            let farewell: Kill = Arc::new(move |reason: String| words.say_and_wait(&reason));
            let last = Arc::clone(&farewell);
            let alone: Kill = Arc::new(move |reason: String| {
                say(self.program, &reason);
                last(reason);
                exit(1);
            });
            (Signals::Heartbeat(farewell), alone)
        };
        let heartbeat = self.start_heart(&work_status, signals)?;
        let source = Arc::clone(&work_status);
        let keep_alive = self.stall_policy.keep_alive;
        Ok(Reporting {
            kill: heartbeat.as_ref().map_or(alone, Heartbeat::killer),
            heartbeat,
            status: StatusLine::start(self.task.clone(), keep_alive, move || source.status()),
            last_word,
            reporter: self,
            progress,
            work_status,
            monitor: None,
        })
    }

    fn start_heart(
        &self,
        work_status: &Arc<WorkStatus>,
        signals: Signals,
    ) -> Result<Option<Heartbeat>, String> {
        let Some(config) = &self.config else {
            return Ok(None);
        };
        let address = config.settings.address.clone();
        let program = self.program;
        let complain = move |what: &str| {
            let lost = format!("no heartbeat through ZooKeeper at {address}: {what}");
            say(program, format!("{lost}; the work goes on without it"));
        };
        let limit = config.settings.session_timeout * 2;
        let heartbeat = Heartbeat::start(
            program,
            config.clone(),
            Arc::clone(work_status) as Arc<dyn StatusSource>,
            self.required,
            signals,
            complain,
        );
        let heartbeat = match heartbeat {
            Ok(heartbeat) => heartbeat,
            Err(error) if self.required => return Err(format!("cannot start a thread: {error}")),
            Err(error) => {
                say(
                    program,
                    format!("no heartbeat: cannot start a thread: {error}"),
                );
                return Ok(None);
            }
        };
        if self.required
            && let Err(reason) = heartbeat.wait_until_joined(limit)
        {
            // The member may be waiting in line.
            heartbeat.stop(Ending::Failed);
            let address = &config.settings.address;
            return Err(format!("ZooKeeper at {address} is required: {reason}"));
        }
        Ok(Some(heartbeat))
    }

    fn count(&self, progress: &Progress, summary: &Summary) -> io::Result<()> {
        let mut stderr = stdio::err();
        let mut counters = Vec::with_capacity(7);
        if !self.task.binary.input {
            counters.push(("records in", progress.lines_in()));
        }
        if !self.task.binary.output {
            counters.push(("records out", progress.records_out()));
        }
        counters.extend([
            ("bytes in", progress.bytes_in()),
            ("bytes out", progress.bytes_out()),
        ]);
        if self.config.is_some() {
            counters.extend([
                ("beats sent", summary.beats),
                ("masters", summary.reigns.min(1)),
                ("followers", summary.followings.min(1)),
            ]);
        }
        for (name, amount) in counters {
            self.task.count(&mut stderr, name, amount)?;
        }
        stderr.flush()
    }
}

/// A reason as the name of a counter: only its first part, since Hadoop cuts names at 64 characters, and
/// without commas, since a comma ends a name.
fn counted(reason: &str) -> String {
    let first = reason.split(';').next().unwrap_or_default();
    format!("ended: {}", first.replace(',', ""))
}

impl Reporting {
    /// Starts to watch the work for stalls. The work continues even if the monitor cannot start.
    pub fn watch(&mut self, target: SampleTarget, ends: Ends, streams: impl FlowSource + 'static) {
        let seen = StallWatch {
            program: self.reporter.program,
            task: self.reporter.task.clone(),
            target,
            ends,
            streams,
        };
        let kill = Arc::clone(&self.kill);
        match self
            .reporter
            .stall_policy
            .watch(seen, &self.work_status, kill)
        {
            Ok(monitor) => self.monitor = Some(monitor),
            Err(error) => say(
                self.reporter.program,
                format_args!("stalls are not detected: cannot start a thread: {error}"),
            ),
        }
    }

    /// Stops the watch: the work has ended, and what comes after it is not watched.
    pub fn watch_no_more(&mut self) {
        self.monitor = None;
    }

    /// The function to call as soon as the work is certain to fail. If the work was ordered to end, it
    /// reports the reason to Hadoop's application master while the rest is still being stopped.
    pub fn on_failure(&self) -> impl Fn() + use<> {
        let (work_status, last_word) = (Arc::clone(&self.work_status), Arc::clone(&self.last_word));
        move || {
            if let Some(reason) = work_status.condemned() {
                last_word.say(reason);
            }
        }
    }

    /// Reports to ZooKeeper and to Hadoop how the work ended. Takes at most one second, except if the program
    /// was ordered to end its work as failed. Then it waits until Hadoop knows the reason: until the
    /// application master has answered, or, if it cannot be reached, until the task's Java process must have
    /// read the status.
    pub fn end(self, ending: Ending) {
        if ending == Ending::Finished && !self.last_word.withhold() {
            // Hadoop already knows that the task has failed: the thread that reported it ends the process.
            FailureReport::wait_for_end();
        }
        drop(self.monitor);
        drop(self.status);
        let heartbeat = self.heartbeat.map(|heartbeat| heartbeat.stop(ending));
        // A log that cannot be written does not invalidate the records.
        let _ = self
            .reporter
            .count(&self.progress, &heartbeat.unwrap_or_default());
        if ending == Ending::Failed
            && let Some(reason) = self.work_status.condemned()
        {
            // The report was not sent yet if the order came after the work, for example during a commit.
            self.last_word.say(reason);
            let task = &self.reporter.task;
            // The attempt's page shows the status while the job runs; the job history keeps only counters.
            let _ = task.status(&mut stdio::err(), reason);
            let _ = task.count(&mut stdio::err(), &counted(reason), 1);
            drain(task.report_pause(), || self.last_word.is_heard());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_the_name_of_a_counter() {
        let stalled = "stalled: blocked for 2.1 s; ended for it (--on-stall kill)";
        assert_eq!(counted(stalled), "ended: stalled: blocked for 2.1 s");
        assert_eq!(counted("by hand, twice"), "ended: by hand twice");
    }
}
