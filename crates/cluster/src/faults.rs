//! Deliberate faults: the fencing of a NameNode, and commands that test whether a cluster survives a loss.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use rustix::process::Signal;

use super::input::{FileArgs, ending};
use super::model::{Host, HostKind, list};
use super::netns;
use super::orphans::tasks;
use super::process::ProcessRecord;
use super::progress::progress;
use super::record::recorded_cluster;
use super::role::Role;
use super::trust;

/// Kill a NameNode from outside as a fencing method; called by Hadoop itself
#[derive(Args, Clone, Debug)]
pub(super) struct FenceArgs {
    /// Folder of the cluster
    folder: PathBuf,
    /// NameNode to kill: nn1, nn2, …
    namenode: String,
}

impl FenceArgs {
    pub(super) fn run(&self) -> ExitCode {
        ending(self.fence())
    }

    /// Fails unless the NameNode is gone: the other one must not become active beside it.
    fn fence(&self) -> anyhow::Result<()> {
        trust::check(&self.folder)?;
        let cluster = recorded_cluster(&self.folder)?;
        let namenodes = cluster.namenodes();
        let host = namenodes.iter().find(|(id, _)| *id == self.namenode);
        let Some((_, host)) = host else {
            bail!("'{}' is not a namenode of {}", self.namenode, cluster.name);
        };
        let Some(known) = ProcessRecord::recorded(&cluster.pid_file(host, Role::Namenode)) else {
            progress(format_args!("fence: {} does not run", self.namenode));
            return Ok(());
        };
        if !known.kill() {
            bail!(
                "{}: pid {} still runs after SIGKILL",
                self.namenode,
                known.pid
            );
        }
        progress(format_args!(
            "fence: {} is gone, pid {}",
            self.namenode, known.pid
        ));
        Ok(())
    }
}

/// Send SIGKILL to a role or to everything on a host
#[derive(Args, Clone, Debug)]
pub(super) struct KillArgs {
    #[command(flatten)]
    file: FileArgs,

    /// What to kill, such as h1 or h1/namenode
    #[arg(value_name = "HOST|HOST/ROLE")]
    target: String,
}

impl KillArgs {
    pub(super) fn run(&self) -> ExitCode {
        ending(self.kill())
    }

    fn kill(&self) -> anyhow::Result<()> {
        let cluster = self.file.described(None)?.cluster;
        trust::check(&cluster.folder)?;
        let (name, role) = match self.target.split_once('/') {
            Some((host, role)) => (host, Some(role)),
            None => (self.target.as_str(), None),
        };
        let host = named(&cluster.hosts, name)?;
        if let Some(role) = role
            && !host.roles.iter().any(|of| of.to_string() == role)
        {
            let roles = list(host.roles.iter().map(ToString::to_string), ", ");
            bail!("host '{name}' has no {role}; it has {roles}");
        }
        let mut killed = 0;
        let files = fs::read_dir(cluster.home(host).join("run"));
        for file in files.into_iter().flatten().flatten() {
            let path = file.path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let is_meant = role.is_none_or(|role| role == stem)
                && path.extension().is_some_and(|extension| extension == "pid");
            if let Some(known) = ProcessRecord::recorded(&path).filter(|_| is_meant) {
                if !known.kill() {
                    bail!("{name} {stem}: pid {} still runs after SIGKILL", known.pid);
                }
                progress(format_args!("{name} {stem}: killed, pid {}", known.pid));
                killed += 1;
            }
        }
        let tasks = match role {
            Some(_) => Vec::new(),
            None => tasks(&cluster, host),
        };
        for known in &tasks {
            known.signal(Signal::KILL);
        }
        if !tasks.is_empty() {
            progress(format_args!(
                "{name}: {} processes of tasks killed",
                tasks.len()
            ));
        }
        if killed == 0 && tasks.is_empty() {
            bail!("{} does not run", self.target);
        }
        Ok(())
    }
}

/// Cut a host off from all others (with --hosts netns), or reconnect it
#[derive(Args, Clone, Debug)]
pub(super) struct LinkArgs {
    #[command(flatten)]
    file: FileArgs,

    /// Name of the host
    #[arg(value_name = "HOST")]
    host: String,
}

impl LinkArgs {
    pub(super) fn run(&self, up: bool) -> ExitCode {
        ending(self.set(up))
    }

    fn set(&self, up: bool) -> anyhow::Result<()> {
        let cluster = self.file.described(None)?.cluster;
        let host = named(&cluster.hosts, &self.host)?;
        if cluster.host_kind != HostKind::Netns {
            bail!(
                "only a host with a network of its own can be cut off; start the cluster with --hosts netns"
            );
        }
        netns::set_link(&cluster, host, up)
            .context("cannot change the host's network link; check that the cluster runs")?;
        let what = if up { "is back" } else { "is cut off" };
        progress(format_args!("{}: {what}", host.name));
        Ok(())
    }
}

/// The host with this name.
pub(super) fn named<'a>(hosts: &'a [Host], name: &str) -> anyhow::Result<&'a Host> {
    let known = || list(hosts.iter().map(|host| host.name.clone()), ", ");
    let host = hosts.iter().find(|host| host.name == name);
    host.with_context(|| format!("there is no host '{name}'; the hosts are {}", known()))
}
