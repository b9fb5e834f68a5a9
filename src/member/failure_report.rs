//! The last word of a condemned task to Hadoop's application master: that it has failed, and why.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::drain::drain;
use crate::say::say;
use crate::streaming::Task;
use crate::umbilical::{Trouble, fail_attempt};

/// How long a master may take to listen. Nobody waits for it alone.
const LIMIT: Duration = Duration::from_secs(10);

/// How long the end of a process is held up for it that has nothing else to wait for.
const FAREWELL: Duration = Duration::from_secs(2);

/// The last word, which is said once, from a thread of its own, unless the work is done before.
#[derive(Debug)]
pub(super) struct FailureReport {
    program: &'static str,
    attempt: Option<String>,
    /// Set by whoever is first: who says it, or who has done all the work.
    is_decided: AtomicBool,
    answer: Arc<FailureReportReply>,
}

/// What became of it.
#[derive(Debug, Default)]
struct FailureReportReply {
    is_heard: AtomicBool,
    is_over: AtomicBool,
}

impl FailureReport {
    /// Of a program that runs as this task.
    pub(super) fn new(program: &'static str, task: &Task) -> Self {
        Self {
            program,
            attempt: task.attempt.clone(),
            is_decided: AtomicBool::new(false),
            answer: Arc::default(),
        }
    }

    /// Says it, unless it is said or withheld already, and does not wait for the answer. From here on the attempt may be
    /// failed for Hadoop: this is for work of which nothing can come any more. Returns whether there is an answer to wait
    /// for.
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
                // As on Hadoop's local runner: nothing is missing.
                Err(Trouble::NoMaster) => {}
                Err(trouble) => say(
                    program,
                    format_args!("Hadoop's application master was not told of it: {trouble}"),
                ),
            }
            answer.is_over.store(true, Relaxed);
        };
        let started = thread::Builder::new()
            .name("last-word".to_owned())
            .spawn(run);
        // Without a thread Hadoop hears of it later, by the status.
        started.is_ok()
    }

    /// The same, for a process that ends then: waits for the answer for a moment.
    pub(super) fn say_and_wait(&self, reason: &str) {
        if self.say(reason) {
            drain(FAREWELL, || self.answer.is_over.load(Relaxed));
        }
    }

    /// Whether the master has answered that it knows.
    pub(super) fn is_heard(&self) -> bool {
        self.answer.is_heard.load(Relaxed)
    }

    /// The work is done: nothing is said from here on. Returns whether nothing was said before.
    pub(super) fn withhold(&self) -> bool {
        !self.is_decided.swap(true, Relaxed)
    }

    /// For work that was done too late: the thread that has said otherwise ends the process.
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
