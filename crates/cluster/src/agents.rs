//! The control server and agents that maintain the files of hosts of the netns kind: a node control server on this
//! machine and an agent on each host, which writes that host's `/etc/hosts` and `authorized_keys`. Both are heartline's
//! own ([`heartline_nodes`]), as on separate machines.

mod knowledge;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;

use knowledge::{Rows, missing, node_role, others, worst};

use super::disk::remove;
use super::model::{Cluster, Host, list};
use super::netns;
use super::process::{GONE, ProcessRecord, start, tail};
use super::progress::progress;
use super::ssh;
use heartline_nodes::auth::Nonce;
use heartline_nodes::fields::HostName;
use heartline_nodes::message::Entries;
use heartline_nodes::replace::{NewFile, replace};
use heartline_process::files::{self, Links, SMALL};

/// The port of the node control server.
const PORT: u16 = 50091;
/// The folder of this machine beside the hosts' folders: no host can have this name.
pub(super) const HERE: &str = "this_machine";
/// The name of the server in that folder, and of the agent on each host.
pub(super) const SERVER: &str = "nodes-server";
pub(super) const AGENT: &str = "agent";
/// How long it may take until all hosts know each other. One second is usual.
const LIMIT: Duration = Duration::from_secs(60);
/// The interval between checks.
const GLANCE: Duration = Duration::from_millis(50);
/// How long a connection to the server may take.
const CONNECT: Duration = Duration::from_secs(1);

impl Cluster {
    /// A file of this machine, beside the hosts' folders.
    pub(super) fn here(&self, name: &str) -> PathBuf {
        self.folder.join(HERE).join(name)
    }

    /// The address on which the server listens: the one of the bridge.
    pub(super) fn nodes_server(&self) -> String {
        format!("{}:{PORT}", self.gate())
    }

    /// The pid file of the server.
    pub(super) fn nodes_server_pid_file(&self) -> PathBuf {
        self.here(&format!("run/{SERVER}.pid"))
    }

    fn nodes_server_log(&self) -> PathBuf {
        self.here(&format!("logs/{SERVER}.log"))
    }

    fn nodes_state(&self) -> PathBuf {
        self.here("nodes.json")
    }

    fn nodes_secret(&self) -> PathBuf {
        self.here("secret")
    }

    fn agent_pid_file(&self, host: &Host) -> PathBuf {
        self.home(host).join(format!("run/{AGENT}.pid"))
    }

    fn agent_log(&self, host: &Host) -> PathBuf {
        self.logs(host).join(format!("{AGENT}.log"))
    }
}

/// Whether these are the arguments of a server or agent of the cluster in `folder`: both name its secret.
pub(super) fn is_ours(words: &[OsString], folder: &Path) -> bool {
    let secret = folder.join(HERE).join("secret");
    let has = |first: &str, second: &str| {
        let mut pairs = words.windows(2);
        pairs.any(|pair| pair[0] == first && pair[1] == second)
    };
    (has("nodes", "server") || has("nodes", "agent"))
        && words
            .windows(2)
            .any(|pair| pair[0] == "--secret-file" && Path::new(&pair[1]) == secret)
}

/// Forgets the nodes of a network that is gone: on the new one, no host knows any other yet.
pub(super) fn begin_anew(cluster: &Cluster) -> anyhow::Result<()> {
    for host in &cluster.hosts {
        remove(&cluster.authorized_keys(host))?;
        remove(&cluster.known_hosts(host))?;
    }
    remove(&cluster.nodes_state())
}

/// Starts the server and the agents that do not run yet, and waits until every host knows all others.
pub(super) fn raise(cluster: &Cluster, heartline: &Path) -> anyhow::Result<()> {
    let hosts = Agents { cluster, heartline };
    let server = hosts.raise_server()?;
    hosts.forget_others()?;
    let mut running = BTreeMap::new();
    for host in &cluster.hosts {
        // The agent would create a key in a format that Hadoop cannot read.
        ssh::make_key(&cluster.key(host))?;
        running.insert(host.name.as_str(), hosts.raise_agent(host)?);
    }
    hosts.wait(server, &running)
}

struct Agents<'a> {
    cluster: &'a Cluster,
    heartline: &'a Path,
}

