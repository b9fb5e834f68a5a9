//! `watch-master`: shows who is master, and what the master reports.

use std::process::ExitCode;

use clap::Parser;
use heartline::cli::{self, ZooKeeperOptions};
use heartline::watch::{OutputFormat, watch_master};

/// Show each change of the master's report: who is master, which followers live, died or finished
///
/// Runs until it is stopped, even while ZooKeeper is unavailable.
#[derive(Parser)]
#[command(name = "watch-master", version)]
struct Options {
    /// Write one JSON object per line: time, event, node, epoch
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let format = OutputFormat::of(options.json);
    cli::run(
        "watch-master",
        watch_master(&options.zookeeper.settings(), format, Some("watch-master")),
    )
}
