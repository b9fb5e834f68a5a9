//! The command line of `heartline nodes`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Error, bail};
use clap::{Args, Subcommand};
use rustix::system::uname;

use super::active_server::{ServerConfig, StoreKind};
use super::agent::{self, RETURN};
use super::coordinator::TICK;
use super::fields::{HostName, UserName};
use super::key::{self, OwnKey};
use super::leave::leave;
use super::list;
use super::managed_files::ManagedFiles;
use super::message::NodeRole;
use super::metrics::MetricsOptions;
use super::options::{Account, ClientOptions, SecretOptions};
use super::publish::ServerIdentity;
use super::roster::Rules;
use super::server::{self, announced_address};
use super::succession::candidate;
use super::{PROGRAM, agent::AgentConfig as AgentPlan};
use heartline_cli::{RuleValue, ZooKeeperOptions, duration, run};
use heartline_core::detect::DetectorConfig;
use heartline_process::files::{Named, SMALL, read_named};
use heartline_process::say::say;

/// The value of `--state` that selects ZooKeeper instead of a file.
const ZOOKEEPER: &str = "zookeeper";

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
    /// Register this machine, send heartbeats, and keep its /etc/hosts and SSH authorized keys up to date
    Agent(Box<AgentArgs>),
    /// List all nodes
    List(ListArgs),
    /// Release a node's name and address, and remove its entries on every node
    Forget(ForgetArgs),
}

#[derive(Args, Debug)]
struct ServerArgs {
    /// Address and port to listen on
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:50091")]
    listen: SocketAddr,

    /// File that holds every acknowledged change [default: ~/.local/state/heartline/nodes.json, for root
    /// /var/lib/heartline/nodes.json]; or zookeeper, which allows several servers of which one is active
    #[arg(long, value_name = "FILE|zookeeper")]
    state: Option<PathBuf>,

    #[command(flatten)]
    secret: SecretOptions,

    /// Silence after which a node counts as dead
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = timeout)]
    timeout: Duration,

    /// Detection rule: adaptive allows more time to nodes with irregular heartbeats, and to many nodes that fall silent
    /// together
    #[arg(long, value_name = "RULE", value_enum, default_value_t)]
    detector: RuleValue,

    /// Time an agent has to reconnect after it lost its connection
    #[arg(long = "patience", value_name = "DURATION", default_value = "1s", value_parser = duration)]
    reconnect_timeout: Duration,

    /// Accept only names that end in this domain
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<HostName>,

    /// Accept an address that differs from the connection's source address, for nodes behind address translation
    #[arg(long)]
    any_address: bool,

    /// Address to announce to the nodes [default: the one of --listen, or the machine's own]
    #[arg(long, value_name = "IP")]
    advertise: Option<IpAddr>,

    /// The server's public key to announce to the nodes; they do not grant it access
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,

    /// Maximum number of nodes
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = count)]
    nodes: usize,

    /// Maximum number of open connections
    #[arg(long, value_name = "COUNT", default_value_t = 12_000, value_parser = count)]
    connections: usize,

    /// Maximum number of open connections from one address
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = count)]
    connections_per_address: usize,

    /// Maximum number of names that one address may have had, counting dead nodes that were not forgotten
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = count)]
    names_per_address: usize,

    #[command(flatten)]
    metrics: MetricsOptions,

    // This field stays last: clap would put every option after it under its help heading.
    /// For --state zookeeper.
    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
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
        help = "The user's private key, created if it is missing [default: id_ed25519, id_ecdsa or id_rsa in ~/.ssh]"
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
            Part::List(args) => match args.client.secret() {
                Ok(secret) => {
                    let servers = &args.client.servers;
                    run(
                        PROGRAM,
                        list::list(servers, secret.as_ref(), args.json, args.watch),
                    )
                }
                Err(why) => usage(&why),
            },
            Part::Forget(args) => match args.client.secret() {
                Ok(secret) => {
                    let servers = &args.client.servers;
                    let forget = list::forget(servers, secret.as_ref(), &args.name, args.force);
                    run(PROGRAM, forget)
                }
                Err(why) => usage(&why),
            },
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

