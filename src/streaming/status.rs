//! A long task's status line for Hadoop: written on progress of the work, and because time passes only where
//! that is wanted.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::Task;
use crate::protocol::Status;
use crate::stdio;

/// Hadoop itself takes a status every 3 s at most, and a task's page is looked at by people.
const PAUSE: Duration = Duration::from_secs(10);

/// How many pauses work without progress is silent for before it is said that it lives.
const SILENT: u32 = 6;

/// Writes the status until it is dropped. Does nothing outside of Hadoop.
#[derive(Debug)]
pub struct StatusLine {
    /// Hangs up when dropped, which ends the thread.
    _hold: Option<Sender<()>>,
}

impl StatusLine {
    /// Starts to look at how the work fares. With `keep_alive` Hadoop hears of work that makes no progress too,
    /// unless that is stalled.
    pub fn start(task: Task, keep_alive: bool, look: impl Fn() -> Status + Send + 'static) -> Self {
        if task.attempt.is_none() {
            return Self { _hold: None };
        }
        let (hold, hung_up) = channel::<()>();
        let run = move || {
            let mut line = Line::default();
            while hung_up.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                if let Some(text) = line.next(&look(), keep_alive) {
                    // A log that cannot be written does not make the records wrong.
                    let _ = task.status(&mut stdio::err(), &text);
                }
            }
        };
        // Without a thread there is no status, and no harm.
        let started = thread::Builder::new().name("status".to_owned()).spawn(run);
        Self {
            _hold: started.is_ok().then_some(hold),
        }
    }
}

/// What is to be said after each pause.
#[derive(Debug, Default)]
struct Line {
    told: (u64, u64),
    silent: u32,
}

impl Line {
    fn next(&mut self, status: &Status, keep_alive: bool) -> Option<String> {
        let far = (status.bytes_in, status.bytes_out);
        let moves = far != self.told;
        self.silent = if moves { 0 } else { self.silent + 1 };
        let lives = keep_alive && self.silent >= SILENT && status.stalled_ms.is_none();
        if !moves && !lives {
            return None;
        }
        self.told = far;
        self.silent = 0;
        let condition = status.condition.map(|condition| format!("{condition}, "));
        let percent = status.progress.map(|percent| format!("{percent:.1} %, "));
        Some(format!(
            "{}{}{} records in, {} bytes",
            condition.unwrap_or_default(),
            percent.unwrap_or_default(),
            status.records_in,
            status.bytes_in
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::Condition;

    fn status(bytes_in: u64, stalled_ms: Option<u64>) -> Status {
        Status {
            bytes_in,
            records_in: 3,
            stalled_ms,
            condition: Some(Condition::Working),
            progress: Some(41.25),
            ..Status::default()
        }
    }

    #[test]
    fn progress_is_told_once() {
        let mut line = Line::default();
        let said = line.next(&status(90, None), false);
        assert_eq!(
            said.as_deref(),
            Some("working, 41.2 %, 3 records in, 90 bytes")
        );
        for _ in 0..100 {
            assert_eq!(line.next(&status(90, None), false), None);
        }
        assert!(line.next(&status(91, None), false).is_some());
    }

    #[test]
    fn work_without_progress_is_kept_alive_only_where_that_is_wanted_and_it_is_not_stalled() {
        let mut line = Line::default();
        line.next(&status(90, None), true);
        let said = (0..SILENT * 3).filter(|_| line.next(&status(90, None), true).is_some());
        assert_eq!(said.count(), 3);
        let said = (0..SILENT * 3).filter(|_| line.next(&status(90, Some(10_000)), true).is_some());
        assert_eq!(said.count(), 0);
    }
}
