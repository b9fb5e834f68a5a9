//! The internal subcommands by which the executable becomes a supervisor or a command.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use heartline_process::supervisor::{SupervisorOptions, Until, become_command, supervise};

/// The options of a supervisor; times are in microseconds.
#[derive(Args, Debug)]
pub struct SupervisorArgs {
    #[arg(long)]
    program: String,
    #[arg(long)]
    stop_by: u64,
    #[arg(long)]
    dead_by: u64,
    #[arg(long)]
    grace: u64,
    #[arg(long = "linger")]
    drain_time: u64,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl SupervisorArgs {
    /// Supervises the command until it is over.
    pub fn run(self) -> ExitCode {
        supervise(&SupervisorOptions {
            program: self.program,
            until: Until {
                stop_by: Duration::from_micros(self.stop_by),
                dead_by: Duration::from_micros(self.dead_by),
            },
            grace: Duration::from_micros(self.grace),
            drain_time: Duration::from_micros(self.drain_time),
            command: self.command,
        })
    }
}

/// The options of the process that becomes the command.
#[derive(Args, Debug)]
pub struct ChildExecArgs {
    #[arg(long)]
    program: String,
    #[arg(long)]
    supervisor: i32,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl ChildExecArgs {
    /// Becomes the command; returns only if that fails.
    pub fn run(self) -> ExitCode {
        become_command(&self.program, self.supervisor, &self.command)
    }
}
