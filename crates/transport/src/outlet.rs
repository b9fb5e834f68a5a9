//! A client's socket: what it sends, frames that never wait for the kernel, and the end of its connection.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use rustix::net::Shutdown;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;

use crate::codec::FrameWriter;
use crate::frame::Frame;
use crate::port::Deferred;

/// A connection to the master, or to the relay of this host.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    fn try_read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(bytes),
            Self::Unix(stream) => stream.try_read(bytes),
        }
    }

    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(context),
            Self::Unix(stream) => stream.poll_read_ready(context),
        }
    }

    /// Ends one direction or both. An error says that the connection has ended already.
    pub(crate) fn shut_down(&self, how: Shutdown) {
        let _ = match self {
            Self::Tcp(stream) => rustix::net::shutdown(stream, how),
            Self::Unix(stream) => rustix::net::shutdown(stream, how),
        };
    }
}

/// The end of a connection, while others may hold its socket.
#[derive(Debug, Default)]
pub(crate) struct End {
    /// Ends the future of [`End::of`] when this is dropped.
    dropped: Option<oneshot::Sender<()>>,
}

impl End {
    /// Resolves when the connection has ended or this is dropped. `take` handles what comes before, of which nothing is
    /// kept, and says whether the connection goes on.
    pub(crate) fn of(
        &mut self,
        socket: &Arc<Socket>,
        mut take: impl FnMut(&Socket) -> bool + Send + 'static,
    ) -> Deferred<()> {
        let (dropped, mut of_connection) = oneshot::channel();
        self.dropped = Some(dropped);
        let socket = Arc::downgrade(socket);
        Box::pin(std::future::poll_fn(move |context| {
            if Pin::new(&mut of_connection).poll(context).is_ready() {
                return Poll::Ready(());
            }
            poll_end(&socket, &mut take, context)
        }))
    }
}

/// Reads until the end. The socket is held for the call only, so that it is closed when its connection is dropped.
fn poll_end(
    socket: &Weak<Socket>,
    take: &mut impl FnMut(&Socket) -> bool,
    context: &mut Context<'_>,
) -> Poll<()> {
    let Some(socket) = socket.upgrade() else {
        return Poll::Ready(());
    };
    loop {
        match socket.poll_read_ready(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Ready(Ok(())) => {}
        }
        match socket.try_read(&mut [0; 16]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return Poll::Ready(()),
            Ok(_) if take(&socket) => {}
            Ok(_) => return Poll::Ready(()),
        }
    }
}

/// The sending side of a connection after its handshake.
#[derive(Debug)]
pub(crate) struct Outlet {
    socket: Arc<Socket>,
    writer: FrameWriter,
    /// The last frames, of which the first `sent` bytes are sent.
    bytes: Vec<u8>,
    sent: usize,
    /// Nothing can be sent any more.
    ended: bool,
}

impl Outlet {
    pub(crate) fn new(socket: Socket, writer: FrameWriter) -> Self {
        Self {
            socket: Arc::new(socket),
            writer,
            bytes: Vec::new(),
            sent: 0,
            ended: false,
        }
    }

    pub(crate) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// Sends what the kernel takes. Returns whether all is sent.
    fn flush(&mut self) -> bool {
        while let Some(rest @ [_, ..]) = self.bytes.get(self.sent..) {
            match self.socket.try_write(rest) {
                Ok(length) => self.sent += length,
                Err(error) => {
                    self.ended |= error.kind() != io::ErrorKind::WouldBlock;
                    return false;
                }
            }
        }
        true
    }

    /// Whether a frame would be sent now: all before it is sent, and the connection stands.
    pub(crate) fn is_free(&mut self) -> bool {
        !self.ended && self.flush()
    }

    /// Sends a frame, if all before it is sent. Returns whether at least a part is sent: the rest follows with the
    /// next call.
    pub(crate) fn send(&mut self, frame: &Frame) -> bool {
        if !self.is_free() {
            return false;
        }
        self.begin();
        if self.writer.write(frame, &mut self.bytes).is_err() {
            return false;
        }
        if !self.flush() && self.sent == 0 {
            // The other side has not seen this number: the next frame must have it.
            self.writer.take_back();
            self.bytes.clear();
            return false;
        }
        !self.ended
    }

    /// Sends all frames, at once or with the next calls; only if [`is_free`](Self::is_free).
    pub(crate) fn send_all(&mut self, frames: &[Frame]) {
        self.begin();
        for frame in frames {
            // A frame that is too long is left out, as nobody else could read it.
            let _ = self.writer.write(frame, &mut self.bytes);
        }
        self.flush();
    }

    fn begin(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }

    /// Nothing is sent any more.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.socket.shut_down(Shutdown::Write);
    }
}
