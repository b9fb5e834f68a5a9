//! What a client sends: frames that never wait for the kernel.

use std::io;
use std::sync::Arc;

use rustix::net::Shutdown;
use tokio::net::{TcpStream, UnixStream};

use crate::codec::FrameWriter;
use crate::frame::Frame;

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

    pub(crate) fn try_read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(bytes),
            Self::Unix(stream) => stream.try_read(bytes),
        }
    }

    pub(crate) fn poll_read_ready(
        &self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
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