impl Agents<'_> {
    /// A command of `heartline nodes` with the options that all of them share, detached from the terminal.
    fn part(&self, within: Vec<String>, part: &str) -> Command {
        let mut command = Command::new("setsid");
        command.args(within);
        command.arg(self.heartline).args(["nodes", part]);
        command
            .arg("--secret-file")
            .arg(self.cluster.nodes_secret());
        // The process must not keep the caller's folder in use.
        command.current_dir(&self.cluster.folder);
        command
    }

    fn raise_server(&self) -> anyhow::Result<ProcessRecord> {
        let cluster = self.cluster;
        let (pid_file, log) = (cluster.nodes_server_pid_file(), cluster.nodes_server_log());
        let known = if let Some(known) = ProcessRecord::recorded(&pid_file) {
            report(HERE, SERVER, known, false);
            known
        } else {
            make_secret(&cluster.nodes_secret())?;
            let mut command = self.part(Vec::new(), "server");
            command.args(["--listen", &cluster.nodes_server()]);
            command.arg("--state").arg(cluster.nodes_state());
            let known = start(&mut command, &log, &pid_file).context(SERVER)?;
            report(HERE, SERVER, known, true);
            known
        };
        let address: SocketAddr = cluster.nodes_server().parse()?;
        let until = Instant::now() + LIMIT;
        while let Err(error) = TcpStream::connect_timeout(&address, CONNECT) {
            if !known.lives() {
                bail!("{SERVER}: process {} has ended{}", known.pid, tail(&log));
            }
            if Instant::now() >= until {
                bail!("{SERVER} {address}: {error}{}", tail(&log));
            }
            sleep(GLANCE);
        }
        Ok(known)
    }

    fn ask(&self, words: &[&str]) -> anyhow::Result<Vec<u8>> {
        let mut command = Command::new(self.heartline);
        command.arg("nodes").args(words);
        command.args(["--server", &self.cluster.nodes_server()]);
        command
            .arg("--secret-file")
            .arg(self.cluster.nodes_secret());
        let output = command.output().context("heartline cannot be run")?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            let log = tail(&self.cluster.nodes_server_log());
            bail!("heartline nodes {}: {}{log}", words.join(" "), why.trim());
        }
        Ok(output.stdout)
    }

    /// Makes the server forget hosts whose role or key has changed: a name belongs to its first key and role, so such a
    /// host must register again. It does so with a new key, so that no host mistakes data about the former node for the
    /// new one.
    fn forget_others(&self) -> anyhow::Result<()> {
        let known: Rows = serde_json::from_slice(&self.ask(&["list", "--json"])?)?;
        let keyless = |host: &Host| !ssh::has_key(&self.cluster.key(host));
        for name in others(&self.cluster.hosts, &known.nodes, keyless) {
            let mut hosts = self.cluster.hosts.iter();
            if let Some(host) = hosts.find(|host| host.name.eq_ignore_ascii_case(name)) {
                ssh::remove_key(&self.cluster.key(host))?;
                if let Some(agent) = ProcessRecord::recorded(&self.cluster.agent_pid_file(host)) {
                    agent.signal(Signal::TERM);
                    if !agent.wait(GONE) {
                        agent.kill();
                    }
                }
            }
            self.ask(&["forget", name, "--force"])?;
            progress(format_args!(
                "{HERE} {SERVER}: {name} has changed or was removed"
            ));
        }
        Ok(())
    }

    fn raise_agent(&self, host: &Host) -> anyhow::Result<ProcessRecord> {
        let cluster = self.cluster;
        let pid_file = cluster.agent_pid_file(host);
        if let Some(known) = ProcessRecord::recorded(&pid_file) {
            report(&host.name, AGENT, known, false);
            return Ok(known);
        }
        let mut command = self.part(cluster.within(host), "agent");
        command.args(["--role", &node_role(host).to_string()]);
        command.args([
            "--server",
            &cluster.nodes_server(),
            "--hostname",
            &host.name,
        ]);
        command.arg("--key").arg(cluster.key(host));
        command
            .arg("--authorized-keys")
            .arg(cluster.authorized_keys(host));
        command.arg("--known-hosts").arg(cluster.known_hosts(host));
        command
            .arg("--host-key")
            .arg(ssh::public(&cluster.host_key(host)));
        command.args(["--hosts-file", "/etc/hosts"]);
        let known = start(&mut command, &cluster.agent_log(host), &pid_file)
            .with_context(|| format!("{} {AGENT}", host.name))?;
        report(&host.name, AGENT, known, true);
        Ok(known)
    }

    /// Waits until the two files of every host contain all hosts.
    fn wait(
        &self,
        server: ProcessRecord,
        agents: &BTreeMap<&str, ProcessRecord>,
    ) -> anyhow::Result<()> {
        let cluster = self.cluster;
        let expected = self.expected()?;
        let since = Instant::now();
        loop {
            let seen: Vec<(&str, Vec<&str>)> = cluster
                .hosts
                .iter()
                .map(|host| {
                    let read = |path: PathBuf| {
                        files::read_text(&path, Links::OfUsOrRoot, SMALL).unwrap_or_default()
                    };
                    let names = read(netns::hosts_path(cluster, host));
                    let keys = read(cluster.authorized_keys(host));
                    (host.name.as_str(), missing(&expected, &names, &keys))
                })
                .collect();
            let Some((host, lacks)) = worst(&seen) else {
                let (count, took) = (seen.len(), since.elapsed().as_secs_f64());
                progress(format_args!(
                    "hosts: {count} know each other's names and keys ({took:.1} s)"
                ));
                return Ok(());
            };
            if !server.lives() {
                let log = tail(&cluster.nodes_server_log());
                bail!("{SERVER}: process {} has ended{log}", server.pid);
            }
            let log = |name: &str| {
                let host = cluster.host(name);
                host.map_or_else(String::new, |host| tail(&cluster.agent_log(host)))
            };
            if let Some((name, agent)) = agents.iter().find(|(_, agent)| !agent.lives()) {
                bail!(
                    "{name} {AGENT}: process {} has ended{}",
                    agent.pid,
                    log(name)
                );
            }
            if since.elapsed() >= LIMIT {
                bail!(
                    "{host} has no name and key of {} after {} s{}",
                    list(lacks.iter().map(ToString::to_string), ", "),
                    LIMIT.as_secs(),
                    log(host)
                );
            }
            sleep(GLANCE);
        }
    }

    /// The expected entries in the files of every host.
    fn expected(&self) -> anyhow::Result<Vec<(&str, Entries)>> {
        let entries = |host: &Host| -> anyhow::Result<Entries> {
            let name: HostName = host.name.parse()?;
            let public = ssh::public(&self.cluster.key(host));
            let key = files::read_text(&public, Links::OfUsOrRoot, SMALL)
                .with_context(|| format!("{} cannot be read", public.display()))?;
            Ok(Entries {
                hosts: vec![(host.address.parse()?, name.clone())],
                keys: vec![(
                    name,
                    key.parse().with_context(|| public.display().to_string())?,
                )],
                ..Entries::default()
            })
        };
        let hosts = self.cluster.hosts.iter();
        hosts
            .map(|host| Ok((host.name.as_str(), entries(host)?)))
            .collect()
    }
}

