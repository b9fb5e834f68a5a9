//! `heartline record`: the options, and the end of a recording by a signal.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use bytesize::ByteSize;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::feeds::JobOptions;
use crate::metrics::Metrics;
use crate::recording::{Recorder, RecordingFile};
use heartline_cli as cli;
use heartline_process::say::say;
use heartline_process::service;

const PROGRAM: &str = "heartline record";

/// The least size that holds a recording worth keeping.
const LEAST: ByteSize = ByteSize::mib(1);

/// Record jobs to a file that heartline serve --replay plays again
///
/// Ends by a signal, such as that of Ctrl-C, or when the file is full. Also after a kill, all but the last seconds can be
/// read. A recording that exists already is added to.
#[derive(Args, Clone, Debug)]
pub struct RecordArgs {
    /// File to record to, such as job.hlrec
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    recording: RecordOptions,

    #[command(flatten)]
    jobs: JobOptions,
}

/// How much is recorded.
#[derive(Args, Clone, Debug)]
pub(super) struct RecordOptions {
    /// Maximum size of the recording; then nothing more is recorded
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size)]
    max_size: ByteSize,
}

fn size(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| "write a number and a unit, such as 500MiB or 1GiB".to_owned())?;
    if size < LEAST {
        return Err(format!("write at least {LEAST}"));
    }
    Ok(size)
}

impl RecordOptions {
    /// Opens the file; says if its last block was cut.
    pub(super) fn open(&self, program: &str, path: &Path) -> anyhow::Result<RecordingFile> {
        let file = RecordingFile::open(path, self.max_size.as_u64())?;
        if file.removed > 0 {
            let (path, removed) = (path.display(), file.removed);
            say(
                program,
                format!(
                    "{path} was cut: its last {removed} bytes were no whole block and are removed"
                ),
            );
        }
        Ok(file)
    }
}

impl RecordArgs {
    /// Records until a signal ends it, or until the file is full.
    pub fn run(&self) -> ExitCode {
        cli::run(PROGRAM, self.record())
    }

    async fn record(&self) -> anyhow::Result<()> {
        let file = self.recording.open(PROGRAM, &self.file)?;
        let feeds = self.jobs.start(PROGRAM, &[], &Arc::new(Metrics::default()));
        let mut recorder = Recorder::start(PROGRAM, &feeds.jobs.all(), file);
        let count = feeds.jobs.all().len();
        let jobs = if count == 1 { "job" } else { "jobs" };
        let path = self.file.display();
        say(PROGRAM, format!("recording {count} {jobs} to {path}"));
        let end = async {
            tokio::select! {
                () = recorder.full() => {}
                ended = ended() => ended?,
            }
            recorder.stop().await;
            Ok(())
        };
        feeds.readers.run_until(end).await
    }
}

/// Serves until a signal comes, and then writes the rest of the recording.
pub(super) async fn finish(
    recorder: Recorder,
    serving: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let outcome = tokio::select! {
        outcome = serving => outcome,
        ended = ended() => {
            service::stopping();
            ended
        }
    };
    recorder.stop().await;
    service::last_word();
    outcome
}

/// Waits for a signal that asks this process to end.
async fn ended() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
