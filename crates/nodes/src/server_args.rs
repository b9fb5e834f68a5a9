//! The command line of `heartline nodes server`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Error, bail};
use clap::Args;

use super::active_server::{ServerConfig, StoreKind};
use super::agent::RETURN;
use super::coordinator::TICK;
use super::credentials::{CredentialOptions, Credentials};
use super::fields::{HostName, PublicKey};
use super::metrics::MetricsOptions;
use super::options::{Account, between, machine_name};
use super::publish::ServerIdentity;
use super::roster::Rules;
use super::server::announced_address;
use super::succession::candidate;
use super::tls::TlsServer;
use heartline_cli::{RuleValue, ZooKeeperOptions, duration};
use heartline_core::detect::DetectorConfig;
use heartline_process::files::{Named, SMALL, read_named};

/// The value of `--state` that selects ZooKeeper instead of a file.
const ZOOKEEPER: &str = "zookeeper";

#[derive(Args, Debug)]
pub(super) struct ServerArgs {
    /// Address and port to listen on
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:50091")]
    listen: SocketAddr,

    /// File that holds every acknowledged change [default: ~/.local/state/heartline/nodes.json, for root
    /// /var/lib/heartline/nodes.json]; or zookeeper, which allows several servers of which one is active
    #[arg(long, value_name = "FILE|zookeeper")]
    state: Option<PathBuf>,

    #[command(flatten)]
    credentials: CredentialOptions,

    /// Name of a certificate whose owner may forget every node, with TLS; can be repeated
    #[arg(long, value_name = "NAME")]
    operator: Vec<HostName>,

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

impl ServerArgs {
    /// Checks the options, and reads the files that they name.
    #[expect(clippy::too_many_lines, reason = "one check for each option")]
    pub(super) fn plan(self) -> anyhow::Result<ServerConfig> {
        let loopback = self.listen.ip().is_loopback();
        if self.credentials.is_open() && !loopback {
            bail!(
                "--listen {} can be reached from other machines: name the cluster's secret with --secret-file, or \
                 certificates with --tls-ca and --tls-cert, or listen on 127.0.0.1:{}; --insecure-seed-protocol trusts \
                 every client",
                self.listen,
                self.listen.port()
            );
        }
        let Credentials { secret, tls } = self.credentials.read()?;
        if tls.is_none() && !self.operator.is_empty() {
            bail!("--operator is the name of a certificate, and needs --tls-ca and --tls-cert");
        }
        let tls = tls.map(|files| TlsServer::open(files, self.operator));
        let tls = tls.transpose().map_err(Error::msg)?.map(Arc::new);
        let key = match &self.public_key {
            None => None,
            Some(path) => {
                let text = read_named(path, SMALL)
                    .and_then(Named::text)
                    .with_context(|| format!("--public-key {} cannot be read", path.display()))?;
                let key: PublicKey = text
                    .parse()
                    .with_context(|| format!("--public-key {}", path.display()))?;
                Some(key.to_string())
            }
        };
        let account = Account::of(None)?;
        let keeping = match self.state {
            Some(state) if state.as_os_str() == ZOOKEEPER => {
                // Several servers on one machine differ in their ports.
                let name = format!("{}.{}", machine_name(), self.listen.port()).parse();
                let config = candidate(
                    self.zookeeper.settings(),
                    name.map_err(Error::msg)?,
                    machine_name(),
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
            tls,
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
                hostname: machine_name(),
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

/// Parses a timeout that leaves room for several heartbeats and for the server's own tick.
fn timeout(text: &str) -> Result<Duration, String> {
    between(text, TICK * 3, Duration::from_secs(86_400))
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("must be a whole number, at least 1".to_owned()),
    }
}
