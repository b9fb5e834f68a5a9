//! Lines to stdout or a file, by a thread of its own: either may take its time, and ZooKeeper does not wait.

use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use super::file::Lines;
use super::sink::{DeliveryReport, Sink, SinkWorker, sink};
use crate::stdio;

/// Between two attempts to write a line.
const PAUSE: Duration = Duration::from_millis(500);

/// Writes to stdout. A reader that goes away is the end.
pub(super) fn stdout() -> anyhow::Result<Sink> {
    if !stdio::has_stdout() {
        bail!("cannot write stdout: {}", stdio::closed());
    }
    start(|line| {
        // How much of the line is there is not known, so it cannot be tried again.
        stdio::out().write_all(line).map_err(Failure::Over)
    })
}

/// Appends to a file, however long it cannot be written.
pub(super) fn file(path: PathBuf) -> anyhow::Result<Sink> {
    let mut lines = Lines::new(path);
    start(move |line| lines.append(line).map_err(Failure::Again))
}

enum Failure {
    /// It may be better later.
    Again(io::Error),
    /// It will not.
    Over(io::Error),
}

/// Starts the thread. Nobody waits for its end: it may be held up by a write.
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

/// Delivers line by line, until the publisher is gone or nothing can be delivered any more.
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
                            .say(DeliveryReport::Trouble(batch.lane, error.to_string()));
                        thread::sleep(PAUSE);
                    }
                    Err(Failure::Over(error)) => return Err(error),
                }
            }
            inlet.answers.say(DeliveryReport::Delivered(batch.lane, 1));
        }
    }
    Ok(())
}
