//! The assessment of each part: one row per part, and one row per group. Pure.

mod workers;

use super::hdfs::{Journal, Namenode};
use super::overview::{Daemon, Listens, Overview, Probed, Server};
use super::row::Row;
use super::yarn::Resourcemanager;
use heartline_observe::status::bytes;
use workers::{datanode, nodemanager};

/// The state of a part that answers, and tells only somebody with a ticket.
const CLOSED: &str = "closed";

/// All rows, each group before its parts.
pub(super) fn rows(overview: &Overview) -> Vec<Row> {
    let mut rows: Vec<Row> = overview
        .kdcs
        .iter()
        .map(|part| listener("kdc", part))
        .collect();
    if let Some(why) = &overview.no_ticket {
        // No trouble of the cluster; but what is not shown may be there.
        let details = format!("{why}; without one, only what is open to all is shown");
        rows.push(Row::well("ticket", "", "none", details));
    }
    rows.push(quorum(overview));
    rows.extend(overview.ensemble.iter().map(server));
    if !overview.namenodes.is_empty() {
        rows.push(hdfs(overview));
        let newest = overview
            .active_namenode()
            .and_then(|active| active.transaction);
        rows.extend(overview.namenodes.iter().map(|part| namenode(part, newest)));
        rows.extend(overview.zkfcs.iter().map(|part| listener("zkfc", part)));
        rows.extend(overview.journalnodes.iter().map(journalnode));
        let lists = overview
            .namenodes
            .iter()
            .any(|part| part.reply.known().is_some());
        rows.extend(
            overview
                .datanodes
                .iter()
                .map(|worker| datanode(worker, lists)),
        );
        if let Some(problem) = overview.root.as_ref().and_then(Probed::problem) {
            rows.push(Row::bad("hdfs /", "", "not listed", problem));
        }
    }
    if !overview.resourcemanagers.is_empty() {
        rows.push(yarn(overview));
        rows.extend(overview.resourcemanagers.iter().map(resourcemanager));
        let lists = !active_resourcemanagers(overview).is_empty();
        let nodes = overview.nodemanagers.iter();
        rows.extend(nodes.map(|worker| nodemanager(worker, lists, overview.time)));
    }
    if let Some(reply) = &overview.kafka {
        rows.push(kafka(reply, &overview.brokers));
        let registered = reply.known().map(|kafka| kafka.brokers.as_slice());
        rows.extend(overview.brokers.iter().map(|part| broker(part, registered)));
    }
    rows.push(heartline(overview));
    rows
}

fn named(part: &str, id: Option<&str>) -> String {
    id.map_or_else(|| part.to_owned(), |id| format!("{part} {id}"))
}

/// The row of a part that answers, or the row that says why it does not.
fn row<T>(what: &str, part: &Daemon<T>, judge: impl Fn(&str, &str, &T) -> Row) -> Row {
    let name = named(what, part.id.as_deref());
    match &part.reply {
        Probed::Known(known) => judge(&name, &part.host, known),
        Probed::Unknown { problem, is_closed } if *is_closed => {
            Row::bad(&name, &part.host, CLOSED, problem)
        }
        Probed::Unknown { problem, .. } => Row::bad(&name, &part.host, problem, ""),
    }
}

/// Whether one of them answers, and does not tell its state: then the active one may be among them.
fn is_any_closed<T>(parts: &[Daemon<T>]) -> bool {
    parts.iter().any(|part| part.reply.is_closed())
}

fn counted(count: usize, of: usize, what: &str) -> String {
    format!("{count} of {of} {what}")
}

fn quorum(overview: &Overview) -> Row {
    let details = counted(overview.serving_voters(), overview.voters, "voters serve");
    if overview.has_quorum() {
        Row::well("ensemble", "", "quorum", details)
    } else {
        Row::bad("ensemble", "", "no quorum", details)
    }
}

