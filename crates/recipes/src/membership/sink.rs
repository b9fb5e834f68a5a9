//! Writes events in a thread of its own: a slow reader must not delay the membership.

use std::io::{self, ErrorKind, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::PROGRAM;
use super::activation::ExitCause;
use super::plan::Events;
use heartline_process::say::say;
use heartline_process::stdio;

/// Writes event lines.
#[derive(Debug)]
pub(super) struct EventSink {
    lines: Sender<String>,
    done: Receiver<()>,
}

impl EventSink {
    /// Starts the thread. If the reader of stdout has gone, `orders` gets the reason to leave.
    pub(super) fn open(events: Events, orders: UnboundedSender<ExitCause>) -> Self {
        let (lines, inbox) = channel::<String>();
        let (closed, done) = channel();
        thread::spawn(move || {
            let mut complained = false;
            for line in inbox {
                let Err(error) = write(&events, &line) else {
                    continue;
                };
                if error.kind() == ErrorKind::BrokenPipe && matches!(events, Events::Stdout) {
                    // The receiver may be gone.
                    let _ = orders.send(ExitCause::BrokenPipe);
                    break;
                }
                if !complained {
                    complained = true;
                    say(PROGRAM, format_args!("cannot write events: {error}"));
                }
            }
            let _ = closed.send(());
        });
        Self { lines, done }
    }

    pub(super) fn write(&self, line: String) {
        // A sink that has failed has already reported the error.
        let _ = self.lines.send(line);
    }

    /// Waits until all lines are written, for at most `limit`.
    pub(super) fn close(self, limit: Duration) {
        drop(self.lines);
        let _ = self.done.recv_timeout(limit);
    }
}

fn write(events: &Events, line: &str) -> io::Result<()> {
    match events {
        Events::Stdout => stdio::out().write_all(line.as_bytes()),
        Events::Stderr => stdio::err().write_all(line.as_bytes()),
        Events::File(file) => (&*file).write_all(line.as_bytes()),
    }
}
