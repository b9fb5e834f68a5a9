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
    news: Sender<GroupEvent>,
    done: Receiver<()>,
}

impl Hook {
    /// Starts the hook's thread; `command` is a shell command.
    pub(super) fn start(command: String) -> Self {
        let (news, inbox) = channel::<GroupEvent>();
        let (tell_done, done) = channel();
        thread::spawn(move || {
            while let Ok(first) = inbox.recv() {
                let newest = inbox.try_iter().last().unwrap_or(first);
                match run(&command, &newest) {
                    Ok(None) => {}
                    Ok(Some(how)) => say(PROGRAM, format_args!("the hook ended with {how}")),
                    Err(error) => say(PROGRAM, format_args!("cannot run the hook: {error}")),
                }
            }
            let _ = tell_done.send(());
        });
        Self { news, done }
    }

    pub(super) fn tell(&self, news: GroupEvent) {
        let _ = self.news.send(news);
    }

    /// Waits until the hook has handled the last event, for at most `limit`; after that the hook runs on unattended.
    pub(super) fn close(self, limit: Duration) {
        drop(self.news);
        let _ = self.done.recv_timeout(limit);
    }
}

/// Runs the hook once. Returns the text of its failure, if it failed.
fn run(command: &str, news: &GroupEvent) -> io::Result<Option<String>> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("HEARTLINE_EVENT", news.event.word())
        .env("HEARTLINE_NODE", &news.node)
        .env("HEARTLINE_ADDRESS", &news.address)
        .stdin(Stdio::piped())
        // Stdout belongs to the events, or to the command.
        .stdout(io::stderr().as_fd().try_clone_to_owned()?)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A hook need not read its input.
        let _ = input.write_all(news.line().as_bytes());
    }
    let status = child.wait()?;
    Ok((!status.success()).then(|| status.to_string()))
}