fn server(part: &Daemon<Server>) -> Row {
    row("zookeeper", part, |name, host, server| {
        let facts = &server.facts;
        let mut details = Vec::new();
        if let Some(zxid) = &facts.zxid {
            details.push(format!("zxid {zxid}"));
        }
        if let Some(znodes) = facts.znodes {
            details.push(format!("{znodes} znodes"));
        }
        if let Some(connections) = facts.connections {
            details.push(format!("{connections} connections"));
        }
        let state = facts
            .mode
            .clone()
            .unwrap_or_else(|| "not serving".to_owned());
        Row::well(name, host, state, details.join(", ")).judged(facts.is_serving())
    })
}

fn hdfs(overview: &Overview) -> Row {
    let known = || {
        overview
            .namenodes
            .iter()
            .filter_map(|part| Some((part, part.reply.known()?)))
    };
    let active: Vec<_> = known()
        .filter(|(_, namenode)| namenode.is_active())
        .collect();
    let (part, namenode) = match active[..] {
        [one] => one,
        [] if is_any_closed(&overview.namenodes) => {
            return Row::bad("hdfs", "", "not known", "a namenode is closed");
        }
        [] => return Row::bad("hdfs", "", "no active namenode", ""),
        _ => return Row::bad("hdfs", "", "more than one active namenode", ""),
    };
    let mut details = Vec::new();
    if let (Some(used), Some(capacity)) = (namenode.used, namenode.capacity) {
        details.push(format!("{} of {} used", bytes(used), bytes(capacity)));
    }
    let live = namenode.datanodes.iter().filter(|node| node.live).count();
    let dead = namenode.datanodes.len() - live;
    details.push(format!("{live} live datanodes, {dead} dead"));
    let missing = namenode.missing_blocks.unwrap_or_default();
    details.push(format!("{missing} blocks missing"));
    let state = format!("active {}", part.id.as_deref().unwrap_or(&part.host));
    Row::well("hdfs", "", state, details.join(", ")).judged(missing == 0)
}

fn namenode(part: &Daemon<Namenode>, newest: Option<u64>) -> Row {
    row("namenode", part, |name, host, namenode| {
        let mut details = Vec::new();
        details.push(match &namenode.safe_mode {
            // The reason has several lines; the first is sufficient.
            Some(why) => format!(
                "safe mode: {}",
                why.lines().next().unwrap_or_default().trim()
            ),
            None => "safe mode off".to_owned(),
        });
        if let Some(transaction) = namenode.transaction {
            details.push(format!("transaction {transaction}"));
            if let Some(newest) = newest.filter(|_| !namenode.is_active()) {
                details.push(format!("{} behind", newest.saturating_sub(transaction)));
            }
        }
        let serves = matches!(namenode.state.as_str(), "active" | "standby" | "observer");
        // A standby leaves safe mode after the active NameNode, once it has read the same edits.
        let safe = namenode.safe_mode.is_some() && namenode.is_active();
        Row::well(name, host, &namenode.state, details.join(", ")).judged(serves && !safe)
    })
}

fn listener(what: &str, part: &Daemon<Listens>) -> Row {
    row(what, part, |name, host, _| {
        Row::well(name, host, "listens", "")
    })
}

fn journalnode(part: &Daemon<Journal>) -> Row {
    row("journalnode", part, |name, host, journal| {
        let details = match (journal.transaction, journal.lag) {
            (None, _) => "nothing written since its start".to_owned(),
            (Some(transaction), None | Some(0)) => format!("transaction {transaction}"),
            (Some(transaction), Some(lag)) => format!("transaction {transaction}, {lag} behind"),
        };
        Row::well(name, host, "answers", details)
    })
}

fn active_resourcemanagers(overview: &Overview) -> Vec<&Daemon<Resourcemanager>> {
    let active = |part: &&Daemon<Resourcemanager>| {
        part.reply.known().is_some_and(Resourcemanager::is_active)
    };
    overview.resourcemanagers.iter().filter(active).collect()
}

