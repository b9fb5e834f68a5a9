//! `setup-zookeeper`: creates the job's znodes, or resets them to their initial state.
//!
//! Znodes that cannot be removed (somebody else has created a znode below them, or their ACL does not allow it) are
//! named, and the rest is done all the same. A server that throttles is asked again.

mod secure;

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

pub use secure::secure;
pub(crate) use secure::tree_is_open;

use heartline_core::protocol::claim::{holder, in_order, sequence};
use heartline_core::protocol::report::FREE;
use heartline_process::say::say;
use heartline_process::stdio;
use heartline_zookeeper::client::{Operation, batches};
use heartline_zookeeper::{
    Connector, Failure, Namespace, Session, Settings, snapshots, unthrottled,
};

const PROGRAM: &str = "setup-zookeeper";
/// How long to observe a znode that belongs to no session, to see whether a program beats on it. The
/// programs that create such znodes beat every 5 ms.
const LOOK: Duration = Duration::from_millis(200);
/// How long to wait for a server that is just starting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to ask a server that throttles again.
const OVERLOAD: Duration = Duration::from_secs(30);
/// The number of concurrent requests.
const AT_ONCE: usize = 256;
/// The size of a transaction that removes claims: a ZooKeeper server accepts 1 MiB.
const BATCH_BYTES: usize = 128 << 10;
/// The most names in a message.
const MOST_NAMED: usize = 20;
/// How long closing the session may take.
const CLOSE: Duration = Duration::from_secs(1);

/// Creates `/heart_beat_master` and `/heart_beat`, or frees the first and empties the second, and forgets which
/// tasks were committed. While members are alive it refuses, unless `force` is set: then they are removed, and join
/// again. Says which znodes everybody may write, also of those at `more`, which are paths in the job's namespace.
pub async fn setup(settings: &Settings, force: bool, more: &[Namespace]) -> anyhow::Result<()> {
    let session = connect(settings).await?;
    let reset = Reset {
        session: &session,
        settings,
        end: Instant::now() + OVERLOAD,
        force,
        more,
    };
    let outcome = reset.run().await;
    // Without an answer the session ends by its timeout.
    let _ = session.close(CLOSE).await;
    outcome
}

/// Opens a session, and says so.
async fn connect(settings: &Settings) -> anyhow::Result<Session> {
    let address = &settings.address;
    let session = Connector::new(settings.clone())
        .connect_within(CONNECT_TIMEOUT)
        .await
        .map_err(|why| anyhow!("no session with ZooKeeper at {address}: {why}"))?;
    stdio::out().write_all(b"connected\n\n")?;
    Ok(session)
}

struct Reset<'a> {
    session: &'a Session,
    settings: &'a Settings,
    end: Instant,
    force: bool,
    more: &'a [Namespace],
}

/// A znode that could not be removed, and why.
type Left = (String, Failure);

