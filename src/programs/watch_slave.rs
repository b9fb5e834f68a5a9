//! `watch-slave`: writes what each follower reports to a file of its own.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::cli::{self, ZooKeeperOptions};
use crate::watch::{OutputFormat, prepare_folder, watch_slave};

/// The options of `watch-slave`.
#[derive(Parser)]
#[command(
    name = "watch-slave",
    version,
    about = "Write each follower's beats to a file of its own, follower_NODE.txt",
    long_about = "Write each follower's beats to a file of its own, follower_NODE.txt\n\nRuns until it is \
                  stopped, even while ZooKeeper is unavailable."
)]
pub struct WatchSlaveArgs {
    /// Folder for the files; created if it is missing
    #[arg(long, value_name = "DIR", default_value = ".")]
    output_dir: PathBuf,

    /// Also write one JSON object per line to stdout: time, event, node, epoch
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

impl WatchSlaveArgs {
    /// Runs the program to its end.
    pub fn run(self) -> ExitCode {
        if let Err(reason) = prepare_folder(&self.output_dir) {
            WatchSlaveArgs::command()
                .error(ErrorKind::ValueValidation, reason)
                .exit();
        }
        let format = OutputFormat::of(self.json);
        let settings = self.zookeeper.settings();
        cli::run(
            "watch-slave",
            watch_slave(&settings, format, &self.output_dir),
        )
    }
}
