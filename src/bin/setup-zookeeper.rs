//! `setup-zookeeper`: creates or resets the znodes of the heartbeat.

use std::process::ExitCode;

use clap::Parser;
use heartline::cli::{self, ZooKeeperOptions};
use heartline::setup::setup;

/// Prepare ZooKeeper for the heartbeat: create the job's znodes, or reset them
///
/// May be run at any time and any number of times. Mappers do not need it: they create what is
/// missing, and a job that starts after another one finds the claim free. While members are alive, it
/// lists them and does not reset anything.
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