fn report(host: &str, what: &str, known: ProcessRecord, is_new: bool) {
    let how = if is_new { "started" } else { "runs already" };
    progress(format_args!("{host} {what}: {how}, pid {}", known.pid));
}

/// Creates the cluster's own secret if there is none.
fn make_secret(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let what = || format!("{} cannot be created", path.display());
    fs::create_dir_all(path.parent().unwrap_or(path)).with_context(what)?;
    let text = format!("{}\n", Nonce::random().to_hex());
    replace(path, text.as_bytes(), NewFile::own(0o600)).with_context(what)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn servers_and_agents_are_distinguished_by_the_secret() {
        let folder = Path::new("/clusters/one");
        let ours = |text: &str| {
            let words: Vec<OsString> = text.split(' ').map(OsString::from).collect();
            is_ours(&words, folder)
        };
        let secret = "--secret-file /clusters/one/this_machine/secret";
        assert!(ours(&format!("/heartline nodes server {secret} --state s")));
        assert!(ours(&format!(
            "ip netns exec n /heartline nodes agent {secret}"
        )));
        assert!(!ours(&format!("/heartline nodes list --json {secret}")));
        assert!(!ours(&format!("less {secret}")));
        assert!(!ours(
            "/heartline nodes server --secret-file /clusters/two/this_machine/secret"
        ));
    }

    #[test]
    fn the_secret_is_made_once_and_nobody_else_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(HERE).join("secret");
        make_secret(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim_end().len(), 64);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        make_secret(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
