//! `setup-zookeeper`: creates the job's znodes, or puts them back to how they were at first.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use crate::coordination::{Failure, Session, Settings, snapshots};
use crate::protocol::claim::{holder, in_order};
use crate::protocol::report::FREE;

/// How long a znode that belongs to no session is looked at to see whether somebody beats on it. The
/// programs that make such znodes beat every 5 ms.
const LOOK: Duration = Duration::from_millis(200);
/// How long a server that is just starting is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the end may take.
const CLOSE: Duration = Duration::from_secs(1);

/// Creates `/heart_beat_master` and `/heart_beat`, or frees the one and empties the other. While
/// members are alive it refuses, unless `force`d: then they are put out, and join again.
pub async fn setup(settings: &Settings, force: bool) -> anyhow::Result<()> {
    let address = &settings.address;
    let session = Session::open_patiently(settings, PATIENCE)
        .await
        .map_err(|why| anyhow!("no session with ZooKeeper at {address}: {why}"))?;
    writeln!(io::stdout(), "connected\n")?;
    let outcome = reset(&session, force).await;
    // Without an answer it ends by its timeout.
    let _ = session.close(CLOSE).await;
    outcome
}

async fn reset(session: &Session, force: bool) -> anyhow::Result<()> {
    session
        .prepare()
        .await
        .context("cannot create the znodes")?;
    let claims = session.line(true).await?;
    let (members, _) = session.members().await?;
    if !force {
        refuse_if_alive(session, &claims, &members).await?;
    }
    let paths = session.paths();
    let claims = claims.iter().map(|claim| paths.claim(claim));
    let members = members.iter().map(|member| paths.member(member));
    let snapshots = snapshots::names(session).await;
    let snapshots = snapshots.context("cannot list the snapshots")?;
    let snapshots = snapshots.iter().map(|snapshot| paths.snapshot(snapshot));
    for path in claims.chain(members).chain(snapshots) {
        session
            .remove(&path)
            .await
            .with_context(|| format!("cannot remove {path}"))?;
    }
    for (path, value) in [(paths.control(), ""), (paths.master(), FREE)] {
        session
            .set(path, value)
            .await
            .with_context(|| format!("cannot set {path}"))?;
    }
    Ok(())
}

async fn refuse_if_alive(
    session: &Session,
    claims: &[String],
    members: &[String],
) -> anyhow::Result<()> {
    let mut alive = Vec::new();
    for (place, claim) in in_order(claims).into_iter().enumerate() {
        let part = if place == 0 {
            " (master)"
        } else {
            " (in line)"
        };
        // One that has gone meanwhile is nobody any more.
        if let Ok((value, _)) = session.read(&session.paths().claim(claim)).await {
            alive.push((holder(&value.bytes), part));
        }
    }
    for member in members {
        let said = alive.iter().any(|(name, _)| name == member);
        if !said && is_alive(session, &session.paths().member(member)).await? {
            alive.push((member.clone(), ""));
        }
    }
    if alive.is_empty() {
        return Ok(());
    }
    let alive: Vec<String> = alive
        .iter()
        .map(|(name, part)| format!("{name}{part}"))
        .collect();
    bail!(
        "members are alive below '{}/': {}. Wait until their job has ended, give this one a \
         --namespace of its own, or pass --force to put them out",
        session.paths().namespace(),
        alive.join(", ")
    )
}

/// Whether a member's znode is somebody's: a session's, or one that is being written.
async fn is_alive(session: &Session, path: &str) -> Result<bool, Failure> {
    match session.owner(path).await? {
        None => return Ok(false),
        Some(0) => {}
        Some(_) => return Ok(true),
    }
    let (_, watch) = match session.read(path).await {
        Err(Failure::NoNode) => return Ok(false),
        read => read?,
    };
    match tokio::time::timeout(LOOK, watch).await {
        Err(_) => Ok(false),
        Ok(changed) => changed,
    }
}
