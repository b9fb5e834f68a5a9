//! The client's side: the handshake, and beats that never wait.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use rustix::net::Shutdown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::address::{connect, socket};
use super::limits::{CONNECT, HANDSHAKE, tune};
use super::read::read_only_frame;
use crate::codec::{FrameReader, FrameWriter};
use crate::frame::{Frame, canonical};
use crate::key::{KEY_LENGTH, random_nonce};
use crate::port::{BeatConnection, Deferred, DialError, Endpoint, PeerIdentity};

/// Connects, and proves to know the key.
pub(super) async fn dial(
    endpoint: Endpoint,
    claim: &str,
    peer: PeerIdentity,
) -> Result<TcpBeatConnection, DialError> {
    let address = endpoint.address;
    let mut stream = open(address).await?;
    let greeting = greet(&mut stream, &endpoint, claim, peer);
    let Ok(greeted) = timeout(HANDSHAKE, greeting).await else {
        return Err(DialError::Timeout(address));
    };
    let (writer, is_direct) = greeted.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => DialError::Untrusted(address),
        _ => DialError::Failed(address, error),
    })?;
    Ok(TcpBeatConnection::new(stream, writer, is_direct))
}

async fn open(address: SocketAddr) -> Result<TcpStream, DialError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::ConnectionRefused => DialError::Refused(address),
        io::ErrorKind::TimedOut => DialError::Timeout(address),
        _ => DialError::Failed(address, error),
    };
    let socket = socket(address).map_err(failed)?;
    tune(&socket).map_err(failed)?;
    match timeout(CONNECT, connect(socket, address)).await {
        Ok(connected) => connected.map_err(failed),
        Err(_) => Err(DialError::Timeout(address)),
    }
}

async fn greet(
    stream: &mut TcpStream,
    endpoint: &Endpoint,
    claim: &str,
    peer: PeerIdentity,
) -> io::Result<(FrameWriter, bool)> {
    let mut server = [0; KEY_LENGTH];
    stream.read_exact(&mut server).await?;
    let client = random_nonce()?;
    let keys = endpoint.key.connection(claim, &server, &client);
    let hello = Frame::Hello {
        session: peer.session,
        name: peer.name,
        port: peer.port,
        local: canonical(stream.local_addr()?),
        remote: canonical(stream.peer_addr()?),
    };
    let mut writer = FrameWriter::new(keys.to_server);
    let mut bytes = client.to_vec();
    writer.write(&hello, &mut bytes).map_err(io::Error::other)?;
    stream.write_all(&bytes).await?;
    let mut reader = FrameReader::new(keys.to_client);
    match read_only_frame(stream, &mut reader).await? {
        Frame::Welcome { is_direct } => Ok((writer, is_direct)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// A connection to the holder of a claim. When it is dropped, its socket is closed.
pub(super) struct TcpBeatConnection {
    stream: Arc<TcpStream>,
    is_direct: bool,
    writer: FrameWriter,
    /// The last frame, of which the first `sent` bytes are sent.
    bytes: Vec<u8>,
    sent: usize,
    /// Nothing can be sent any more.
    ended: bool,
    /// Ends the future of [`BeatConnection::closed`] when this is dropped.
    dropped: Option<oneshot::Sender<()>>,
}

impl TcpBeatConnection {
    /// A connection after its handshake.
    pub(super) fn new(stream: TcpStream, writer: FrameWriter, is_direct: bool) -> Self {
        Self {
            stream: Arc::new(stream),
            is_direct,
            writer,
            bytes: Vec::new(),
            sent: 0,
            ended: false,
            dropped: None,
        }
    }

    /// Sends what the kernel takes. Returns whether all is sent.
    fn flush(&mut self) -> bool {
        while let Some(rest @ [_, ..]) = self.bytes.get(self.sent..) {
            match self.stream.try_write(rest) {
                Ok(length) => self.sent += length,
                Err(error) => {
                    self.ended |= error.kind() != io::ErrorKind::WouldBlock;
                    return false;
                }
            }
        }
        true
    }

    /// Sends a frame, if all before it is sent. Returns whether at least a part is sent: the rest follows with the
    /// next call.
    fn send(&mut self, frame: &Frame) -> bool {
        if self.ended || !self.flush() {
            return false;
        }
        self.bytes.clear();
        self.sent = 0;
        if self.writer.write(frame, &mut self.bytes).is_err() {
            return false;
        }
        if !self.flush() && self.sent == 0 {
            // The server has not seen this number: the next frame must have it.
            self.writer.take_back();
            self.bytes.clear();
            return false;
        }
        !self.ended
    }
}

impl BeatConnection for TcpBeatConnection {
    fn beat(&mut self, version: Option<i32>, text: &[u8]) -> bool {
        let text = text.to_vec();
        self.send(&Frame::Beat { version, text })
    }

    fn goodbye(&mut self, finished: bool) {
        self.send(&Frame::Goodbye { finished });
        self.ended = true;
        // An error says that the connection has ended already.
        let _ = rustix::net::shutdown(&*self.stream, Shutdown::Write);
    }

    fn is_direct(&self) -> bool {
        self.is_direct
    }

    fn closed(&mut self) -> Deferred<()> {
        let (dropped, mut of_connection) = oneshot::channel();
        self.dropped = Some(dropped);
        let stream = Arc::downgrade(&self.stream);
        Box::pin(std::future::poll_fn(move |context| {
            if Pin::new(&mut of_connection).poll(context).is_ready() {
                return Poll::Ready(());
            }
            poll_closed(&stream, context)
        }))
    }
}

/// Reads the end. The socket is held for the call only, so that it is closed when its connection is dropped.
fn poll_closed(stream: &Weak<TcpStream>, context: &mut Context<'_>) -> Poll<()> {
    let Some(stream) = stream.upgrade() else {
        return Poll::Ready(());
    };
    loop {
        match stream.poll_read_ready(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Ready(Ok(())) => {}
        }
        match stream.try_read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return Poll::Ready(()),
            Ok(_) => {
                // A server has nothing to say, so this is none. No beat may follow.
                let _ = rustix::net::shutdown(&*stream, Shutdown::Both);
                return Poll::Ready(());
            }
        }
    }
}
