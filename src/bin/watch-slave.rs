//! `watch-slave`: writes what each follower reports to a file of its own.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use heartline::cli::{self, ZooKeeperOptions};
use heartline::watch::{OutputFormat, prepare_folder, watch_slave};

#[derive(Parser)]
#[command(
    name = "watch-slave",
    version,
    about = "Write each follower's beats to a file of its own, follower_NODE.txt",
    long_about = "Write each follower's beats to a file of its own, follower_NODE.txt\n\nRuns until it is \
                  stopped, even while ZooKeeper is unavailable."
)]
struct Options {
    /// Folder for the files; created if it is missing
    #[arg(long, value_name = "DIR", default_value = ".")]
    output_dir: PathBuf,

    /// Also write one JSON object per line to stdout: time, event, node, epoch
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    if let Err(reason) = prepare_folder(&options.output_dir) {
        Options::command()
            .error(ErrorKind::ValueValidation, reason)
            .exit();
    }
    let format = OutputFormat::of(options.json);
    let settings = options.zookeeper.settings();
    cli::run(
        "watch-slave",
        watch_slave(&settings, format, &options.output_dir),
    )
}