impl Reset<'_> {
    async fn run(&self) -> anyhow::Result<()> {
        let (session, paths) = (self.session, self.session.paths());
        unthrottled(self.end, async || session.prepare().await)
            .await
            .context("cannot create the znodes")?;
        let claims = unthrottled(self.end, async || session.line(true).await).await?;
        let members = self.children(paths.members()).await?;
        if !self.force {
            self.refuse_if_alive(&claims, &members).await?;
        }
        let mut left = self
            .clear_commits()
            .await
            .context("cannot remove the commits")?;
        left.extend(self.free(&claims).await?);
        let members = members.iter().map(|member| paths.member(member));
        let snapshots = unthrottled(self.end, async || snapshots::names(session).await)
            .await
            .context("cannot list the snapshots")?;
        let snapshots = snapshots.iter().map(|snapshot| paths.snapshot(snapshot));
        left.extend(self.remove(members.chain(snapshots)).await?);
        complain(&left, "reset")?;
        secure::say_open(session, self.settings, self.more).await
    }

    /// Removes the claims from the end of the line to its head, and frees the master's znode in one transaction with the
    /// head: the next member to claim it finds it free.
    async fn free(&self, claims: &[String]) -> anyhow::Result<Vec<Left>> {
        let paths = self.session.paths();
        let mut line = in_order(claims);
        line.extend(claims.iter().filter(|name| sequence(name).is_none()));
        let mut batches = removals(line.into_iter().map(|claim| paths.claim(claim)));
        let head = batches.remove(0);
        let mut left = Vec::new();
        for batch in batches.into_iter().rev() {
            left.extend(self.clear(Vec::new(), batch).await?);
        }
        let sets = [(paths.control(), ""), (paths.master(), FREE)];
        let sets = sets.map(|(path, value)| Operation::Set {
            path: path.to_owned(),
            value: value.into(),
            version: None,
        });
        left.extend(self.clear(sets.to_vec(), head).await?);
        Ok(left)
    }

    /// Carries out `first` and these removals in one transaction; returns what cannot be removed. If one of them is
    /// refused, each is made alone.
    async fn clear(
        &self,
        first: Vec<Operation>,
        removals: Vec<Operation>,
    ) -> anyhow::Result<Vec<Left>> {
        let cannot_free = || format!("cannot free {}", self.session.paths().master());
        match self.make([&first[..], &removals].concat()).await {
            Ok(()) => return Ok(Vec::new()),
            Err(failure @ (Failure::Lost | Failure::Throttled)) => {
                return Err(failure).with_context(cannot_free);
            }
            Err(_) => {}
        }
        if !first.is_empty() {
            self.make(first).await.with_context(cannot_free)?;
        }
        let paths = removals.iter().map(|removal| removal.path().to_owned());
        Ok(self.remove(paths).await?)
    }

    async fn make(&self, operations: Vec<Operation>) -> Result<(), Failure> {
        let client = self.session.client();
        unthrottled(self.end, async || {
            Ok(client.transaction(operations.clone()).await?)
        })
        .await
    }

    /// Removes all these znodes; returns those that cannot be removed.
    async fn remove(&self, paths: impl Iterator<Item = String>) -> Result<Vec<Left>, Failure> {
        let removals = paths.map(|path| async move {
            let removed = unthrottled(self.end, async || self.session.remove(&path).await);
            match removed.await {
                Ok(()) => Ok(None),
                Err(failure @ (Failure::Lost | Failure::Throttled)) => Err(failure),
                Err(failure) => Ok(Some((path, failure))),
            }
        });
        let removals = stream::iter(removals).buffered(AT_ONCE);
        let left: Vec<Option<Left>> = removals.try_collect().await?;
        Ok(left.into_iter().flatten().collect())
    }

    /// Forgets which tasks were committed.
    async fn clear_commits(&self) -> anyhow::Result<Vec<Left>> {
        let paths = self.session.paths();
        let mut tasks = self.children(paths.commits()).await?;
        for task in &mut tasks {
            *task = paths.commit(task);
        }
        let mut left = Vec::new();
        for task in &tasks {
            let running = match self.children(task).await {
                Err(failure @ (Failure::Lost | Failure::Throttled)) => return Err(failure.into()),
                // The attempt to remove it shows whether that is possible.
                running => running.unwrap_or_default(),
            };
            if !self.force && !running.is_empty() {
                bail!("{task} is being committed; wait for its end, or pass --force");
            }
            let running = running.iter().map(|running| format!("{task}/{running}"));
            left.extend(self.remove(running).await?);
        }
        left.extend(self.remove(tasks.into_iter()).await?);
        Ok(left)
    }

    /// The names below a znode; none if the znode does not exist.
    async fn children(&self, path: &str) -> Result<Vec<String>, Failure> {
        let client = self.session.client();
        match unthrottled(self.end, async || client.children(path).await).await {
            Err(Failure::NoNode) => Ok(Vec::new()),
            names => names,
        }
    }

    async fn refuse_if_alive(&self, claims: &[String], members: &[String]) -> anyhow::Result<()> {
        let paths = self.session.paths();
        // Members with a claim in the line.
        let mut alive = BTreeSet::new();
        let mut line = Vec::new();
        for claim in in_order(claims) {
            let path = paths.claim(claim);
            let name = match unthrottled(self.end, async || self.session.find(&path).await).await {
                // It is no claim, since no session owns it.
                Ok(Some(value)) if !value.stat.is_ephemeral() => continue,
                Ok(Some(value)) => holder(&value.bytes),
                // A claim that has gone meanwhile has no owner.
                Ok(None) => continue,
                Err(failure @ (Failure::Lost | Failure::Throttled)) => return Err(failure.into()),
                // It belongs to some member, whose name is unknown.
                Err(_) => claim.clone(),
            };
            let is_first = line.is_empty();
            let part = if is_first { "master" } else { "in line" };
            line.push(format!("{name} ({part})"));
            alive.insert(name);
        }
        let others = members.iter().filter(|member| !alive.contains(*member));
        let looks = others.map(|member| async move {
            let alive = self.is_alive(&paths.member(member)).await?;
            Ok::<_, Failure>(alive.then(|| member.clone()))
        });
        let others: Vec<Option<String>> =
            stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        line.extend(others.into_iter().flatten());
        if line.is_empty() {
            return Ok(());
        }
        bail!(
            "members are alive below '{}/': {}. Wait until their job has ended, give this one a \
             --namespace of its own, or pass --force to remove them",
            paths.namespace(),
            named(&line)
        )
    }

    /// Whether a member's znode is in use: it belongs to a session, or is being written.
    async fn is_alive(&self, path: &str) -> Result<bool, Failure> {
        let client = self.session.client();
        let looked = unthrottled(self.end, async || client.stat_and_watch(path).await).await;
        let (stat, change) = match looked {
            Ok(looked) => looked,
            Err(failure @ (Failure::Lost | Failure::Throttled)) => return Err(failure),
            // A znode that may not be read is spared.
            Err(_) => return Ok(true),
        };
        match stat {
            None => return Ok(false),
            Some(stat) if stat.is_ephemeral() => return Ok(true),
            Some(_) => {}
        }
        match tokio::time::timeout(LOOK, change).await {
            Err(_) => Ok(false),
            Ok(changed) => changed,
        }
    }
}

