//! The state in ZooKeeper: one znode per node, below a folder znode that names the master. Only the server that holds
//! the claim can write there: each write is a transaction that checks the claim.
//!
//! Servers trust what they read, so each value carries a mark made with the cluster's secret, if there is one: an
//! intruder who can write to ZooKeeper but does not know the secret cannot put a key into every `authorized_keys`. A
//! single znode that cannot be read or trusted is skipped: its node registers again.

mod transactions;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::PROGRAM;
use super::auth::Secret;
use super::fields::{HostName, NodeAddress};
use super::state::{PersistedNode, PersistedState};
use heartline_process::say::say;
use heartline_zookeeper::client::Operation;
use heartline_zookeeper::{Failure, Fence, Session, unless_throttled};
use transactions::{batches, instead, name, refused_at};

/// The maximum number of skipped znodes that a message names.
const MOST_NAMED: usize = 8;
/// The maximum number of refused znodes that one save tries again: each may cost another transaction.
const MOST_TRIED_AGAIN: usize = 8;
/// The number of znodes that are requested at once.
const AT_ONCE: usize = 64;

/// The values of the znodes by name; the folder has the empty name.
pub(super) type Values = BTreeMap<String, Vec<u8>>;

/// The nodes whose znode is not as it should be, with the reason.
pub(super) type Unkept = BTreeMap<String, String>;

/// The state that was read from ZooKeeper.
#[derive(Debug)]
pub(super) struct LoadedState {
    values: Values,
    /// The state that the values describe.
    pub(super) kept: PersistedState,
    /// The skipped znodes by name, with the reason.
    pub(super) odd: BTreeMap<String, String>,
}

/// The value of the folder znode.
#[derive(Debug, Serialize, Deserialize)]
struct StateHeader {
    #[serde(rename = "form")]
    format: u32,
    master: Option<HostName>,
}

/// The znodes, for the one master that may write them.
#[derive(Debug)]
pub(super) struct ZkStore {
    fence: Fence,
    secret: Option<Secret>,
    /// Whether nodes may have addresses of the machine itself.
    loopback: bool,
    /// The values in ZooKeeper; `None` if they are not known for certain.
    known: Mutex<Option<Values>>,
    /// The skipped znodes: they are not removed.
    odd: Mutex<BTreeSet<String>>,
    /// The znodes that ZooKeeper refuses to write or remove, with the reason; those tried last are at the end.
    refused: Mutex<VecDeque<(String, String)>>,
}

impl ZkStore {
    pub(super) fn new(fence: Fence, secret: Option<Secret>, loopback: bool) -> Self {
        Self {
            fence,
            secret,
            loopback,
            known: Mutex::new(None),
            odd: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// Reads the state; an empty state if there are no znodes.
    pub(super) async fn load(&self) -> anyhow::Result<PersistedState> {
        let found = look(self.fence.session(), self.secret.as_ref(), self.loopback).await?;
        let folder = folder(self.fence.session());
        for (name, why) in found.odd.iter().take(MOST_NAMED) {
            let name = name.escape_debug();
            say(
                PROGRAM,
                format_args!("{folder}/{name} is passed over: {why}"),
            );
        }
        *self.odd.lock().await = found.odd.into_keys().collect();
        *self.known.lock().await = Some(found.values);
        Ok(found.kept)
    }

    /// Writes the state, except the nodes that it returns: ZooKeeper refuses to write their znodes. The next master
    /// finds these nodes as they were before, or not at all. Later saves try them again.
    ///
    /// A znode that cannot be removed, since it has children, gets an empty value instead, which describes no node.
    pub(super) async fn save(&self, kept: &PersistedState) -> io::Result<Unkept> {
        let wanted = written(kept, self.secret.as_ref());
        let mut known = self.known.lock().await;
        let mut values = if let Some(before) = known.take() {
            before
        } else {
            let fetched = fetch(self.fence.session()).await;
            let (values, _) = fetched.map_err(io::Error::other)?;
            values
        };
        let folder = folder(self.fence.session());
        let mut odd = self.odd.lock().await;
        let mut refused = self.refused.lock().await;
        let tried_again = refused.len().min(MOST_TRIED_AGAIN);
        refused.rotate_left(tried_again);
        let skipped = refused.iter().take(refused.len() - tried_again);
        let skipped: BTreeSet<String> = skipped.map(|(name, _)| name.clone()).collect();
        for mut batch in batches(&folder, &values, &wanted, &odd) {
            batch.retain(|operation| !skipped.contains(name(&folder, operation)));
            self.write(batch, &mut values, &mut refused).await?;
        }
        let is_kept = |name: &str| stored(&values, name) == wanted.get(name);
        refused.retain(|(name, _)| !is_kept(name));
        odd.retain(|name| !wanted.contains_key(name) || !is_kept(name));
        *known = Some(values);
        Ok(refused.iter().cloned().collect())
    }

    /// Makes one transaction without the operations that ZooKeeper refuses, and notes in `values` what is written.
    async fn write(
        &self,
        mut batch: Vec<Operation>,
        values: &mut Values,
        refused: &mut VecDeque<(String, String)>,
    ) -> io::Result<()> {
        let folder = folder(self.fence.session());
        while let Err(refusal) = self.fence.make(batch.clone()).await {
            let (at, why) = refused_at(refusal, &batch).map_err(io::Error::other)?;
            if let Some(other) = instead(&batch[at], &why) {
                batch[at] = other;
                continue;
            }
            let operation = batch.remove(at);
            let name = name(&folder, &operation);
            if name.is_empty() {
                return Err(io::Error::other(why));
            }
            if refused.iter().all(|(known, _)| known != name) {
                let path = format!("{folder}/{}", name.escape_debug());
                say(PROGRAM, format_args!("{path} is passed over: {why}"));
                let why = format!("ZooKeeper refuses {path}: {why}");
                refused.push_back((name.to_owned(), why));
            }
        }
        for operation in batch {
            let name = name(&folder, &operation).to_owned();
            match operation {
                Operation::Create { value, .. } | Operation::Set { value, .. } => {
                    values.insert(name, value);
                }
                Operation::Delete { .. } | Operation::Check { .. } => {
                    values.remove(&name);
                }
            }
        }
        Ok(())
    }
}

/// The value of one node in ZooKeeper; an empty value describes no node.
fn stored<'a>(values: &'a Values, name: &str) -> Option<&'a Vec<u8>> {
    values.get(name).filter(|value| !value.is_empty())
}

