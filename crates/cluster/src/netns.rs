//! Hosts as network namespaces: a bridge, and behind it a namespace per host, with its own address, its own name, and a
//! link that can be cut.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::disk::put;
use super::model::{Cluster, Host, HostKind, list};

/// The folder in which `ip` looks for files that replace those of /etc in a namespace.
const ETC: &str = "/etc/netns";
/// The folder in which the kernel lists network interfaces.
const INTERFACES: &str = "/sys/class/net";
/// The last number of the bridge's address: host ids are smaller.
const BRIDGE: u8 = 254;
/// The file in a namespace's folder under that path that names the cluster's folder.
const OWNER: &str = "heartline-cluster";
/// The entries that a host needs for itself. Its agent writes the rest of its hosts file.
const LOCALHOST: &str = "127.0.0.1 localhost\n::1 localhost\n";
/// Shell script that sets the host's name and then executes a command.
const NAMED: &str = r#"hostname "$0" && exec "$@""#;

impl Cluster {
    /// The name of a host's namespace, as `ip netns` shows it.
    pub(super) fn namespace(&self, host: &Host) -> String {
        format!("hl-{}-{}", self.name, host.name)
    }

    /// The bridge between the hosts. Its name comes from the network, so that two bridges never clash. Interface names
    /// have at most 15 characters.
    pub(super) fn bridge(&self) -> String {
        let numbers = self
            .network
            .split('.')
            .filter_map(|it| it.parse::<u8>().ok());
        let digits: Vec<String> = numbers.map(|number| format!("{number:02x}")).collect();
        format!("hl{}", digits.concat())
    }

    /// This machine's end of a host's link.
    pub(super) fn link(&self, host: &Host) -> String {
        format!("{}-{}", self.bridge(), host.id)
    }

    /// The bridge's address, at which the hosts reach this machine.
    pub(super) fn gate(&self) -> String {
        format!("{}{BRIDGE}", self.network)
    }

    /// The prefix of a command that runs on a host.
    pub(super) fn within(&self, host: &Host) -> Vec<String> {
        if self.host_kind != HostKind::Netns {
            return Vec::new();
        }
        let namespace = self.namespace(host);
        let words = [
            "ip", "netns", "exec", &namespace, "unshare", "--uts", "sh", "-c", NAMED,
        ];
        let words = words.iter().copied().chain([host.name.as_str()]);
        words.map(ToOwned::to_owned).collect()
    }

    /// The hosts file with the names of all hosts, for clients outside the namespaces.
    fn hosts_file(&self) -> String {
        let mut text = LOCALHOST.to_owned();
        for host in &self.hosts {
            text.extend([format!("{} {}\n", host.address, host.name)]);
        }
        text
    }
}

/// A part of the network that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The part, such as `namespace hl-one-h1`.
    pub(super) what: String,
    /// Whether this cluster created it.
    pub(super) ours: bool,
}

/// Keeps the kernel from assigning a server's port to an outgoing connection: the NameNode's HTTP port is in the range
/// of such ports (which is why Hadoop 3 uses another one).
fn reserve(host: &Host, namespace: &str) -> anyhow::Result<()> {
    let ports = host.roles.iter().flat_map(|role| role.ports());
    let ports = ports.map(|port| host.port(port)).filter(|port| *port > 0);
    let ports = list(ports.map(|port| port.to_string()), ",");
    let script = format!("echo {ports} > /proc/sys/net/ipv4/ip_local_reserved_ports");
    ip(&["netns", "exec", namespace, "sh", "-c", &script])
}

/// Whether the hosts' network exists, or something with its name.
pub(super) fn stands(cluster: &Cluster) -> bool {
    is_interface(&cluster.bridge())
}

/// The file that a host sees as /etc/hosts.
pub(super) fn hosts_path(cluster: &Cluster, host: &Host) -> PathBuf {
    Path::new(ETC).join(cluster.namespace(host)).join("hosts")
}

