//! Checks whether a condition is met by now. Each check returns a text for either case: the state that was reached, or
//! what is missing.

use std::collections::BTreeMap;

use super::model::{Cluster, Host, list};
use super::probe;
use super::role::{Port, Role};

/// The reached state, or what is missing.
pub(super) type Readiness = Result<String, String>;

fn names<'a>(hosts: impl Iterator<Item = &'a Host>) -> String {
    list(hosts.map(|host| host.name.clone()), ", ")
}

pub(super) fn ensemble(cluster: &Cluster) -> Readiness {
    let mut of_mode: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for host in cluster.ensemble() {
        let Some(mode) = probe::mode(host) else {
            return Err(format!("{} is no part of an ensemble", host.name));
        };
        of_mode.entry(mode).or_default().push(&host.name);
    }
    if let Some(only) = of_mode.get("standalone") {
        return Ok(format!("ensemble: {} stands alone", only.join(", ")));
    }
    let leaders = of_mode.get("leader").map_or(&[][..], Vec::as_slice);
    let &[leader] = leaders else {
        return Err("no server leads the ensemble".to_owned());
    };
    let mut text = format!("ensemble: {leader} leads");
    for (mode, word) in [("follower", "follow"), ("observer", "observe")] {
        let count = of_mode.get(mode).map_or(0, Vec::len);
        if count > 0 {
            text.extend([format!(", {count} {word}")]);
        }
    }
    Ok(text)
}

pub(super) fn serves(hosts: &[(&Host, Role)]) -> Readiness {
    let is_open = |(host, role): &&(&Host, Role)| {
        let port = role.ports().next().unwrap_or(Port::Zookeeper);
        probe::listens(&host.reached(port))
    };
    if let Some((host, role)) = hosts.iter().find(|it| !is_open(it)) {
        return Err(format!("{} {role} does not listen", host.name));
    }
    let role = hosts.first().map(|(_, role)| role.to_string());
    let hosts = names(hosts.iter().map(|(host, _)| *host));
    Ok(format!(
        "{}: listening on {hosts}",
        role.unwrap_or_default()
    ))
}

pub(super) fn active_namenode(cluster: &Cluster) -> Readiness {
    let namenodes = cluster.namenodes();
    let pages = cluster.pages_of_starter(Role::Namenode)?;
    let states = namenodes
        .iter()
        .map(|(id, host)| (id, probe::namenode_state(&pages, host)));
    let ready = one_active("namenodes", &states.collect::<Vec<_>>())?;
    // The first question over WebHDFS takes a NameNode seconds, for which `heartline cluster status` does not wait.
    let asked = namenodes
        .iter()
        .map(|(id, host)| (id, probe::answers_webhdfs(&pages, host)));
    let asked: Vec<_> = asked.collect();
    let mut silent = asked.into_iter();
    match silent.find_map(|(id, answer)| (answer.answer() != Some(true)).then_some(id)) {
        Some(id) => Err(format!("{id} does not answer over WebHDFS yet")),
        None => Ok(ready),
    }
}

pub(super) fn active_manager(cluster: &Cluster) -> Readiness {
    let managers = cluster.resourcemanagers();
    let pages = cluster.pages_of_starter(Role::Resourcemanager)?;
    let states = managers
        .iter()
        .map(|(id, host)| (id, probe::manager_state(&pages, host)));
    one_active("resourcemanagers", &states.collect::<Vec<_>>())
}

fn one_active(what: &str, states: &[(&String, Option<String>)]) -> Readiness {
    let is = |state: &str| {
        let of = states
            .iter()
            .filter(|(_, found)| found.as_deref() == Some(state));
        of.map(|(id, _)| id.as_str()).collect::<Vec<_>>()
    };
    let (active, standby) = (is("active"), is("standby"));
    match (active.as_slice(), standby.as_slice()) {
        ([active], []) if states.len() == 1 => Ok(format!("{what}: {active} active")),
        ([active], others) if others.len() + 1 == states.len() => Ok(format!(
            "{what}: {active} active, {} standby",
            others.join(", ")
        )),
        _ => Err(format!(
            "{what}: none is active, or not all others stand by"
        )),
    }
}

