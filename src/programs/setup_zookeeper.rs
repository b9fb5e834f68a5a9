//! `setup-zookeeper`: creates or resets the znodes of the heartbeat.

use std::process::ExitCode;

use crate::cli::{self, ZooKeeperOptions};
use crate::setup::{secure, setup};
use clap::Parser;

/// Prepare ZooKeeper for the heartbeat: create the job's znodes, or reset them
///
/// Optional: mappers create missing znodes, and each job can start after another one without a reset. It may be
/// run at any time, and repeatedly. While members are alive, it lists them and resets nothing.
#[derive(Parser)]
#[command(name = "setup-zookeeper", version)]
pub struct SetupZookeeperArgs {
    /// Reset even while members are alive: they are removed, and join again
    #[arg(long)]
    force: bool,

    /// Reset nothing: close the znodes to other identities, as --acl says, whether members are alive or not. Orders that
    /// others may have given before are removed
    #[arg(long, conflicts_with = "force")]
    secure: bool,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

impl SetupZookeeperArgs {
    /// Runs the program to its end.
    pub fn run(self) -> ExitCode {
        let settings = self.zookeeper.settings();
        cli::run("setup-zookeeper", async {
            if self.secure {
                secure(&settings).await
            } else {
                setup(&settings, self.force).await
            }
        })
    }
}
