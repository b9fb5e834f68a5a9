//! `heartline cluster config`: only writes the configuration files.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::configuration::files;
use super::input::{FileArgs, MachineArgs, PROGRAM, ending};
use super::model::HostKind;
use heartline_process::say::say;

/// Write every host's configuration files without starting anything
#[derive(Args, Clone, Debug)]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    file: FileArgs,

    /// Folder for the files, with a subfolder for each host
    #[arg(long, value_name = "DIR")]
    output: PathBuf,

    /// Kind of the hosts
    #[arg(long, value_enum, default_value_t = HostKind::Own)]
    hosts: HostKind,

    #[command(flatten)]
    machine: MachineArgs,
}

impl ConfigArgs {
    pub(super) fn run(&self) -> ExitCode {
        ending(self.write())
    }

    fn write(&self) -> anyhow::Result<()> {
        let cluster = self.file.cluster(self.hosts)?;
        let machine = self.machine.machine()?;
        for host in &cluster.hosts {
            let folder = self.output.join(&host.name);
            for file in files(&cluster, host, &machine) {
                file.write_into(&folder)?;
            }
        }
        let (output, hosts) = (self.output.display(), cluster.hosts.len());
        say(PROGRAM, format_args!("{output}: files for {hosts} hosts"));
        Ok(())
    }
}
