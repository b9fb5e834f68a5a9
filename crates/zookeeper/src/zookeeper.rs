//! Implements the port for a real ensemble, with the client library.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use zookeeper_client::{
    CreateMode, CreateOptions, Error, EventType, MultiWriteError, MultiWriter, OneshotWatcher,
    StateWatcher,
};

use super::about::{About, unopened};
use super::client::{
    Access, AclEntry, Change, Client, Kind, Operation, Refusal, Reply, Stat, States,
};
use super::security::{Identity, Rights, nameless};
use super::{Connection, Failure, Settings};

/// A session with a real ensemble.
#[derive(Debug)]
pub(super) struct ZooKeeper {
    client: zookeeper_client::Client,
    about: Arc<About>,
    rights: Rights,
    /// Renews certificates and tickets.
    renewing: Option<AbortHandle>,
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
    }
}

impl ZooKeeper {
    /// Opens a session. Tries each server once.
    ///
    /// # Notable errors
    /// [`Failure::Refused`] if a file of the credentials is of no use, or the server refuses them.
    pub(super) async fn connect(settings: &Settings) -> Result<Self, Failure> {
        let servers = settings.address.servers().iter();
        let names = servers.map(|(host, _)| host.clone()).collect();
        let loaded = Identity::load(&settings.security, names).await;
        let identity = loaded.map_err(Failure::Refused)?;
        let has_tls = identity.tls.is_some();
        let hosts = settings.address.hosts();
        let mut connector = zookeeper_client::Client::connector()
            .with_session_timeout(settings.session_timeout)
            .with_fail_eagerly();
        if let Some(digest) = &identity.digest {
            connector = connector.with_auth("digest", digest);
        }
        if let Some(sasl) = identity.sasl {
            connector = connector.with_sasl(sasl);
        }
        let connected = if let Some(tls) = identity.tls {
            let servers = settings.address.servers().iter();
            if let Some(why) = servers
                .map(|(host, _)| host)
                .find_map(|host| nameless(host))
            {
                return Err(Failure::Refused(why));
            }
            connector.with_tls(tls).secure_connect(&hosts).await
        } else {
            connector.connect(&hosts).await
        };
        Ok(Self {
            client: connected.map_err(|error| unopened(error, &identity.shown, identity.advice))?,
            about: Arc::new(About {
                hosts,
                identity: identity.shown,
                has_tls,
            }),
            rights: (&settings.security).into(),
            renewing: identity
                .renewal
                .map(|renewal| tokio::spawn(renewal.run()).abort_handle()),
        })
    }

    /// A reply that keeps the client alive. The library sends a request when its future is created; here that
    /// happens when the reply is first polled. `verb` tells what is done with the znode at `path`, for who may not do it.
    fn ask<T, F>(
        &self,
        verb: &'static str,
        path: &str,
        request: impl FnOnce(zookeeper_client::Client, Arc<str>) -> F + Send + 'static,
    ) -> Reply<T>
    where
        F: Future<Output = Result<T, Error>> + Send,
        T: Send,
    {
        let (client, about) = (self.client.clone(), Arc::clone(&self.about));
        let path: Arc<str> = path.into();
        Box::pin(async move {
            match request(client, Arc::clone(&path)).await {
                Err(Error::Unimplemented) => Err(about.unimplemented().await),
                Err(Error::NoAuth) => Err(about.not_allowed(&format!("{verb} {path}"))),
                Err(Error::InvalidAcl) => Err(about.not_known()),
                answer => Ok(answer?),
            }
        })
    }
}

impl Client for ZooKeeper {
    fn session(&self) -> i64 {
        self.client.session_id().0
    }

    fn session_timeout(&self) -> Duration {
        self.client.session_timeout()
    }

    fn states(&self) -> Box<dyn States> {
        Box::new(Watcher(self.client.state_watcher()))
    }

    fn create(
        &self,
        path: &str,
        value: &[u8],
        kind: Kind,
        access: Access,
    ) -> Reply<(String, Stat)> {
        let (value, rights) = (value.to_vec(), self.rights);
        self.ask("create", path, move |client, path| async move {
            let options = options(kind, rights, access);
            let (stat, sequence) = client.create(&path, &value, &options).await?;
            let path = match kind {
                Kind::EphemeralSequential => format!("{path}{sequence}"),
                Kind::Persistent | Kind::Ephemeral => path.to_string(),
            };
            Ok((path, (&stat).into()))
        })
    }

    fn acl(&self, path: &str) -> Reply<Vec<AclEntry>> {
        self.ask("read the ACL of", path, move |client, path| async move {
            let (acl, _) = client.get_acl(&path).await?;
            Ok(acl.iter().map(Into::into).collect())
        })
    }

    fn set_acl(&self, path: &str, access: Access) -> Reply<()> {
        let rights = self.rights;
        self.ask("set the ACL of", path, move |client, path| async move {
            client.set_acl(&path, &rights.acls(access), None).await?;
            Ok(())
        })
    }

