//! The state in ZooKeeper: one znode per node, below a folder znode that names the master. Only the server that holds
//! the claim can write there: each write is a transaction that checks the claim.
//!
//! Servers trust what they read, so each value carries a mark made with the cluster's secret, if there is one: an
//! intruder who can write to ZooKeeper but does not know the secret cannot put a key into every `authorized_keys`. A
//! single znode that cannot be read or trusted is skipped: its node registers again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::mem::take;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::PROGRAM;
use super::auth::Secret;
use super::fields::{Address, HostName};
use super::state::{PersistedNode, PersistedState};
use heartline_process::say::say;
use heartline_zookeeper::client::{Kind, Operation, Refusal};
use heartline_zookeeper::{Failure, Fence, Session, unless_throttled};

/// The folder znode, below the servers' namespace.
const FOLDER: &str = "nodes";
/// The maximum number of bytes per transaction: a ZooKeeper server accepts 1 MiB.
const BATCH: usize = 256 << 10;
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

/// The operation to try after this one was refused, if there is one.
fn instead(refused: &Operation, why: &Failure) -> Option<Operation> {
    let (path, value) = match refused {
        Operation::Delete { path, .. } => (path, Vec::new()),
        // It cannot be read, so it was not known.
        Operation::Create { path, value, .. } if *why == Failure::NodeExists => {
            (path, value.clone())
        }
        _ => return None,
    };
    Some(Operation::Set {
        path: path.clone(),
        value,
        version: None,
    })
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
    format!("{}/{FOLDER}", session.paths().namespace())
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
        Address::new(ip, loopback)?;
    }
    Ok(node)
}

/// The transactions that change the values from `before` to `wanted`. One node loses an address before another one gets
/// it.
fn batches(
    folder: &str,
    before: &Values,
    wanted: &Values,
    odd: &BTreeSet<String>,
) -> Vec<Vec<Operation>> {
    let path = |name: &str| match name {
        "" => folder.to_owned(),
        name => format!("{folder}/{name}"),
    };
    let is_gone = |(name, value): &(&String, &Vec<u8>)| {
        !value.is_empty() && !wanted.contains_key(*name) && !odd.contains(*name)
    };
    let gone = before.iter().filter(is_gone);
    let gone = gone.map(|(name, _)| Operation::Delete {
        path: path(name),
        version: None,
    });
    let changed = wanted
        .iter()
        .filter(|(name, value)| before.get(*name).is_some_and(|before| before != *value));
    let changed = changed.map(|(name, value)| Operation::Set {
        path: path(name),
        value: value.clone(),
        version: None,
    });
    let new = wanted
        .iter()
        .filter(|(name, _)| !before.contains_key(*name));
    let new = new.map(|(name, value)| Operation::Create {
        path: path(name),
        value: value.clone(),
        kind: Kind::Persistent,
    });
    let (mut batches, mut batch, mut size) = (Vec::new(), Vec::new(), 0);
    for operation in gone.chain(changed).chain(new) {
        let length = weight(&operation);
        if size + length > BATCH && !batch.is_empty() {
            batches.push(take(&mut batch));
            size = 0;
        }
        size += length;
        batch.push(operation);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// The znode of an operation; the folder has the empty name.
fn name<'a>(folder: &str, operation: &'a Operation) -> &'a str {
    let path = match operation {
        Operation::Check { path, .. }
        | Operation::Delete { path, .. }
        | Operation::Create { path, .. }
        | Operation::Set { path, .. } => path,
    };
    let below = path.strip_prefix(folder).unwrap_or_default();
    below.strip_prefix('/').unwrap_or_default()
}

/// The index of the one operation in `batch` that made a transaction fail, and why, if it fails again.
fn refused_at(refusal: Refusal, batch: &[Operation]) -> Result<(usize, Failure), Failure> {
    let Refusal { at, failure } = refusal;
    // The fence numbers operations from 1.
    let at = at.and_then(|at| at.checked_sub(1));
    match (at, &failure) {
        (Some(at), Failure::Refused(_) | Failure::NodeExists) if at < batch.len() => {
            Ok((at, failure))
        }
        _ => Err(failure),
    }
}

