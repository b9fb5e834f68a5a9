//! A cluster as it is described: a checked description with all defaults filled in, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::ValueEnum;
use strum::{Display, EnumString};

use super::role::{Port, Role};
use heartline_zookeeper::place;

/// The kind of the hosts of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub enum HostKind {
    /// Addresses in this machine's loopback network, one per host: 127.x.y.ID
    Loopback,
    /// Network namespaces on this machine, one per host, each with its own address and name; needs root
    Netns,
    /// Separate machines
    Own,
}

/// How the parts of a cluster and its users prove to each other who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Authentication {
    /// Not at all: everybody is who they say they are.
    #[default]
    Simple,
    /// By Kerberos, with a realm of the cluster's own, and with TLS.
    Kerberos,
}

/// A configuration file that accepts further properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumString)]
pub enum File {
    /// ZooKeeper's file.
    #[strum(serialize = "zoo.cfg")]
    Zoo,
    /// The file that all parts of Hadoop read.
    #[strum(serialize = "core-site")]
    Core,
    /// The file of HDFS.
    #[strum(serialize = "hdfs-site")]
    Hdfs,
    /// The file of YARN.
    #[strum(serialize = "yarn-site")]
    Yarn,
    /// The file of MapReduce.
    #[strum(serialize = "mapred-site")]
    Mapred,
    /// The file of YARN's capacity scheduler.
    #[strum(serialize = "capacity-scheduler")]
    Scheduler,
    /// The file of a Kafka broker.
    #[strum(serialize = "server.properties")]
    Kafka,
}

/// Names and values, in the order in which they are written.
pub(super) type Properties = Vec<(String, String)>;

/// A whole cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The name of the cluster: HDFS's nameservice and YARN's cluster id.
    pub name: String,
    /// The kind of its hosts.
    pub host_kind: HostKind,
    /// How its parts and users authenticate.
    pub authentication: Authentication,
    /// The folder of everything that belongs to the cluster; except with [`HostKind::Own`], it contains a folder per
    /// host.
    pub folder: PathBuf,
    /// The first three numbers of all addresses, each with its dot; except with [`HostKind::Own`].
    pub network: String,
    /// The hosts, ordered by id.
    pub hosts: Vec<Host>,
    pub(super) heap: BTreeMap<Role, u32>,
    pub(super) properties: BTreeMap<File, Properties>,
}

/// One host of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The host's number: `myid` and `broker.id`.
    pub id: u16,
    /// The host's name.
    pub name: String,
    /// The address at which heartline reaches the host; numeric for hosts on this machine.
    pub address: String,
    /// The name or address of the host in all configuration files.
    pub called: String,
    /// The roles of the host, including [`Role::Zkfc`] where one is needed.
    pub roles: BTreeSet<Role>,
    pub(super) ports: BTreeMap<Port, u16>,
}

impl Role {
    /// The id of this role on `host`, the `number`th of its role from 1: `nn1`, `rm2`, a broker's number. Most roles
    /// have only their host's name, hence `None`.
    pub(super) fn id(self, host: &Host, number: usize) -> Option<String> {
        match self {
            Self::Namenode | Self::Zkfc => Some(format!("nn{number}")),
            Self::Resourcemanager => Some(format!("rm{number}")),
            Self::Kafka => Some(host.id.to_string()),
            _ => None,
        }
    }
}

impl Host {
    /// The number of a port.
    pub fn port(&self, port: Port) -> u16 {
        self.ports
            .get(&port)
            .copied()
            .unwrap_or_else(|| port.default())
    }

    /// `HOST:PORT` as the configuration of all hosts names it.
    pub fn place(&self, port: Port) -> String {
        place(&self.called, self.port(port))
    }

    /// `HOST:PORT` as heartline reaches it.
    pub fn reached(&self, port: Port) -> String {
        place(&self.address, self.port(port))
    }

    /// Whether the host has this role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

impl Cluster {
    /// Whether the cluster has Kerberos and TLS.
    pub fn is_secure(&self) -> bool {
        self.authentication == Authentication::Kerberos
    }

    /// Changes how parts and users authenticate. With Kerberos, the first host gets the KDC, unless another has it.
    pub(super) fn set_authentication(&mut self, authentication: Authentication) {
        self.authentication = authentication;
        match authentication {
            Authentication::Simple => {
                for host in &mut self.hosts {
                    host.roles.remove(&Role::Kdc);
                }
            }
            Authentication::Kerberos if self.with(Role::Kdc).next().is_none() => {
                if let Some(first) = self.hosts.first_mut() {
                    first.roles.insert(Role::Kdc);
                }
            }
            Authentication::Kerberos => {}
        }
    }

