//! Reports to Hadoop's application master that a condemned task has failed, and why.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::drain::drain;
use heartline_process::say::say;
use heartline_streaming::Task;
use heartline_streaming::umbilical::{UmbilicalError, fail_attempt};

/// How long the application master may take to answer. The process does not have to wait that long.
const LIMIT: Duration = Duration::from_secs(10);

/// How long a process that has nothing else to wait for delays its exit for the report.
const FAREWELL: Duration = Duration::from_secs(2);

/// The failure report. A separate thread sends it, once, unless the work is done before.
#[derive(Debug)]
pub(super) struct FailureReport {
    program: &'static str,
    attempt: Option<String>,
    /// Set by the first of two events: the report is sent, or the work is done.
    is_decided: AtomicBool,
    answer: Arc<FailureReportReply>,
}

/// The state of the answer to the report.
#[derive(Debug, Default)]
struct FailureReportReply {
    is_heard: AtomicBool,
    is_over: AtomicBool,
}

impl FailureReport {
    /// Creates the report of a program that runs as `task`.
    pub(super) fn new(program: &'static str, task: &Task) -> Self {
        Self {
            program,
            attempt: task.attempt.clone(),
            is_decided: AtomicBool::new(false),
            answer: Arc::default(),
        }
    }

    /// Sends the report, unless it was sent or withheld before, and does not wait for the answer. From here
    /// on Hadoop may count the attempt as failed, so call this only for work that can no longer succeed.
    /// Returns whether there is an answer to wait for.
    pub(super) fn say(&self, reason: &str) -> bool {
        let Some(attempt) = self.attempt.clone() else {
            return false;
        };
        if self.is_decided.swap(true, Relaxed) {
            return false;
        }
        let (program, answer) = (self.program, Arc::clone(&self.answer));
        let reason = format!("heartline: {reason}");
        let run = move || {
            match fail_attempt(&attempt, &reason, LIMIT) {
                Ok(()) => answer.is_heard.store(true, Relaxed),
                // As with Hadoop's local runner: there is no application master to inform.
                Err(UmbilicalError::NoMaster) => {}
                Err(error) => say(
                    program,
                    format_args!(
                        "cannot report the failure to Hadoop's application master: {error}"
                    ),
                ),
            }
            answer.is_over.store(true, Relaxed);
        };
        let started = thread::Builder::new()
            .name("last-word".to_owned())
            .spawn(run);
        // Without a thread, Hadoop learns of the failure later, from the status.
        started.is_ok()
    }

    /// Sends the report before the process exits, and waits at most [`FAREWELL`] for the answer.
    pub(super) fn say_and_wait(&self, reason: &str) {
        if self.say(reason) {
            drain(FAREWELL, || self.answer.is_over.load(Relaxed));
        }
    }

    /// Whether the application master has acknowledged the report.
    pub(super) fn is_heard(&self) -> bool {
        self.answer.is_heard.load(Relaxed)
    }

    /// Marks the work as done: no report is sent after this. Returns whether none was sent before.
    pub(super) fn withhold(&self) -> bool {
        !self.is_decided.swap(true, Relaxed)
    }

    /// Waits when the work was done too late: the thread that reported the failure ends the process.
    pub(super) fn wait_for_end() -> ! {
        thread::sleep(2 * FAREWELL);
        exit(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(attempt: &str) -> FailureReport {
        let mut task = Task::default();
        task.attempt = Some(attempt.to_owned());
        FailureReport::new("heartline test", &task)
    }

    #[test]
    fn who_has_done_the_work_says_nothing_and_who_has_said_it_has_not() {
        let done = word("attempt_1_0001_m_000000_0");
        assert!(done.withhold());
        assert!(!done.say("too late"));
        let condemned = word("attempt_1_0001_m_000000_0");
        assert!(condemned.say("in time"));
        assert!(!condemned.say("once more"));
        assert!(!condemned.withhold());
    }

    #[test]
    fn where_no_master_is_it_is_over_and_not_heard() {
        let alone = word("attempt_1_0001_m_000000_0");
        alone.say_and_wait("nobody is there");
        assert!(!alone.is_heard());
    }
}
