//! Where events are written, by a thread of its own: who reads them may be slow, the membership not.

use std::io::{self, ErrorKind, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::PROGRAM;
use super::activation::ExitCause;
use super::plan::Events;
use crate::say::say;
use crate::stdio;

/// Takes lines.
#[derive(Debug)]
pub(super) struct EventSink {
    lines: Sender<String>,
    done: Receiver<()>,
}

impl EventSink {
    /// Begins. Whoever has to leave because nobody reads stdout any more hears it by `orders`.
    pub(super) fn open(events: Events, orders: UnboundedSender<ExitCause>) -> Self {
        let (lines, inbox) = channel::<String>();
        let (tell_done, done) = channel();
        thread::spawn(move || {
            let mut complained = false;
            for line in inbox {
                let Err(error) = write(&events, &line) else {
                    continue;
                };
                if error.kind() == ErrorKind::BrokenPipe && matches!(events, Events::Stdout) {
                    // Nobody may be there any more to hear it.
                    let _ = orders.send(ExitCause::BrokenPipe);
                    break;
                }
                if !complained {
                    complained = true;
                    say(PROGRAM, format_args!("cannot write events: {error}"));
                }
            }
            let _ = tell_done.send(());
        });
        Self { lines, done }
    }

    pub(super) fn write(&self, line: String) {
        // An outlet that has failed has said so.
        let _ = self.lines.send(line);
    }

    /// Waits until all is written, at most for `limit`.
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