    fn delete(&self, path: &str, version: Option<i32>) -> Reply<()> {
        self.ask("delete", path, move |client, path| async move {
            client.delete(&path, version).await
        })
    }

    fn set(&self, path: &str, value: &[u8], version: Option<i32>) -> Reply<Stat> {
        let value = value.to_vec();
        self.ask("set", path, move |client, path| async move {
            let stat = client.set_data(&path, &value, version).await?;
            Ok((&stat).into())
        })
    }

    fn get(&self, path: &str) -> Reply<(Vec<u8>, Stat)> {
        self.ask("read", path, move |client, path| async move {
            let (value, stat) = client.get_data(&path).await?;
            Ok((value, (&stat).into()))
        })
    }

    fn get_and_watch(&self, path: &str) -> Reply<(Vec<u8>, Stat, Change)> {
        self.ask("read", path, move |client, path| async move {
            let (value, stat, watcher) = client.get_and_watch_data(&path).await?;
            Ok((value, (&stat).into(), change(watcher)))
        })
    }

    fn stat(&self, path: &str) -> Reply<Option<Stat>> {
        self.ask("look at", path, move |client, path| async move {
            let stat = client.check_stat(&path).await?;
            Ok(stat.as_ref().map(Into::into))
        })
    }

    fn stat_and_watch(&self, path: &str) -> Reply<(Option<Stat>, Change)> {
        self.ask("look at", path, move |client, path| async move {
            let (stat, watcher) = client.check_and_watch_stat(&path).await?;
            Ok((stat.as_ref().map(Into::into), change(watcher)))
        })
    }

    fn children(&self, path: &str) -> Reply<Vec<String>> {
        self.ask("list", path, move |client, path| async move {
            client.list_children(&path).await
        })
    }

    fn children_and_watch(&self, path: &str) -> Reply<(Vec<String>, Stat, Change)> {
        self.ask("list", path, move |client, path| async move {
            let (names, stat, watcher) = client.get_and_watch_children(&path).await?;
            Ok((names, (&stat).into(), change(watcher)))
        })
    }

    fn sync(&self, path: &str) -> Reply<()> {
        self.ask("read", path, move |client, path| async move {
            client.sync(&path).await
        })
    }

    fn transaction(&self, operations: Vec<Operation>) -> Reply<(), Refusal> {
        let (client, about, rights) = (self.client.clone(), Arc::clone(&self.about), self.rights);
        Box::pin(async move {
            let mut writer = client.new_multi_writer();
            let mut whats = Vec::with_capacity(operations.len());
            for operation in operations {
                whats.push(what(&operation));
                add(&mut writer, operation, rights)?;
            }
            match writer.commit().await {
                Err(MultiWriteError::OperationFailed {
                    index,
                    source: Error::InvalidAcl,
                }) => Err(Refusal {
                    at: Some(index),
                    failure: about.not_known(),
                }),
                Err(MultiWriteError::OperationFailed {
                    index,
                    source: Error::NoAuth,
                }) => Err(Refusal {
                    at: Some(index),
                    failure: about.not_allowed(whats.get(index).map_or("do it", String::as_str)),
                }),
                made => Ok(made.map(|_| ())?),
            }
        })
    }
}

/// What an operation does, to be told if that is not allowed.
fn what(operation: &Operation) -> String {
    let verb = match operation {
        Operation::Check { .. } => "check",
        Operation::Create { .. } => "create",
        Operation::Set { .. } => "set",
        Operation::Delete { .. } => "delete",
    };
    format!("{verb} {}", operation.path())
}

fn add(writer: &mut MultiWriter, operation: Operation, rights: Rights) -> Result<(), Error> {
    match operation {
        Operation::Check { path, version } => {
            // The server accepts version -1 for any version.
            writer.add_check_version(&path, version.unwrap_or(-1))
        }
        Operation::Create { path, value, kind } => {
            writer.add_create(&path, &value, &options(kind, rights, Access::Shared))
        }
        Operation::Set {
            path,
            value,
            version,
        } => writer.add_set_data(&path, &value, version),
        Operation::Delete { path, version } => writer.add_delete(&path, version),
    }
}

fn options(kind: Kind, rights: Rights, access: Access) -> CreateOptions<'static> {
    let mode = match kind {
        Kind::Persistent => CreateMode::Persistent,
        Kind::Ephemeral => CreateMode::Ephemeral,
        Kind::EphemeralSequential => CreateMode::EphemeralSequential,
    };
    mode.with_acls(rights.acls(access))
}

fn change(watcher: OneshotWatcher) -> Change {
    Box::pin(async move {
        match watcher.changed().await.event_type {
            EventType::Session => Err(Failure::Lost),
            EventType::NodeDeleted => Ok(false),
            _ => Ok(true),
        }
    })
}

#[derive(Debug)]
struct Watcher(StateWatcher);

impl States for Watcher {
    fn changed(&mut self) -> Pin<Box<dyn Future<Output = Connection> + Send + '_>> {
        Box::pin(async { self.0.changed().await.into() })
    }

    fn is_over(&mut self) -> bool {
        self.0.peek_state().is_terminated()
    }
}
