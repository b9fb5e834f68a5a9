//! `heartline cluster up`: starts what does not run, in the right order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use super::check::Check;
use super::configuration::files;
use super::disk::put;
use super::down::{Servers, servers};
use super::executor::Executor;
use super::input::{FileArgs, MachineArgs, PROGRAM, ending};
use super::inspect::Inspection;
use super::java::Launcher;
use super::model::{Authentication, Cluster, HostKind, home};
use super::orphans::strays;
use super::plan::{Step, steps};
use super::problem::errors;
use super::process::ProcessRecord;
use super::progress::progress;
use super::record::{lock, record, recorded_authentication, recorded_cluster, recorded_host_kind};
use super::secure::{self, certify, found_realm};
use super::source_lines::SourceLines;
use super::{agents, netns, ssh};
use heartline_process::say::say;

/// Start a cluster: write its configuration, format new data folders, and start what does not run
#[derive(Args, Clone, Debug)]
pub(super) struct UpArgs {
    #[command(flatten)]
    file: FileArgs,

    /// Kind of the hosts [default: as before, or loopback]
    #[arg(long, value_enum)]
    hosts: Option<HostKind>,

    /// Start a cluster with Kerberos and TLS: the same as security = "kerberos" in the description
    #[arg(long)]
    secure: bool,

    /// Discard the data of the whole cluster and start with empty data
    #[arg(long)]
    format: bool,

    #[command(flatten)]
    machine: MachineArgs,

    /// Folder of Kafka's jars [default: parts/kafka below .heartline]
    #[arg(
        long,
        value_name = "DIR",
        env = "HEARTLINE_KAFKA_JARS",
        hide_env = true
    )]
    kafka_jars: Option<PathBuf>,
}

impl UpArgs {
    pub(super) fn run(&self) -> ExitCode {
        ending(self.up())
    }

    /// Fails if servers run that the description no longer contains: they are in use, so they must be neither stopped
    /// nor forgotten.
    fn refuse_undescribed(cluster: &Cluster, servers: &Servers) -> anyhow::Result<()> {
        let is_described = |host: &str, name: &str| {
            if (host, name) == (agents::HERE, agents::SERVER) {
                return true;
            }
            let host = cluster.host(host);
            host.is_some_and(|host| {
                let mut roles = host.roles.iter();
                ["sshd", agents::AGENT].contains(&name)
                    || roles.any(|role| role.to_string() == name)
            })
        };
        let others = servers
            .iter()
            .filter(|((host, name), _)| !is_described(host, name));
        let mut count = 0;
        for ((host, name), (known, _)) in others {
            count += 1;
            let pid = known.pid;
            say(
                PROGRAM,
                format_args!("{host} {name} runs, pid {pid}, and is not described any more"),
            );
        }
        let moved = recorded_cluster(&cluster.folder).is_ok_and(|before| {
            // A change of the host kind has its own message.
            !servers.is_empty()
                && before.host_kind == cluster.host_kind
                && (before.network != cluster.network || before.name != cluster.name)
        });
        if moved {
            say(
                PROGRAM,
                "the running servers were started with another name or network",
            );
        }
        if count > 0 || moved {
            bail!("end the running servers first with heartline cluster down; nothing was started");
        }
        Ok(())
    }

    #[expect(
        clippy::too_many_lines,
        reason = "the steps of a start, in their order"
    )]
    fn up(&self) -> anyhow::Result<()> {
        let mut described = self.file.described(self.hosts)?;
        if self.secure {
            let is_written = SourceLines::of(&described.text).security().1;
            if is_written && !described.cluster.is_secure() {
                bail!(
                    "{} has security = \"simple\", and --secure asks for another: change one of them; nothing was started",
                    described.file.display()
                );
            }
            let cluster = &mut described.cluster;
            cluster.set_authentication(Authentication::Kerberos);
        }
        let cluster = &described.cluster;
        if cluster.host_kind == HostKind::Own {
            bail!(
                "hosts of their own are not started from here; write their files with heartline cluster config, \
                 or use --hosts loopback or netns"
            );
        }
        let _lock = lock(&cluster.folder)?;
        let machine = self.machine.machine()?;
        let kafka_jars = self
            .kafka_jars
            .clone()
            .unwrap_or_else(|| home().join("parts/kafka"));
        let kafka_jars = std::path::absolute(kafka_jars)?;
        let mut found = Inspection::of(cluster);
        let servers = servers(cluster);
        Self::refuse_undescribed(cluster, &servers)?;
        let known: Vec<ProcessRecord> = servers.values().map(|(known, _)| *known).collect();
        for stray in strays(cluster, &known) {
            progress(format_args!(
                "left by a start that was killed: pid {} {}",
                stray.known.pid, stray.what
            ));
            stray.known.kill();
        }
        let check = Check {
            cluster,
            found: &found,
            text: &described.text,
            jars: &machine.jars,
            native: &machine.native,
            kafka_jars: &kafka_jars,
            format: self.format,
            recorded: recorded_host_kind(&cluster.folder),
            // Before there was a choice, no cluster had Kerberos.
            before: recorded_authentication(&cluster.folder)
                .or(recorded_host_kind(&cluster.folder).map(|_| Authentication::Simple)),
        };
        let (problems, java) = check.all();
        for problem in &problems {
            match problem.line {
                0 => say(
                    PROGRAM,
                    format_args!("{}; {}", problem.what, problem.instead),
                ),
                _ => say(
                    PROGRAM,
                    format_args!("{}:{problem}", described.file.display()),
                ),
            }
        }
        let Some(java) = java.filter(|_| problems.is_empty()) else {
            bail!("{}; nothing was started", errors(problems.len()));
        };
        if self.format {
            throw_away(cluster)?;
            found = Inspection::of(cluster);
        }
        record(cluster, &described.text)?;
        if cluster.is_secure() {
            found_realm(cluster)?;
            certify(cluster, &java.keytool())?;
        }
        for host in &cluster.hosts {
            let conf = cluster.conf(host);
            for file in files(cluster, host, &machine) {
                file.write_into(&conf)?;
            }
            // Hadoop's servers need these folders for their web pages, and look for them on the class path.
            for name in ["hdfs", "datanode", "journal"] {
                fs::create_dir_all(conf.join("webapps").join(name))?;
            }
            fs::create_dir_all(cluster.home(host).join("tmp"))?;
        }
        let launcher = Launcher {
            cluster,
            java,
            jars: machine.jars,
            native: machine.native,
            kafka_jars,
        };
        carry_out(&launcher, &machine.heartline, &found).with_context(|| {
            format!(
                "{}: not all of it runs; heartline cluster up goes on from here, heartline cluster down ends it",
                described.file.display()
            )
        })
    }
}

