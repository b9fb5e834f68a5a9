//! A long task's status line for Hadoop: written when the work progresses, and without progress only where
//! keep-alive is wanted.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::Task;
use heartline_core::protocol::Status;
use heartline_process::stdio;

/// Time between two status lines. Hadoop itself reads a status every 3 s at most, and people read a task's page.
const PAUSE: Duration = Duration::from_secs(10);

/// Pauses without progress after which a keep-alive status is written.
const SILENT: u32 = 6;

/// Writes the status until it is dropped. Does nothing outside Hadoop.
#[derive(Debug)]
pub struct StatusLine {
    /// Disconnects when dropped, which ends the thread.
    _hold: Option<Sender<()>>,
}

impl StatusLine {
    /// Starts to observe the work. With `keep_alive`, Hadoop also gets a status for work that makes no progress,
    /// unless the work is stalled.
    pub fn start(task: Task, keep_alive: bool, look: impl Fn() -> Status + Send + 'static) -> Self {
        if task.attempt.is_none() {
            return Self { _hold: None };
        }
        let (hold, hung_up) = channel::<()>();
        let run = move || {
            let mut line = Line {
                has_records: !task.binary.input,
                ..Line::default()
            };
            while hung_up.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                if let Some(text) = line.next(&look(), keep_alive) {
                    // A failed write to the log does not make the records wrong.
                    let _ = task.status(&mut stdio::err(), &text);
                }
            }
        };
        // Without a thread there is no status, which does no harm.
        let started = thread::Builder::new().name("status".to_owned()).spawn(run);
        Self {
            _hold: started.is_ok().then_some(hold),
        }
    }
}

/// Decides what to write after each pause.
#[derive(Debug, Default)]
struct Line {
    has_records: bool,
    written: (u64, u64),
    silent: u32,
}

impl Line {
    fn next(&mut self, status: &Status, keep_alive: bool) -> Option<String> {
        let far = (status.bytes_in, status.bytes_out);
        let moves = far != self.written;
        self.silent = if moves { 0 } else { self.silent + 1 };
        let lives = keep_alive && self.silent >= SILENT && status.stalled_ms.is_none();
        if !moves && !lives {
            return None;
        }
        self.written = far;
        self.silent = 0;
        let condition = status.condition.map(|condition| format!("{condition}, "));
        let percent = status.progress.map(|percent| format!("{percent:.1} %, "));
        let taken = if self.has_records {
            format!(
                "{} records in, {} bytes",
                status.records_in, status.bytes_in
            )
        } else {
            format!("{} bytes in", status.bytes_in)
        };
        let (condition, percent) = (condition.unwrap_or_default(), percent.unwrap_or_default());
        Some(format!("{condition}{percent}{taken}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heartline_core::condition::Condition;

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
    fn progress_is_reported_once() {
        let mut line = Line {
            has_records: true,
            ..Line::default()
        };
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
    fn a_binary_format_has_no_records() {
        let said = Line::default().next(&status(90, None), false);
        assert_eq!(said.as_deref(), Some("working, 41.2 %, 90 bytes in"));
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
