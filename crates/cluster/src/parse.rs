//! Parses a description into a [`Cluster`]: everything is checked, and every fault is reported with its line, before
//! anything is started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::description::{self, Description, Ports};
use super::model::{
    Authentication, Cluster, File, Host, HostKind, Properties, default_folder, list,
};
use super::problem::{Problem, Problems};
use super::role::{Port, Role};
use super::validate;
use heartline_zookeeper::is_host;

/// The first three numbers of the addresses, unless the description overrides them.
const NETWORK: &str = "10.91.1";

/// Parses a description. Relative paths in it start in the folder `beside`. Returns the cluster and the warnings, or
/// all problems.
pub fn read(
    text: &str,
    beside: &Path,
    host_kind: HostKind,
) -> Result<(Cluster, Vec<Problem>), Vec<Problem>> {
    let mut problems = Problems::of(text);
    let description: Description = match toml::from_str(text) {
        Ok(description) => description,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let what = error.message().trim().replace('\n', " ");
            problems.grave(
                at,
                what,
                "sample-data/clusters/ has descriptions to begin with",
            );
            return Err(problems.sorted());
        }
    };
    let cluster = Reader {
        problems: &mut problems,
        host_kind,
    }
    .cluster(&description, beside);
    validate::check(&cluster, &description, &mut problems);
    let found = problems.sorted();
    if found.iter().any(|problem| problem.grave) {
        return Err(found);
    }
    Ok((cluster, found))
}

struct Reader<'a, 'b> {
    problems: &'a mut Problems<'b>,
    host_kind: HostKind,
}

impl Reader<'_, '_> {
    fn cluster(&mut self, description: &Description, beside: &Path) -> Cluster {
        let name = &description.name;
        if !is_label(name.get_ref()) || name.get_ref().contains('.') {
            self.problems.grave(
                name.span().start,
                format!("'{}' is not a valid cluster name", name.get_ref()),
                "write letters, digits and hyphens, such as mycluster",
            );
        }
        let network = self.network(description);
        let common = self.ports(&description.ports);
        let mut hosts: Vec<Host> = Vec::new();
        for host in &description.hosts {
            let host = self.host(host.get_ref(), &common, &network);
            hosts.push(host);
        }
        hosts.sort_by_key(|host| host.id);
        if hosts.iter().filter(|host| host.is(Role::Namenode)).count() > 1 {
            for host in &mut hosts {
                if host.is(Role::Namenode) {
                    host.roles.insert(Role::Zkfc);
                }
            }
        }
        let mut cluster = Cluster {
            name: name.get_ref().clone(),
            host_kind: self.host_kind,
            authentication: Authentication::default(),
            folder: self.folder(description, beside),
            network,
            hosts,
            heap: self.heap(description),
            properties: self.properties(description),
        };
        if let Some(authentication) = self.authentication(description) {
            cluster.set_authentication(authentication);
        }
        cluster
    }

    fn authentication(&mut self, description: &Description) -> Option<Authentication> {
        let written = description.security.as_ref()?;
        let known = written.get_ref().parse().ok();
        if known.is_none() {
            self.problems.grave(
                written.span().start,
                format!("unknown security '{}'", written.get_ref()),
                "write kerberos or simple",
            );
        }
        known
    }

    fn network(&mut self, description: &Description) -> String {
        let Some(network) = &description.network else {
            return self.placed(NETWORK);
        };
        let numbers: Vec<Option<u8>> = network
            .get_ref()
            .split('.')
            .map(|number| number.parse().ok())
            .collect();
        if numbers.len() != 3 || numbers.contains(&None) {
            self.problems.grave(
                network.span().start,
                format!("'{}' is not a valid network", network.get_ref()),
                "write the first three numbers of the hosts' addresses, such as 10.91.1",
            );
        }
        // The numbers are formatted again: `010` means ten here, but something else to other programs.
        let numbers = numbers.iter().flatten().map(ToString::to_string);
        self.placed(&list(numbers, "."))
    }

    /// The network's numbers; on loopback, the first one is always 127.
    fn placed(&self, network: &str) -> String {
        match self.host_kind {
            HostKind::Loopback => {
                let rest = network.split_once('.').map_or(network, |(_, rest)| rest);
                format!("127.{rest}.")
            }
            HostKind::Netns | HostKind::Own => format!("{network}."),
        }
    }

    fn host(
        &mut self,
        host: &description::Host,
        common: &BTreeMap<Port, u16>,
        network: &str,
    ) -> Host {
        let name = host.name.get_ref().clone();
        if !is_label(&name) {
            self.problems.grave(
                host.name.span().start,
                format!("'{name}' is not a valid host name"),
                "write letters, digits, hyphens and dots, such as h1",
            );
        }
        let id = *host.id.get_ref();
        if !(1..=250).contains(&id) {
            self.problems.grave(
                host.id.span().start,
                format!("id {id} is not a valid host id"),
                "write a number from 1 to 250",
            );
        }
        let mut roles = BTreeSet::new();
        for word in &host.roles {
            match word.get_ref().parse::<Role>() {
                Ok(role) => {
                    roles.insert(role);
                }
                Err(_) => self.problems.grave(
                    word.span().start,
                    format!("unknown role '{}'", word.get_ref()),
                    format!("write one of {}", Role::all()),
                ),
            }
        }
        let mut ports = common.clone();
        if self.host_kind == HostKind::Loopback {
            // A NameNode identifies DataNodes by the address that they send from. On loopback this is 127.0.0.1 for
            // all, so only their ports differ.
            let first = common.get(&Port::Datanode);
            let first = first.copied().unwrap_or(Port::Datanode.default());
            ports.insert(Port::Datanode, first.saturating_add(100).saturating_add(id));
        }
        ports.extend(self.ports(&host.ports));
        let address = match (self.host_kind, &host.address) {
            (HostKind::Loopback | HostKind::Netns, _) => format!("{network}{id}"),
            (HostKind::Own, Some(address)) => {
                self.check_address(address);
                address.get_ref().clone()
            }
            (HostKind::Own, None) => name.clone(),
        };
        let called = match self.host_kind {
            HostKind::Loopback | HostKind::Own => address.clone(),
            HostKind::Netns => name.clone(),
        };
        Host {
            id,
            name,
            address,
            called,
            roles,
            ports,
        }
    }

