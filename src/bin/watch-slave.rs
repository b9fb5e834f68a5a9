//! `watch-slave`: writes what each follower reports to a file of its own.

use std::process::ExitCode;

use heartline::cli;
use heartline::programs::WatchSlaveArgs;

fn main() -> ExitCode {
    cli::parse::<WatchSlaveArgs>().run()
}
