//! Finds what prevents a cluster from starting, before anything is started, and reports all of it at once.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::inspect::{Data, Inspection};
use super::java::Java;
use super::listening::{Listening, is_free};
use super::model::{Authentication, Cluster, Host, HostKind};
use super::problem::Problem;
use super::process::ProcessRecord;
use super::record::recorded_cluster;
use super::role::{Port, Role};
use super::role_instance::RoleInstance;
use super::secure::search_path;
use super::source_lines::SourceLines;
use super::{netns, ssh};
use heartline_nodes::fields::HostName;

/// The inputs of the check.
pub(super) struct Check<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) found: &'a Inspection,
    /// The text of the description.
    pub(super) text: &'a str,
    pub(super) jars: &'a Path,
    /// The folder of Hadoop's native library.
    pub(super) native: &'a Path,
    pub(super) kafka_jars: &'a Path,
    /// Whether existing data may be discarded.
    pub(super) format: bool,
    /// The kind of the hosts that was started in the folder before.
    pub(super) recorded: Option<HostKind>,
    /// How the parts of the cluster that was started there authenticate.
    pub(super) before: Option<Authentication>,
}

impl Check<'_> {
    /// Runs all checks. Problems of the machine have line 0. The Java is present if there are no problems.
    pub(super) fn all(&self) -> (Vec<Problem>, Option<Java>) {
        let mut problems = Vec::new();
        let java = match Java::find() {
            Ok(java) => Some(java),
            Err((what, instead)) => {
                problems.push(problem(0, what, instead));
                None
            }
        };
        self.commands(&mut problems);
        self.jars(&mut problems);
        self.folder(&mut problems);
        if self
            .recorded
            .is_some_and(|host_kind| host_kind != self.cluster.host_kind)
        {
            self.check_host_kind_unchanged(&mut problems);
        }
        self.security(&mut problems);
        if self.format {
            self.running(&mut problems);
        } else {
            self.data(&mut problems);
        }
        match self.cluster.host_kind {
            HostKind::Loopback => self.ports(&mut problems),
            HostKind::Netns => self.namespaces(&mut problems),
            HostKind::Own => {}
        }
        (problems, java)
    }

    fn lines(&self) -> SourceLines<'_> {
        SourceLines::of(self.text)
    }

    /// What a secure cluster needs; and a cluster stays as secure as it is, since its znodes and files belong to the users
    /// that it knows.
    fn security(&self, problems: &mut Vec<Problem>) {
        let cluster = self.cluster;
        if let Some(before) = self.before.filter(|it| *it != cluster.authentication)
            && !self.format
        {
            let (now, line) = (cluster.authentication, self.lines().security().0);
            problems.push(problem(
                line,
                format!("the cluster was started with security = \"{before}\", not \"{now}\""),
                "write that, or discard all data of this cluster with --format",
            ));
        }
        if !cluster.is_secure() {
            return;
        }
        // They go to kadmin.local, to JAAS files and to the shell that starts a task, none of which can quote them alike.
        for path in [&*cluster.folder, self.native] {
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._/+-".contains(byte);
            if !path.as_os_str().as_bytes().iter().all(is_plain) {
                problems.push(problem(
                    self.lines().folder(),
                    format!(
                        "{}: Kerberos' files cannot name every folder",
                        path.display()
                    ),
                    "use one whose path has only letters, digits and . _ / + -",
                ));
            }
        }
        let library = self.native.join("libhadoop.so");
        if cluster.with(Role::Nodemanager).next().is_some() && !library.is_file() {
            problems.push(problem(
                0,
                format!(
                    "{} is missing: with Kerberos, YARN runs no job without it",
                    library.display()
                ),
                "fetch it with scripts/fetch-parts native",
            ));
        }
    }

    fn commands(&self, problems: &mut Vec<Problem>) {
        let mut needed = vec![("setsid", "util-linux")];
        if self.cluster.is_secure() {
            needed.extend([
                ("krb5kdc", "krb5-kdc"),
                ("kdb5_util", "krb5-kdc"),
                ("kadmin.local", "krb5-admin-server"),
                ("kinit", "krb5-user"),
            ]);
        }
        if self.cluster.host_kind == HostKind::Netns {
            needed.extend([
                ("ip", "iproute2"),
                ("unshare", "util-linux"),
                ("fuser", "psmisc"),
                ("ssh-keygen", "openssh-client"),
            ]);
            if !rustix::process::geteuid().is_root() {
                let what = "only root can create network namespaces";
                let instead = "run it with sudo, or with --hosts loopback";
                problems.push(problem(0, what, instead));
            }
            if ssh::program().is_none() {
                problems.push(missing("sshd", "openssh-server"));
            }
        }
        let gone = needed.iter().filter(|(program, _)| !is_on_path(program));
        problems.extend(gone.map(|(program, package)| missing(program, package)));
    }

    fn jars(&self, problems: &mut Vec<Problem>) {
        let has = |folder: &Path, name: &str| {
            let files = folder.read_dir().into_iter().flatten().flatten();
            files.into_iter().any(|file| {
                let file = file.file_name();
                let file = file.to_string_lossy();
                file.starts_with(name) && file.ends_with(".jar")
            })
        };
        let (lib, kafka) = (self.jars, self.kafka_jars);
        let is_hadoop = |role: &Role| {
            !matches!(
                role,
                Role::Kdc | Role::Zookeeper | Role::Observer | Role::Kafka
            )
        };
        let roles = || self.cluster.hosts.iter().flat_map(|host| &host.roles);
        let mut needed = vec![("zookeeper-", lib, "--jars")];
        if roles().any(is_hadoop) {
            needed.push(("hadoop-hdfs-", lib, "--jars"));
        }
        if roles().any(|role| *role == Role::Kafka) {
            needed.push(("kafka_", kafka, "--kafka-jars"));
        }
        for (name, folder, option) in needed {
            if !has(folder, name) {
                let what = format!("{name}*.jar is not in {}", folder.display());
                let fetch = if option == "--jars" { "" } else { " kafka" };
                let instead = format!(
                    "fetch the parts with scripts/fetch-parts{fetch}, or name another folder with {option}"
                );
                problems.push(problem(0, what, instead));
            }
        }
    }

    /// Class paths and the command line for fencing cannot contain some characters.
    fn folder(&self, problems: &mut Vec<Problem>) {
        let folder = self.cluster.folder.display().to_string();
        let odd = |c: char| !(c.is_alphanumeric() || "/._-+@,=~".contains(c));
        if let Some(odd) = folder.chars().find(|c| odd(*c)) {
            let what = format!(
                "folder {folder} contains a '{odd}', which Java's class path cannot contain"
            );
            let instead = "write folder = with letters, digits, dots, hyphens and underscores";
            problems.push(problem(self.lines().folder(), what, instead));
        }
    }

    fn check_host_kind_unchanged(&self, problems: &mut Vec<Problem>) {
        let Some(host_kind) = self.recorded else {
            return;
        };
        let before = recorded_cluster(&self.cluster.folder).ok();
        let stands = before.is_some_and(|it| {
            it.host_kind == HostKind::Netns && netns::standing(&it).iter().any(|part| part.ours)
        });
        if stands || !self.found.running.is_empty() {
            let what = format!("the cluster was started with --hosts {host_kind}, and not ended");
            let instead = format!(
                "end it first with heartline cluster down, or leave --hosts {} out",
                self.cluster.host_kind
            );
            problems.push(problem(0, what, instead));
        }
    }

    fn running(&self, problems: &mut Vec<Problem>) {
        if let Some((place, known)) = self.found.running.first_key_value() {
            let what = format!(
                "--format: {} servers run, such as {place}, pid {}",
                self.found.running.len(),
                known.pid
            );
            let instead = "end the cluster first with heartline cluster down";
            problems.push(problem(0, what, instead));
        }
    }

    fn data(&self, problems: &mut Vec<Problem>) {
        let lines = self.lines();
        for (place, data) in &self.found.data {
            if let Data::Foreign { folder, of } = data {
                let what = format!("{place}: {} holds data of {of}", folder.display());
                problems.push(problem(
                    lines.host(&place.host),
                    what,
                    "write another folder = in the description, move the data away, or discard all data of this \
                     cluster with --format",
                ));
            }
        }
        let hold = |role: Role| {
            let mut places = self.cluster.places_of(role).into_iter();
            places.find(|place| self.found.is(place, &Data::Ours))
        };
        let namenodes = self.cluster.places_of(Role::Namenode);
        let fresh = !namenodes.is_empty()
            && namenodes
                .iter()
                .all(|place| self.found.is(place, &Data::Empty));
        for role in [Role::Journalnode, Role::Datanode] {
            if let Some(place) = hold(role).filter(|_| fresh) {
                problems.push(problem(
                    lines.host(&place.host),
                    format!("{place} holds data of a file system, and no namenode does"),
                    "restore a namenode's folder, or discard all data of this cluster with --format",
                ));
            }
        }
    }

    fn ports(&self, problems: &mut Vec<Problem>) {
        let (lines, listening) = (self.lines(), Listening::now());
        for host in &self.cluster.hosts {
            let Ok(ip) = host.address.parse::<IpAddr>() else {
                continue;
            };
            let stopped = |role: &&Role| !self.found.runs(&RoleInstance::new(host, **role));
            for port in host
                .roles
                .iter()
                .filter(stopped)
                .flat_map(|role| role.ports())
            {
                let address = SocketAddr::new(ip, host.port(port));
                if address.port() == 0 || self.is_idle(port) || is_free(address) {
                    continue;
                }
                let name = &host.name;
                let what = format!(
                    "{port} of host '{name}': {address} is taken{}",
                    listening.whose(address)
                );
                let instead = format!(
                    "end that process (heartline cluster down if it is this cluster's), or write \
                     ports = {{ {port} = {} }} for the host, or another network =",
                    free_beside(host, ip, port)
                );
                problems.push(problem(lines.port(name, port), what, instead));
            }
        }
    }

    /// Whether a port is unused: a single server holds no elections.
    fn is_idle(&self, port: Port) -> bool {
        matches!(port, Port::ZookeeperQuorum | Port::ZookeeperElection)
            && self.cluster.ensemble().nth(1).is_none()
    }

    fn namespaces(&self, problems: &mut Vec<Problem>) {
        let standing = netns::standing(self.cluster);
        let foreign = standing.iter().filter(|it| !it.ours);
        let mut taken: Vec<String> = foreign.map(|it| it.what.clone()).collect();
        // Another interface of this machine has the address.
        let gate = self.cluster.gate();
        if standing.is_empty() && TcpListener::bind((gate.as_str(), 0)).is_ok() {
            taken.push(format!("address {gate}"));
        }
        self.server_of_nodes(problems);
        self.names(problems);
        for what in taken {
            problems.push(problem(
                self.lines().network(),
                format!("{what} exists already, but does not belong to this cluster"),
                "end that one with heartline cluster down, or write another name = and another network =",
            ));
        }
    }

    /// A process that listens on all addresses also occupies the address of the node control server.
    fn server_of_nodes(&self, problems: &mut Vec<Problem>) {
        let server = self.cluster.nodes_server();
        let runs = ProcessRecord::recorded(&self.cluster.nodes_server_pid_file()).is_some();
        let Some(address) = server.parse().ok().filter(|_| !runs) else {
            return;
        };
        let whose = Listening::now().whose(address);
        if !whose.is_empty() {
            problems.push(problem(
                0,
                format!("{server}, the address of the agents' control server, is taken{whose}"),
                "end that process, or have it listen on one address only",
            ));
        }
    }

    /// Hosts' names must be valid names of nodes, which are in lower case: so they must differ in more than case.
    fn names(&self, problems: &mut Vec<Problem>) {
        let mut known = BTreeSet::new();
        for host in &self.cluster.hosts {
            let what = match host.name.parse::<HostName>() {
                Err(refusal) => refusal.to_string(),
                Ok(name) if known.insert(name.clone()) => continue,
                Ok(name) => {
                    format!("hostname '{name}' differs from another host's only in case")
                }
            };
            problems.push(problem(
                self.lines().host(&host.name),
                what,
                "write another name, such as h1",
            ));
        }
    }
}

/// The next free port.
fn free_beside(host: &Host, ip: IpAddr, port: Port) -> u16 {
    let known: Vec<u16> = host
        .roles
        .iter()
        .flat_map(|role| role.ports())
        .map(|port| host.port(port))
        .collect();
    let taken = host.port(port);
    let after = taken.saturating_add(1)..=u16::MAX;
    let mut free = after.filter(|number| !known.contains(number));
    free.find(|number| is_free(SocketAddr::new(ip, *number)))
        .unwrap_or(port.default())
}

fn is_on_path(program: &str) -> bool {
    std::env::split_paths(&search_path()).any(|folder: PathBuf| folder.join(program).is_file())
}

fn missing(program: &str, package: &str) -> Problem {
    let instead = format!("install it: apt-get install {package}");
    problem(0, format!("{program} is missing"), instead)
}

fn problem(line: usize, what: impl Into<String>, instead: impl Into<String>) -> Problem {
    Problem {
        line,
        what: what.into(),
        instead: instead.into(),
        grave: true,
    }
}
