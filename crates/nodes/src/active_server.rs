//! A server that is active or stands by: while it is active, its coordinator answers the requests of all connections.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::acceptor::Shared;
use super::auth::Secret;
use super::connection_table::ConnectionTable;
use super::coordinator::Coordinator;
use super::metrics::NodesMetrics;
use super::publish::{Published, ServerIdentity};
use super::roster::{Roster, Rules};
use super::state::PersistedState;
use super::store::Store;
use super::tls::TlsServer;
use super::zk_store::Unkept;
use heartline_core::clock::SystemClock;
use heartline_member::Config;
use heartline_process::service;

/// The number of requests that may wait for the coordinator.
const REQUESTS: usize = 1024;

/// The configuration of a server.
#[derive(Clone, Debug)]
pub(super) struct ServerConfig {
    pub(super) listen: SocketAddr,
    pub(super) keeping: StoreKind,
    pub(super) secret: Option<Secret>,
    /// `None` without TLS.
    pub(super) tls: Option<Arc<TlsServer>>,
    pub(super) takes_bare: bool,
    pub(super) any_address: bool,
    pub(super) rules: Rules,
    pub(super) connections: usize,
    pub(super) connections_of_one: usize,
    pub(super) own: ServerIdentity,
    /// Where metrics are served.
    pub(super) metrics: Option<SocketAddr>,
}

impl ServerConfig {
    /// Whether nodes may have addresses of the machine itself.
    pub(super) fn loopback(&self) -> bool {
        self.listen.ip().is_loopback()
    }
}

/// Where the server keeps its state.
#[derive(Clone, Debug)]
pub(super) enum StoreKind {
    /// In a file.
    File(PathBuf),
    /// In ZooKeeper; the server that holds the claim writes it.
    ZooKeeper(Box<Config>),
}

/// A server that is active or stands by.
pub(super) struct Server {
    pub(super) plan: ServerConfig,
    pub(super) clock: SystemClock,
    /// What the connections share while the server is active; `None` while it stands by.
    pub(super) open: watch::Sender<Option<Arc<Shared>>>,
    pub(super) metrics: Arc<NodesMetrics>,
}

impl Server {
    pub(super) fn now(&self) -> Duration {
        self.clock.now().elapsed
    }

    /// Runs the coordinator until another server has certainly taken over. Dropping this future ends all connections.
    pub(super) async fn work(&self, roster: Roster, store: Store) {
        let plan = &self.plan;
        let (to_coordinator, inbox) = mpsc::channel(REQUESTS);
        // This state was just read from the store.
        let kept = Arc::new(PersistedState::of(&roster));
        let (updates, update_inbox) =
            watch::channel(Arc::new(Published::of(&roster, &kept, &plan.own)));
        let (seen, seen_by) = watch::channel(0);
        let shared = Shared {
            secret: plan.secret.clone(),
            takes_bare: plan.takes_bare,
            coordinator: to_coordinator,
            updates: update_inbox,
            seen: seen_by,
            loopback: plan.loopback(),
        };
        let _closing = Closing(self);
        self.metrics.active(true);
        self.metrics.roster(&roster);
        self.open.send_replace(Some(Arc::new(shared)));
        service::ready("answers nodes");
        let coordinator = Coordinator {
            roster,
            kept,
            unkept: Unkept::new(),
            store,
            own: plan.own.clone(),
            clock: self.clock,
            any_address: plan.any_address,
            inbox,
            updates,
            seen,
            lines: ConnectionTable::default(),
            metrics: Arc::clone(&self.metrics),
        };
        coordinator.run().await;
    }
}

/// Stops serving all connections when it is dropped.
struct Closing<'a>(&'a Server);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.open.send_replace(None);
        self.0.metrics.active(false);
    }
}
