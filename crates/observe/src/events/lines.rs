//! Writes lines to stdout or a file, in a separate thread: either may be slow, and ZooKeeper does not wait.

use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use super::file::Lines;
use super::sink::{DeliveryReport, Sink, SinkWorker, sink};
use heartline_process::stdio;

/// The pause between two attempts to write a line.
const PAUSE: Duration = Duration::from_millis(500);

/// Writes to stdout. A reader that goes away ends the delivery.
pub(super) fn stdout() -> anyhow::Result<Sink> {
    if !stdio::has_stdout() {
        bail!("cannot write stdout: {}", stdio::closed());
    }
    start(|line| {
        // How much of the line was written is unknown, so it cannot be tried again.
        stdio::out().write_all(line).map_err(Failure::Over)
    })
}

/// Appends to a file, and keeps trying while it cannot be written.
pub(super) fn file(path: PathBuf) -> anyhow::Result<Sink> {
    let mut lines = Lines::new(path);
    start(move |line| lines.append(line).map_err(Failure::Again))
}

enum Failure {
    /// A later attempt may succeed.
    Again(io::Error),
    /// No later attempt can succeed.
    Over(io::Error),
}

/// Starts the thread. Nothing waits for its end, because a write may block it.
fn start(
    mut write: impl FnMut(&[u8]) -> Result<(), Failure> + Send + 'static,
) -> anyhow::Result<Sink> {
    let (sink, mut inlet) = sink();
    inlet.answers.say(DeliveryReport::Open(1));
    let run = move || {
        if let Err(error) = deliver(&mut inlet, &mut write) {
            inlet.answers.say(DeliveryReport::Over(error.into()));
        }
    };
    let thread = thread::Builder::new().name("events".to_owned()).spawn(run);
    thread.context("cannot start a thread")?;
    Ok(sink)
}

/// Delivers line by line, until the publisher has ended or delivery is impossible.
fn deliver(
    inlet: &mut SinkWorker,
    write: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
) -> io::Result<()> {
    while let Some(batch) = inlet.batches.blocking_recv() {
        for message in batch.messages {
            let line = format!("{}\n", message.json);
            loop {
                match write(line.as_bytes()) {
                    Ok(()) => break,
                    Err(Failure::Again(error)) => {
                        inlet
                            .answers
                            .say(DeliveryReport::Problem(batch.queue, error.to_string()));
                        thread::sleep(PAUSE);
                    }
                    Err(Failure::Over(error)) => return Err(error),
                }
            }
            inlet.answers.say(DeliveryReport::Delivered(batch.queue, 1));
        }
    }
    Ok(())
}
