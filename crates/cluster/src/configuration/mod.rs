//! The configuration files of a cluster as texts: what an administrator would write by hand on every host.

mod core;
mod hdfs;
mod jaas;
mod kafka;
mod mapred;
mod secure;
mod xml;
mod yarn;
mod zookeeper;

use std::path::{Path, PathBuf};

use super::disk::{put, put_private};
use super::model::{Cluster, File, Host, HostKind, Properties, list};
use super::role::{Port, Role};

/// The logging configuration of everything that heartline starts: one line per event, on stderr.
const LOG4J: &str = include_str!("log4j.properties");

/// The paths that a cluster on this machine needs; separate machines do not use them, since each has its own Hadoop.
#[derive(Clone, Debug)]
pub struct LocalPaths {
    /// The folder of Hadoop's jars.
    pub jars: PathBuf,
    /// The folder of Hadoop's native library, for clusters with Kerberos.
    pub native: PathBuf,
    /// The path of this program, which Hadoop calls for fencing.
    pub heartline: PathBuf,
}

/// The files with passwords of stores.
const PRIVATE: [&str; 4] = [
    "ssl-server.xml",
    "ssl-client.xml",
    "server.properties",
    kafka::CLIENT,
];

/// The name of the JAAS file of a role, if it has one.
pub(super) fn jaas_name(role: Role) -> Option<String> {
    jaas::name(role)
}

/// One configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// The file's name in the host's configuration folder.
    pub name: String,
    /// The file's content.
    pub text: String,
    /// Whether it holds a password: only its owner may read it.
    pub private: bool,
}

impl ConfigFile {
    /// Writes the file into a folder.
    pub(super) fn write_into(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(&self.name);
        if self.private {
            put_private(&path, &self.text)
        } else {
            put(&path, &self.text)
        }
    }
}

/// All configuration files of a host.
pub fn files(cluster: &Cluster, host: &Host, machine: &LocalPaths) -> Vec<ConfigFile> {
    let context = ConfigContext {
        cluster,
        host,
        machine,
    };
    let mut files = Vec::new();
    let mut add = |name: &str, text: String| {
        files.push(ConfigFile {
            private: PRIVATE.contains(&name),
            name: name.to_owned(),
            text,
        });
    };
    if cluster.ensemble().any(|server| server == host) {
        add("zoo.cfg", zookeeper::text(&context));
        add("myid", format!("{}\n", host.id));
    }
    if host.is(Role::Kafka) {
        add("server.properties", kafka::text(&context));
    }
    if cluster.is_secure() {
        for role in &host.roles {
            if let Some(name) = jaas::name(*role) {
                add(&name, jaas::text(&context, *role));
            }
        }
        if cluster.with(Role::Kafka).next().is_some() {
            add(kafka::CLIENT, kafka::client(&context));
        }
    }
    let site = |properties: Properties| xml::site(&properties);
    if cluster.file_system().is_some() || cluster.with(Role::Resourcemanager).next().is_some() {
        add("core-site.xml", site(core::properties(&context)));
        add("mapred-site.xml", site(mapred::properties(&context)));
        add("workers", workers(cluster));
        if cluster.is_secure() {
            add("ssl-server.xml", site(secure::ssl_server(&context)));
            add("ssl-client.xml", site(secure::ssl_client(&context)));
        }
    }
    if cluster.file_system().is_some() {
        add("hdfs-site.xml", site(hdfs::properties(&context)));
    }
    if cluster.with(Role::Resourcemanager).next().is_some() {
        add("yarn-site.xml", site(yarn::properties(&context)));
        add("capacity-scheduler.xml", site(yarn::scheduler(&context)));
    }
    if cluster.host_kind != HostKind::Own {
        add("log4j.properties", LOG4J.to_owned());
    }
    files
}

/// The list of hosts that start scripts log in to; Hadoop 3 calls the file `workers`, Hadoop 2 `slaves`.
fn workers(cluster: &Cluster) -> String {
    let works = |host: &&Host| host.is(Role::Datanode) || host.is(Role::Nodemanager);
    let workers = cluster.hosts.iter().filter(works);
    list(workers.map(|host| format!("{}\n", host.called)), "")
}

/// The inputs for all files.
struct ConfigContext<'a> {
    cluster: &'a Cluster,
    host: &'a Host,
    machine: &'a LocalPaths,
}

impl ConfigContext<'_> {
    /// The address on which this host listens; on a separate machine, all addresses.
    fn listen(&self, port: Port) -> String {
        match self.cluster.host_kind {
            HostKind::Own => format!("0.0.0.0:{}", self.host.port(port)),
            HostKind::Loopback | HostKind::Netns => self.host.place(port),
        }
    }

    /// The scheme of web pages, as names of properties have it.
    fn scheme(&self) -> &'static str {
        if self.cluster.is_secure() {
            "https"
        } else {
            "http"
        }
    }

    fn on_one_machine(&self) -> bool {
        self.cluster.host_kind != HostKind::Own
    }

    /// The data folder of a role on this host.
    fn data(&self, role: Role) -> PathBuf {
        self.cluster.data(self.host, role)
    }

    /// Merges the properties with those of the description, which take precedence.
    fn with_further(&self, file: File, properties: Vec<(String, String)>) -> Properties {
        let mut properties = properties;
        for (name, value) in self.cluster.further(file) {
            match properties.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.clone_from(value),
                None => properties.push((name.clone(), value.clone())),
            }
        }
        properties
    }
}

/// A list of properties under construction.
#[derive(Default)]
struct Growing(Properties);

impl Growing {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers, truths and texts alike"
    )]
    fn put(&mut self, name: impl Into<String>, value: impl ToString) {
        self.0.push((name.into(), value.to_string()));
    }
}

