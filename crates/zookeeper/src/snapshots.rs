//! The snapshots of stalled members, kept for people after the member is gone.

use futures_util::{StreamExt, stream};

use super::client::{Access, Kind};
use super::{Failure, Session};

/// Maximum number of snapshots kept; the oldest are removed first.
const MOST: usize = 64;
/// Maximum number of snapshots that are reported because they cannot be removed.
pub const MOST_UNREMOVED: usize = 8;
/// Maximum number of concurrent reads: beats wait behind them.
const AT_ONCE: usize = 16;

/// A znode that cannot be removed: its path, and why.
pub type Unremoved = (String, String);

/// Stores a member's snapshot in place of its last one. Returns old snapshots that cannot be removed, for example
/// because they have children; at most [`MOST_UNREMOVED`] of them.
pub async fn keep(
    session: &Session,
    name: &str,
    snapshot: &str,
) -> Result<Vec<Unremoved>, Failure> {
    let (client, paths) = (session.client(), session.paths());
    let path = paths.snapshot(name);
    loop {
        match client.set(&path, snapshot.as_bytes(), None).await {
            Err(Failure::NoNode) => {}
            set => return set.map(|_| Vec::new()),
        }
        let create = client.create(&path, snapshot.as_bytes(), Kind::Persistent, Access::Shared);
        match create.await {
            Ok(_) => return forget_oldest(session).await,
            // Another process with the same name was faster.
            Err(Failure::NodeExists) => {}
            Err(Failure::NoNode) => session.ensure(paths.snapshots(), b"").await?,
            Err(failure) => return Err(failure),
        }
    }
}

/// The names of the members that have a snapshot.
pub async fn names(session: &Session) -> Result<Vec<String>, Failure> {
    match session.client().children(session.paths().snapshots()).await {
        Err(Failure::NoNode) => Ok(Vec::new()),
        names => names,
    }
}

async fn forget_oldest(session: &Session) -> Result<Vec<Unremoved>, Failure> {
    let paths = session.paths();
    let names = names(session).await?;
    let surplus = names.len().saturating_sub(MOST);
    if surplus == 0 {
        return Ok(Vec::new());
    }
    let looks = names.into_iter().map(|name| async move {
        let path = paths.snapshot(&name);
        let stat = session.client().stat(&path).await.ok().flatten()?;
        Some((stat.modified, path))
    });
    let looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut known: Vec<(i64, String)> = looks.filter_map(async |look| look).collect().await;
    known.sort();
    let mut unremoved = Vec::new();
    for (_, path) in known.into_iter().take(surplus) {
        match session.remove(&path).await {
            Err(Failure::Lost) => return Err(Failure::Lost),
            // It does not stop the others.
            Err(failure) if unremoved.len() < MOST_UNREMOVED => {
                unremoved.push((path, failure.to_string()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(unremoved)
}
