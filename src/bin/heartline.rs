//! `heartline`: the tools that are no part of a job, a subcommand each.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use heartline::cli;
use heartline::membership::MemberArgs;
use heartline::standing::StandingArgs;

/// Tools beside the heartbeat
#[derive(Parser)]
#[command(name = "heartline", version)]
struct Options {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Subcommand)]
enum Tool {
    Master(StandingArgs),
    /// Make any program a member of a group: one active master with backups, and workers
    Member(MemberArgs),
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let mut command = Options::command();
    match options.tool {
        Tool::Master(master) => master.run(&mut command),
        Tool::Member(member) => member.run(&mut command),
    }
}
