//! The transactions that bring the znodes from one state to the next.

use std::collections::BTreeSet;

use super::Values;
use heartline_zookeeper::Failure;
use heartline_zookeeper::client::{self, Kind, Operation, Refusal};

/// The maximum number of bytes per transaction: a ZooKeeper server accepts 1 MiB.
pub(super) const BATCH: usize = 256 << 10;

/// The operation to try after this one was refused, if there is one.
pub(super) fn instead(refused: &Operation, why: &Failure) -> Option<Operation> {
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

/// The transactions that change the values from `before` to `wanted`. One node loses an address before another one gets
/// it.
pub(super) fn batches(
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
    client::batches(gone.chain(changed).chain(new), BATCH)
}

/// The znode of an operation; the folder has the empty name.
pub(super) fn name<'a>(folder: &str, operation: &'a Operation) -> &'a str {
    let below = operation.path().strip_prefix(folder).unwrap_or_default();
    below.strip_prefix('/').unwrap_or_default()
}

/// The index of the one operation in `batch` that made a transaction fail, and why, if it fails again.
pub(super) fn refused_at(
    refusal: Refusal,
    batch: &[Operation],
) -> Result<(usize, Failure), Failure> {
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
