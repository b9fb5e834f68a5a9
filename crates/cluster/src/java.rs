//! The Java that runs a cluster's servers, and the command line of each server.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::configuration::jaas_name;
use super::model::{Cluster, Host};
use super::role::Role;
use super::secure;

/// The oldest Java version that Hadoop, ZooKeeper and Kafka run on.
const OLDEST: u32 = 11;
/// The advice for a machine without a suitable Java.
const INSTALL: &str =
    "install one, such as with apt-get install openjdk-17-jdk-headless, or set JAVA_HOME to it";

/// The argument by which the processes of a cluster are recognized.
pub(super) fn mark(folder: &Path) -> OsString {
    let mut mark = OsString::from("-Dheartline.cluster=");
    mark.push(folder);
    mark
}

/// A Java installation.
#[derive(Clone, Debug)]
pub(super) struct Java {
    /// The Java home: tasks are started with its `bin/java`.
    home: PathBuf,
}

impl Java {
    /// The program that makes keys and certificates.
    pub(super) fn keytool(&self) -> PathBuf {
        self.home.join("bin/keytool")
    }
}

impl Java {
    /// Finds the Java of `JAVA_HOME`, or else the one on the `PATH`. The error is the fault and its remedy.
    pub(super) fn find() -> Result<Self, (String, String)> {
        let wrong = |what: String| (what, INSTALL.to_owned());
        let (program, named) = match env::var_os("JAVA_HOME").filter(|home| !home.is_empty()) {
            Some(home) => (Path::new(&home).join("bin/java"), true),
            None => (PathBuf::from("java"), false),
        };
        let shown = program.display();
        let output = Command::new(&program)
            .args(["-XshowSettings:properties", "-version"])
            .output()
            .map_err(|error| {
                if named {
                    wrong(format!("JAVA_HOME has no Java: {shown}: {error}"))
                } else {
                    wrong("there is no Java: neither JAVA_HOME nor a java on the PATH".to_owned())
                }
            })?;
        let settings = String::from_utf8_lossy(&output.stderr);
        let property = |name: &str| {
            settings
                .lines()
                .find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix("= "))
        };
        let version = property("java.specification.version").unwrap_or("none");
        // Version 1.8 is Java 8.
        let major = version.strip_prefix("1.").unwrap_or(version);
        if major.parse::<u32>().unwrap_or(0) < OLDEST {
            return Err(wrong(format!(
                "{shown} is Java {version}; {OLDEST} or newer is needed"
            )));
        }
        let home =
            property("java.home").ok_or_else(|| wrong(format!("{shown} is not a Java runtime")))?;
        Ok(Self { home: home.into() })
    }
}

/// What the servers are started with.
#[derive(Clone, Debug)]
pub(super) struct Launcher<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) java: Java,
    /// The folder of the jars of Hadoop and ZooKeeper.
    pub(super) jars: PathBuf,
    /// The folder of Hadoop's native library.
    pub(super) native: PathBuf,
    /// The folder of Kafka's jars.
    pub(super) kafka_jars: PathBuf,
}

impl Launcher<'_> {
    /// The command line that runs the server of a role.
    pub(super) fn server(&self, host: &Host, role: Role) -> Command {
        let conf = self.cluster.conf(host);
        let file = |name: &str| Some(conf.join(name));
        let (class, argument) = match role {
            Role::Kdc => return secure::server(self.cluster, host),
            Role::Zookeeper | Role::Observer => (
                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                file("zoo.cfg"),
            ),
            Role::Journalnode => ("org.apache.hadoop.hdfs.qjournal.server.JournalNode", None),
            Role::Namenode => (NAMENODE, None),
            Role::Zkfc => (ZKFC, None),
            Role::Datanode => ("org.apache.hadoop.hdfs.server.datanode.DataNode", None),
            Role::Resourcemanager => (
                "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
                None,
            ),
            Role::Nodemanager => (
                "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
                None,
            ),
            Role::Kafka => ("kafka.Kafka", file("server.properties")),
        };
        // setsid detaches the server from the terminal.
        let mut command = self.java("setsid", host, role, class);
        command.args(argument);
        command
    }

    /// A tool that ends on its own, and together with the process that runs it.
    pub(super) fn tool(&self, host: &Host, role: Role, class: &str) -> Command {
        self.java("env", host, role, class)
    }

    /// The options of a role in a secure cluster.
    fn secure_options(&self, host: &Host, role: Role) -> Vec<String> {
        let cluster = self.cluster;
        let mut options = vec![
            format!(
                "-Djava.security.krb5.conf={}",
                cluster.krb5_conf().display()
            ),
            // ZooKeeper's principals name the hosts as their clients do.
            "-Dzookeeper.sasl.client.canonicalize.hostname=false".to_owned(),
        ];
        if let Some(name) = jaas_name(role) {
            let file = cluster.conf(host).join(name);
            options.push(format!(
                "-Djava.security.auth.login.config={}",
                file.display()
            ));
        }
        if role == Role::Nodemanager {
            // Without this library Hadoop opens no file of a secured job.
            options.push(format!("-Djava.library.path={}", self.native.display()));
        }
        options
    }

    /// A run of `class` with the role's environment, through `by`, a program that executes its arguments.
    fn java(&self, by: &str, host: &Host, role: Role, class: &str) -> Command {
        let cluster = self.cluster;
        let (conf, logs) = (cluster.conf(host), cluster.logs(host));
        let mut command = Command::new(by);
        command.args(cluster.within(host));
        command.arg(self.java.home.join("bin/java"));
        command.arg(mark(&cluster.folder));
        command.arg(format!("-Dheartline.role={}/{role}", host.name));
        command.arg(format!("-Xmx{}m", cluster.heap(role)));
        // These options suit a machine with few cores on which many JVMs start at once.
        command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        command.arg("-Djava.net.preferIPv4Stack=true");
        command.arg("--add-opens=java.base/java.lang=ALL-UNNAMED");
        for (name, path) in [
            ("hadoop.log.dir", &logs),
            ("yarn.log.dir", &logs),
            ("kafka.logs.dir", &logs),
            ("java.io.tmpdir", &cluster.home(host).join("tmp")),
        ] {
            command.arg(format!("-D{name}={}", path.display()));
        }
        if cluster.is_secure() {
            command.args(self.secure_options(host, role));
        }
        let log4j = conf.join("log4j.properties");
        command.arg(format!("-Dlog4j.configuration=file:{}", log4j.display()));
        let jars = match role {
            Role::Kafka => &self.kafka_jars,
            _ => &self.jars,
        };
        let class_path = format!("{}:{}/*", conf.display(), jars.display());
        command.args(["-cp", &class_path, class]);
        command.env("JAVA_HOME", &self.java.home);
        // Settings of another Hadoop must not reach this one.
        for name in ["CLASSPATH", "HADOOP_CONF_DIR"] {
            command.env_remove(name);
        }
        command.current_dir(cluster.home(host));
        command
    }
}

pub(super) const NAMENODE: &str = "org.apache.hadoop.hdfs.server.namenode.NameNode";
pub(super) const ZKFC: &str = "org.apache.hadoop.hdfs.tools.DFSZKFailoverController";
