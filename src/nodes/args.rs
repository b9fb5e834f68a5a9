//! The command line of `heartline nodes`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Error, bail};
use clap::{Args, Subcommand};
use rustix::system::uname;

use super::agent::{self, RETURN};
use super::coordinator::TICK;
use super::fields::{HostName, UserName};
use super::key::{self, OwnKey};
use super::list;
use super::managed_files::ManagedFiles;
use super::message::Role;
use super::options::{Account, ClientOptions, SecretOptions};
use super::publish::ServerIdentity;
use super::roster::Rules;
use super::server::{self, StoreKind, told_address};
use super::succession::candidate;
use super::{PROGRAM, agent::AgentConfig as AgentPlan};
use crate::cli::{ZooKeeperOptions, duration, run};
use crate::detect::{DetectorConfig, Rule};
use crate::files::{Named, SMALL, read_named};
use crate::say::say;

/// What `--state` says instead of a file's name.
const ZOOKEEPER: &str = "zookeeper";

/// `heartline nodes`
#[derive(Args, Debug)]
pub struct NodesArgs {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand, Debug)]
enum Part {
    /// Learn of every node, and tell all of them about all
    Server(Box<ServerArgs>),
    /// Register this machine, beat, and keep its /etc/hosts and `authorized_keys` right
    Agent(Box<AgentArgs>),
    /// Show all nodes
    List(ListArgs),
    /// Free a node's name and address, and take its entries away everywhere
    Forget(ForgetArgs),
}

#[derive(Args, Debug)]
struct ServerArgs {
    /// Where to listen
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:50091")]
    listen: SocketAddr,

    /// The file that keeps what was acknowledged [default: ~/.local/state/heartline/nodes.json, as root
    /// /var/lib/heartline/nodes.json]; or zookeeper: then several servers stand by for one another
    #[arg(long, value_name = "FILE|zookeeper")]
    state: Option<PathBuf>,

    #[command(flatten)]
    secret: SecretOptions,

    /// How long a node may be silent before it is dead
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = timeout)]
    timeout: Duration,

    /// How it is judged: adaptive gives longer to those whose beats come irregularly, and to many at once
    #[arg(long, value_name = "RULE", value_enum, default_value_t)]
    detector: Rule,

    /// How long an agent may take to come back when its connection is lost
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    patience: Duration,

    /// Take only names that end in this one
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<HostName>,

    /// Take addresses that are not those of their connections: nodes behind a translation of addresses
    #[arg(long)]
    any_address: bool,

    /// The address that nodes are told [default: the one of --listen, or the machine's own]
    #[arg(long, value_name = "IP")]
    advertise: Option<IpAddr>,

    /// The public key that nodes are told as the server's; they do not let it in
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,

    /// So many nodes there may be
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = count)]
    nodes: usize,

    /// So many connections may be open
    #[arg(long, value_name = "COUNT", default_value_t = 12_000, value_parser = count)]
    connections: usize,

    /// So many connections of one address may be open
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = count)]
    connections_per_address: usize,

    /// So many names one address may have had; of those that are dead and not forgotten
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = count)]
    names_per_address: usize,

    // The last: what follows would stand below its heading.
    /// For --state zookeeper.
    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

#[derive(Args, Debug)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
struct AgentArgs {
    #[command(subcommand)]
    action: Option<AgentAction>,

    /// What this node is
    #[arg(long, value_enum, required = true)]
    role: Option<Role>,

    /// How often to beat
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = interval)]
    interval: Duration,

    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Subcommand, Debug)]
enum AgentAction {
    /// Take this node's blocks out of its files, and its name out of the cluster; an agent that runs ends
    Leave(Box<NodeArgs>),
}

/// What an agent and its leave share.
#[derive(Args, Clone, Debug)]
struct NodeArgs {
    #[command(flatten)]
    client: ClientOptions,

    /// This node's name [default: the machine's]
    #[arg(long, value_name = "NAME")]
    hostname: Option<HostName>,

    /// The address that others are told [default: the one by which this machine reaches the server]
    #[arg(long, value_name = "IP")]
    ip: Option<IpAddr>,

    /// Whose key and `authorized_keys` [default: who runs this]
    #[arg(long, value_name = "NAME")]
    user: Option<UserName>,

    /// The user's key, made if it is not there [default: `id_ed25519`, `id_ecdsa` or `id_rsa`
    /// in ~/.ssh]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Where names are written
    #[arg(long, value_name = "FILE", default_value = "/etc/hosts")]
    hosts_file: PathBuf,

    /// Where keys are written [default: `~/.ssh/authorized_keys`]
    #[arg(long, value_name = "FILE")]
    authorized_keys: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    client: ClientOptions,

    /// One JSON object a line
    #[arg(long)]
    json: bool,

    /// Again on each change
    #[arg(long)]
    watch: bool,
}

#[derive(Args, Debug)]
struct ForgetArgs {
    /// The node's name
    #[arg(value_name = "NAME")]
    name: HostName,

    /// Also if it lives: then it registers again, unless its agent is ended
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    client: ClientOptions,
}

impl NodesArgs {
    /// Does what was asked for.
    pub fn run(self) -> ExitCode {
        match self.part {
            Part::Server(args) => match args.plan() {
                Ok(plan) => run(PROGRAM, server::run(plan)),
                Err(why) => usage(&why),
            },
            Part::Agent(args) => match args.action {
                Some(AgentAction::Leave(node)) => {
                    match node.plan(Role::Slave, Duration::from_secs(1), OwnKey::there) {
                        Ok(plan) => run(PROGRAM, agent::leave(plan)),
                        Err(why) => usage(&why),
                    }
                }
                None => match args.node.plan(
                    args.role.unwrap_or(Role::Slave),
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

/// What was asked for cannot be done so; or the machine does not let it be done.
fn usage(why: &anyhow::Error) -> ExitCode {
    say(PROGRAM, format_args!("{why:#}"));
    ExitCode::from(if why.is::<NoKey>() { 1 } else { 2 })
}

/// There is no key, and none can be made: nothing is wrong with the words.
#[derive(Debug, thiserror::Error)]
#[error("this node has no key")]
struct NoKey;

/// The server takes no more than 50 messages a second, and no connection that is silent for a minute.
fn interval(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_millis(50), Duration::from_secs(20))
}

/// Some beats fit into it, and the server's own look at the clock.
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
    fn plan(self) -> anyhow::Result<server::ServerConfig> {
        let loopback = self.listen.ip().is_loopback();
        if self.secret.is_open() && !loopback {
            bail!(
                "--listen {} can be reached from other machines: name the cluster's secret with --secret-file, or \
                 listen on 127.0.0.1:{}; --insecure-seed-protocol takes everybody's word",
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
                // Whoever runs several on one machine tells them by their ports.
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
        Ok(server::ServerConfig {
            listen: self.listen,
            keeping,
            takes_bare: secret.is_none(),
            secret,
            any_address: self.any_address,
            rules: Rules {
                detection: DetectorConfig {
                    rule: self.detector,
                    timeout: self.timeout,
                    longest_gap: TICK * 3,
                },
                patience: self.patience,
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
                    .unwrap_or_else(|| told_address(self.listen.ip()))
                    .to_string(),
                username: account.name.to_string(),
                key,
            },
        })
    }
}

impl NodeArgs {
    /// `key` takes the key that is there, or makes one.
    fn plan(
        self,
        role: Role,
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
