//! A long task's status line for Hadoop: written on progress of the work, never because time passes.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::{Progress, Task};

/// Hadoop itself takes a status every 3 s at most, and a task's page is looked at by people.
const PAUSE: Duration = Duration::from_secs(10);

/// Writes the status until it is dropped. Does nothing outside of Hadoop.
#[derive(Debug)]
pub struct StatusLine {
    /// Hangs up when dropped, which ends the thread.
    _hold: Option<Sender<()>>,
}

impl StatusLine {
    /// Starts to look at `progress`.
    pub fn start(task: Task, progress: Arc<Progress>) -> Self {
        if task.attempt.is_none() {
            return Self { _hold: None };
        }
        let (hold, hung_up) = channel::<()>();
        let look = move || {
            let mut told = 0;
            while hung_up.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                let bytes = progress.bytes_in();
                if bytes != told {
                    told = bytes;
                    let text = format!("{} records in, {bytes} bytes", progress.lines_in());
                    // A log that cannot be written does not make the records wrong.
                    let _ = task.status(&mut io::stderr().lock(), &text);
                }
            }
        };
        // Without a thread there is no status, and no harm.
        let started = thread::Builder::new().name("status".to_owned()).spawn(look);
        Self {
            _hold: started.is_ok().then_some(hold),
        }
    }
}