/// Sets up the hosts of the netns kind: the network, an sshd each, and the names and keys of all hosts on each.
fn raise_hosts(cluster: &Cluster, heartline: &Path) -> anyhow::Result<()> {
    if !netns::stands(cluster) {
        agents::begin_anew(cluster)?;
    }
    netns::raise(cluster)?;
    progress(format_args!(
        "network: {} hosts on bridge {}, such as ip netns exec {}",
        cluster.hosts.len(),
        cluster.bridge(),
        cluster
            .hosts
            .first()
            .map(|host| cluster.namespace(host))
            .unwrap_or_default()
    ));
    for host in &cluster.hosts {
        let (known, new) = ssh::raise(cluster, host)?;
        let what = if new { "started" } else { "runs already" };
        progress(format_args!(
            "{} sshd: {what}, pid {}",
            host.name, known.pid
        ));
    }
    agents::raise(cluster, heartline)
}

fn carry_out(launcher: &Launcher<'_>, heartline: &Path, found: &Inspection) -> anyhow::Result<()> {
    let cluster = launcher.cluster;
    if cluster.host_kind == HostKind::Netns {
        raise_hosts(cluster, heartline)?;
    }
    number(cluster)?;
    let mut starting = Executor::new(launcher, found);
    for step in steps(cluster, found) {
        match step {
            Step::Runs(place) => {
                let pid = found.running.get(&place).map_or(0, |known| known.pid);
                progress(format_args!("{place}: runs already, pid {pid}"));
            }
            Step::Said(text) => progress(text),
            Step::Start(places) => starting.start(&places)?,
            Step::Run(tools) => starting.run(&tools)?,
            Step::Await(condition) => starting.wait(&condition)?,
        }
    }
    progress(format_args!("{}: up", cluster.name));
    Ok(())
}

/// Writes the `myid` file of each server of the ensemble.
fn number(cluster: &Cluster) -> anyhow::Result<()> {
    for host in cluster.ensemble() {
        let data = cluster.data(host, super::role::Role::Zookeeper);
        put(&data.join("myid"), &format!("{}\n", host.id))?;
    }
    Ok(())
}

/// Removes all data of all hosts, and the realm with its keytabs and certificates.
fn throw_away(cluster: &Cluster) -> anyhow::Result<()> {
    let homes = cluster.hosts.iter().map(|host| cluster.home(host));
    for home in homes.chain([cluster.here("")]) {
        for folder in ["data", "tmp", "node-attributes", "run", secure::FOLDER] {
            let path = home.join(folder);
            if path.exists() {
                progress(format_args!("--format: {} is discarded", path.display()));
                let removed = match folder {
                    "run" => forget_ended(&path),
                    _ => fs::remove_dir_all(&path),
                };
                removed.with_context(|| format!("{} cannot be removed", path.display()))?;
            }
        }
    }
    Ok(())
}

/// Removes the pid files in a `run` folder, except those of running processes such as an sshd: without its file, no
/// later command would find the process.
fn forget_ended(run: &Path) -> io::Result<()> {
    for file in fs::read_dir(run)? {
        let file = file?.path();
        if ProcessRecord::recorded(&file).is_none() {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::process::start;
    use super::*;

    #[test]
    fn who_lives_is_not_forgotten_with_the_data() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let (log, file) = (folder.path().join("log"), run.join("sshd.pid"));
        let known = start(Command::new("sleep").arg("60"), &log, &file).unwrap();
        fs::write(run.join("namenode.begun"), "").unwrap();
        forget_ended(&run).unwrap();
        assert_eq!(ProcessRecord::recorded(&file), Some(known));
        assert_eq!(fs::read_dir(&run).unwrap().count(), 1);
        assert!(known.kill());
        forget_ended(&run).unwrap();
        assert_eq!(fs::read_dir(&run).unwrap().count(), 0);
    }
}
