//! `heartline cluster …`: its subcommands.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::config::ConfigArgs;
use super::down::DownArgs;
use super::exec::ExecArgs;
use super::faults::{FenceArgs, KillArgs, LinkArgs};
use super::logs::LogsArgs;
use super::status::StatusArgs;
use super::up::UpArgs;

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
    Up(UpArgs),
    Down(DownArgs),
    Logs(LogsArgs),
    Exec(ExecArgs),
    Kill(KillArgs),
    /// Cut a host off from all others, with --hosts netns
    Cut(LinkArgs),
    /// Reconnect a host that was cut off
    Mend(LinkArgs),
    #[command(hide = true)]
    Fence(FenceArgs),
}

impl ClusterArgs {
    /// Runs the selected subcommand.
    pub fn run(&self) -> ExitCode {
        match &self.action {
            Action::Config(config) => config.run(),
            Action::Status(status) => status.run(),
            Action::Up(up) => up.run(),
            Action::Down(down) => down.run(),
            Action::Logs(logs) => logs.run(),
            Action::Exec(exec) => exec.run(),
            Action::Kill(kill) => kill.run(),
            Action::Cut(link) => link.run(false),
            Action::Mend(link) => link.run(true),
            Action::Fence(fence) => fence.run(),
        }
    }
}