/// Reads the values of the znodes and the state that they describe. Reading needs no claim. A [`Failure`] comes from
/// ZooKeeper; after any other error, reading again does not help.
pub(super) async fn look(
    session: &Session,
    secret: Option<&Secret>,
    loopback: bool,
) -> anyhow::Result<LoadedState> {
    let (values, mut odd) = fetch(session).await?;
    let kept = read(&values, secret, loopback, &mut odd).with_context(|| {
        let folder = folder(session);
        format!(
            "ZooKeeper's {folder} cannot be trusted; is --secret-file the same as the other servers'? If it is, \
             somebody else has written there: remove that znode and what is below it, and every agent registers again"
        )
    })?;
    Ok(LoadedState { values, kept, odd })
}

fn folder(session: &Session) -> String {
    // Every session of a control server is in such a namespace.
    session.paths().nodes().unwrap_or_default()
}

/// Reads all values, including everything that any server has acknowledged; and the znodes that cannot be read, with
/// the reason.
async fn fetch(session: &Session) -> Result<(Values, BTreeMap<String, String>), Failure> {
    let folder = folder(session);
    session.client().sync(&folder).await?;
    let Some(front) = session.find(&folder).await? else {
        return Ok(<_>::default());
    };
    let names = session.client().children(&folder).await?;
    let values = stream::iter(names).map(async |name| {
        let path = format!("{folder}/{name}");
        match unless_throttled(|| session.find(&path)).await {
            Ok(found) => Ok(found.map(|value| (name, Ok(value.bytes)))),
            Err(Failure::Refused(why)) => Ok(Some((name, Err(why)))),
            Err(failure) => Err(failure),
        }
    });
    let found: Vec<_> = values.buffer_unordered(AT_ONCE).try_collect().await?;
    let mut values = Values::from([(String::new(), front.bytes)]);
    let mut odd = BTreeMap::new();
    for (name, value) in found.into_iter().flatten() {
        match value {
            Ok(value) => drop(values.insert(name, value)),
            Err(why) => drop(odd.insert(name, why)),
        }
    }
    Ok((values, odd))
}

/// The values that the znodes shall have.
pub(super) fn written(kept: &PersistedState, secret: Option<&Secret>) -> Values {
    let front = StateHeader {
        format: kept.format,
        master: kept.master.clone(),
    };
    let front = (String::new(), serde_json::to_vec(&front));
    let nodes = kept.nodes.iter();
    let nodes = nodes.map(|node| (node.hostname.to_string(), serde_json::to_vec(node)));
    let values = nodes.chain([front]).map(|(name, text)| {
        let mut text = text.unwrap_or_default();
        if let Some(secret) = secret {
            let mark = secret.mark(&name, &text);
            text.push(b'\n');
            text.extend(mark.into_bytes());
        }
        (name, text)
    });
    values.collect()
}

/// Parses the values of the znodes. An error concerns the folder's own value; faults of other values go into `odd`. Only
/// a `loopback` server may have nodes at addresses of the machine itself: agents elsewhere reject a list with one.
pub(super) fn read(
    values: &Values,
    secret: Option<&Secret>,
    loopback: bool,
    odd: &mut BTreeMap<String, String>,
) -> anyhow::Result<PersistedState> {
    let mut kept = PersistedState::default();
    for (name, value) in values {
        if name.is_empty() {
            let front: StateHeader = serde_json::from_slice(unmarked(name, value, secret)?)?;
            kept.format = front.format;
            kept.master = front.master;
            continue;
        }
        match node(name, value, secret, loopback) {
            // A server wrote it that could not remove the znode.
            _ if value.is_empty() => {}
            Ok(node) => kept.nodes.push(node),
            Err(error) => drop(odd.insert(name.clone(), format!("{error:#}"))),
        }
    }
    kept.checked()
}

fn unmarked<'a>(name: &str, value: &'a [u8], secret: Option<&Secret>) -> anyhow::Result<&'a [u8]> {
    match secret {
        None => Ok(value
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default()),
        Some(secret) => Ok(secret.unmarked(name, value)?),
    }
}

/// Parses the value of one node's znode.
fn node(
    name: &str,
    value: &[u8],
    secret: Option<&Secret>,
    loopback: bool,
) -> anyhow::Result<PersistedNode> {
    let node: PersistedNode = serde_json::from_slice(unmarked(name, value, secret)?)?;
    if node.hostname.as_str() != name {
        anyhow::bail!("its value describes another node, {}", node.hostname);
    }
    for ip in [node.ip, node.was_at].into_iter().flatten() {
        NodeAddress::new(ip, loopback)?;
    }
    Ok(node)
}

#[cfg(test)]
mod tests;
