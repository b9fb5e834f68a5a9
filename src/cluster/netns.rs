//! Hosts as network namespaces: a bridge, and behind it a namespace for each host with an address, a name and a link
//! of its own that can be cut.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::config::put;
use super::layout::{Cluster, Form, Host};

/// Where `ip` looks for what a namespace sees in place of /etc.
const ETC: &str = "/etc/netns";
/// The last number of the bridge's address: no host's id is as great.
const BRIDGE: u8 = 254;
/// Gives a command the host's name, and then its place.
const NAMED: &str = r#"hostname "$0" && exec "$@""#;

impl Cluster {
    /// A host's namespace, as `ip netns` shows it.
    pub(super) fn namespace(&self, host: &Host) -> String {
        format!("hl-{}-{}", self.name, host.name)
    }

    /// The bridge between the hosts, named for the network so that no two meet. Interfaces have at most 15
    /// characters.
    pub(super) fn bridge(&self) -> String {
        let numbers = self
            .network
            .split('.')
            .filter_map(|it| it.parse::<u8>().ok());
        let digits: String = numbers.map(|number| format!("{number:02x}")).collect();
        format!("hl{digits}")
    }

    /// This machine's end of a host's link.
    pub(super) fn link(&self, host: &Host) -> String {
        format!("{}-{}", self.bridge(), host.id)
    }

    /// The bridge's address: how the hosts see this machine.
    pub(super) fn gate(&self) -> String {
        format!("{}{BRIDGE}", self.network)
    }

    /// What a command that is to run on a host begins with.
    pub(super) fn within(&self, host: &Host) -> Vec<String> {
        if self.form != Form::Netns {
            return Vec::new();
        }
        let namespace = self.namespace(host);
        let words = [
            "ip", "netns", "exec", &namespace, "unshare", "--uts", "sh", "-c", NAMED,
        ];
        let words = words.iter().copied().chain([host.name.as_str()]);
        words.map(ToOwned::to_owned).collect()
    }

    /// The names of all hosts, as a file of /etc.
    pub(super) fn hosts_file(&self) -> String {
        let mut text = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
        for host in &self.hosts {
            text.extend([format!("{} {}\n", host.address, host.name)]);
        }
        text
    }
}

/// Makes what is missing of the bridge, the namespaces and their links.
pub(super) fn raise(cluster: &Cluster) -> anyhow::Result<()> {
    let bridge = cluster.bridge();
    if !is_interface(&bridge) {
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&[
            "addr",
            "add",
            &format!("{}/24", cluster.gate()),
            "dev",
            &bridge,
        ])?;
    }
    ip(&["link", "set", &bridge, "up"])?;
    // For job clients outside of the namespaces: Java reads it with -Djdk.net.hosts.file=…
    put(&cluster.folder.join("hosts"), &cluster.hosts_file())?;
    for host in &cluster.hosts {
        let namespace = cluster.namespace(host);
        let etc = Path::new(ETC).join(&namespace);
        put(&etc.join("hosts"), &cluster.hosts_file())?;
        // Nobody answers there, and says so at once.
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
        ip(&["link", "set", &link, "up"])?;
    }
    Ok(())
}

/// Takes it all down, as far as it is there.
pub(super) fn raze(cluster: &Cluster) -> anyhow::Result<()> {
    for host in &cluster.hosts {
        let (namespace, link) = (cluster.namespace(host), cluster.link(host));
        // With one end of a link the other one goes.
        if is_interface(&link) {
            ip(&["link", "del", &link])?;
        }
        if is_namespace(&namespace) {
            ip(&["netns", "del", &namespace])?;
        }
        let etc = Path::new(ETC).join(&namespace);
        if etc.exists() {
            fs::remove_dir_all(&etc)
                .with_context(|| format!("{} cannot be removed", etc.display()))?;
        }
    }
    if is_interface(&cluster.bridge()) {
        ip(&["link", "del", &cluster.bridge()])?;
    }
    Ok(())
}

/// What of it is there.
pub(super) fn standing(cluster: &Cluster) -> Vec<String> {
    let namespaces = cluster.hosts.iter().map(|host| cluster.namespace(host));
    let namespaces = namespaces.filter(|namespace| is_namespace(namespace));
    let links = cluster.hosts.iter().map(|host| cluster.link(host));
    let links = links
        .chain([cluster.bridge()])
        .filter(|link| is_interface(link));
    let namespaces = namespaces.map(|namespace| format!("namespace {namespace}"));
    namespaces
        .chain(links.map(|link| format!("interface {link}")))
        .collect()
}

/// Cuts a host off, or brings it back.
pub(super) fn set_link(cluster: &Cluster, host: &Host, up: bool) -> anyhow::Result<()> {
    ip(&[
        "link",
        "set",
        &cluster.link(host),
        if up { "up" } else { "down" },
    ])
}

/// The file that a namespace is known by.
pub(super) fn handle(namespace: &str) -> PathBuf {
    Path::new("/run/netns").join(namespace)
}

fn is_namespace(namespace: &str) -> bool {
    handle(namespace).exists()
}

fn is_interface(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).exists()
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
    use super::super::reading::read;
    use super::*;

    #[test]
    fn interfaces_have_short_names() {
        let text = "name = \"a-cluster-with-a-long-name\"\nnetwork = \"192.168.250\"\n\
                    [[host]]\nname = \"a-host-with-a-long-name\"\nid = 250\nroles = [\"zookeeper\"]\n";
        let (cluster, _) = read(text, Path::new("."), Form::Netns).unwrap();
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
