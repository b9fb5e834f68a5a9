//! What every accepted connection starts with: the limits, the handshake, and the log lines about clients.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use super::PROGRAM;
use super::auth::Secret;
use super::coordinator::CoordinatorInput;
use super::limits::{Complaints, ConnectionLimits, HandshakeRates};
use super::link::{Link, LinkStream};
use super::metrics::NodesMetrics;
use super::publish::{Published, refused};
use super::rejection::Rejection;
use super::tls::{CertifiedClient, HandshakeEnd, TlsServer};
use heartline_core::clock::SystemClock;
use heartline_process::say::say;

/// The longest message in bytes before the sender is authenticated.
const LONGEST_HELLO: usize = 4 << 10;

/// What every accepted connection starts with.
#[derive(Debug)]
pub(super) struct Acceptor {
    pub(super) limits: Mutex<ConnectionLimits>,
    pub(super) complaints: Mutex<Complaints>,
    pub(super) clock: SystemClock,
    /// `None` while the server stands by.
    pub(super) open: watch::Receiver<Option<Arc<Shared>>>,
    pub(super) metrics: Arc<NodesMetrics>,
    /// `None` if the server speaks without TLS.
    pub(super) tls: Option<Arc<TlsServer>>,
    pub(super) handshakes: Mutex<HandshakeRates>,
}

/// What all connections share while the server is active.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) secret: Option<Secret>,
    /// Whether messages without authentication are accepted.
    pub(super) takes_bare: bool,
    pub(super) coordinator: mpsc::Sender<CoordinatorInput>,
    pub(super) updates: watch::Receiver<Arc<Published>>,
    pub(super) seen: watch::Receiver<u64>,
    /// Whether loopback addresses are accepted: only if the server listens on one.
    pub(super) loopback: bool,
}

/// A connection that counts until this is dropped.
pub(super) struct Entered<'a> {
    acceptor: &'a Acceptor,
    from: IpAddr,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        lock(&self.acceptor.limits).leave(self.from);
        self.acceptor.metrics.left();
    }
}

impl Acceptor {
    /// Counts a new connection, or rejects it.
    pub(super) fn enter(&self, from: IpAddr) -> Result<Entered<'_>, Rejection> {
        let entered = lock(&self.limits).enter(from);
        self.metrics.entered(entered.is_ok());
        entered.map(|()| Entered {
            acceptor: self,
            from,
        })
    }

    /// Ends a connection that there is no room for.
    pub(super) async fn turn_away(&self, stream: TcpStream, peer: SocketAddr, why: &Rejection) {
        self.refuses(peer, why);
        // A handshake would be the work that there is no room for.
        if self.tls.is_none() {
            end_bare(stream, why).await;
        }
    }

    /// Makes the handshake, if there is one to make. Returns the connection and what the client's certificate permits;
    /// `None` if there is no connection, and that was said.
    pub(super) async fn meet(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Option<(Link, Option<CertifiedClient>)> {
        let Some(tls) = &self.tls else {
            return Some((Link::new(stream, LONGEST_HELLO), None));
        };
        let begun = lock(&self.handshakes).begin(self.clock.now().elapsed, peer.ip());
        if let Err(why) = begun {
            self.refuses(peer, &why);
            return None;
        }
        match tls.accept(stream).await {
            Ok((stream, client)) => {
                let stream = LinkStream::Tls(Box::new(stream.into()));
                return Some((Link::new(stream, LONGEST_HELLO), Some(client)));
            }
            Err(HandshakeEnd::Closed) => {}
            Err(HandshakeEnd::Bare(stream, why)) => {
                self.refuses(peer, &why);
                end_bare(stream, &why).await;
            }
            Err(HandshakeEnd::Refused(stream, why)) => {
                self.refuses(peer, &why);
                if let Some(stream) = stream {
                    Link::new(stream, 0).close().await;
                }
            }
        }
        None
    }

    /// Logs a line about an address, unless there were too many.
    pub(super) fn say(&self, about: SocketAddr, what: fmt::Arguments<'_>) {
        let now = self.clock.now().elapsed;
        if lock(&self.complaints).may_say(now, about.ip()) {
            say(PROGRAM, format_args!("{about}{what}"));
        }
    }

    /// Logs why a client is refused.
    pub(super) fn refuses(&self, peer: SocketAddr, why: &Rejection) {
        self.say(peer, format_args!(" is refused: {why}"));
    }

    /// Logs how many lines were suppressed.
    pub(super) fn sum_up(&self) {
        for (about, count) in lock(&self.complaints).take_unsaid(self.clock.now().elapsed) {
            let whose = match about {
                IpAddr::V4(_) => about.to_string(),
                IpAddr::V6(net) if net.is_unspecified() => "many other addresses".to_owned(),
                IpAddr::V6(net) => format!("{net}/64"),
            };
            say(
                PROGRAM,
                format_args!("and {count} more lines like those about {whose}"),
            );
        }
    }
}

/// Says to a client without TLS why its connection ends.
async fn end_bare(stream: TcpStream, why: &Rejection) {
    let mut link = Link::new(stream, LONGEST_HELLO);
    let _ = link.send(&refused("connection", None, why)).await;
    link.close().await;
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
