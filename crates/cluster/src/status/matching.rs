//! Matches the daemons of the description with the entries in other daemons' lists, which call hosts by names of their
//! own. Pure.

use super::hdfs::Listed;
use super::overview::{Daemon, Worker};
use super::yarn::Node;
use crate::{Cluster, Host, HostKind, Port};

/// An entry with one or two addresses of the shape `HOST:PORT`.
pub(super) trait Placed {
    fn places(&self) -> Vec<&str>;
}

impl Placed for Listed {
    fn places(&self) -> Vec<&str> {
        vec![&self.name, &self.address]
    }
}

impl Placed for Node {
    fn places(&self) -> Vec<&str> {
        vec![&self.id]
    }
}

/// Combines what daemons report about themselves with their entries in the lists; entries without a daemon come last.
pub(super) fn workers<T, L: Placed>(
    cluster: &Cluster,
    port: Port,
    parts: Vec<Daemon<T>>,
    mut listed: Vec<L>,
) -> Vec<Worker<T, L>> {
    let described: Vec<&Host> = parts
        .iter()
        .filter_map(|part| cluster.hosts.iter().find(|host| host.name == part.host))
        .collect();
    let mut workers = Vec::new();
    for part in parts {
        let host = described.iter().find(|host| host.name == part.host);
        let found = host.and_then(|host| {
            // On loopback, all may send from 127.0.0.1; then only a unique port identifies a daemon.
            let same = described
                .iter()
                .filter(|other| other.port(port) == host.port(port));
            let by_port = cluster.host_kind == HostKind::Loopback && same.count() == 1;
            listed.iter().position(|entry| {
                let mut places = entry.places().into_iter();
                places.any(|place| is(host, host.port(port), by_port, place))
            })
        });
        workers.push(Worker {
            host: part.host,
            reply: Some(part.reply),
            listed: found.map(|place| listed.remove(place)),
        });
    }
    workers.extend(listed.into_iter().map(|entry| Worker {
        host: entry.places()[0].to_owned(),
        reply: None,
        listed: Some(entry),
    }));
    workers
}

fn is(host: &Host, port: u16, by_port: bool, place: &str) -> bool {
    let Some((name, number)) = place.rsplit_once(':') else {
        return false;
    };
    let local = by_port && matches!(name, "localhost" | "127.0.0.1");
    let domain = name
        .strip_prefix(&host.name)
        .is_some_and(|rest| rest.starts_with('.'));
    let called = [&host.name, &host.called, &host.address]
        .iter()
        .any(|known| *known == name);
    (called || domain || local) && number.parse() == Ok(port)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::overview::Probed;
    use super::*;
    use crate::read;

    fn cluster(host_kind: HostKind, more: &str) -> Cluster {
        let text = include_str!("../../../../sample-data/clusters/three-hosts-ha.toml");
        let text = text.replacen("id = 2\n", &format!("id = 2\n{more}"), 1);
        read(&text, Path::new("."), host_kind).unwrap().0
    }

    fn node(id: &str) -> Node {
        Node {
            id: id.to_owned(),
            ..Node::default()
        }
    }

    /// The entries that match h1, h2 and h3, and the remaining ones.
    fn found(cluster: &Cluster, ids: &[&str]) -> Vec<String> {
        let part = |host: &Host| Daemon {
            host: host.name.clone(),
            id: None,
            reply: Probed::Known(()),
        };
        let parts = cluster.hosts.iter().map(part).collect();
        let listed = ids.iter().map(|id| node(id)).collect();
        let workers = workers(cluster, Port::Nodemanager, parts, listed);
        let text = |worker: Worker<(), Node>| {
            let id = worker
                .listed
                .map_or_else(|| "nobody".to_owned(), |node| node.id);
            format!("{} {id}", worker.host)
        };
        workers.into_iter().map(text).collect()
    }

    #[test]
    fn hosts_are_known_by_name_by_domain_and_by_number() {
        let own = cluster(HostKind::Own, "");
        assert_eq!(
            found(
                &own,
                &["h3:8041", "h1.example.org:8041", "h10:8041", "h2:1"]
            ),
            [
                "h1 h1.example.org:8041",
                "h2 nobody",
                "h3 h3:8041",
                "h10:8041 h10:8041",
                "h2:1 h2:1"
            ]
        );
        let loopback = cluster(HostKind::Loopback, "");
        assert_eq!(
            found(&loopback, &["127.91.2.3:8041", "localhost:8041"]),
            [
                "h1 nobody",
                "h2 nobody",
                "h3 127.91.2.3:8041",
                "localhost:8041 localhost:8041"
            ]
        );
    }

    #[test]
    fn on_loopback_a_port_of_its_own_is_enough() {
        let loopback = cluster(HostKind::Loopback, "ports = { nodemanager = 9041 }\n");
        assert_eq!(
            found(&loopback, &["localhost:9041"]),
            ["h1 nobody", "h2 localhost:9041", "h3 nobody"]
        );
    }
}
