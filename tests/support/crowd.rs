//! Very many followers' znodes in one session, without heartbeats.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Runtime;
use zookeeper_client::{Acls, Client, CreateMode};

use super::ZooKeeper;

/// The number of concurrent requests.
const AT_ONCE: usize = 256;

/// The znodes, and the session that they belong to.
pub(crate) struct Crowd {
    runtime: Runtime,
    client: Option<Client>,
}

impl Crowd {
    /// Creates a znode below `/heart_beat` for each name. The session may be silent for `session`.
    pub(crate) fn join(
        zookeeper: &ZooKeeper,
        session: Duration,
        names: impl IntoIterator<Item = String>,
        value: &str,
    ) -> Self {
        let paths = names.into_iter().map(|name| format!("/heart_beat/{name}"));
        Self::at(zookeeper, session, paths, value)
    }

    /// Creates such znodes at these paths.
    pub(crate) fn at(
        zookeeper: &ZooKeeper,
        session: Duration,
        paths: impl IntoIterator<Item = String>,
        value: &str,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let connector = Client::connector().with_session_timeout(session);
        let address = zookeeper.address();
        let client = runtime.block_on(connector.connect(&address));
        let client = client.expect("the server answers");
        let options = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
        runtime.block_on(async {
            let creations = paths.into_iter().map(|path| {
                let (client, options) = (&client, &options);
                async move { client.create(&path, value.as_bytes(), options).await }
            });
            let created = stream::iter(creations).buffer_unordered(AT_ONCE);
            let created: Vec<_> = created.try_collect().await.expect("they are made");
            drop(created);
        });
        Self {
            runtime,
            client: Some(client),
        }
    }

    /// Ends the session: all remaining znodes are removed at once.
    pub(crate) fn vanish(mut self) {
        self.leave();
    }

    fn leave(&mut self) {
        if let Some(client) = self.client.take() {
            self.runtime.block_on(async {
                let mut states = client.state_watcher();
                drop(client);
                let ended = async { while !states.changed().await.is_terminated() {} };
                // Without an answer the session ends by its timeout.
                let _ = tokio::time::timeout(Duration::from_secs(5), ended).await;
            });
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.leave();
    }
}
