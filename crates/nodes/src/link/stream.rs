//! The bytes of a connection, with or without TLS.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::ready;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

/// The number of bytes per read.
pub(super) const PIECE: usize = 16 << 10;
/// The label of what both ends derive from a connection's keys (RFC 8446, 7.5). No other use has it.
const EXPORT_LABEL: &[u8] = b"EXPORTER-heartline-nodes-1";

/// A connection of bytes.
#[derive(Debug)]
pub enum LinkStream {
    /// Everybody on the way can read and change what is sent.
    Plain(TcpStream),
    /// Both ends have proven who they are.
    Tls(Box<TlsStream<TcpStream>>),
}

trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

impl From<TcpStream> for LinkStream {
    fn from(stream: TcpStream) -> Self {
        Self::Plain(stream)
    }
}

impl LinkStream {
    /// The connection below TLS.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    fn bytes(&mut self) -> &mut (dyn Duplex + Send) {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream,
        }
    }

    /// Passes the next bytes to `take`; returns how many, and 0 at the end. The buffer is on the stack of a poll only: a
    /// thousand waiting connections need none.
    ///
    /// # Cancellation safety
    /// No byte is lost when the future is dropped.
    pub(super) async fn read(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
        poll_fn(|context| {
            let mut piece = [0; PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(self.bytes()).poll_read(context, &mut piece))?;
            take(piece.filled());
            Ok(piece.filled().len()).into()
        })
        .await
    }

    /// Sends all of these.
    pub(super) async fn write(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        let stream = self.bytes();
        for piece in pieces {
            stream.write_all(piece).await?;
        }
        // What is encrypted may be left in a buffer.
        stream.flush().await
    }

    /// Closes the sending direction.
    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        self.bytes().shutdown().await
    }

    /// A value that only the two ends of this connection know, bound to `context`; `None` without TLS.
    pub(super) fn exported(&self, context: &[u8]) -> Option<[u8; 32]> {
        let Self::Tls(stream) = self else { return None };
        let value = match &**stream {
            TlsStream::Client(stream) => {
                let connection = stream.get_ref().1;
                connection.export_keying_material([0; 32], EXPORT_LABEL, Some(context))
            }
            TlsStream::Server(stream) => {
                let connection = stream.get_ref().1;
                connection.export_keying_material([0; 32], EXPORT_LABEL, Some(context))
            }
        };
        value.ok()
    }
}
