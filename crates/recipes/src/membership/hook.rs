//! The hook: a command that runs for each event, one run at a time. Of the events during a run only the newest waits: a
//! slow hook skips states that have passed, and always gets the last event.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::PROGRAM;
use super::event::GroupEvent;
use heartline_process::say::say;

/// Passes events to the hook.
#[derive(Debug)]
pub(super) struct Hook {
    events: Sender<GroupEvent>,
    done: Receiver<()>,
}

impl Hook {
    /// Starts the hook's thread; `command` is a shell command.
    pub(super) fn start(command: String) -> Self {
        let (events, inbox) = channel::<GroupEvent>();
        let (closed, done) = channel();
        thread::spawn(move || {
            while let Ok(first) = inbox.recv() {
                let newest = inbox.try_iter().last().unwrap_or(first);
                match run(&command, &newest) {
                    Ok(None) => {}
                    Ok(Some(how)) => say(PROGRAM, format_args!("the hook ended with {how}")),
                    Err(error) => say(PROGRAM, format_args!("cannot run the hook: {error}")),
                }
            }
            let _ = closed.send(());
        });
        Self { events, done }
    }

    pub(super) fn send(&self, event: GroupEvent) {
        let _ = self.events.send(event);
    }

    /// Waits until the hook has handled the last event, for at most `limit`; after that the hook runs on unattended.
    pub(super) fn close(self, limit: Duration) {
        drop(self.events);
        let _ = self.done.recv_timeout(limit);
    }
}

/// Runs the hook once. Returns the text of its failure, if it failed.
fn run(command: &str, event: &GroupEvent) -> io::Result<Option<String>> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("HEARTLINE_EVENT", event.event.word())
        .env("HEARTLINE_NODE", &event.node)
        .env("HEARTLINE_ADDRESS", &event.address)
        .stdin(Stdio::piped())
        // Stdout belongs to the events, or to the command.
        .stdout(io::stderr().as_fd().try_clone_to_owned()?)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A hook need not read its input.
        let _ = input.write_all(event.line().as_bytes());
    }
    let status = child.wait()?;
    Ok((!status.success()).then(|| status.to_string()))
}
