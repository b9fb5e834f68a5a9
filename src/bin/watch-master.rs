//! `watch-master`: shows who is master, and what the master reports.

use std::process::ExitCode;

use heartline::cli;
use heartline::programs::WatchMasterArgs;

fn main() -> ExitCode {
    cli::parse::<WatchMasterArgs>().run()
}