/// The transactions that remove the znodes at these paths, at least one.
fn removals(paths: impl Iterator<Item = String>) -> Vec<Vec<Operation>> {
    let deletes = paths.map(|path| Operation::Delete {
        path,
        version: None,
    });
    let mut removals = batches(deletes, BATCH_BYTES);
    if removals.is_empty() {
        removals.push(Vec::new());
    }
    removals
}

/// Names the znodes that could not be removed; that is a failure, for a new job must not find them. `done` is what was done
/// to all others.
fn complain(left: &[Left], done: &str) -> anyhow::Result<()> {
    for (path, failure) in left.iter().take(MOST_NAMED) {
        say(PROGRAM, format_args!("cannot remove {path}: {failure}"));
    }
    match left.len() {
        0 => Ok(()),
        count => bail!(
            "all else is {done}, but {count} znodes cannot be removed; members pass over them; remove them by hand"
        ),
    }
}

/// The first of these names, and the number of the others.
fn named(names: &[String]) -> String {
    let mut text = names[..names.len().min(MOST_NAMED)].join(", ");
    if names.len() > MOST_NAMED {
        text = format!("{text} and {} more", names.len() - MOST_NAMED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_transaction_is_too_long() {
        assert_eq!(removals(std::iter::empty()), [Vec::<Operation>::new()]);
        let paths: Vec<String> = (0..12_000)
            .map(|number| {
                format!(
                    "/a/heart_beat_master/_c_{}-lock-{number:010}",
                    "x".repeat(36)
                )
            })
            .collect();
        let batches = removals(paths.iter().cloned());
        assert!(batches.len() < 20, "{}", batches.len());
        for batch in &batches {
            let size: usize = batch.iter().map(|one| one.path().len() + 64).sum();
            assert!((1..=BATCH_BYTES).contains(&size), "{size}");
        }
        let removed = batches.concat();
        let removed: Vec<&str> = removed.iter().map(Operation::path).collect();
        assert_eq!(removed, paths);
    }
}
