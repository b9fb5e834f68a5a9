//! One session with ZooKeeper, and the requests that any member or watcher may make in it.

use std::sync::Arc;
use std::time::Duration;

use super::access::OwnZnodes;
use super::client::{Access, Change, Client, Kind, Operation, Stat, States};
use super::zookeeper::ZooKeeper;
use super::{Address, Connection, Failure, Namespace, Paths, Security, Value};
use heartline_core::protocol::report::FREE;

/// How to connect to ZooKeeper.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The ensemble.
    pub address: Address,
    /// The namespace of the job's znodes, below the address's chroot.
    pub namespace: Namespace,
    /// How long ZooKeeper waits for a silent session before it removes its ephemeral znodes.
    pub session_timeout: Duration,
    /// How the session is secured.
    pub security: Security,
}

/// One session. Clones share it; [`Session::close`] on the last of them ends it.
#[derive(Clone, Debug)]
pub struct Session {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Box<dyn Client>,
    paths: Paths,
    closes_orders: bool,
    own: OwnZnodes,
}

impl Session {
    /// Opens a session. Tries each server once.
    ///
    /// # Cancellation safety
    /// When the future is dropped, a session that was being opened ends by its timeout.
    pub(super) async fn open(settings: &Settings) -> Result<Self, Failure> {
        let client = ZooKeeper::connect(settings).await?;
        Ok(Self::over(Box::new(client), settings))
    }

    /// Wraps the session of any client.
    pub fn over(client: Box<dyn Client>, settings: &Settings) -> Self {
        let paths = Paths::new(settings.namespace.below(settings.address.chroot()));
        Self {
            inner: Arc::new(Inner {
                client,
                paths,
                closes_orders: settings.security.closes_orders(),
                own: OwnZnodes::default(),
            }),
        }
    }

    /// The session's id: the owner of its ephemeral znodes.
    pub fn id(&self) -> i64 {
        self.client().session()
    }

    /// The session timeout that the server granted.
    pub fn timeout(&self) -> Duration {
        self.client().session_timeout()
    }

    /// The job's znodes.
    pub fn paths(&self) -> &Paths {
        &self.inner.paths
    }

    /// Whether orders of other identities are refused.
    pub fn closes_orders(&self) -> bool {
        self.inner.closes_orders
    }

    /// The ephemeral znodes that this session has created.
    pub(super) fn own(&self) -> &OwnZnodes {
        &self.inner.own
    }

    /// Follows the connection from now on.
    pub fn watch(&self) -> Box<dyn States> {
        self.client().states()
    }

    /// Ends the session after all earlier requests, and waits for `limit` at most until the server has
    /// removed its ephemeral znodes. Returns whether it has. As long as other clones exist, the session
    /// continues.
    pub async fn close(self, limit: Duration) -> bool {
        let mut states = self.client().states();
        if states.is_over() {
            return true;
        }
        let Some(inner) = Arc::into_inner(self.inner) else {
            return false;
        };
        drop(inner);
        let ended = async { while states.changed().await != Connection::Ended {} };
        tokio::time::timeout(limit, ended).await.is_ok()
    }

    /// Creates the job's persistent znodes that do not exist yet.
    pub async fn prepare(&self) -> Result<(), Failure> {
        self.prepare_namespace().await?;
        self.ensure(self.paths().master(), FREE.as_bytes()).await?;
        self.ensure(self.paths().members(), b"").await?;
        self.prepare_control().await
    }

    /// Creates the persistent znodes between master and members that do not exist yet: a job that an older
    /// version or another program set up may lack them.
    pub async fn prepare_control(&self) -> Result<(), Failure> {
        self.ensure(self.paths().control(), b"").await?;
        self.ensure(self.paths().requests(), b"").await
    }

    /// Creates the parent znode of commits, and those above it.
    pub async fn prepare_commits(&self) -> Result<(), Failure> {
        self.prepare_namespace().await?;
        self.ensure(self.paths().commits(), b"").await
    }

    async fn prepare_namespace(&self) -> Result<(), Failure> {
        for above in self.paths().namespace().ancestry() {
            self.ensure(above, b"").await?;
        }
        Ok(())
    }