/// The properties as `NAME=VALUE` lines.
fn lines(properties: &[(String, String)]) -> String {
    let line = |(name, value): &(String, String)| format!("{name}={value}\n");
    list(properties.iter().map(line), "")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::parse::read;
    use super::*;

    fn file(sample: &str, host_kind: HostKind, host: &str, name: &str) -> String {
        let (cluster, _) = read(sample, Path::new("."), host_kind).unwrap();
        let machine = LocalPaths {
            jars: "/jars".into(),
            native: "/native".into(),
            heartline: "/heartline".into(),
        };
        let host = cluster.hosts.iter().find(|it| it.name == host).unwrap();
        let files = files(&cluster, host, &machine);
        let found = files.into_iter().find(|file| file.name == name);
        found.map_or_else(String::new, |file| file.text)
    }

    fn value(site: &str, name: &str) -> Option<String> {
        let (_, rest) = site.split_once(&format!("<name>{name}</name>"))?;
        let (_, rest) = rest.split_once("<value>")?;
        Some(rest.split_once("</value>")?.0.to_owned())
    }

    const HA: &str = include_str!("../../../../sample-data/clusters/three-hosts-ha.toml");
    const OBSERVERS: &str = include_str!("../../../../sample-data/clusters/observers-kafka.toml");

    #[test]
    fn an_ensemble_names_its_observers() {
        let zoo = file(OBSERVERS, HostKind::Own, "k1", "zoo.cfg");
        assert!(zoo.contains("server.1=z1:2888:3888\n"), "{zoo}");
        assert!(zoo.contains("server.4=k1:2888:3888:observer\n"), "{zoo}");
        assert!(zoo.contains("peerType=observer\n"), "{zoo}");
        assert_eq!(file(OBSERVERS, HostKind::Own, "k1", "myid"), "4\n");
        let voter = file(OBSERVERS, HostKind::Own, "z1", "zoo.cfg");
        assert!(!voter.contains("peerType"), "{voter}");
        let broker = file(OBSERVERS, HostKind::Own, "k1", "server.properties");
        assert!(broker.contains("broker.id=4\n"), "{broker}");
        assert!(
            broker.contains("zookeeper.connect=z1:2181,z2:2181"),
            "{broker}"
        );
    }

    #[test]
    fn two_namenodes_share_a_journal_and_fence_one_another() {
        let hdfs = file(HA, HostKind::Own, "h1", "hdfs-site.xml");
        let is = |name: &str, expected: &str| {
            assert_eq!(value(&hdfs, name).as_deref(), Some(expected), "{name}");
        };
        is("dfs.nameservices", "mycluster");
        is("dfs.ha.namenodes.mycluster", "nn1,nn2");
        is("dfs.namenode.rpc-address.mycluster.nn2", "h2:8020");
        is("dfs.namenode.http-address.mycluster.nn1", "h1:50070");
        is(
            "dfs.namenode.shared.edits.dir",
            "qjournal://h1:8485;h2:8485;h3:8485/mycluster",
        );
        is("dfs.ha.fencing.methods", "sshfence");
        is("dfs.ha.automatic-failover.enabled", "true");
        // All hosts get the same files.
        assert_eq!(hdfs, file(HA, HostKind::Own, "h2", "hdfs-site.xml"));
        let core = file(HA, HostKind::Own, "h1", "core-site.xml");
        assert_eq!(
            value(&core, "fs.defaultFS").as_deref(),
            Some("hdfs://mycluster")
        );
        let quorum = value(&core, "ha.zookeeper.quorum");
        assert_eq!(quorum.as_deref(), Some("h1:2181,h2:2181,h3:2181"));
    }

    #[test]
    fn hosts_of_one_machine_know_which_they_are() {
        for (host, id) in [("h1", "nn1"), ("h2", "nn2")] {
            let hdfs = file(HA, HostKind::Loopback, host, "hdfs-site.xml");
            assert_eq!(value(&hdfs, "dfs.ha.namenode.id").as_deref(), Some(id));
            assert!(hdfs.contains("<value>127.91.2.1:8020</value>"), "{hdfs}");
            let fence = value(&hdfs, "dfs.ha.fencing.methods").unwrap();
            assert!(
                fence.starts_with("shell(/heartline cluster fence "),
                "{fence}"
            );
        }
        let netns = file(HA, HostKind::Netns, "h3", "hdfs-site.xml");
        let fence = value(&netns, "dfs.ha.fencing.methods").unwrap();
        assert!(fence.starts_with("sshfence\nshell("), "{fence}");
        assert_eq!(value(&netns, "dfs.ha.namenode.id"), None);
        // Each host logs in with its own key.
        for host in ["h1", "h2"] {
            let hdfs = file(HA, HostKind::Netns, host, "hdfs-site.xml");
            let key = value(&hdfs, "dfs.ha.fencing.ssh.private-key-files").unwrap();
            assert!(key.ends_with(&format!("/{host}/ssh/id_ecdsa")), "{key}");
        }
    }

    #[test]
    fn two_resourcemanagers_keep_their_state_in_zookeeper() {
        let yarn = file(HA, HostKind::Netns, "h2", "yarn-site.xml");
        let is = |name: &str, expected: &str| {
            assert_eq!(value(&yarn, name).as_deref(), Some(expected), "{name}");
        };
        is("yarn.resourcemanager.ha.rm-ids", "rm1,rm2");
        is("yarn.resourcemanager.hostname.rm1", "h1");
        is("yarn.resourcemanager.ha.id", "rm2");
        is("yarn.resourcemanager.recovery.enabled", "true");
        is("hadoop.zk.address", "h1:2181,h2:2181,h3:2181");
        // The description takes precedence.
        is("yarn.nm.liveness-monitor.expiry-interval-ms", "15000");
    }
}
