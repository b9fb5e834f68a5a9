//! What the hosts know of each other, and what is wrong with it: texts and lists in, names out.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::super::model::Host;
use super::super::role::Role;
use heartline_nodes::block;
use heartline_nodes::message::{Entries, NodeRole};

/// The role that a host's agent claims. Of two masters, the second stands by.
pub(super) fn node_role(host: &Host) -> NodeRole {
    if host.is(Role::Namenode) {
        NodeRole::Master
    } else {
        NodeRole::Slave
    }
}

/// One row of `heartline nodes list --json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Row {
    pub(super) hostname: String,
    pub(super) role: String,
}

/// The output of that command.
#[derive(Debug, Deserialize)]
pub(super) struct Rows {
    pub(super) nodes: Vec<Row>,
}

/// The hosts that the server knows differently from the description: with another role or another key, or as no host at
/// all.
pub(super) fn others<'a>(
    hosts: &[Host],
    known: &'a [Row],
    is_keyless: impl Fn(&Host) -> bool,
) -> Vec<&'a str> {
    let is_other = |row: &&Row| {
        let mut hosts = hosts.iter();
        let host = hosts.find(|host| host.name.eq_ignore_ascii_case(&row.hostname));
        host.is_none_or(|host| {
            // A standby is a master too.
            let is_slave = row.role == NodeRole::Slave.to_string();
            is_slave != (node_role(host) == NodeRole::Slave) || is_keyless(host)
        })
    };
    let others = known.iter().filter(is_other);
    others.map(|row| row.hostname.as_str()).collect()
}

/// The hosts that are missing in at least one of the two files.
pub(super) fn missing<'a>(
    expected: &[(&'a str, Entries)],
    names: &str,
    keys: &str,
) -> Vec<&'a str> {
    let (names, keys): (BTreeSet<&str>, BTreeSet<&str>) =
        (names.lines().collect(), keys.lines().collect());
    let lacks = |entries: &Entries| {
        let has = |lines: &BTreeSet<&str>, text: &str| text.lines().all(|it| lines.contains(it));
        !has(&names, &block::hosts(entries)) || !has(&keys, &block::keys(entries))
    };
    let missing = expected.iter().filter(|(_, entries)| lacks(entries));
    missing.map(|(name, _)| *name).collect()
}

/// The host whose agent's log explains most of the fault: a host that is missing in its own files was not accepted by
/// the server.
pub(super) fn worst<'a>(
    seen: &'a [(&'a str, Vec<&'a str>)],
) -> Option<&'a (&'a str, Vec<&'a str>)> {
    let mut lacking = seen.iter().filter(|(_, missing)| !missing.is_empty());
    let first = lacking.clone().next();
    lacking
        .find(|(name, missing)| missing.contains(name))
        .or(first)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::model::{Cluster, HostKind};
    use super::super::super::parse::read;
    use super::*;

    const HA: &str = include_str!("../../../../sample-data/clusters/three-hosts-ha.toml");

    fn cluster() -> Cluster {
        read(HA, Path::new("."), HostKind::Netns).unwrap().0
    }

    #[test]
    fn who_has_another_key_or_role_or_is_nobody_registers_anew() {
        let cluster = cluster();
        let row = |hostname: &str, role: &str| Row {
            hostname: hostname.to_owned(),
            role: role.to_owned(),
        };
        let known = [
            row("h1", "master"),
            row("h2", "standby"),
            row("h3", "slave"),
        ];
        let none = |_: &Host| false;
        assert_eq!(others(&cluster.hosts, &known, none), [""; 0]);
        let known = [row("h1", "slave"), row("h3", "standby"), row("h4", "slave")];
        assert_eq!(others(&cluster.hosts, &known, none), ["h1", "h3", "h4"]);
        let known = [row("h1", "standby"), row("h2", "master")];
        let h2 = |host: &Host| host.name == "h2";
        assert_eq!(others(&cluster.hosts, &known, h2), ["h2"]);
    }

    #[test]
    fn a_host_is_known_by_its_address_and_its_key() {
        let key = |last: &str| {
            format!(
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA{last}"
            )
        };
        let entries = |ip: &str, name: &str, last: &str| Entries {
            hosts: vec![(ip.parse().unwrap(), name.parse().unwrap())],
            keys: vec![(name.parse().unwrap(), key(last).parse().unwrap())],
            ..Entries::default()
        };
        let expected = [
            ("h1", entries("10.1.1.1", "h1", "A")),
            ("h2", entries("10.1.1.2", "h2", "E")),
        ];
        let names = "127.0.0.1 localhost\n10.1.1.1\th1\n10.1.1.2\th2\n";
        let keys = format!("{} h1\n{} h2\n", key("A"), key("E"));
        assert_eq!(missing(&expected, names, &keys), [""; 0]);
        let moved = names.replace("1.2\t", "1.22\t");
        assert_eq!(missing(&expected, &moved, &keys), ["h2"]);
        let renewed = keys.replace(&key("A"), &key("I"));
        assert_eq!(missing(&expected, names, &renewed), ["h1"]);
        assert_eq!(missing(&expected, "", &keys), ["h1", "h2"]);
    }

    #[test]
    fn the_agent_that_was_not_taken_is_the_one_to_be_heard() {
        let seen = [("h1", vec!["h3"]), ("h2", vec![]), ("h3", vec!["h1", "h3"])];
        assert_eq!(worst(&seen).map(|(host, _)| *host), Some("h3"));
        assert_eq!(worst(&seen[..2]).map(|(host, _)| *host), Some("h1"));
        assert_eq!(worst(&seen[1..2]), None);
    }

    #[test]
    fn hosts_of_namenodes_would_be_master() {
        let cluster = cluster();
        let roles: Vec<NodeRole> = cluster.hosts.iter().map(node_role).collect();
        assert_eq!(roles, [NodeRole::Master, NodeRole::Master, NodeRole::Slave]);
    }
}
