//! `setup-zookeeper --secure`: closes the job's znodes to other identities.

use anyhow::{Context, bail};

use super::{CLOSE, PROGRAM, complain, connect, named};
use heartline_process::say::say;
use heartline_zookeeper::{Namespace, Session, Settings};

/// Gives the job's znodes the ACLs that its members would create them with, and creates those that are missing. So are the
/// znodes of groups and nodes in the job's namespace closed, and what is below `more`, of paths in that namespace. Members
/// may be alive. Orders that somebody else may have given before are removed.
///
/// # Errors
/// If the settings have no identity to give the rights to, or ZooKeeper refuses.
pub async fn secure(settings: &Settings, more: &[Namespace]) -> anyhow::Result<()> {
    if !settings.security.closes_orders() {
        bail!(
            "--secure needs an identity to give the rights to (--zookeeper-auth, --zookeeper-sasl or \
             --zookeeper-tls-cert), and another --acl than world"
        );
    }
    let session = connect(settings).await?;
    let outcome = close(&session, more).await;
    // Without an answer the session ends by its timeout.
    let _ = session.close(CLOSE).await;
    outcome
}

async fn close(session: &Session, more: &[Namespace]) -> anyhow::Result<()> {
    session
        .prepare()
        .await
        .context("cannot create the znodes")?;
    let secured = session.secure(more).await;
    let secured = secured.context("the tree stays open")?;
    if !secured.removed.is_empty() {
        let removed = named(&secured.removed);
        say(
            PROGRAM,
            format_args!("removed, for they belong to another identity: {removed}"),
        );
    }
    complain(&secured.left, "closed")?;
    let open = secured.open;
    for path in &open {
        say(
            PROGRAM,
            format_args!("{path} is closed; everybody could write it"),
        );
    }
    if open.iter().any(|path| path == session.paths().control()) {
        let what = "orders that stood there are removed; give them again, as by heartline interval";
        say(PROGRAM, what);
    }
    Ok(())
}

/// Says which znodes everybody may write, for a session that has an identity.
///
/// # Errors
/// If the connection is lost.
pub(super) async fn say_open(
    session: &Session,
    settings: &Settings,
    more: &[Namespace],
) -> anyhow::Result<()> {
    if !settings.security.closes_orders() {
        return Ok(());
    }
    let open = session.open_to_everybody(more).await?;
    if !open.is_empty() {
        say(PROGRAM, tree_is_open(&open));
    }
    Ok(())
}

/// The message about znodes that everybody may write.
pub(crate) fn tree_is_open(open: &[String]) -> String {
    let what_to_do = if open.iter().any(|path| path == "/") {
        "give the job a --namespace of its own"
    } else {
        "run setup-zookeeper --secure"
    };
    let open = open.join(", ");
    format!(
        "everybody may write {open}, so orders there are refused, and names can be taken; {what_to_do}"
    )
}
