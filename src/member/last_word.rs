//! The last word of a condemned task to Hadoop's application master: that it has failed, and why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::say::say;
use crate::streaming::Task;
use crate::umbilical::{Trouble, fail_attempt};

/// How long a master may take to listen. Nobody waits for it alone: see [`super::linger`].
const LIMIT: Duration = Duration::from_secs(10);

/// The last word, which is said once, from a thread of its own.
#[derive(Debug)]
pub(super) struct LastWord {
    program: &'static str,
    attempt: Option<String>,
    is_said: AtomicBool,
    is_heard: Arc<AtomicBool>,
}

impl LastWord {
    /// Of a program that runs as this task.
    pub(super) fn new(program: &'static str, task: &Task) -> Self {
        Self {
            program,
            attempt: task.attempt.clone(),
            is_said: AtomicBool::new(false),
            is_heard: Arc::default(),
        }
    }

    /// Says it, unless it is said already, and does not wait for the answer. From here on the attempt may be failed for
    /// Hadoop: not for work that may still be done.
    pub(super) fn say(&self, reason: &str) {
        let Some(attempt) = self.attempt.clone() else {
            return;
        };
        if self.is_said.swap(true, Relaxed) {
            return;
        }
        let (program, is_heard) = (self.program, Arc::clone(&self.is_heard));
        let reason = format!("heartline: {reason}");
        let run = move || match fail_attempt(&attempt, &reason, LIMIT) {
            Ok(()) => is_heard.store(true, Relaxed),
            // As on Hadoop's local runner: nothing is missing.
            Err(Trouble::NoMaster) => {}
            Err(trouble) => say(
                program,
                format_args!("Hadoop's application master was not told of it: {trouble}"),
            ),
        };
        // Without a thread it is not said, and Hadoop hears of it later, by the status.
        let _ = thread::Builder::new()
            .name("last-word".to_owned())
            .spawn(run);
    }

    /// Whether the master has answered that it knows.
    pub(super) fn is_heard(&self) -> bool {
        self.is_heard.load(Relaxed)
    }
}
