//! The snapshots of stalled members, kept for people after the member is gone.

use futures_util::{StreamExt, stream};

use super::client::Kind;
use super::{Failure, Session};

/// Maximum number of snapshots kept; the oldest are removed first.
const MOST: usize = 64;
/// Maximum number of concurrent reads: beats wait behind them.
const AT_ONCE: usize = 16;

/// Stores a member's snapshot in place of its last one.
pub async fn keep(session: &Session, name: &str, snapshot: &str) -> Result<(), Failure> {
    let (client, paths) = (session.client(), session.paths());
    let path = paths.snapshot(name);
    loop {
        match client.set(&path, snapshot.as_bytes(), None).await {
            Err(Failure::NoNode) => {}
            set => return set.map(drop),
        }
        let create = client.create(&path, snapshot.as_bytes(), Kind::Persistent);
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

async fn forget_oldest(session: &Session) -> Result<(), Failure> {
    let paths = session.paths();
    let names = names(session).await?;
    let surplus = names.len().saturating_sub(MOST);
    if surplus == 0 {
        return Ok(());
    }
    let looks = names.into_iter().map(|name| async move {
        let path = paths.snapshot(&name);
        let stat = session.client().stat(&path).await.ok().flatten()?;
        Some((stat.modified, path))
    });
    let looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut known: Vec<(i64, String)> = looks.filter_map(async |look| look).collect().await;
    known.sort();
    for (_, path) in known.into_iter().take(surplus) {
        // A snapshot that cannot be removed, for example because it has children, does not stop the others.
        if let Err(Failure::Lost) = session.remove(&path).await {
            return Err(Failure::Lost);
        }
    }
    Ok(())
}
