//! `setup-zookeeper`: creates or resets the znodes of the heartbeat.

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{self, ZooKeeperOptions};
use crate::coordination::Namespace;
use crate::setup::{secure, setup};

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
    /// others may have given before are removed. The znodes of heartline nodes and heartline member in the namespace are
    /// closed too
    #[arg(long, conflicts_with = "force")]
    secure: bool,

    /// A further znode to close with all below it, or to say of that everybody may write it: a path in the namespace, such
    /// as --path or --workers of heartline member, if those are not /master and /workers
    #[arg(long, value_name = "PATH", value_parser = znode)]
    also: Vec<Namespace>,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

fn znode(text: &str) -> Result<Namespace, String> {
    match text.parse()? {
        root if root == Namespace::default() => Err(
            "the namespace itself is closed anyway; write a path below it, like /app".to_owned(),
        ),
        path => Ok(path),
    }
}

impl SetupZookeeperArgs {
    /// Runs the program to its end.
    pub fn run(self) -> ExitCode {
        let settings = self.zookeeper.settings();
        cli::run("setup-zookeeper", async {
            if self.secure {
                secure(&settings, &self.also).await
            } else {
                setup(&settings, self.force, &self.also).await
            }
        })
    }
}
