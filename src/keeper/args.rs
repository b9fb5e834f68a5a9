//! How the executable is told to be a keeper, or to become a command: subcommands for itself alone.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::Until;
use super::keep::{Keeping, keep};
use super::stage::become_command;

/// What a keeper is told at its start; times are in microseconds.
#[derive(Args, Debug)]
pub struct KeepArgs {
    #[arg(long)]
    program: String,
    #[arg(long)]
    stop_by: u64,
    #[arg(long)]
    dead_by: u64,
    #[arg(long)]
    grace: u64,
    #[arg(long)]
    linger: u64,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl KeepArgs {
    /// Keeps the command until it is over.
    pub fn run(self) -> ExitCode {
        keep(&Keeping {
            program: self.program,
            until: Until {
                stop_by: Duration::from_micros(self.stop_by),
                dead_by: Duration::from_micros(self.dead_by),
            },
            grace: Duration::from_micros(self.grace),
            linger: Duration::from_micros(self.linger),
            command: self.command,
        })
    }
}

/// What the process is told that becomes the command.
#[derive(Args, Debug)]
pub struct BecomeArgs {
    #[arg(long)]
    program: String,
    #[arg(long)]
    keeper: i32,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl BecomeArgs {
    /// Becomes the command; returns only if that cannot be done.
    pub fn run(self) -> ExitCode {
        become_command(&self.program, self.keeper, &self.command)
    }
}
