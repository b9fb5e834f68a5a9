//! How a program ends: status 0 on success, 1 on failure, 2 on wrong usage, and by SIGPIPE when its output
//! has no reader any more.

use std::io;
use std::process::{ExitCode, Termination};

use tracing_subscriber::filter::LevelFilter;

use heartline_process::say::say;
use heartline_streaming::die_of_broken_pipe;

/// Runs a program that only waits for ZooKeeper; the result is its exit status.
pub fn run<T: Termination>(
    program: &str,
    work: impl Future<Output = anyhow::Result<T>>,
) -> ExitCode {
    start_log();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => end(program, runtime.block_on(work)),
        Err(error) => end::<()>(program, Err(error.into())),
    }
}

/// The exit status of `outcome`; a failure is reported on stderr in one line.
fn end<T: Termination>(program: &str, outcome: anyhow::Result<T>) -> ExitCode {
    let error = match outcome {
        Ok(status) => return status.report(),
        Err(error) => error,
    };
    let io = error.downcast_ref::<io::Error>();
    if io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return die_of_broken_pipe();
    }
    say(program, format!("{error:#}"));
    ExitCode::FAILURE
}

/// Writes the libraries' trace messages to stderr if `HEARTLINE_LOG` names a level (`info`, `debug`, …). For
/// debugging only; under Hadoop every line on stderr counts as progress.
pub fn start_log() {
    let level: Option<LevelFilter> = std::env::var("HEARTLINE_LOG")
        .ok()
        .and_then(|level| level.parse().ok());
    if let Some(level) = level.filter(|level| *level != LevelFilter::OFF) {
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(io::stderr)
            .init();
    }
}
