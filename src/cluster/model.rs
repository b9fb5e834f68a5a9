//! A cluster as it is meant: a checked description with nothing left open, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::ValueEnum;
use strum::{Display, EnumString};

use super::role::{Port, Role};
use crate::coordination::place;

/// What the hosts of a description are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub enum HostKind {
    /// An address each of this machine's loopback network: 127.x.y.ID
    Loopback,
    /// A network namespace each on this machine, with an address and a name of its own; needs root
    Netns,
    /// Machines of their own
    Own,
}

/// A file that properties go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumString)]
pub enum File {
    /// `ZooKeeper`'s.
    #[strum(serialize = "zoo.cfg")]
    Zoo,
    /// What all of Hadoop reads.
    #[strum(serialize = "core-site")]
    Core,
    /// HDFS's.
    #[strum(serialize = "hdfs-site")]
    Hdfs,
    /// YARN's.
    #[strum(serialize = "yarn-site")]
    Yarn,
    /// MapReduce's.
    #[strum(serialize = "mapred-site")]
    Mapred,
    /// YARN's scheduler's.
    #[strum(serialize = "capacity-scheduler")]
    Scheduler,
    /// Kafka's.
    #[strum(serialize = "server.properties")]
    Kafka,
}

/// Names and values, in the order in which they are written.
pub(super) type Properties = Vec<(String, String)>;

/// A whole cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// HDFS's nameservice and YARN's cluster id.
    pub name: String,
    /// What its hosts are.
    pub form: HostKind,
    /// Where everything of it lies; a folder of each host's name in it, but for [`HostKind::Own`].
    pub folder: PathBuf,
    /// The first three numbers of all addresses, each with its dot, but for [`HostKind::Own`].
    pub network: String,
    /// The hosts, by their id.
    pub hosts: Vec<Host>,
    pub(super) heap: BTreeMap<Role, u32>,
    pub(super) properties: BTreeMap<File, Properties>,
}

/// One host of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `myid` and `broker.id`.
    pub id: u16,
    /// What it is called.
    pub name: String,
    /// How it is reached from where heartline runs: a number on one machine.
    pub address: String,
    /// How the other hosts call it, in all configuration.
    pub called: String,
    /// What runs there; a [`Role::Zkfc`] among it where one belongs.
    pub roles: BTreeSet<Role>,
    pub(super) ports: BTreeMap<Port, u16>,
}

impl Role {
    /// What the one on `host`, the `number`th of its role from 1, is called: `nn1`, `rm2`, a broker's number. Most have
    /// only their host's name.
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

    /// A port as the configuration of all hosts names it.
    pub fn place(&self, port: Port) -> String {
        place(&self.called, self.port(port))
    }

    /// A port as it is reached from where heartline runs.
    pub fn reached(&self, port: Port) -> String {
        place(&self.address, self.port(port))
    }

    /// Whether it runs `role`.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

impl Cluster {
    /// The hosts that run `role`.
    pub fn with(&self, role: Role) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |host| host.is(role))
    }

    /// The `ZooKeeper` servers, observers too.
    pub fn ensemble(&self) -> impl Iterator<Item = &Host> {
        self.hosts
            .iter()
            .filter(|host| host.is(Role::Zookeeper) || host.is(Role::Observer))
    }

    /// The ensemble as clients within the cluster take it: `h1:2181,h2:2181`.
    pub fn quorum(&self) -> String {
        list(self.ensemble().map(|host| host.place(Port::Zookeeper)), ",")
    }

    /// The ensemble as it is reached from where heartline runs.
    pub fn quorum_reached(&self) -> String {
        list(
            self.ensemble().map(|host| host.reached(Port::Zookeeper)),
            ",",
        )
    }

    /// `nn1`, `nn2` and their hosts.
    pub fn namenodes(&self) -> Vec<(String, &Host)> {
        self.numbered(Role::Namenode)
    }

    /// `rm1`, `rm2` and their hosts.
    pub fn resourcemanagers(&self) -> Vec<(String, &Host)> {
        self.numbered(Role::Resourcemanager)
    }

    fn numbered(&self, role: Role) -> Vec<(String, &Host)> {
        let hosts = self.with(role).zip(1..);
        let named = hosts.map(|(host, number)| (role.id(host, number).unwrap_or_default(), host));
        named.collect()
    }

    /// Whether one `NameNode` stands by for another.
    pub fn has_standby_namenode(&self) -> bool {
        self.with(Role::Namenode).nth(1).is_some()
    }

    /// Whether one `ResourceManager` stands by for another.
    pub fn has_standby_resourcemanager(&self) -> bool {
        self.with(Role::Resourcemanager).nth(1).is_some()
    }

    /// Where HDFS is, as clients name it; `None` if there is none.
    pub fn file_system(&self) -> Option<String> {
        let mut namenodes = self.with(Role::Namenode);
        let first = namenodes.next()?;
        Some(match namenodes.next() {
            Some(_) => format!("hdfs://{}", self.name),
            None => format!("hdfs://{}", first.place(Port::Namenode)),
        })
    }

    /// By which HDFS knows its own folders from another one's.
    pub fn id(&self) -> String {
        format!("CID-heartline-{}", self.name)
    }

    /// The greatest heap of a role's Java, in MiB.
    pub fn heap(&self, role: Role) -> u32 {
        self.heap.get(&role).copied().unwrap_or_else(|| role.heap())
    }

    /// Where everything of a host lies.
    pub fn home(&self, host: &Host) -> PathBuf {
        match self.form {
            HostKind::Own => self.folder.clone(),
            HostKind::Loopback | HostKind::Netns => self.folder.join(&host.name),
        }
    }

    /// Where a host's configuration lies.
    pub fn conf(&self, host: &Host) -> PathBuf {
        self.home(host).join("conf")
    }

    /// Where a role of a host keeps its data.
    pub fn data(&self, host: &Host, role: Role) -> PathBuf {
        // Observers and voters keep the same: one may become the other.
        let role = match role {
            Role::Observer => Role::Zookeeper,
            role => role,
        };
        self.home(host).join("data").join(role.to_string())
    }

    /// Where a host's logs lie.
    pub fn logs(&self, host: &Host) -> PathBuf {
        self.home(host).join("logs")
    }

    /// What a role of a host says.
    pub fn log(&self, host: &Host, role: Role) -> PathBuf {
        self.logs(host).join(format!("{role}.log"))
    }

    /// Where a role of a host writes who it is.
    pub fn pid_file(&self, host: &Host, role: Role) -> PathBuf {
        self.home(host).join("run").join(format!("{role}.pid"))
    }

    /// Further properties of a file.
    pub(super) fn further(&self, file: File) -> &[(String, String)] {
        self.properties.get(&file).map_or(&[], Vec::as_slice)
    }
}

/// Where clusters lie unless told otherwise.
pub(super) fn default_folder(name: &str) -> PathBuf {
    home().join("clusters").join(name)
}

/// Where everything fetched or made lies.
pub(super) fn home() -> PathBuf {
    let home = std::env::var_os("HEARTLINE_HOME_DIR");
    home.map_or_else(|| PathBuf::from(".heartline"), PathBuf::from)
}

/// What is joined by a separator.
pub(super) fn list(items: impl Iterator<Item = String>, separator: &str) -> String {
    items.collect::<Vec<_>>().join(separator)
}
