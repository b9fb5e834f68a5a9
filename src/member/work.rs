//! A program's whole run: its work on stdin and stdout, with a heartbeat beside it.
//!
//! The work comes first. It starts while the heartbeat still connects, never waits for it, and what
//! became of it decides the exit status alone.

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use super::{Account, Config, Heart, Summary};
use crate::protocol::Ending;
use crate::say::say;
use crate::streaming::{Progress, StatusLine, StreamError, Task, exit, raw_stdin, raw_stdout};

/// A program about to run.
#[derive(Debug)]
pub struct Work {
    program: &'static str,
    task: Task,
    config: Option<Config>,
    required: bool,
}

impl Work {
    /// The work of `program`, as a member by `config` if there is one. If the heartbeat is
    /// `required`, nothing is read before it is there.
    pub fn new(program: &'static str, task: Task, config: Option<Config>, required: bool) -> Self {
        Self {
            program,
            task,
            config,
            required,
        }
    }

    /// Runs `job` on stdin and stdout and tells how it went, to ZooKeeper, to Hadoop and by the exit
    /// status.
    pub fn run(
        self,
        job: impl FnOnce(&mut File, &mut File, &Progress) -> Result<(), StreamError>,
    ) -> ExitCode {
        let progress = Arc::new(Progress::default());
        let heart = match self.start_heart(&progress) {
            Ok(heart) => heart,
            Err(reason) => return self.fail(&reason),
        };
        let status = StatusLine::start(self.task.clone(), Arc::clone(&progress));
        let outcome = raw_stdin()
            .map_err(StreamError::Read)
            .and_then(|input| Ok((input, raw_stdout().map_err(StreamError::Write)?)))
            .and_then(|(mut input, mut output)| job(&mut input, &mut output, &progress));
        let ending = if outcome.is_ok() {
            Ending::Finished
        } else {
            Ending::Failed
        };
        drop(status);
        let summary = heart.map(|heart| heart.stop(ending)).unwrap_or_default();
        // A log that cannot be written does not make the records wrong.
        let _ = self.tell_hadoop(&progress, &summary);
        exit(self.program, outcome)
    }

    fn start_heart(&self, progress: &Arc<Progress>) -> Result<Option<Heart>, String> {
        let Some(config) = &self.config else {
            return Ok(None);
        };
        let address = config.settings.address.clone();
        let program = self.program;
        let complain = move |what: &str| {
            let lost = format!("no heartbeat through ZooKeeper at {address}: {what}");
            say(program, format!("{lost}; the work goes on without it"));
        };
        let limit = config.settings.session_timeout * 2;
        let heart = Heart::start(
            config.clone(),
            Arc::clone(progress) as Arc<dyn Account>,
            self.required,
            complain,
        );
        let heart = match heart {
            Ok(heart) => heart,
            Err(error) if self.required => return Err(format!("cannot start a thread: {error}")),
            Err(error) => {
                say(
                    program,
                    format!("no heartbeat: cannot start a thread: {error}"),
                );
                return Ok(None);
            }
        };
        if self.required
            && let Err(reason) = heart.wait_until_joined(limit)
        {
            // It may stand in line.
            heart.stop(Ending::Failed);
            let address = &config.settings.address;
            return Err(format!("ZooKeeper at {address} is required: {reason}"));
        }
        Ok(Some(heart))
    }

    fn tell_hadoop(&self, progress: &Progress, summary: &Summary) -> io::Result<()> {
        let mut stderr = io::stderr().lock();
        let mut counters = vec![
            ("records in", progress.lines_in()),
            ("records out", progress.records_out()),
            ("bytes in", progress.bytes_in()),
            ("bytes out", progress.bytes_out()),
        ];
        if self.config.is_some() {
            counters.extend([
                ("beats sent", summary.beats),
                ("masters", summary.reigns.min(1)),
                ("followers", summary.followings.min(1)),
            ]);
        }
        for (name, amount) in counters {
            self.task.count(&mut stderr, name, amount)?;
        }
        stderr.flush()
    }

    fn fail(&self, reason: &str) -> ExitCode {
        say(self.program, reason);
        ExitCode::FAILURE
    }
}