fn yarn(overview: &Overview) -> Row {
    let part = match active_resourcemanagers(overview)[..] {
        [one] => one,
        [] if is_any_closed(&overview.resourcemanagers) => {
            return Row::bad("yarn", "", "not known", "a resourcemanager is closed");
        }
        [] => return Row::bad("yarn", "", "no active resourcemanager", ""),
        _ => return Row::bad("yarn", "", "more than one active resourcemanager", ""),
    };
    let nodes = || {
        overview
            .nodemanagers
            .iter()
            .filter_map(|worker| worker.listed.as_ref())
    };
    let running = nodes().filter(|node| node.state == "RUNNING").count();
    let details = counted(running, nodes().count(), "nodes run");
    let state = format!("active {}", part.id.as_deref().unwrap_or(&part.host));
    Row::well("yarn", "", state, details)
}

fn resourcemanager(part: &Daemon<Resourcemanager>) -> Row {
    row("resourcemanager", part, |name, host, manager| {
        let well = matches!(manager.state.as_str(), "active" | "standby");
        let zookeeper = manager.zookeeper.as_deref().map(str::to_lowercase);
        let details = zookeeper.map(|state| format!("ZooKeeper {state}"));
        Row::well(name, host, &manager.state, details.unwrap_or_default()).judged(well)
    })
}

fn kafka(reply: &Probed<super::kafka::Kafka>, brokers: &[Daemon<Listens>]) -> Row {
    let kafka = match reply {
        Probed::Known(kafka) => kafka,
        Probed::Unknown { problem, .. } => return Row::bad("kafka", "", "not known", problem),
    };
    let mut details = vec![
        counted(
            kafka.brokers.len(),
            brokers.len().max(kafka.brokers.len()),
            "brokers",
        ),
        format!("{} partitions", kafka.partitions),
    ];
    let mut lacking = |what: &str, partitions: &[String]| {
        details.push(match partitions {
            [] => format!("0 {what}"),
            some => format!("{} {what}: {}", some.len(), few(some)),
        });
    };
    lacking("under-replicated", &kafka.under_replicated);
    if !kafka.offline.is_empty() {
        lacking("without a leader", &kafka.offline);
    }
    let details = details.join(", ");
    let well = kafka.under_replicated.is_empty() && kafka.offline.is_empty();
    match kafka.controller {
        Some(id) => Row::well("kafka", "", format!("controller {id}"), details).judged(well),
        None => Row::bad("kafka", "", "no controller", details),
    }
}

/// The first of many names.
fn few(names: &[String]) -> String {
    const FEW: usize = 3;
    let more = if names.len() > FEW { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(FEW)].join(", "))
}

fn broker(part: &Daemon<Listens>, registered: Option<&[i32]>) -> Row {
    let id = part.id.as_deref().and_then(|id| id.parse().ok());
    row("broker", part, |name, host, _| match (registered, id) {
        (Some(ids), Some(id)) if !ids.contains(&id) => {
            Row::bad(name, host, "not registered", "listens")
        }
        _ => Row::well(name, host, "listens", ""),
    })
}

fn heartline(overview: &Overview) -> Row {
    let brief = match &overview.heartline {
        Probed::Known(brief) => brief,
        Probed::Unknown { problem, .. } => return Row::bad("heartline", "", "not known", problem),
    };
    let mut details = vec![format!("{} members", brief.members)];
    if let Some(epoch) = brief.epoch {
        details.push(format!("epoch {epoch}"));
    }
    for (what, names) in [
        ("late", &brief.late),
        ("stalled", &brief.stalled),
        ("dead", &brief.dead),
    ] {
        if !names.is_empty() {
            details.push(format!("{} {what}: {}", names.len(), few(names)));
        }
    }
    // Between two jobs there are no members.
    let state = brief
        .master
        .as_ref()
        .map_or_else(|| "no master".to_owned(), |name| format!("master {name}"));
    let well = brief.stalled.is_empty() && brief.dead.is_empty();
    Row::well("heartline", "", state, details.join(", ")).judged(well)
}

#[cfg(test)]
mod tests;
