//! The command line of `heartline nodes`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Error};
use clap::{Args, Subcommand};

use super::agent;
use super::ca::CaArgs;
use super::fields::{HostName, UserName};
use super::host_key::HostKeySource;
use super::key::{self, OwnKey};
use super::leave::leave;
use super::list;
use super::managed_files::ManagedFiles;
use super::message::NodeRole;
use super::options::{Account, ClientOptions, between, machine_name};
use super::server;
use super::server_args::ServerArgs;
use super::{PROGRAM, agent::AgentConfig as AgentPlan};
use heartline_cli::run;
use heartline_process::say::say;

/// The value of `--known-hosts` that selects no file.
const NO_FILE: &str = "none";

/// `heartline nodes`
#[derive(Args, Debug)]
pub struct NodesArgs {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand, Debug)]
enum Part {
    /// Run the control server that registers nodes and distributes the member list
    Server(Box<ServerArgs>),
    /// Register this machine, send heartbeats, and keep its /etc/hosts, SSH authorized keys and known hosts up to date
    Agent(Box<AgentArgs>),
    /// List all nodes
    List(ListArgs),
    /// Release a node's name and address, and remove its entries on every node
    Forget(ForgetArgs),
    /// Make the certificates by which servers and nodes know each other
    Ca(CaArgs),
}

#[derive(Args, Debug)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
struct AgentArgs {
    #[command(subcommand)]
    action: Option<AgentAction>,

    /// Role of this node
    #[arg(long, value_enum, required = true)]
    role: Option<NodeRole>,

    /// Interval between heartbeats
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = interval)]
    interval: Duration,

    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Subcommand, Debug)]
enum AgentAction {
    /// Remove this node's blocks from its files and its name from the cluster; a running agent stops
    Leave(Box<NodeArgs>),
}

/// The options that the agent and its `leave` subcommand share.
#[derive(Args, Clone, Debug)]
struct NodeArgs {
    #[command(flatten)]
    client: ClientOptions,

    /// Name of this node [default: the machine's]
    #[arg(long, value_name = "NAME")]
    hostname: Option<HostName>,

    /// Address to announce to the other nodes [default: the one by which this machine reaches the server]
    #[arg(long, value_name = "IP")]
    ip: Option<IpAddr>,

    /// User that owns the private key and the file of authorized keys [default: the current user]
    #[arg(long, value_name = "NAME")]
    user: Option<UserName>,

    #[arg(
        long,
        value_name = "FILE",
        help = "The user's private key, created if it is missing; or a public key, for which the ssh-agent of \
                SSH_AUTH_SOCK signs [default: id_ed25519, id_ecdsa or id_rsa in ~/.ssh]"
    )]
    key: Option<PathBuf>,

    /// File for the names of the nodes
    #[arg(long, value_name = "FILE", default_value = "/etc/hosts")]
    hosts_file: PathBuf,

    #[arg(
        long,
        value_name = "FILE",
        help = "File for the public keys of the nodes [default: ~/.ssh/authorized_keys]"
    )]
    authorized_keys: Option<PathBuf>,

    #[arg(
        long,
        value_name = "FILE|none",
        help = "File for the host keys of the nodes; or none, if they are not wanted [default: ~/.ssh/known_hosts]"
    )]
    known_hosts: Option<PathBuf>,

    #[arg(
        long,
        value_name = "FILE",
        help = "Public key of this machine's sshd, for the other nodes [default: ssh_host_ed25519_key.pub, \
                ssh_host_ecdsa_key.pub or ssh_host_rsa_key.pub in /etc/ssh]"
    )]
    host_key: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    client: ClientOptions,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,

    /// Print the list again on each change
    #[arg(long)]
    watch: bool,
}

#[derive(Args, Debug)]
struct ForgetArgs {
    /// Name of the node
    #[arg(value_name = "NAME")]
    name: HostName,

    /// Forget the node even if it is alive: it registers again unless its agent is stopped
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    client: ClientOptions,
}

