//! `setup-zookeeper`: creates or resets the znodes of the heartbeat.

use std::process::ExitCode;

use clap::Parser;
use heartline::cli::{self, ZooKeeperOptions};
use heartline::setup::setup;

/// Prepare ZooKeeper for the heartbeat: create the job's znodes, or reset them
///
/// Optional: mappers create missing znodes, and each job can start after another one without a reset. It may be
/// run at any time, and repeatedly. While members are alive, it lists them and resets nothing.
#[derive(Parser)]
#[command(name = "setup-zookeeper", version)]
struct Options {
    /// Reset even while members are alive: they are removed, and join again
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    cli::run(
        "setup-zookeeper",
        setup(&options.zookeeper.settings(), options.force),
    )
}
