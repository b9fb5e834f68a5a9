//! `watch-master`: shows who is master, and what the master reports.

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{self, ZooKeeperOptions};
use crate::watch::{OutputFormat, watch_master};

/// Show each change of the master's report: who is master, which followers live, died or finished
///
/// Runs until it is stopped, even while ZooKeeper is unavailable.
#[derive(Parser)]
#[command(name = "watch-master", version)]
pub struct WatchMasterArgs {
    /// Write one JSON object per line: time, event, node, epoch
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

impl WatchMasterArgs {
    /// Runs the program to its end.
    pub fn run(self) -> ExitCode {
        let format = OutputFormat::of(self.json);
        cli::run(
            "watch-master",
            watch_master(&self.zookeeper.settings(), format, Some("watch-master")),
        )
    }
}
