//! Checks whether a description is consistent: whether each part has what it needs from the others.

use std::collections::HashMap;

use toml::Spanned;

use super::description::Description;
use super::model::{Cluster, HostKind};
use super::problem::Problems;
use super::problem::twice;
use super::role::Role;

/// Runs all checks.
pub(super) fn check(cluster: &Cluster, description: &Description, problems: &mut Problems) {
    hosts(description, problems);
    let roles = RoleChecks {
        cluster,
        description,
    };
    roles.kdc(problems);
    roles.ensemble(problems);
    roles.hdfs(problems);
    roles.yarn(problems);
    ports(cluster, description, problems);
}

fn hosts(description: &Description, problems: &mut Problems) {
    if description.hosts.is_empty() {
        problems.grave(
            0,
            "there is no host",
            "write one: [[host]] with name, id and roles",
        );
    }
    let hosts = || description.hosts.iter().map(Spanned::get_ref);
    for (at, id, first) in twice(hosts().map(|host| &host.id)) {
        let line = problems.line(first);
        problems.grave(
            at,
            format!("id {id} is already used by the host on line {line}"),
            "give each host a number of its own",
        );
    }
    for (at, name, first) in twice(hosts().map(|host| &host.name)) {
        let line = problems.line(first);
        problems.grave(
            at,
            format!("host '{name}' is already defined on line {line}"),
            "give each host a name of its own, or put its roles together",
        );
    }
    for host in hosts() {
        if host.roles.is_empty() {
            problems.warn(
                host.name.span().start,
                format!("host '{}' has no role", host.name.get_ref()),
                format!("write some of {}", Role::all()),
            );
        }
        for (at, role, _) in twice(host.roles.iter()) {
            problems.warn(
                at,
                format!("role '{role}' is written twice"),
                "remove one of the two",
            );
        }
    }
}

struct RoleChecks<'a> {
    cluster: &'a Cluster,
    description: &'a Description,
}

