//! `heartline cluster down`: stops everything, and checks whether anything is left.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use rustix::process::Signal;

use super::input::{FileArgs, ending};
use super::listening::Listening;
use super::model::{Cluster, HostKind};
use super::netns;
use super::orphans::{Orphan, is_of_another, orphans};
use super::process::{GONE, ProcessRecord};
use super::progress::progress;
use super::record::{lock, recorded_cluster, recorded_host_kind};
use super::role::Role;

/// How long servers may take to stop after SIGTERM.
const LIMIT: Duration = Duration::from_secs(40);
/// The interval between checks.
const GLANCE: Duration = Duration::from_millis(50);
/// The roles that stop together: first those that depend on others, last those that all others depend on.
const WAVES: [&[Role]; 3] = [
    &[Role::Kafka, Role::Nodemanager, Role::Zkfc],
    &[Role::Resourcemanager, Role::Datanode, Role::Namenode],
    &[Role::Journalnode, Role::Zookeeper, Role::Observer],
];

/// Stop a cluster, its tasks and its namespaces; its data stay
#[derive(Args, Clone, Debug)]
pub(super) struct DownArgs {
    #[command(flatten)]
    file: FileArgs,
}

impl DownArgs {
    pub(super) fn run(&self) -> ExitCode {
        ending(self.down())
    }

    fn down(&self) -> anyhow::Result<()> {
        let mut cluster = self.file.described(None)?.cluster;
        if recorded_host_kind(&cluster.folder).is_none() {
            let folder = cluster.folder.display();
            progress(format_args!(
                "no cluster was started in {folder}: there is nothing to end"
            ));
            return Ok(());
        }
        let _lock = lock(&cluster.folder)?;
        // The description may have changed since the start.
        if let Ok(started) = recorded_cluster(&cluster.folder) {
            cluster = started;
        }
        let mut servers = servers(&cluster);
        for wave in WAVES {
            let of_wave = |name: &str| wave.iter().any(|role| role.to_string() == name);
            let (now, later) = servers
                .into_iter()
                .partition(|((_, name), _)| of_wave(name));
            end(now);
            servers = later;
        }
        end(servers);
        end_orphans(&cluster);
        if cluster.host_kind == HostKind::Netns {
            netns::raze(&cluster)?;
        }
        prove(&cluster)
    }
}

/// All processes that a pid file names, by host and name, including those that the description no longer contains.
pub(super) type Servers = BTreeMap<(String, String), (ProcessRecord, PathBuf)>;

pub(super) fn servers(cluster: &Cluster) -> Servers {
    let mut found = BTreeMap::new();
    for host in fs::read_dir(&cluster.folder)
        .into_iter()
        .flatten()
        .flatten()
    {
        for file in fs::read_dir(host.path().join("run"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = file.path();
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let is_pid = path.extension().is_some_and(|extension| extension == "pid");
            if let Some(known) = ProcessRecord::recorded(&path).filter(|_| is_pid) {
                let host = host.file_name().to_string_lossy().into_owned();
                found.insert((host, name), (known, path));
            }
        }
    }
    found
}

fn end(servers: Servers) {
    for (known, _) in servers.values() {
        known.signal(Signal::TERM);
        // A stopped process (SIGSTOP) handles no signal until it continues.
        known.signal(Signal::CONT);
    }
    let until = Instant::now() + LIMIT;
    for ((host, name), (known, file)) in servers {
        let ended = known.wait(until.saturating_duration_since(Instant::now()));
        let how = if ended { "ended" } else { "killed" };
        if ended || known.kill() {
            let _ = fs::remove_file(file);
            progress(format_args!("{host} {name}: {how}, pid {}", known.pid));
        }
    }
}

fn end_orphans(cluster: &Cluster) {
    for signal in [Signal::TERM, Signal::KILL] {
        let left = orphans(cluster);
        for Orphan { known, what } in &left {
            if signal == Signal::KILL {
                progress(format_args!("killed an orphan: pid {} {what}", known.pid));
            }
            known.signal(signal);
        }
        let until = Instant::now() + GONE;
        while !left.is_empty() && !orphans(cluster).is_empty() && Instant::now() < until {
            sleep(GLANCE);
        }
    }
}

fn prove(cluster: &Cluster) -> anyhow::Result<()> {
    let until = Instant::now() + GONE;
    let mut left = left_of(cluster);
    // The kernel may take a moment to release the resources of the last process.
    while !left.is_empty() && Instant::now() < until {
        sleep(GLANCE);
        left = left_of(cluster);
    }
    if left.is_empty() {
        progress("down: nothing is left");
        return Ok(());
    }
    for what in &left {
        progress(format_args!("left: {what}"));
    }
    bail!(
        "{} left; end them by hand, or run heartline cluster down again",
        left.len()
    )
}

/// Everything that is left: processes, ports, and parts of the network.
fn left_of(cluster: &Cluster) -> Vec<String> {
    let mut left: Vec<String> = Vec::new();
    for Orphan { known, what } in orphans(cluster) {
        left.push(format!("process {}: {what}", known.pid));
    }
    match cluster.host_kind {
        HostKind::Loopback => {
            let listening = Listening::now();
            for host in &cluster.hosts {
                let ip = host.address.parse::<IpAddr>();
                let of = ip.map(|ip| listening.of(ip)).unwrap_or_default();
                let ports = host.roles.iter().flat_map(|role| role.ports());
                for port in ports.filter(|port| of.contains_key(&host.port(*port))) {
                    let address = of[&host.port(port)];
                    let holder = listening.holder(address);
                    if holder.is_some_and(|(pid, _)| is_of_another(pid, cluster)) {
                        continue;
                    }
                    let whose = listening.whose(address);
                    left.push(format!(
                        "{port} of {}: {address} is taken{whose}",
                        host.name
                    ));
                }
            }
        }
        HostKind::Netns => {
            let standing = netns::standing(cluster).into_iter();
            left.extend(standing.filter(|it| it.ours).map(|it| it.what));
        }
        HostKind::Own => {}
    }
    left
}