/// Creates the missing parts of the bridge, the namespaces and their links.
pub(super) fn raise(cluster: &Cluster) -> anyhow::Result<()> {
    let bridge = cluster.bridge();
    if !is_interface(&bridge) {
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        own(cluster, &bridge)?;
        let gate = format!("{}/24", cluster.gate());
        ip(&["addr", "add", &gate, "dev", &bridge])?;
    }
    ip(&["link", "set", &bridge, "up"])?;
    // The file serves job clients outside the namespaces: Java reads it with -Djdk.net.hosts.file=…
    put(&cluster.folder.join("hosts"), &cluster.hosts_file())?;
    for host in &cluster.hosts {
        let namespace = cluster.namespace(host);
        let etc = Path::new(ETC).join(&namespace);
        put(&etc.join(OWNER), &label(cluster))?;
        let hosts = hosts_path(cluster, host);
        // In an existing namespace, the agent has written the file.
        if !is_namespace(&namespace) || !hosts.exists() {
            put(&hosts, LOCALHOST)?;
        }
        // No server listens there, so lookups fail at once.
        put(
            &etc.join("resolv.conf"),
            "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        )?;
        if !is_namespace(&namespace) {
            ip(&["netns", "add", &namespace])?;
        }
        let link = cluster.link(host);
        if !is_interface(&link) {
            let (address, gate) = (format!("{}/24", host.address), cluster.gate());
            ip(&[
                "link", "add", &link, "type", "veth", "peer", "name", "eth0", "netns", &namespace,
            ])?;
            own(cluster, &link)?;
            ip(&["link", "set", &link, "master", &bridge])?;
            let inside = ["-n", &namespace];
            for words in [
                &["link", "set", "lo", "up"][..],
                &["addr", "add", &address, "dev", "eth0"],
                &["link", "set", "eth0", "up"],
                &["route", "add", "default", "via", &gate],
            ] {
                ip(&[&inside[..], words].concat())?;
            }
        }
        reserve(host, &namespace)?;
        ip(&["link", "set", &link, "up"])?;
    }
    Ok(())
}

/// Removes what this cluster has created, as far as it exists.
pub(super) fn raze(cluster: &Cluster) -> anyhow::Result<()> {
    for host in &cluster.hosts {
        let (namespace, link) = (cluster.namespace(host), cluster.link(host));
        // Deleting one end of a link deletes the other one too.
        if is_own_interface(cluster, &link) {
            ip(&["link", "del", &link])?;
        }
        if !is_own_namespace(cluster, &namespace) {
            continue;
        }
        if is_namespace(&namespace) {
            ip(&["netns", "del", &namespace])?;
        }
        let etc = Path::new(ETC).join(&namespace);
        fs::remove_dir_all(&etc).with_context(|| format!("{} cannot be removed", etc.display()))?;
    }
    if is_own_interface(cluster, &cluster.bridge()) {
        ip(&["link", "del", &cluster.bridge()])?;
    }
    Ok(())
}

/// Everything that exists under the names of this cluster's parts, no matter which program created it.
pub(super) fn standing(cluster: &Cluster) -> Vec<Standing> {
    let namespaces = cluster.hosts.iter().map(|host| cluster.namespace(host));
    let namespaces = namespaces.filter(|namespace| is_namespace(namespace));
    let namespaces = namespaces.map(|namespace| Standing {
        ours: is_own_namespace(cluster, &namespace),
        what: format!("namespace {namespace}"),
    });
    let links = cluster.hosts.iter().map(|host| cluster.link(host));
    let links = links
        .chain([cluster.bridge()])
        .filter(|link| is_interface(link));
    let links = links.map(|link| Standing {
        ours: is_own_interface(cluster, &link),
        what: format!("interface {link}"),
    });
    namespaces.chain(links).collect()
}

/// The label that distinguishes a cluster's parts from those of another cluster with the same name: the end of its
/// folder's path, since an interface's label is short.
fn label(cluster: &Cluster) -> String {
    let folder = cluster.folder.display().to_string();
    let skipped = folder.chars().count().saturating_sub(200);
    folder.chars().skip(skipped).collect()
}

fn own(cluster: &Cluster, interface: &str) -> anyhow::Result<()> {
    ip(&["link", "set", interface, "alias", &label(cluster)])
}

fn is_own_interface(cluster: &Cluster, name: &str) -> bool {
    let alias = Path::new(INTERFACES).join(name).join("ifalias");
    fs::read_to_string(alias).is_ok_and(|alias| alias.trim_end() == label(cluster))
}

/// Whether this cluster created a namespace.
pub(super) fn is_own_namespace(cluster: &Cluster, namespace: &str) -> bool {
    let owner = Path::new(ETC).join(namespace).join(OWNER);
    fs::read_to_string(owner).is_ok_and(|owner| owner == label(cluster))
}

/// Cuts a host off, or reconnects it.
pub(super) fn set_link(cluster: &Cluster, host: &Host, up: bool) -> anyhow::Result<()> {
    ip(&[
        "link",
        "set",
        &cluster.link(host),
        if up { "up" } else { "down" },
    ])
}

/// The file that represents a namespace.
pub(super) fn handle(namespace: &str) -> PathBuf {
    Path::new("/run/netns").join(namespace)
}

fn is_namespace(namespace: &str) -> bool {
    handle(namespace).exists()
}

fn is_interface(name: &str) -> bool {
    Path::new(INTERFACES).join(name).exists()
}

fn ip(words: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip")
        .args(words)
        .output()
        .context("ip cannot be run")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("ip {}: {}", words.join(" "), why.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::parse::read;
    use super::*;

    #[test]
    fn interfaces_have_short_names() {
        let text = "name = \"a-cluster-with-a-long-name\"\nnetwork = \"192.168.250\"\n\
                    [[host]]\nname = \"a-host-with-a-long-name\"\nid = 250\nroles = [\"zookeeper\"]\n";
        let (cluster, _) = read(text, Path::new("."), HostKind::Netns).unwrap();
        let host = &cluster.hosts[0];
        assert_eq!(cluster.bridge(), "hlc0a8fa");
        assert_eq!(cluster.link(host), "hlc0a8fa-250");
        assert!(cluster.link(host).len() <= 15);
        assert_eq!(cluster.gate(), "192.168.250.254");
        assert!(
            cluster
                .hosts_file()
                .ends_with("\n192.168.250.250 a-host-with-a-long-name\n")
        );
        assert_eq!(cluster.within(host).last(), Some(&host.name));
    }
}
