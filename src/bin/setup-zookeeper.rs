//! `setup-zookeeper`: creates or resets the znodes of the heartbeat.

use std::process::ExitCode;

use heartline::cli;
use heartline::programs::SetupZookeeperArgs;

fn main() -> ExitCode {
    cli::parse::<SetupZookeeperArgs>().run()
}