/// Parses a timeout that leaves room for several heartbeats and for the server's own tick.
fn timeout(text: &str) -> Result<Duration, String> {
    between(text, TICK * 3, Duration::from_secs(86_400))
}

fn between(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let given = duration(text)?;
    if (least..=most).contains(&given) {
        return Ok(given);
    }
    let [least, most] = [least, most].map(humantime::format_duration);
    Err(format!("must be between {least} and {most}"))
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("must be a whole number, at least 1".to_owned()),
    }
}

impl ServerArgs {
    #[expect(clippy::too_many_lines, reason = "one check for each option")]
    fn plan(self) -> anyhow::Result<ServerConfig> {
        let loopback = self.listen.ip().is_loopback();
        if self.secret.is_open() && !loopback {
            bail!(
                "--listen {} can be reached from other machines: name the cluster's secret with --secret-file, or \
                 listen on 127.0.0.1:{}; --insecure-seed-protocol trusts every client",
                self.listen,
                self.listen.port()
            );
        }
        let secret = self.secret.secret()?;
        let key = match &self.public_key {
            None => None,
            Some(path) => {
                let text = read_named(path, SMALL)
                    .and_then(Named::text)
                    .with_context(|| format!("--public-key {} cannot be read", path.display()))?;
                let key: super::fields::PublicKey = text
                    .parse()
                    .with_context(|| format!("--public-key {}", path.display()))?;
                Some(key.to_string())
            }
        };
        let account = Account::of(None)?;
        let keeping = match self.state {
            Some(state) if state.as_os_str() == ZOOKEEPER => {
                // Several servers on one machine differ in their ports.
                let name = format!("{}.{}", own_name(), self.listen.port()).parse();
                let config = candidate(
                    self.zookeeper.settings(),
                    name.map_err(Error::msg)?,
                    own_name(),
                );
                StoreKind::ZooKeeper(Box::new(config.map_err(Error::msg)?))
            }
            Some(state) => StoreKind::File(state),
            None => StoreKind::File(match account.name.as_str() {
                "root" => PathBuf::from("/var/lib/heartline/nodes.json"),
                _ => account.home.join(".local/state/heartline/nodes.json"),
            }),
        };
        Ok(ServerConfig {
            listen: self.listen,
            keeping,
            takes_bare: secret.is_none(),
            secret,
            any_address: self.any_address,
            rules: Rules {
                detection: DetectorConfig {
                    rule: self.detector.into(),
                    timeout: self.timeout,
                    longest_gap: TICK * 3,
                },
                reconnect_timeout: self.reconnect_timeout,
                grace: self.timeout.max(RETURN),
                most: self.nodes,
                most_of_one: self.names_per_address,
                domain: self.domain,
            },
            connections: self.connections,
            connections_of_one: self.connections_per_address,
            own: ServerIdentity {
                hostname: own_name(),
                ip: self
                    .advertise
                    .unwrap_or_else(|| announced_address(self.listen.ip()))
                    .to_string(),
                username: account.name.to_string(),
                key,
            },
            metrics: self.metrics.address,
        })
    }
}

impl NodeArgs {
    /// Builds the agent's configuration. `key` loads the existing key or creates one.
    fn plan(
        self,
        role: NodeRole,
        interval: Duration,
        key: fn(&Path, &Account) -> anyhow::Result<OwnKey>,
    ) -> anyhow::Result<AgentPlan> {
        let secret = self.client.secret()?;
        let name = match self.hostname {
            Some(name) => name,
            None => own_name()
                .parse()
                .context("give this node's name with --hostname")?,
        };
        let account = Account::of(self.user.as_ref())?;
        let path = self.key.unwrap_or_else(|| key::usual(&account));
        let key = key(&path, &account)?;
        let keys = self.authorized_keys;
        Ok(AgentPlan {
            servers: self.client.servers,
            secret,
            role,
            name,
            ip: self.ip,
            key,
            interval,
            place: ManagedFiles::new(
                self.hosts_file,
                keys.unwrap_or_else(|| account.home.join(".ssh/authorized_keys")),
                account,
            ),
        })
    }
}

fn own_name() -> String {
    uname().nodename().to_string_lossy().into_owned()
}