/// Asks every NameNode, so that the next active one knows all `DataNode`s too. A NameNode counts a dead DataNode for
/// minutes, so each DataNode is asked as well.
pub(super) fn datanodes(cluster: &Cluster) -> Readiness {
    let all = cluster.with(Role::Datanode).count();
    let pages = cluster.pages_of_starter(Role::Namenode)?;
    let mut live = Some(u64::MAX);
    for (id, host) in cluster.namenodes() {
        let found = probe::datanodes(&pages, host);
        live = live.min(found.map(|(live, _)| live));
        // A standby leaves safe mode when it has read the edits of the active NameNode, which may take some minutes.
        let is_active = || probe::namenode_state(&pages, host).as_deref() == Some("active");
        if found.is_some_and(|(_, operational)| !operational) && is_active() {
            return Err(format!("{id} is in safe mode"));
        }
    }
    let mut datanodes = cluster.with(Role::Datanode);
    if let Some(host) = datanodes.find(|host| !probe::datanode_serves(&pages, host)) {
        return Err(format!("the datanode of {} is not registered", host.name));
    }
    counted("datanodes", all, live)
}

/// A ResourceManager counts a dead NodeManager for minutes, so each of the `started` ones must have reported its health
/// since `since`, in milliseconds.
pub(super) fn nodemanagers(cluster: &Cluster, started: &[&Host], since: i64) -> Readiness {
    let all = cluster.with(Role::Nodemanager).count();
    let known = probe::nodemanagers(cluster)?.unwrap_or_default();
    let live = known.iter().filter(|node| {
        let host = started.iter().find(|host| host.called == node.host);
        node.running && host.is_none_or(|_| node.reported_at >= since)
    });
    counted("nodemanagers", all, Some(live.count() as u64))
}

fn counted(what: &str, all: usize, found: Option<u64>) -> Readiness {
    let found = found.unwrap_or(0);
    if found >= all as u64 {
        return Ok(format!("{what}: all {all} registered"));
    }
    Err(format!("{found} of {all} {what} are registered"))
}

/// The first question by TLS takes a server seconds, for which `heartline cluster status` does not wait.
pub(super) fn pages(cluster: &Cluster) -> Readiness {
    let asked = probe::answers_pages(cluster)?;
    let all = asked.len();
    let mut silent = asked.into_iter();
    match silent.find_map(|(server, answer)| (answer.answer() != Some(true)).then_some(server)) {
        Some(server) => Err(format!("the page of {server} does not answer yet")),
        None => Ok(format!("pages: {all} more answer by HTTPS")),
    }
}

pub(super) fn brokers(cluster: &Cluster) -> anyhow::Result<Readiness> {
    let all: Vec<&Host> = cluster.with(Role::Kafka).collect();
    let silent = |host: &&&Host| !probe::listens(&host.reached(Port::Kafka));
    if let Some(host) = all.iter().find(silent) {
        return Ok(Err(format!("the broker of {} does not listen", host.name)));
    }
    let found = registered(cluster, &all)?;
    Ok(counted("brokers", all.len(), Some(found.len() as u64)))
}

/// Checks that none of these brokers is registered any more.
pub(super) fn forgotten(cluster: &Cluster, brokers: &[&Host]) -> anyhow::Result<Readiness> {
    let still = registered(cluster, brokers)?;
    if let Some(name) = still.first() {
        return Ok(Err(format!(
            "the broker of {name} that died is still registered"
        )));
    }
    let names = names(brokers.iter().copied());
    Ok(Ok(format!("brokers: none is registered for {names}")))
}

fn registered(cluster: &Cluster, brokers: &[&Host]) -> anyhow::Result<Vec<String>> {
    let znodes = brokers
        .iter()
        .map(|host| format!("/brokers/ids/{}", host.id));
    let known = probe::exist(cluster, &znodes.collect::<Vec<_>>())?;
    let found = brokers.iter().zip(known).filter(|(_, known)| *known);
    Ok(found.map(|(host, _)| host.name.clone()).collect())
}