/// The size of an operation on the wire in bytes, rounded up.
fn weight(operation: &Operation) -> usize {
    const REST: usize = 64;
    match operation {
        Operation::Check { path, .. } | Operation::Delete { path, .. } => path.len() + REST,
        Operation::Create { path, value, .. } | Operation::Set { path, value, .. } => {
            path.len() + value.len() + REST
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::tests::kept;
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes()).expect("long enough")
    }

    /// The values after these transactions.
    fn applied(mut values: Values, batches: Vec<Vec<Operation>>) -> Values {
        let name = |path: &str| {
            path.strip_prefix("/f")
                .map(|rest| rest.trim_start_matches('/').to_owned())
                .expect("below")
        };
        for operation in batches.into_iter().flatten() {
            match operation {
                Operation::Check { .. } => panic!("the fence checks"),
                Operation::Create { path, value, .. } => {
                    assert!(
                        values.insert(name(&path), value).is_none(),
                        "{path} is there"
                    );
                }
                Operation::Set { path, value, .. } => {
                    assert!(
                        values.insert(name(&path), value).is_some(),
                        "{path} is not there"
                    );
                }
                Operation::Delete { path, .. } => {
                    assert!(values.remove(&name(&path)).is_some(), "{path} is not there");
                }
            }
        }
        values
    }

    fn believed(values: &Values, secret: Option<&Secret>) -> anyhow::Result<PersistedState> {
        read(values, secret, false, &mut BTreeMap::new())
    }

    #[test]
    fn what_is_passed_over_is_named_and_left_there() {
        let one = written(&kept(&["m1", "a2"]), None);
        let mut values = one.clone();
        values.insert("junk".to_owned(), b"hello".to_vec());
        let mut odd = BTreeMap::new();
        let believed = read(&values, None, false, &mut odd).expect("the folder's value is right");
        assert_eq!(believed.nodes.len(), 2);
        assert_eq!(odd.keys().collect::<Vec<_>>(), ["junk"]);
        let odd = odd.into_keys().collect();
        assert!(batches("/f", &values, &one, &odd).is_empty());
    }

    #[test]
    fn an_empty_value_stands_for_a_node_that_is_forgotten() {
        let wanted = written(&kept(&["m1"]), None);
        let mut values = wanted.clone();
        values.insert("a2".to_owned(), Vec::new());
        let mut odd = BTreeMap::new();
        let read = read(&values, None, false, &mut odd).expect("the folder's value is right");
        assert_eq!((read.nodes.len(), odd), (1, BTreeMap::new()));
        assert!(batches("/f", &values, &wanted, &BTreeSet::new()).is_empty());
        let again = written(&kept(&["m1", "a2"]), None);
        let again_written = batches("/f", &values, &again, &BTreeSet::new());
        assert_eq!(applied(values, again_written), again);
    }

    #[test]
    fn an_address_that_agents_reject_costs_its_node_alone() {
        let mut values = written(&kept(&["m1", "a2"]), None);
        let value = String::from_utf8(values["a2"].clone()).expect("text");
        values.insert(
            "a2".to_owned(),
            value.replace("10.0.0.2", "127.0.0.2").into(),
        );
        for (loopback, count) in [(false, 1), (true, 2)] {
            let mut odd = BTreeMap::new();
            let read = read(&values, None, loopback, &mut odd).expect("the folder's is right");
            assert_eq!((read.nodes.len(), odd.len()), (count, 2 - count));
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let kept = kept(&["m1", "a2", "b3"]);
        for secret in [None, Some(&secret("0123456789abcdef"))] {
            let values = written(&kept, secret);
            assert_eq!(believed(&values, secret).expect("whole"), kept);
        }
        assert_eq!(
            believed(&Values::new(), None).expect("nothing"),
            PersistedState::default()
        );
    }

    #[test]
    fn only_what_differs_is_written() {
        let (one, other) = (kept(&["m1", "a2", "b3"]), kept(&["m1", "c2", "b3", "d4"]));
        let (one, other) = (written(&one, None), written(&other, None));
        let none = BTreeSet::new();
        let batches = |before: &Values, wanted: &Values| batches("/f", before, wanted, &none);
        let between = batches(&one, &other);
        assert_eq!(between.iter().flatten().count(), 3, "{between:?}");
        assert_eq!(applied(one.clone(), between), other);
        assert!(batches(&one, &one).is_empty());
        let all = batches(&Values::new(), &one);
        assert!(
            matches!(&all[0][0], Operation::Create { path, .. } if path == "/f"),
            "the folder first"
        );
        assert_eq!(applied(Values::new(), all), one);
        assert_eq!(
            applied(one.clone(), batches(&one, &Values::new())),
            Values::new()
        );
    }

    #[test]
    fn no_transaction_is_too_long() {
        let values: Values = (0..1000)
            .map(|n| (format!("n{n}"), vec![b'x'; 1000]))
            .collect();
        let batches = batches("/f", &Values::new(), &values, &BTreeSet::new());
        assert_eq!(batches.len(), 5);
        for batch in &batches {
            assert!(batch.iter().map(weight).sum::<usize>() <= BATCH);
        }
        assert_eq!(applied(Values::new(), batches), values);
    }

    #[test]
    fn what_another_has_written_is_not_believed() {
        let (own, other) = (secret("0123456789abcdef"), secret("fedcba9876543210"));
        let kept = kept(&["m1", "a2"]);
        let values = written(&kept, Some(&own));
        assert!(believed(&written(&kept, None), Some(&own)).is_err());
        assert!(believed(&written(&kept, Some(&other)), Some(&own)).is_err());
        let mut moved = values.clone();
        moved.insert("m1".to_owned(), values["a2"].clone());
        let names = |values: &Values| {
            let nodes = believed(values, Some(&own))
                .expect("the folder's value is right")
                .nodes;
            let names = nodes.iter().map(|node| node.hostname.to_string());
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(&moved), ["a2"]);
        let mut changed = values.clone();
        if let Some(value) = changed.get_mut("a2") {
            let at = value
                .iter()
                .position(|byte| *byte == b'7')
                .expect("a digit");
            value[at] = b'8';
        }
        assert_eq!(names(&changed), ["m1"]);
        assert_eq!(names(&values).len(), 2);
    }
}
