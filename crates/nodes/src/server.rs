//! The node control server: listens, and gives every connection a task of its own.

use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep;

use super::PROGRAM;
use super::acceptor::Acceptor;
use super::active_server::{Server, ServerConfig, StoreKind};
use super::connection::serve;
use super::limits::{Complaints, ConnectionLimits, HandshakeRates};
use super::metrics::{NodesMetrics, serve_metrics};
use super::state::PersistedState;
use super::state_file::StateFile;
use super::store::Store;
use super::succession::succeed;
use super::tls::TlsServer;
use heartline_core::clock::SystemClock;
use heartline_exporter::server::MetricsServer;
use heartline_member::Config;
use heartline_process::say::say;
use heartline_process::service;

/// The pause after a connection could not be accepted, for instance because no file descriptor was free.
const BREATH: Duration = Duration::from_millis(100);
/// The interval between reports of suppressed log lines.
const SUM_UP: Duration = Duration::from_secs(10);

/// The state's store after the first check: usable as far as the server can know by now.
enum OpenedStore {
    File(StateFile, PersistedState),
    ZooKeeper(Box<Config>),
}

/// Serves until it receives a signal to stop.
#[expect(
    clippy::too_many_lines,
    reason = "the tasks of the server, started and ended in one place"
)]
pub(super) async fn run(plan: ServerConfig) -> anyhow::Result<()> {
    allow_files();
    // A fault of the store is reported before anybody can connect.
    let begun = match plan.keeping.clone() {
        StoreKind::File(path) => {
            let file = StateFile::open(&path)?;
            let kept = file.load()?;
            OpenedStore::File(file, kept)
        }
        StoreKind::ZooKeeper(config) => OpenedStore::ZooKeeper(config),
    };
    let listener = TcpListener::bind(plan.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", plan.listen))?;
    let address = listener.local_addr()?;
    let exporter = match plan.metrics {
        Some(address) => Some(MetricsServer::bind(address).await?),
        None => None,
    };
    let metrics = Arc::new(NodesMetrics::new());
    let (open, opened) = watch::channel(None);
    let clock = SystemClock::start();
    let acceptor = Arc::new(Acceptor {
        complaints: Mutex::new(Complaints::default()),
        clock,
        limits: Mutex::new(ConnectionLimits::new(
            plan.connections,
            plan.connections_of_one,
        )),
        open: opened,
        metrics: Arc::clone(&metrics),
        tls: plan.tls.clone(),
        handshakes: Mutex::new(HandshakeRates::new(
            u32::try_from(plan.connections_of_one).unwrap_or(u32::MAX),
        )),
    });
    let is_open = plan.takes_bare && plan.tls.is_none() && !plan.listen.ip().is_loopback();
    let tls = plan.tls.clone();
    let exporting = serve_metrics(exporter, Arc::clone(&metrics));
    let server = Server {
        plan,
        clock,
        open,
        metrics,
    };
    let work = async {
        match begun {
            OpenedStore::File(file, kept) => {
                let roster = kept.roster(server.plan.rules.clone(), server.now());
                let known = roster.nodes().len();
                say(
                    PROGRAM,
                    format_args!("listening on {address}; {known} nodes are known"),
                );
                server.work(roster, Store::File(Arc::new(file))).await;
                Ok(())
            }
            OpenedStore::ZooKeeper(config) => {
                say(
                    PROGRAM,
                    format_args!("listening on {address}; stands by until it has the claim"),
                );
                succeed(&server, *config).await
            }
        }
    };
    if is_open {
        say(
            PROGRAM,
            "--insecure-seed-protocol: anyone who can reach this port can add a key to every node's authorized_keys \
             and a name to every /etc/hosts, and can read and change all messages",
        );
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        outcome = work => outcome,
        outcome = exporting => outcome,
        () = accept(listener, address, Arc::clone(&acceptor)) => Ok(()),
        () = sum_up(&acceptor) => Ok(()),
        () = keep_current(tls.as_deref()) => Ok(()),
        // Every acknowledged change is already stored.
        _ = terminate.recv() => stopped(),
        _ = interrupt.recv() => stopped(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the outcome of a server")]
fn stopped() -> anyhow::Result<()> {
    service::stopping();
    service::last_word();
    Ok(())
}

/// Logs the number of suppressed lines at regular intervals.
async fn sum_up(acceptor: &Acceptor) {
    loop {
        sleep(SUM_UP).await;
        acceptor.sum_up();
    }
}

/// Takes certificates that were replaced, for ever.
async fn keep_current(tls: Option<&TlsServer>) {
    match tls {
        Some(tls) => tls.keep_current().await,
        None => pending().await,
    }
}

async fn accept(listener: TcpListener, address: SocketAddr, acceptor: Arc<Acceptor>) {
    let mut number = 0;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                number += 1;
                tokio::spawn(serve(number, stream, peer, Arc::clone(&acceptor)));
            }
            Err(error) => {
                acceptor.say(
                    address,
                    format_args!(": cannot accept a connection: {error}"),
                );
                sleep(BREATH).await;
            }
        }
    }
}

/// Raises the limit on open files to what the machine permits: the usual 1024 is too few for the connections.
pub(super) fn allow_files() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, all);
}

/// The address to announce to the nodes: the listening address, or the one this machine uses towards others.
pub(super) fn announced_address(listen: IpAddr) -> IpAddr {
    if !listen.is_unspecified() {
        return listen;
    }
    // This address is reserved for documentation; nothing is sent to it.
    let outwards = || {
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
        socket.connect("192.0.2.1:9").ok()?;
        socket.local_addr().ok()
    };
    outwards().map_or(listen, |address| address.ip())
}