    /// Creates a persistent znode unless it exists.
    pub(super) async fn ensure(&self, path: &str, value: &[u8]) -> Result<(), Failure> {
        match self
            .client()
            .create(path, value, Kind::Persistent, Access::Shared)
            .await
        {
            Ok(_) | Err(Failure::NodeExists) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Creates a claim at the end of the line, and the job's persistent znodes if they are missing. Returns
    /// the claim's name in the line and its owner: this session.
    pub async fn stand_in_line(&self, prefix: &str, value: &str) -> Result<(String, i64), Failure> {
        let path = self.paths().claim(prefix);
        let (made, stat) = self.create_in_order(&path, value).await?;
        self.own().note(&made);
        let name = made.rsplit('/').next().unwrap_or_default();
        Ok((name.to_owned(), stat.owner))
    }

    /// The claims in the line; if `fresh`, including all writes that any server has acknowledged.
    pub async fn line(&self, fresh: bool) -> Result<Vec<String>, Failure> {
        if fresh {
            self.client().sync(self.paths().master()).await?;
        }
        // While the parent znode does not exist yet, the line is empty.
        self.names_below(self.paths().master()).await
    }

    /// The names of a znode's children; none if it does not exist.
    pub(super) async fn names_below(&self, path: &str) -> Result<Vec<String>, Failure> {
        match self.client().children(path).await {
            Err(Failure::NoNode) => Ok(Vec::new()),
            names => names,
        }
    }

    /// Removes a claim or a follower's znode; succeeds if it is already gone.
    pub async fn remove(&self, path: &str) -> Result<(), Failure> {
        match self.client().delete(path, None).await {
            Err(Failure::NoNode) => Ok(()),
            other => other,
        }
    }

    /// Removes the claims of the `earlier` sessions of the same process: their names begin with one of
    /// `prefixes`.
    pub async fn clear_line(&self, prefixes: &[String], earlier: &[i64]) -> Result<(), Failure> {
        for claim in self.line(true).await? {
            if prefixes.iter().any(|prefix| claim.starts_with(prefix)) {
                let path = self.paths().claim(&claim);
                // This session's own claim stays. A claim that cannot be removed does not stop the others.
                if let Err(Failure::Lost) = self.remove_of(&path, earlier).await {
                    return Err(Failure::Lost);
                }
            }
        }
        Ok(())
    }

    /// Removes a znode of this session, or of one of the `earlier` sessions of the same process. A znode of
    /// any other session stays. Returns what was removed.
    pub async fn remove_own(&self, path: &str, earlier: &[i64]) -> Result<Option<Stat>, Failure> {
        self.remove_of(path, &[&[self.id()], earlier].concat())
            .await
    }

    /// Removes a znode if one of these sessions owns it. Returns what was removed.
    async fn remove_of(&self, path: &str, owners: &[i64]) -> Result<Option<Stat>, Failure> {
        let stat = self.client().stat(path).await?;
        let stat = stat.filter(|stat| owners.contains(&stat.owner));
        if stat.is_some() {
            self.remove(path).await?;
        }
        Ok(stat)
    }

    /// Creates this follower's znode. A znode left from one of the `earlier` sessions of the same process is
    /// replaced in one transaction: ZooKeeper may remove it only some time after its session.
    ///
    /// # Notable errors
    /// [`Failure::NodeExists`] if the znode of this name belongs to another process.
    pub async fn join(&self, name: &str, value: &str, earlier: &[i64]) -> Result<(), Failure> {
        let path = self.paths().member(name);
        self.own().note(&path);
        loop {
            let create =
                self.client()
                    .create(&path, value.as_bytes(), Kind::Ephemeral, Access::Shared);
            match create.await {
                Ok(_) => return Ok(()),
                Err(Failure::NoNode) => self.prepare().await?,
                Err(Failure::NodeExists) => match self.owner(&path).await? {
                    Some(owner) if earlier.contains(&owner) => {
                        match self.replace(&path, value, Kind::Ephemeral).await {
                            // ZooKeeper has just removed it with its session.
                            Err(Failure::NoNode) => {}
                            other => return other,
                        }
                    }
                    // An earlier attempt, whose answer was lost, has created it.
                    Some(owner) if owner == self.id() => return Ok(()),
                    Some(_) => return Err(Failure::NodeExists),
                    // It was removed in the meantime.
                    None => {}
                },
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Deletes a znode without children and creates it as one of this session, in one transaction.
    pub(super) async fn replace(&self, path: &str, value: &str, kind: Kind) -> Result<(), Failure> {
        let delete = Operation::Delete {
            path: path.to_owned(),
            version: None,
        };
        let create = Operation::Create {
            path: path.to_owned(),
            value: value.into(),
            kind,
        };
        Ok(self.client().transaction(vec![delete, create]).await?)
    }

    /// Writes a beat to this follower's znode; returns the znode's new version.
    pub async fn beat(&self, name: &str, value: &str) -> Result<i32, Failure> {
        let path = self.paths().member(name);
        let stat = self.client().set(&path, value.as_bytes(), None).await?;
        Ok(stat.version)
    }

    /// A znode's value and stat, and a watch for its next change.
    pub async fn read(&self, path: &str) -> Result<(Value, Change), Failure> {
        let (bytes, stat, change) = self.client().get_and_watch(path).await?;
        Ok((Value { bytes, stat }, change))
    }

    /// A znode's value, including all writes that any server has acknowledged.
    pub async fn read_fresh(&self, path: &str) -> Result<Value, Failure> {
        self.client().sync(path).await?;
        let (bytes, stat) = self.client().get(path).await?;
        Ok(Value { bytes, stat })
    }

    /// The followers' names, and a watch for the next change of the list.
    pub async fn members(&self) -> Result<(Vec<String>, Change), Failure> {
        let (names, _, change) = self.members_as_of().await?;
        Ok((names, change))
    }

    /// The followers' names, the zxid of the list's last change, and a watch for the next one.
    pub async fn members_as_of(&self) -> Result<(Vec<String>, i64, Change), Failure> {
        let path = self.paths().members();
        let (names, stat, change) = self.client().children_and_watch(path).await?;
        Ok((names, stat.children_changed, change))
    }

    /// The operators' requests, and a watch for the next change of the list.
    pub async fn requests(&self) -> Result<(Vec<String>, Change), Failure> {
        let path = self.paths().requests();
        let (names, _, change) = self.client().children_and_watch(path).await?;
        Ok((names, change))
    }

    /// Sends a request to the master; it exists as long as this session. Returns its path.
    pub async fn request(&self, text: &str) -> Result<String, Failure> {
        let path = self.paths().request("request-");
        let (made, _) = self.create_in_order(&path, text).await?;
        Ok(made)
    }

    /// Creates a numbered znode that exists as long as this session, and the job's persistent znodes if they
    /// are missing.
    async fn create_in_order(&self, path: &str, value: &str) -> Result<(String, Stat), Failure> {
        let kind = Kind::EphemeralSequential;
        let create = || {
            self.client()
                .create(path, value.as_bytes(), kind, Access::Private)
        };
        match create().await {
            Err(Failure::NoNode) => {
                self.prepare().await?;
                create().await
            }
            made => made,
        }
    }

    /// Waits until a znode exists.
    pub async fn appeared(&self, path: &str) -> Result<(), Failure> {
        loop {
            let (stat, change) = self.client().stat_and_watch(path).await?;
            if stat.is_some() {
                return Ok(());
            }
            change.await?;
        }
    }

    /// A znode's value; `None` if the znode does not exist.
    pub async fn find(&self, path: &str) -> Result<Option<Value>, Failure> {
        match self.client().get(path).await {
            Ok((bytes, stat)) => Ok(Some(Value { bytes, stat })),
            Err(Failure::NoNode) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The owner of a znode: a session's id, or 0 for a persistent znode; `None` if it does not exist.
    pub async fn owner(&self, path: &str) -> Result<Option<i64>, Failure> {
        let stat = self.client().stat(path).await?;
        Ok(stat.map(|stat| stat.owner))
    }

    /// Sets a persistent znode's value.
    pub async fn set(&self, path: &str, value: &str) -> Result<(), Failure> {
        self.client().set(path, value.as_bytes(), None).await?;
        Ok(())
    }

    /// The underlying client, for less common requests.
    pub fn client(&self) -> &dyn Client {
        &*self.inner.client
    }
}
