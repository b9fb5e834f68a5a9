//! `heartline cluster …`: its subcommands and what they share.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::config::ConfigArgs;
use super::configuration::Machine;
use super::layout::{Cluster, Form};
use super::reading::read;
use super::status::StatusArgs;
use crate::say::say;

pub(super) const PROGRAM: &str = "heartline cluster";

/// `heartline cluster`
#[derive(Args, Clone, Debug)]
pub struct ClusterArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    Config(ConfigArgs),
    Status(StatusArgs),
}

impl ClusterArgs {
    /// Does what was asked for.
    pub fn run(&self) -> ExitCode {
        match &self.action {
            Action::Config(config) => config.run(),
            Action::Status(status) => status.run(),
        }
    }
}

/// The description of a cluster.
#[derive(Args, Clone, Debug)]
pub(super) struct FileArgs {
    /// The cluster's description (TOML); sample-data/clusters/ has some
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl FileArgs {
    /// Reads and checks it. What is unwise is said; all that is wrong is said, and is an error.
    pub(super) fn cluster(&self, form: Form) -> anyhow::Result<Cluster> {
        let file = self.file.display();
        let text = fs::read_to_string(&self.file)
            .with_context(|| format!("{file} cannot be read; name a cluster's description"))?;
        let beside = self.file.parent().unwrap_or(Path::new("."));
        match read(&text, beside, form) {
            Ok((mut cluster, warnings)) => {
                for warning in warnings {
                    say(PROGRAM, format!("{file}:{warning}"));
                }
                // Servers begin in folders of their own.
                cluster.folder = std::path::absolute(&cluster.folder)?;
                Ok(cluster)
            }
            Err(problems) => {
                for problem in &problems {
                    say(PROGRAM, format!("{file}:{problem}"));
                }
                let grave = problems.iter().filter(|problem| problem.grave).count();
                bail!("{file}: {grave} to be put right; nothing was done")
            }
        }
    }
}

/// Where this machine keeps what a cluster is made of.
#[derive(Args, Clone, Debug)]
pub(super) struct MachineArgs {
    /// The folder of the jars of Hadoop and `ZooKeeper` [default: parts/lib below .heartline, as scripts/fetch-parts
    /// leaves them]
    #[arg(long, value_name = "DIR", env = "HEARTLINE_JARS", hide_env = true)]
    jars: Option<PathBuf>,
}

impl MachineArgs {
    pub(super) fn machine(&self) -> anyhow::Result<Machine> {
        let jars = match &self.jars {
            Some(jars) => jars.clone(),
            None => home().join("parts/lib"),
        };
        Ok(Machine {
            jars: std::path::absolute(jars)?,
            heartline: std::env::current_exe().context("heartline does not find itself")?,
        })
    }
}

/// Where everything fetched or made lies.
fn home() -> PathBuf {
    let home = std::env::var_os("HEARTLINE_HOME_DIR");
    home.map_or_else(|| PathBuf::from(".heartline"), PathBuf::from)
}