    /// The hosts with this role.
    pub fn with(&self, role: Role) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |host| host.is(role))
    }

    /// The hosts with ZooKeeper servers, including observers.
    pub fn ensemble(&self) -> impl Iterator<Item = &Host> {
        self.hosts
            .iter()
            .filter(|host| host.is(Role::Zookeeper) || host.is(Role::Observer))
    }

    /// The ensemble's address for clients within the cluster: `h1:2181,h2:2181`.
    pub fn quorum(&self) -> String {
        list(self.ensemble().map(|host| host.place(Port::Zookeeper)), ",")
    }

    /// The ensemble's address for heartline.
    pub fn quorum_reached(&self) -> String {
        list(
            self.ensemble().map(|host| host.reached(Port::Zookeeper)),
            ",",
        )
    }

    /// The ids of the `NameNode`s (`nn1`, `nn2`) and their hosts.
    pub fn namenodes(&self) -> Vec<(String, &Host)> {
        self.numbered(Role::Namenode)
    }

    /// The ids of the `ResourceManager`s (`rm1`, `rm2`) and their hosts.
    pub fn resourcemanagers(&self) -> Vec<(String, &Host)> {
        self.numbered(Role::Resourcemanager)
    }

    fn numbered(&self, role: Role) -> Vec<(String, &Host)> {
        let hosts = self.with(role).zip(1..);
        let named = hosts.map(|(host, number)| (role.id(host, number).unwrap_or_default(), host));
        named.collect()
    }

    /// Whether there is a standby NameNode.
    pub fn has_standby_namenode(&self) -> bool {
        self.with(Role::Namenode).nth(1).is_some()
    }

    /// Whether there is a standby ResourceManager.
    pub fn has_standby_resourcemanager(&self) -> bool {
        self.with(Role::Resourcemanager).nth(1).is_some()
    }

    /// The URI of HDFS for clients; `None` if there is no HDFS.
    pub fn file_system(&self) -> Option<String> {
        let mut namenodes = self.with(Role::Namenode);
        let first = namenodes.next()?;
        Some(match namenodes.next() {
            Some(_) => format!("hdfs://{}", self.name),
            None => format!("hdfs://{}", first.place(Port::Namenode)),
        })
    }

    /// The id by which HDFS recognizes the folders of this cluster.
    pub fn id(&self) -> String {
        format!("CID-heartline-{}", self.name)
    }

    /// The maximum Java heap of a role, in MiB.
    pub fn heap(&self, role: Role) -> u32 {
        self.heap.get(&role).copied().unwrap_or_else(|| role.heap())
    }

    /// The folder of a host.
    pub fn home(&self, host: &Host) -> PathBuf {
        match self.host_kind {
            HostKind::Own => self.folder.clone(),
            HostKind::Loopback | HostKind::Netns => self.folder.join(&host.name),
        }
    }

    /// The configuration folder of a host.
    pub fn conf(&self, host: &Host) -> PathBuf {
        self.home(host).join("conf")
    }

    /// The data folder of a role on a host.
    pub fn data(&self, host: &Host, role: Role) -> PathBuf {
        // Observers and voters share a folder, since an observer may become a voter and vice versa.
        let role = match role {
            Role::Observer => Role::Zookeeper,
            role => role,
        };
        self.home(host).join("data").join(role.to_string())
    }

    /// The log folder of a host.
    pub fn logs(&self, host: &Host) -> PathBuf {
        self.home(host).join("logs")
    }

    /// The log file of a role on a host.
    pub fn log(&self, host: &Host, role: Role) -> PathBuf {
        self.logs(host).join(format!("{role}.log"))
    }

    /// The pid file of a role on a host.
    pub fn pid_file(&self, host: &Host, role: Role) -> PathBuf {
        self.home(host).join("run").join(format!("{role}.pid"))
    }

    /// The further properties of a file.
    pub(super) fn further(&self, file: File) -> &[(String, String)] {
        self.properties.get(&file).map_or(&[], Vec::as_slice)
    }
}

/// The default folder of a cluster of this name.
pub(super) fn default_folder(name: &str) -> PathBuf {
    home().join("clusters").join(name)
}

/// The folder for everything that heartline fetches or creates.
pub(super) fn home() -> PathBuf {
    let home = std::env::var_os("HEARTLINE_HOME_DIR");
    home.map_or_else(|| PathBuf::from(".heartline"), PathBuf::from)
}

/// Joins items with a separator.
pub(super) fn list(items: impl Iterator<Item = String>, separator: &str) -> String {
    items.collect::<Vec<_>>().join(separator)
}
