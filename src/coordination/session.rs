//! One session with ZooKeeper, and what any member or watcher may do in it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};
use zookeeper_client::{Acls, Client, CreateMode, CreateOptions, Error, Stat};

use super::value::changed;
use super::{Address, Diagnosis, Failure, Fence, Namespace, OneshotWatch, Paths, Value, Watch};
use crate::protocol::claim::{ClaimStat, in_order};
use crate::protocol::report::FREE;

pub(super) const PERSISTENT: CreateOptions<'static> =
    CreateMode::Persistent.with_acls(Acls::anyone_all());
const EPHEMERAL: CreateOptions<'static> = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
const IN_LINE: CreateOptions<'static> =
    CreateMode::EphemeralSequential.with_acls(Acls::anyone_all());

/// Between two attempts to open a session.
const RETRY: Duration = Duration::from_millis(100);

/// How to reach ZooKeeper.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The ensemble.
    pub address: Address,
    /// What the job's znodes are below, itself below the address's chroot.
    pub namespace: Namespace,
    /// How long ZooKeeper waits for a silent session before it removes its ephemeral znodes.
    pub session_timeout: Duration,
}

/// One session. Clones share it; it ends when [`Session::close`] is called on the last of them.
#[derive(Clone, Debug)]
pub struct Session {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    paths: Paths,
}

impl Session {
    /// Opens a session, trying each server once.
    ///
    /// # Cancellation safety
    /// When the future is dropped, a session that was being made ends by its timeout.
    pub async fn open(settings: &Settings) -> Result<Self, Failure> {
        let client = Client::connector()
            .with_session_timeout(settings.session_timeout)
            .with_fail_eagerly()
            .connect(&settings.address.hosts())
            .await?;
        let paths = Paths::new(settings.namespace.below(settings.address.chroot()));
        Ok(Self {
            inner: Arc::new(Inner { client, paths }),
        })
    }

    /// Opens a session, for people who wait for it: a server that accepts connections is given
    /// `patience` to come up.
    pub async fn open_patiently(
        settings: &Settings,
        patience: Duration,
    ) -> Result<Self, Diagnosis> {
        let deadline = Instant::now() + patience;
        loop {
            if let Ok(session) = Self::open(settings).await {
                return Ok(session);
            }
            let diagnosis = Diagnosis::of(&settings.address).await;
            if diagnosis.is_settled() || Instant::now() >= deadline {
                return Err(diagnosis);
            }
            sleep(RETRY).await;
        }
    }

    /// The session's id: the owner of its ephemeral znodes.
    pub fn id(&self) -> i64 {
        self.client().session_id().0
    }

    /// The session timeout that the server granted.
    pub fn timeout(&self) -> Duration {
        self.client().session_timeout()
    }

    /// The job's znodes.
    pub fn paths(&self) -> &Paths {
        &self.inner.paths
    }

    /// Follows the connection from here on.
    pub fn watch(&self) -> Watch {
        Watch(self.client().state_watcher())
    }

    /// Ends the session, behind all that was asked before, and waits until the server has removed its
    /// ephemeral znodes, at most for `limit`. Returns whether it has; while there are other clones,
    /// the session goes on.
    pub async fn close(self, limit: Duration) -> bool {
        let mut states = self.client().state_watcher();
        if states.peek_state().is_terminated() {
            return true;
        }
        let Some(inner) = Arc::into_inner(self.inner) else {
            return false;
        };
        drop(inner);
        let ended = async { while !states.changed().await.is_terminated() {} };
        tokio::time::timeout(limit, ended).await.is_ok()
    }

    /// Makes the job's lasting znodes, as far as they are not there.
    pub async fn prepare(&self) -> Result<(), Failure> {
        for above in self.paths().namespace().ancestry() {
            self.ensure(above, b"").await?;
        }
        self.ensure(self.paths().master(), FREE.as_bytes()).await?;
        self.ensure(self.paths().members(), b"").await
    }

