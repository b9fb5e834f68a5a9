//! Accepts a bounded number of connections, and ends those that ask nothing: whoever holds many of them open must not take
//! the file descriptors that this process needs to read ZooKeeper.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_rustls::TlsAcceptor;

use crate::tls::MaybeTls;

/// Maximum number of connections at the same time; further ones wait in the kernel.
const MOST_CONNECTIONS: usize = 256;
/// How long a connection may be open before the first byte of a request.
const FIRST_BYTE: Duration = Duration::from_secs(10);
/// The pause after an `accept` that fails: file descriptors may be missing for a moment.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A listener with a limit.
pub struct LimitedListener {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    permits: Arc<Semaphore>,
}

/// The address of a client.
#[derive(Clone, Copy, Debug)]
pub struct HttpClient(pub SocketAddr);

impl Connected<IncomingStream<'_, LimitedListener>> for HttpClient {
    fn connect_info(stream: IncomingStream<'_, LimitedListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl LimitedListener {
    /// Accepts connections of this listener, with TLS if there is an acceptor.
    pub fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        Self {
            listener,
            tls,
            permits: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
        }
    }
}

impl Listener for LimitedListener {
    type Io = LimitedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // The semaphore is never closed.
            let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let stream = LimitedStream {
                        stream: MaybeTls::new(stream, self.tls.as_ref()),
                        unread: Some(Box::pin(sleep(FIRST_BYTE))),
                        _permit: permit,
                    };
                    return (stream, address);
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that counts until it is dropped.
pub struct LimitedStream {
    stream: MaybeTls,
    /// The time for the first byte, until that has come.
    unread: Option<Pin<Box<Sleep>>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.unread = None;
        } else if let Some(limit) = &mut self.unread
            && limit.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
