//! The messages of the server; each is serialized once for all its receivers.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::auth::Body;
use super::fields::HostName;
use super::message::{Answer, ListedNode, ServerStatus, Truth};
use super::rejection::Rejection;
use super::roster::{Node, Roster, Standing};
use super::state::{PersistedNode, PersistedState};

/// How the server identifies itself.
#[derive(Clone, Debug)]
pub(super) struct ServerIdentity {
    pub(super) hostname: String,
    pub(super) ip: String,
    pub(super) username: String,
    /// The server's public key, if it has one.
    pub(super) key: Option<String>,
}

/// One state of the cluster, as it is published to the nodes.
#[derive(Clone, Debug)]
pub(super) struct Published {
    /// The first message to a node.
    pub(super) status: Body,
    /// The later messages to a node.
    pub(super) update: Body,
}

impl Published {
    /// Combines the stored state with the nodes' current liveness.
    pub(super) fn of(roster: &Roster, kept: &PersistedState, own: &ServerIdentity) -> Self {
        let nodes = published_nodes(roster, kept);
        let at = nodes.iter().filter_map(|(name, kept, _)| {
            let ip = kept.ip?;
            Some((ip.to_string().into(), name.as_str().into()))
        });
        let keys = nodes
            .iter()
            .map(|(name, kept, _)| (name.as_str().into(), kept.key.to_string().into()));
        let host_keys = nodes.iter().filter_map(|(name, kept, _)| {
            let key = kept.ssh_host_key.as_ref()?;
            Some((name.as_str().into(), key.as_str().into()))
        });
        let alive = nodes
            .iter()
            .map(|(name, _, node)| (name.as_str().into(), node.is_alive().into()));
        let mut masters = nodes
            .iter()
            .filter(|(name, ..)| roster.master() == Some(name));
        let mut status = ServerStatus {
            role: "server".into(),
            is_alive: Truth::True,
            hostname: own.hostname.as_str().into(),
            ip: own.ip.as_str().into(),
            username: own.username.as_str().into(),
            key: Some(own.key.as_deref().unwrap_or_default().into()),
            kind: None,
            clusers_ip: at.collect(),
            clusers_ssh: keys.collect(),
            clusers_host_keys: host_keys.collect(),
            clusers_alive: alive.collect(),
            master: masters.next().map(|(name, ..)| name.as_str().into()),
        };
        let first = body(&status);
        // In the seed, an update has no key.
        status.kind = Some("update".into());
        status.key = None;
        Self {
            status: first,
            update: body(&status),
        }
    }
}

/// The nodes that may be published: the master first, then in order of registration. State that is not stored may be
/// lost, so it is not published. A node that has left meanwhile is omitted.
fn published_nodes<'a>(
    roster: &'a Roster,
    kept: &'a PersistedState,
) -> Vec<(&'a HostName, &'a PersistedNode, &'a Node)> {
    let known = kept.nodes.iter().filter_map(|kept| {
        let node = roster.node(&kept.hostname)?;
        // Another node may have registered under this name.
        (node.number == kept.number).then_some((&kept.hostname, kept, node))
    });
    let mut known: Vec<_> = known.collect();
    known.sort_by_key(|(name, kept, _)| (roster.master() != Some(name), kept.number));
    known
}

/// The answer `ack`, with the node's current standing.
pub(super) fn ack(of: &str, standing: Option<Standing>) -> Body {
    answer("ack", of, standing, None)
}

/// The message to a node whose leave was accepted on another connection: its agent stops.
pub(super) fn left() -> Body {
    answer("left", "leave", None, None)
}

/// The message to a connection whose node now uses another connection.
pub(super) fn replaced(name: &HostName, by: IpAddr) -> Body {
    let why = format!("another agent, at {by}, speaks for {name} now");
    answer("replaced", "connection", None, Some(&why))
}

/// The answer `refused` with the reason, and the standing if the node stands by.
pub(super) fn refused(of: &str, standing: Option<Standing>, why: &Rejection) -> Body {
    answer("refused", of, standing, Some(&why.to_string()))
}

fn answer(kind: &'static str, of: &str, standing: Option<Standing>, reason: Option<&str>) -> Body {
    body(&Answer {
        role: "server",
        is_alive: Truth::True,
        kind,
        of,
        standing: standing.map(Into::into),
        reason,
    })
}

/// The list of all nodes for people.
#[derive(Debug, Serialize)]
struct NodeList {
    role: &'static str,
    is_alive: Truth,
    #[serde(rename = "type")]
    kind: &'static str,
    master: Option<String>,
    nodes: Vec<ListedNode>,
}

/// The list of all nodes for people.
pub(super) fn list(roster: &Roster, kept: &PersistedState, now: Duration) -> Body {
    let age = |at: Duration| {
        now.saturating_sub(at)
            .as_millis()
            .try_into()
            .unwrap_or(u64::MAX)
    };
    let nodes = published_nodes(roster, kept);
    let rows = nodes.into_iter().map(|(name, kept, node)| ListedNode {
        hostname: name.to_string(),
        ip: kept.ip.map(|ip| ip.to_string()),
        role: roster.standing(name).to_string(),
        username: node.user.to_string(),
        verdict: node.verdict(now).to_string(),
        is_alive: node.is_alive().into(),
        age_ms: node.beat_at.map(age),
    });
    body(&NodeList {
        role: "server",
        is_alive: Truth::True,
        kind: "nodes",
        master: roster.master().map(ToString::to_string),
        nodes: rows.collect(),
    })
}

fn body(message: &impl Serialize) -> Body {
    Body::new(serde_json::to_vec(message).unwrap_or_default())
}