impl NodesArgs {
    /// Runs the selected subcommand.
    pub fn run(self) -> ExitCode {
        match self.part {
            Part::Server(args) => match args.plan() {
                Ok(plan) => run(PROGRAM, server::run(plan)),
                Err(why) => usage(&why),
            },
            Part::Agent(args) => match args.action {
                Some(AgentAction::Leave(node)) => {
                    match node.plan(NodeRole::Slave, Duration::from_secs(1), OwnKey::there) {
                        Ok(plan) => run(PROGRAM, leave(plan)),
                        Err(why) => usage(&why),
                    }
                }
                None => match args.node.plan(
                    args.role.unwrap_or(NodeRole::Slave),
                    args.interval,
                    |path, account| OwnKey::of(path, account).context(NoKey),
                ) {
                    Ok(plan) => run(PROGRAM, agent::run(plan)),
                    Err(why) => usage(&why),
                },
            },
            Part::List(args) => match args.client.credentials() {
                Ok(credentials) => {
                    let servers = &args.client.servers;
                    let list = list::list(servers, &credentials, args.json, args.watch);
                    run(PROGRAM, list)
                }
                Err(why) => usage(&why),
            },
            Part::Forget(args) => match args.client.credentials() {
                Ok(credentials) => {
                    let servers = &args.client.servers;
                    let forget = list::forget(servers, &credentials, &args.name, args.force);
                    run(PROGRAM, forget)
                }
                Err(why) => usage(&why),
            },
            Part::Ca(args) => args.run(),
        }
    }
}

/// Reports a usage error: the request is impossible as given, or this machine does not permit it.
fn usage(why: &anyhow::Error) -> ExitCode {
    say(PROGRAM, format_args!("{why:#}"));
    ExitCode::from(if why.is::<NoKey>() { 1 } else { 2 })
}

/// No key exists and none can be created. The command line itself is correct, so this is not a usage error.
#[derive(Debug, thiserror::Error)]
#[error("this node has no key")]
struct NoKey;

/// Parses a heartbeat interval: the server accepts at most 50 messages a second, and closes a connection that is silent
/// for a minute.
fn interval(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_millis(50), Duration::from_secs(20))
}

impl NodeArgs {
    /// Builds the agent's configuration. `key` loads the existing key or creates one.
    fn plan(
        self,
        role: NodeRole,
        interval: Duration,
        key: fn(&Path, &Account) -> anyhow::Result<OwnKey>,
    ) -> anyhow::Result<AgentPlan> {
        let credentials = self.client.credentials()?;
        let name = match self.hostname {
            Some(name) => name,
            None => machine_name()
                .parse()
                .context("give this node's name with --hostname")?,
        };
        let account = Account::of(self.user.as_ref())?;
        let path = self.key.unwrap_or_else(|| key::usual(&account));
        let key = key(&path, &account)?;
        if credentials.are_any()
            && let Some(why) = key.proves_nothing()
        {
            say(
                PROGRAM,
                format_args!(
                    "this node registers without proof of its key {}: {why}",
                    path.display()
                ),
            );
        }
        let host_key = self
            .host_key
            .map_or(HostKeySource::Usual, HostKeySource::File);
        if let HostKeySource::File(_) = host_key {
            host_key.read().map_err(Error::msg)?;
        }
        let usual = |name: &str| account.home.join(".ssh").join(name);
        let keys = self
            .authorized_keys
            .unwrap_or_else(|| usual("authorized_keys"));
        let known = self.known_hosts.unwrap_or_else(|| usual("known_hosts"));
        let known = (known.as_os_str() != NO_FILE).then_some(known);
        Ok(AgentPlan {
            servers: self.client.servers,
            credentials,
            role,
            name,
            ip: self.ip,
            key,
            interval,
            host_key,
            place: ManagedFiles::new(self.hosts_file, keys, known, account),
        })
    }
}