impl RoleChecks<'_> {
    fn count(&self, role: Role) -> usize {
        self.cluster.with(role).count()
    }

    /// The position of a role in the text; if it is written several times, the last one.
    fn place(&self, role: Role) -> usize {
        let hosts = self.description.hosts.iter().map(Spanned::get_ref);
        let words = hosts.flat_map(|host| &host.roles);
        let mut of_role = words.filter(|word| word.get_ref().parse() == Ok(role));
        of_role.next_back().map_or(0, |word| word.span().start)
    }

    fn kdc(&self, problems: &mut Problems) {
        let security = self.description.security.as_ref();
        let place = security.map_or(0, |written| written.span().start);
        if self.cluster.is_secure() && self.cluster.host_kind == HostKind::Own {
            problems.grave(
                place,
                "hosts of their own get no KDC and no keytabs from here",
                "leave security out, or use --hosts loopback or netns",
            );
        }
        if self.count(Role::Kdc) > 1 {
            problems.grave(
                self.place(Role::Kdc),
                "more than one host is the kdc",
                "give the role kdc to one host, or leave it out: the first host gets it automatically",
            );
        }
        if self.place(Role::Kdc) > 0 && !self.cluster.is_secure() {
            problems.grave(
                self.place(Role::Kdc),
                "a kdc in a cluster without Kerberos",
                "write security = \"kerberos\", or leave it out",
            );
        }
    }

    fn ensemble(&self, problems: &mut Problems) {
        let voters = self.count(Role::Zookeeper);
        let observers = self.count(Role::Observer);
        if voters == 0 && !self.cluster.hosts.is_empty() {
            problems.grave(
                self.place(Role::Observer),
                "no host is a zookeeper server that votes",
                "give the role zookeeper to one host, or to three",
            );
        }
        for host in &self.cluster.hosts {
            if host.is(Role::Zookeeper) && host.is(Role::Observer) {
                problems.grave(
                    self.place(Role::Observer),
                    format!("host '{}' cannot both vote and only observe", host.name),
                    "leave out zookeeper or observer",
                );
            }
        }
        if observers > 0 && voters == 1 {
            problems.grave(
                self.place(Role::Observer),
                "observers need an ensemble; a single voter runs standalone",
                "give the role zookeeper to three hosts, or leave the observers out",
            );
        } else if voters > 0 && voters.is_multiple_of(2) {
            let spare = (voters - 1) / 2;
            problems.warn(
                self.place(Role::Zookeeper),
                format!(
                    "an even ensemble: {voters} voters can lose {spare}, just as many as {} can",
                    voters - 1
                ),
                format!("write {} or {} of them", voters - 1, voters + 1),
            );
        }
    }

    fn hdfs(&self, problems: &mut Problems) {
        let namenodes = self.count(Role::Namenode);
        let journalnodes = self.count(Role::Journalnode);
        for needing in [Role::Datanode, Role::Journalnode] {
            if self.count(needing) > 0 && namenodes == 0 {
                problems.grave(
                    self.place(needing),
                    format!("a {needing} without a namenode"),
                    "give the role namenode to one host, or to two",
                );
            }
        }
        if namenodes > 1 && journalnodes == 0 {
            problems.grave(
                self.place(Role::Namenode),
                format!("{namenodes} namenodes, but no JournalNode for the shared edit log"),
                "give the role journalnode to three hosts",
            );
        } else if namenodes > 1 && (journalnodes < 3 || journalnodes.is_multiple_of(2)) {
            problems.warn(
                self.place(Role::Journalnode),
                format!(
                    "{journalnodes} journalnodes can lose {}",
                    (journalnodes - 1) / 2
                ),
                "write three of them, which can lose one",
            );
        }
        if namenodes == 1 && journalnodes > 0 {
            problems.grave(
                self.place(Role::Journalnode),
                "a single namenode does not use journalnodes",
                "leave journalnode out, or write a second namenode",
            );
        }
        if namenodes < 2 && self.place(Role::Zkfc) > 0 {
            problems.grave(
                self.place(Role::Zkfc),
                "a zkfc needs two namenodes",
                "leave it out: each of two namenodes gets one automatically",
            );
        }
        for host in &self.cluster.hosts {
            if host.is(Role::Zkfc) && !host.is(Role::Namenode) {
                problems.grave(
                    self.place(Role::Zkfc),
                    format!("host '{}' has a zkfc but no namenode", host.name),
                    "leave it out: each of two namenodes gets one automatically",
                );
            }
        }
    }

    fn yarn(&self, problems: &mut Problems) {
        if self.count(Role::Nodemanager) > 0 && self.count(Role::Resourcemanager) == 0 {
            problems.grave(
                self.place(Role::Nodemanager),
                "a nodemanager without a resourcemanager",
                "give the role resourcemanager to one host, or to two",
            );
        }
        if self.count(Role::Resourcemanager) > 0 && self.count(Role::Namenode) == 0 {
            problems.warn(
                self.place(Role::Resourcemanager),
                "YARN without HDFS: jobs find their files only where all hosts see the same folders",
                "give the role namenode to one host and datanode to some",
            );
        }
    }
}

/// Finds ports with the same number on one host.
fn ports(cluster: &Cluster, description: &Description, problems: &mut Problems) {
    for host in &cluster.hosts {
        let place = description
            .hosts
            .iter()
            .find(|written| *written.get_ref().name.get_ref() == host.name);
        let place = place.map_or(0, |written| written.get_ref().name.span().start);
        let mut taken = HashMap::new();
        for port in host.roles.iter().flat_map(|role| role.ports()) {
            let number = host.port(port);
            if number == 0 {
                continue;
            }
            if let Some(other) = taken.insert(number, port) {
                problems.grave(
                    place,
                    format!(
                        "host '{}' has port {number} for both {other} and {port}",
                        host.name
                    ),
                    format!(
                        "write another below [ports], such as {port} = {}",
                        port.default()
                    ),
                );
            }
        }
    }
    if cluster.host_kind == HostKind::Own {
        let hosts = description.hosts.iter().map(Spanned::get_ref);
        for (at, address, first) in twice(hosts.filter_map(|host| host.address.as_ref())) {
            let line = problems.line(first);
            problems.grave(
                at,
                format!("address {address} is already used by the host on line {line}"),
                "give each host its own address",
            );
        }
    }
}

#[cfg(test)]
mod tests;
