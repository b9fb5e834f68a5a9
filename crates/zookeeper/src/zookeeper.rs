//! Implements the port for a real ensemble, with the client library.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use zookeeper_client::{
    Acls, CreateMode, CreateOptions, Error, EventType, MultiWriteError, MultiWriter,
    OneshotWatcher, StateWatcher,
};

use super::client::{Change, Client, Kind, Operation, Refusal, Reply, Stat, States};
use super::{Connection, Failure, age};

/// A session with a real ensemble.
#[derive(Debug)]
pub(super) struct ZooKeeper {
    client: zookeeper_client::Client,
    hosts: Arc<str>,
}

impl ZooKeeper {
    /// Opens a session. Tries each server once.
    pub(super) async fn connect(hosts: &str, session_timeout: Duration) -> Result<Self, Failure> {
        let client = zookeeper_client::Client::connector()
            .with_session_timeout(session_timeout)
            .with_fail_eagerly()
            .connect(hosts)
            .await?;
        let hosts = hosts.into();
        Ok(Self { client, hosts })
    }

    /// A reply that keeps the client alive. The library sends a request when its future is created; here that
    /// happens when the reply is first polled.
    fn ask<T, F>(
        &self,
        request: impl FnOnce(zookeeper_client::Client) -> F + Send + 'static,
    ) -> Reply<T>
    where
        F: Future<Output = Result<T, Error>> + Send,
        T: Send,
    {
        let (client, hosts) = (self.client.clone(), Arc::clone(&self.hosts));
        Box::pin(async move {
            match request(client).await {
                Err(Error::Unimplemented) => Err(unimplemented(&hosts).await),
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

    fn create(&self, path: &str, value: &[u8], kind: Kind) -> Reply<(String, Stat)> {
        let (path, value) = (path.to_owned(), value.to_vec());
        self.ask(move |client| async move {
            let (stat, sequence) = client.create(&path, &value, &options(kind)).await?;
            let path = match kind {
                Kind::EphemeralSequential => format!("{path}{sequence}"),
                Kind::Persistent | Kind::Ephemeral => path,
            };
            Ok((path, (&stat).into()))
        })
    }

    fn delete(&self, path: &str, version: Option<i32>) -> Reply<()> {
        let path = path.to_owned();
        self.ask(move |client| async move { client.delete(&path, version).await })
    }

    fn set(&self, path: &str, value: &[u8], version: Option<i32>) -> Reply<Stat> {
        let (path, value) = (path.to_owned(), value.to_vec());
        self.ask(move |client| async move {
            let stat = client.set_data(&path, &value, version).await?;
            Ok((&stat).into())
        })
    }

    fn get(&self, path: &str) -> Reply<(Vec<u8>, Stat)> {
        let path = path.to_owned();
        self.ask(move |client| async move {
            let (value, stat) = client.get_data(&path).await?;
            Ok((value, (&stat).into()))
        })
    }

    fn get_and_watch(&self, path: &str) -> Reply<(Vec<u8>, Stat, Change)> {
        let path = path.to_owned();
        self.ask(move |client| async move {
            let (value, stat, watcher) = client.get_and_watch_data(&path).await?;
            Ok((value, (&stat).into(), change(watcher)))
        })
    }

    fn stat(&self, path: &str) -> Reply<Option<Stat>> {
        let path = path.to_owned();
        self.ask(move |client| async move {
            let stat = client.check_stat(&path).await?;
            Ok(stat.as_ref().map(Into::into))
        })
    }

    fn stat_and_watch(&self, path: &str) -> Reply<(Option<Stat>, Change)> {
        let path = path.to_owned();
        self.ask(move |client| async move {
            let (stat, watcher) = client.check_and_watch_stat(&path).await?;
            Ok((stat.as_ref().map(Into::into), change(watcher)))
        })
    }

    fn children(&self, path: &str) -> Reply<Vec<String>> {
        let path = path.to_owned();
        self.ask(move |client| async move { client.list_children(&path).await })
    }

    fn children_and_watch(&self, path: &str) -> Reply<(Vec<String>, Stat, Change)> {
        let path = path.to_owned();
        self.ask(move |client| async move {
            let (names, stat, watcher) = client.get_and_watch_children(&path).await?;
            Ok((names, (&stat).into(), change(watcher)))
        })
    }

    fn sync(&self, path: &str) -> Reply<()> {
        let path = path.to_owned();
        self.ask(move |client| async move { client.sync(&path).await })
    }

    fn transaction(&self, operations: Vec<Operation>) -> Reply<(), Refusal> {
        let client = self.client.clone();
        Box::pin(async move {
            let mut writer = client.new_multi_writer();
            for operation in operations {
                add(&mut writer, operation)?;
            }
            writer.commit().await?;
            Ok(())
        })
    }
}

/// The failure when a server does not know a request: all requests that heartline uses came with ZooKeeper
/// 3.5.
async fn unimplemented(hosts: &str) -> Failure {
    let answer = match hosts.parse() {
        Ok(address) => age::first_answer(&address).await,
        Err(_) => None,
    };
    let old = answer.as_ref().filter(|(_, version)| version.is_too_old());
    let old = old.map(|(server, version)| (server.as_str(), *version));
    Failure::Refused(age::needs(old))
}

fn add(writer: &mut MultiWriter, operation: Operation) -> Result<(), Error> {
    match operation {
        Operation::Check { path, version } => {
            // The server accepts version -1 for any version.
            writer.add_check_version(&path, version.unwrap_or(-1))
        }
        Operation::Create { path, value, kind } => writer.add_create(&path, &value, &options(kind)),
        Operation::Set {
            path,
            value,
            version,
        } => writer.add_set_data(&path, &value, version),
        Operation::Delete { path, version } => writer.add_delete(&path, version),
    }
}

fn options(kind: Kind) -> CreateOptions<'static> {
    let mode = match kind {
        Kind::Persistent => CreateMode::Persistent,
        Kind::Ephemeral => CreateMode::Ephemeral,
        Kind::EphemeralSequential => CreateMode::EphemeralSequential,
    };
    mode.with_acls(Acls::anyone_all())
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

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            at: None,
            failure: error.into(),
        }
    }
}

impl From<MultiWriteError> for Refusal {
    fn from(error: MultiWriteError) -> Self {
        match error {
            MultiWriteError::RequestFailed { source } => source.into(),
            MultiWriteError::OperationFailed { index, source } => Self {
                at: Some(index),
                failure: source.into(),
            },
        }
    }
}

impl From<&zookeeper_client::Stat> for Stat {
    fn from(stat: &zookeeper_client::Stat) -> Self {
        Self {
            created: stat.czxid,
            modified: stat.mzxid,
            version: stat.version,
            owner: stat.ephemeral_owner,
            children: stat.num_children,
            children_changed: stat.pzxid,
            made: DateTime::from_timestamp_millis(stat.ctime).unwrap_or_default(),
            written: DateTime::from_timestamp_millis(stat.mtime).unwrap_or_default(),
        }
    }
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