    fn check_address(&mut self, address: &Spanned<String>) {
        if !is_host(address.get_ref()) {
            self.problems.grave(
                address.span().start,
                format!("address '{}' is no host", address.get_ref()),
                "write a host's name, or an IP address without brackets and without a port",
            );
        }
    }

    fn ports(&mut self, written: &Ports) -> BTreeMap<Port, u16> {
        let mut ports = BTreeMap::new();
        for (name, number) in written {
            let Ok(port) = name.get_ref().parse::<Port>() else {
                self.problems.grave(
                    name.span().start,
                    format!("unknown port '{}'", name.get_ref()),
                    format!("write one of {}", Port::all()),
                );
                continue;
            };
            if *number.get_ref() == 0 && port.default() != 0 {
                self.problems.grave(
                    number.span().start,
                    format!("{port} = 0: port 0 is not allowed here"),
                    format!("write a number such as {}", port.default()),
                );
            }
            ports.insert(port, *number.get_ref());
        }
        ports
    }

    fn heap(&mut self, description: &Description) -> BTreeMap<Role, u32> {
        let mut heap = BTreeMap::new();
        for (name, size) in &description.heap {
            let Ok(role) = name.get_ref().parse::<Role>() else {
                self.problems.grave(
                    name.span().start,
                    format!("heap of an unknown role '{}'", name.get_ref()),
                    format!("write one of {}", Role::all()),
                );
                continue;
            };
            if *size.get_ref() < 64 {
                self.problems.grave(
                    size.span().start,
                    format!("a heap of {} MiB is too small for a {role}", size.get_ref()),
                    format!("write 64 or more, such as {}", role.heap()),
                );
            }
            heap.insert(role, *size.get_ref());
        }
        heap
    }

    fn properties(&mut self, description: &Description) -> BTreeMap<File, Properties> {
        let mut properties = BTreeMap::new();
        for (name, pairs) in &description.properties {
            let Ok(file) = name.get_ref().parse::<File>() else {
                self.problems.grave(
                    name.span().start,
                    format!("properties of an unknown file '{}'", name.get_ref()),
                    "write zoo.cfg, core-site, hdfs-site, yarn-site, mapred-site, capacity-scheduler or \
                     server.properties",
                );
                continue;
            };
            let mut known = Properties::new();
            for (key, value) in pairs {
                match value.text() {
                    // A line break would start another property.
                    Some(text) if !text.contains(['\n', '\r']) => known.push((key.clone(), text)),
                    _ => self.problems.grave(
                        name.span().start,
                        format!("property {key} has a value that cannot be written"),
                        "write a text of one line, a number, true or false",
                    ),
                }
            }
            properties.insert(file, known);
        }
        properties
    }

    fn folder(&mut self, description: &Description, beside: &Path) -> PathBuf {
        match (&description.folder, self.host_kind) {
            (Some(folder), HostKind::Own) if folder.get_ref().is_relative() => {
                self.problems.grave(
                    folder.span().start,
                    format!("folder {} is relative", folder.get_ref().display()),
                    "write an absolute path on the hosts, such as /var/hadoop",
                );
                folder.get_ref().clone()
            }
            (Some(folder), _) => beside.join(folder.get_ref()),
            (None, HostKind::Own) => PathBuf::from("/var/hadoop"),
            (None, _) => default_folder(description.name.get_ref()),
        }
    }
}

/// Whether a name is a label by RFC 1123, the part of a name between dots.
fn is_label(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|part| {
            (1..=63).contains(&part.len())
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_alone() {
        let read = |address: &str| {
            let host = format!("name = \"h1\"\nid = 1\naddress = \"{address}\"");
            let text = format!("name = \"c\"\n[[host]]\n{host}\nroles = [\"zookeeper\"]\n");
            read(&text, Path::new("."), HostKind::Own)
        };
        let (cluster, _) = read("::1").expect("a cluster");
        assert_eq!(cluster.hosts[0].reached(Port::Zookeeper), "[::1]:2181");
        for wrong in ["zk1:2181", "[::1]", "zk://zk1", "zk1;zk2", "a b", ""] {
            let problems = read(wrong).expect_err(wrong);
            let what = format!("address '{wrong}' is no host");
            let found = problems.iter().find(|problem| problem.what == what);
            assert_eq!(found.expect("reported").line, 5, "{problems:#?}");
        }
    }
}
