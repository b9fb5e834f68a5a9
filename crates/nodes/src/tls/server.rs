//! The server's half of handshakes. Each has a limit and costs the others nothing: it is made by the task of its own
//! connection, which counts for the limits on connections from its first byte on.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::explain::{client_fault, is_end};
use super::files::{CA, TlsFiles};
use super::permit::CertifiedClient;
use super::watch::FileWatch;
use crate::PROGRAM;
use crate::fields::HostName;
use crate::rejection::Rejection;
use heartline_exporter::tls::{CERTIFICATE, KEY};
use heartline_process::off_thread::off_thread;
use heartline_process::say::say;

/// The time a handshake may take, with the wait for its turn.
const LIMIT: Duration = Duration::from_secs(5);
/// The time it may take once it has its turn, so that strangers who stop in the middle soon make room.
const TURN: Duration = Duration::from_secs(2);
/// The most handshakes at once, each of which may hold 64 KiB of unread messages; others wait for their turn. One address
/// has at most 64 connections, so that it cannot take all turns.
const MOST: usize = 1024;
/// The interval between looks at the files.
const LOOK: Duration = Duration::from_secs(5);

/// How a handshake ends that makes no connection.
pub(crate) enum HandshakeEnd {
    /// The client speaks, but not TLS: it is told so in its own way.
    Bare(TcpStream, Rejection),
    /// The client was told by an alert, which may still be on its way through this connection, if there is one.
    Refused(Option<TcpStream>, Rejection),
    /// The client has closed the connection.
    Closed,
}

/// What a server needs for connections by TLS.
#[derive(Debug)]
pub(crate) struct TlsServer {
    files: TlsFiles,
    /// The files as they were before they were read.
    watch: FileWatch,
    operators: Vec<HostName>,
    current: Mutex<Arc<ServerConfig>>,
    turns: Semaphore,
}

impl TlsServer {
    /// Reads the files; blocks. Clients whose certificate has a name of `operators` may forget every node.
    ///
    /// # Errors
    /// A line for people that names the option.
    pub(crate) fn open(files: TlsFiles, operators: Vec<HostName>) -> Result<Self, String> {
        let watch = FileWatch::new(files.clone());
        let config = files.server()?;
        Ok(Self {
            files,
            watch,
            operators,
            current: Mutex::new(Arc::new(config)),
            turns: Semaphore::new(MOST),
        })
    }

    /// Makes the handshake of a new connection.
    ///
    /// # Cancellation safety
    /// When the future is dropped, the connection is closed.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, CertifiedClient), HandshakeEnd> {
        let shaken = timeout(LIMIT, self.shake(stream)).await;
        shaken.unwrap_or_else(|_| Err(late(LIMIT)))
    }

    async fn shake(
        &self,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, CertifiedClient), HandshakeEnd> {
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(1) => {}
            Ok(_) | Err(_) => return Err(HandshakeEnd::Closed),
        }
        // Only who has begun takes a turn. The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        // A message without TLS begins so, and nothing of TLS does.
        if first == *b"{" {
            let why = format!("this server speaks TLS only: pass {CA}, {CERTIFICATE} and {KEY}");
            return Err(HandshakeEnd::Bare(stream, Rejection::new(why)));
        }
        let config = Arc::clone(&self.current());
        let accepting = TlsAcceptor::from(config).accept(stream).into_fallible();
        let accepted = timeout(TURN, accepting).await;
        let stream = accepted
            .map_err(|_| late(TURN))?
            .map_err(|(error, stream)| self.refused(&error, stream))?;
        let shown = stream.get_ref().1.peer_certificates();
        let client = match shown.and_then(|chain| chain.first()) {
            Some(certificate) => CertifiedClient::of(certificate, &self.operators),
            None => Err(Rejection::new("it has no certificate")),
        };
        match client {
            Ok(client) => Ok((stream, client)),
            Err(why) => Err(HandshakeEnd::Refused(None, why)),
        }
    }

    fn refused(&self, error: &io::Error, stream: TcpStream) -> HandshakeEnd {
        if is_end(error) {
            return HandshakeEnd::Closed;
        }
        let why = client_fault(error, &self.files.ca);
        HandshakeEnd::Refused(Some(stream), Rejection::new(why))
    }

    /// Reads the files again whenever they have changed, for connections from then on; runs for ever.
    ///
    /// # Cancellation safety
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn keep_current(&self) {
        let mut watch = self.watch.clone();
        loop {
            let mut own = watch.clone();
            let looked = off_thread(move || {
                let found = own.look(SystemTime::now());
                (own, found)
            });
            let Some((same, found)) = looked.await else {
                // As many threads as may be wait for disks: the certificates stay as they are until the next look.
                sleep(LOOK).await;
                continue;
            };
            watch = same;
            if let Some(config) = found.config {
                *self.current() = Arc::new(config);
            }
            for line in found.lines {
                say(PROGRAM, line);
            }
            sleep(LOOK).await;
        }
    }

    fn current(&self) -> MutexGuard<'_, Arc<ServerConfig>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn late(limit: Duration) -> HandshakeEnd {
    let why = format!("no handshake by TLS within {limit:?}");
    HandshakeEnd::Refused(None, Rejection::new(why))
}
