//! A program's whole run: its work on stdin and stdout, with a heartbeat beside it.
//!
//! The work comes first. It starts while the heartbeat still connects, never waits for it, and alone decides
//! the exit status.

use std::process::ExitCode;
use std::sync::Arc;

use rustix::thread::gettid;

use super::{Config, Reporter, StallPolicy};
use heartline_core::protocol::Ending;
use heartline_process::progress::Progress;
use heartline_process::say::say;
use heartline_process::stdio::{RawStream, raw_stdin, raw_stdout};
use heartline_process::vitals::{Ends, OwnStreams, SampleTarget};
use heartline_streaming::{StreamError, Task, exit};

/// A program that is about to run.
#[derive(Debug)]
pub struct Work {
    reporter: Reporter,
}

impl Work {
    /// The work of `program`, as a member if `config` is given. If the heartbeat is `required`, nothing is
    /// read before the member has joined.
    pub fn new(
        program: &'static str,
        task: Task,
        config: Option<Config>,
        required: bool,
        stall_policy: StallPolicy,
    ) -> Self {
        Self {
            reporter: Reporter {
                program,
                task,
                config,
                required,
                stall_policy,
            },
        }
    }

    /// Runs `job` on stdin and stdout and reports the result to ZooKeeper, to Hadoop and by the exit
    /// status.
    pub fn run(
        self,
        job: impl FnOnce(&mut RawStream, &mut RawStream, &Progress) -> Result<(), StreamError>,
    ) -> ExitCode {
        let program = self.reporter.program;
        // A program without stdin or stdout does no work and need not be a member.
        let (mut input, mut output) = match streams() {
            Ok(streams) => streams,
            Err(error) => return exit(program, Err(error)),
        };
        let progress = Arc::new(Progress::default());
        let mut reporting = match self.reporter.start(Arc::clone(&progress), None) {
            Ok(reporting) => reporting,
            Err(reason) => {
                say(program, reason);
                return ExitCode::FAILURE;
            }
        };
        let thread = u32::try_from(gettid().as_raw_nonzero().get()).unwrap_or_default();
        let streams = OwnStreams::new(Arc::clone(&progress));
        reporting.watch(SampleTarget::OwnThread(thread), Ends::own(), streams);
        let outcome = job(&mut input, &mut output, &progress);
        reporting.end(if outcome.is_ok() {
            Ending::Finished
        } else {
            Ending::Failed
        });
        exit(program, outcome)
    }
}

fn streams() -> Result<(RawStream, RawStream), StreamError> {
    let input = raw_stdin().map_err(StreamError::Read)?;
    Ok((input, raw_stdout().map_err(StreamError::Write)?))
}
