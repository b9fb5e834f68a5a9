//! `heartline cluster exec`: runs a command as a client of the cluster, from within its network.

use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use clap::Args;

use super::faults::named;
use super::input::{FileArgs, PROGRAM, ending};
use super::model::{Cluster, Host, HostKind};
use super::role::Role;
use super::secure::{client, fetch_ticket};
use super::trust;
use heartline_process::say::say;
use heartline_process::stdio;

#[derive(Args, Clone, Debug)]
#[command(
    about = "Run a command on one of the hosts, with the cluster's configuration in HADOOP_CONF_DIR, and in a secure cluster \
             with a Kerberos ticket"
)]
pub(super) struct ExecArgs {
    #[command(flatten)]
    file: FileArgs,

    /// Host to run on [default: the first one with Hadoop configuration]
    #[arg(long, value_name = "HOST")]
    on: Option<String>,

    /// Command and its arguments
    #[arg(value_name = "COMMAND", required = true, last = true)]
    command: Vec<String>,
}

impl ExecArgs {
    /// Replaces this process by the command.
    pub(super) fn run(&self) -> ExitCode {
        let mut command = match self.command() {
            Ok(command) => command,
            Err(error) => return ending(Err(error)),
        };
        let error = command.exec();
        let program = command.get_program().to_string_lossy().into_owned();
        say(PROGRAM, format_args!("{program}: {error}"));
        // These are a shell's exit statuses for the same errors.
        ExitCode::from(match error.kind() {
            ErrorKind::NotFound => 127,
            _ => 126,
        })
    }

    fn command(&self) -> anyhow::Result<Command> {
        if !stdio::has_stdout() {
            bail!("cannot write stdout: {}", stdio::closed());
        }
        let cluster = self.file.described(None)?.cluster;
        if cluster.host_kind == HostKind::Own {
            bail!(
                "commands cannot be run on hosts of their own from this machine; log in to the host"
            );
        }
        let host = self.host(&cluster)?;
        let conf = cluster.conf(host);
        if !conf.is_dir() {
            bail!(
                "{} does not exist yet; start the cluster with 'heartline cluster up'",
                conf.display()
            );
        }
        if cluster.is_secure() {
            // Kerberos loads what the files of this folder name.
            trust::check(&cluster.folder)?;
            // Not every command needs a ticket; those that do say so.
            if let Err(why) = fetch_ticket(&cluster) {
                say(PROGRAM, format_args!("{why:#}"));
            }
        }
        let mut words = cluster
            .within(host)
            .into_iter()
            .chain(self.command.iter().cloned());
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).env("HADOOP_CONF_DIR", conf);
        if cluster.is_secure() {
            command.envs(client(&cluster));
        }
        Ok(command)
    }

    fn host<'a>(&self, cluster: &'a Cluster) -> anyhow::Result<&'a Host> {
        if let Some(name) = &self.on {
            return named(&cluster.hosts, name);
        }
        let first = cluster.with(Role::Namenode).next();
        let first = first.or_else(|| cluster.hosts.first());
        first.context("the cluster has no host")
    }
}