    async fn ensure(&self, path: &str, value: &[u8]) -> Result<(), Failure> {
        match self.client().create(path, value, &PERSISTENT).await {
            Ok(_) | Err(Error::NodeExists) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates a claim at the end of the line, and the job's lasting znodes if they are missing.
    /// Returns its name in the line.
    pub async fn stand_in_line(
        &self,
        prefix: &str,
        value: &str,
    ) -> Result<(String, ClaimStat), Failure> {
        let path = self.paths().claim(prefix);
        let create = || self.client().create(&path, value.as_bytes(), &IN_LINE);
        let (stat, sequence) = match create().await {
            Err(Error::NoNode) => {
                self.prepare().await?;
                create().await?
            }
            other => other?,
        };
        Ok((format!("{prefix}{sequence}"), claim_stat(&stat)))
    }

    /// The claims in the line; if `fresh`, with all that any server has acknowledged.
    pub async fn line(&self, fresh: bool) -> Result<Vec<String>, Failure> {
        if fresh {
            self.client().sync(self.paths().master()).await?;
        }
        match self.client().list_children(self.paths().master()).await {
            // Not made yet: nobody stands in line.
            Err(Error::NoNode) => Ok(Vec::new()),
            other => Ok(other?),
        }
    }

    /// Who owns a claim; `None` if it is gone.
    pub async fn inspect(&self, claim: &str) -> Result<Option<ClaimStat>, Failure> {
        let stat = self.client().check_stat(&self.paths().claim(claim)).await?;
        Ok(stat.as_ref().map(claim_stat))
    }

    /// Waits until a claim is gone.
    pub async fn gone(&self, claim: &str) -> Result<(), Failure> {
        let path = self.paths().claim(claim);
        loop {
            // A watch on children that an ephemeral znode cannot have tells of its end alone; one on
            // its value would also wake with each of the master's beats.
            let watcher = match self.client().list_and_watch_children(&path).await {
                Err(Error::NoNode) => return Ok(()),
                Err(error) => return Err(error.into()),
                Ok((_, watcher)) => watcher,
            };
            changed(watcher).await?;
        }
    }

    /// Removes a claim or a follower's znode; one that is gone already is as good.
    pub async fn remove(&self, path: &str) -> Result<(), Failure> {
        match self.client().delete(path, None).await {
            Err(Error::NoNode) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Removes the claims whose names begin with one of `prefixes`.
    pub async fn clear_line(&self, prefixes: &[String]) -> Result<(), Failure> {
        for claim in self.line(true).await? {
            if prefixes.iter().any(|prefix| claim.starts_with(prefix)) {
                self.remove(&self.paths().claim(&claim)).await?;
            }
        }
        Ok(())
    }

    /// Removes a znode of this session, or of one of the `earlier` sessions of the same process; that
    /// of anybody else is left alone.
    pub async fn remove_own(&self, path: &str, earlier: &[i64]) -> Result<(), Failure> {
        match self.owner(path).await? {
            Some(owner) if owner == self.id() || earlier.contains(&owner) => {
                self.remove(path).await
            }
            _ => Ok(()),
        }
    }

    /// Creates a follower's own znode. A leftover of one of the `earlier` sessions of the same
    /// process is replaced in one transaction: it may go only some time after its session.
    ///
    /// # Notable errors
    /// [`Failure::NodeExists`] if the name is somebody else's.
    pub async fn join(&self, name: &str, value: &str, earlier: &[i64]) -> Result<(), Failure> {
        let path = self.paths().member(name);
        loop {
            match self
                .client()
                .create(&path, value.as_bytes(), &EPHEMERAL)
                .await
            {
                Ok(_) => return Ok(()),
                Err(Error::NoNode) => self.prepare().await?,
                Err(Error::NodeExists) => match self.owner(&path).await? {
                    // Made by an earlier attempt whose answer was lost.
                    Some(owner) if owner == self.id() => return Ok(()),
                    Some(owner) if earlier.contains(&owner) => {
                        let mut writer = self.client().new_multi_writer();
                        writer.add_delete(&path, None)?;
                        writer.add_create(&path, value.as_bytes(), &EPHEMERAL)?;
                        match writer.commit().await.map_err(Error::from) {
                            Ok(_) => return Ok(()),
                            // It went by itself in this moment.
                            Err(Error::NoNode) => {}
                            Err(error) => return Err(error.into()),
                        }
                    }
                    Some(_) => return Err(Failure::NodeExists),
                    // Gone since.
                    None => {}
                },
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes a beat to a follower's own znode.
    pub async fn beat(&self, name: &str, value: &str) -> Result<(), Failure> {
        let path = self.paths().member(name);
        self.client()
            .set_data(&path, value.as_bytes(), None)
            .await?;
        Ok(())
    }

    /// What a znode says, its version, when it was set (by the server's clock), and a watch on its
    /// next change.
    pub async fn read(&self, path: &str) -> Result<(Value, OneshotWatch), Failure> {
        let (bytes, stat, watcher) = self.client().get_and_watch_data(path).await?;
        Ok((Value::new(bytes, &stat), OneshotWatch(watcher)))
    }

    /// The followers' names, and a watch on the next change of the list.
    pub async fn members(&self) -> Result<(Vec<String>, OneshotWatch), Failure> {
        let path = self.paths().members();
        let (names, watcher) = self.client().list_and_watch_children(path).await?;
        Ok((names, OneshotWatch(watcher)))
    }

    /// Waits until a znode exists.
    pub async fn appeared(&self, path: &str) -> Result<(), Failure> {
        loop {
            let (stat, watcher) = self.client().check_and_watch_stat(path).await?;
            if stat.is_some() {
                return Ok(());
            }
            changed(watcher).await?;
        }
    }

    /// The claim that is first in line, with its value; its first line is the master's name.
    pub async fn first_claim(&self) -> Result<Option<Value>, Failure> {
        let line = self.line(false).await?;
        let Some(first) = in_order(&line).first().map(|name| self.paths().claim(name)) else {
            return Ok(None);
        };
        match self.client().get_data(&first).await {
            Ok((bytes, stat)) => Ok(Some(Value::new(bytes, &stat))),
            Err(Error::NoNode) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Beats on a claim of one's own; returns the time by ZooKeeper's clock.
    pub async fn touch(&self, claim: &str, value: &str) -> Result<DateTime<Utc>, Failure> {
        let path = self.paths().claim(claim);
        let stat = self
            .client()
            .set_data(&path, value.as_bytes(), None)
            .await?;
        Ok(DateTime::from_timestamp_millis(stat.mtime).unwrap_or_default())
    }

    /// What the claim `name` entitles to, as long as it stands.
    pub fn fence(&self, claim: &str) -> Fence {
        Fence::new(self.clone(), claim)
    }

    /// The owner of a znode: a session's id, 0 for a lasting one; `None` if it does not exist.
    pub async fn owner(&self, path: &str) -> Result<Option<i64>, Failure> {
        let stat = self.client().check_stat(path).await?;
        Ok(stat.map(|stat| stat.ephemeral_owner))
    }

    /// Sets a lasting znode's value.
    pub async fn set(&self, path: &str, value: &str) -> Result<(), Failure> {
        self.client().set_data(path, value.as_bytes(), None).await?;
        Ok(())
    }

    pub(super) fn client(&self) -> &Client {
        &self.inner.client
    }
}

fn claim_stat(stat: &Stat) -> ClaimStat {
    ClaimStat {
        created: stat.czxid,
        owner: stat.ephemeral_owner,
    }
}
