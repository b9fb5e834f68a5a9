//! Tests of the connections over TCP, with real sockets on this host. All times are limits only: a busy machine may
//! be late.

mod beats;
mod crash;
mod crowd;
mod limits;
mod probe;
mod relay;
mod trust;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::TcpTransport;
use crate::codec::FrameWriter;
use crate::frame::Frame;
use crate::key::{ClaimKey, KEY_LENGTH};
use crate::port::{
    BeatConnection, DialError, Endpoint, Listening, PeerEvent, PeerIdentity, Transport,
};

const CLAIM: &str = "_c_a-lock-0000000001";
const LATE: Duration = Duration::from_secs(10);

fn key(byte: u8) -> ClaimKey {
    ClaimKey::new([byte; KEY_LENGTH])
}

fn held(byte: u8) -> (String, ClaimKey) {
    (CLAIM.to_owned(), key(byte))
}

fn peer(name: &str, port: u16) -> PeerIdentity {
    PeerIdentity {
        session: 42,
        name: name.to_owned(),
        port,
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LATE, future).await.expect("in time")
}

/// A server that holds no claim yet.
async fn bound() -> Box<dyn Listening> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    TcpTransport::default()
        .listen(any)
        .await
        .expect("a free port")
}

/// A server that holds [`CLAIM`] with key 1.
async fn holding() -> Box<dyn Listening> {
    let mut server = bound().await;
    server.hold(Some(held(1)));
    server
}

async fn dial_at(
    address: SocketAddr,
    byte: u8,
    peer: PeerIdentity,
) -> Result<Box<dyn BeatConnection>, DialError> {
    let key = key(byte);
    let endpoint = Endpoint { address, key };
    soon(TcpTransport::default().dial(endpoint, CLAIM.to_owned(), peer)).await
}

async fn dial(server: &dyn Listening) -> Box<dyn BeatConnection> {
    let dialed = dial_at(server.address(), 1, peer("map1", 0)).await;
    dialed.expect("a connection")
}

/// Takes the event of a new connection; returns its number and its address.
async fn opened(server: &mut dyn Listening) -> (u64, Option<SocketAddr>) {
    match soon(server.next()).await {
        PeerEvent::Opened {
            connection,
            address,
            ..
        } => (connection, address),
        other => panic!("{other:?}"),
    }
}

async fn closed(server: &mut dyn Listening) -> (u64, Option<bool>) {
    match soon(server.next()).await {
        PeerEvent::Closed {
            connection,
            goodbye,
        } => (connection, goodbye),
        other => panic!("{other:?}"),
    }
}

/// Asserts that nothing of earlier connections is waiting: the next event is of a new, honest one.
async fn nothing_happened(server: &mut dyn Listening) {
    let dialed = dial_at(server.address(), 1, peer("honest", 0)).await;
    let mut connection = dialed.expect("a connection");
    match soon(server.next()).await {
        PeerEvent::Opened { peer, .. } => assert_eq!(peer.name, "honest"),
        other => panic!("{other:?}"),
    }
    connection.goodbye(true);
    assert_eq!(closed(server).await.1, Some(true));
}

/// A client that writes its frames by hand.
struct Raw {
    stream: TcpStream,
    writer: FrameWriter,
    /// Everything that it has sent.
    sent: Vec<u8>,
}

impl Raw {
    /// Connects with the right key, and says nothing but its nonce.
    async fn new(address: SocketAddr) -> Self {
        let mut stream = soon(TcpStream::connect(address)).await.expect("connected");
        let mut server = [0; KEY_LENGTH];
        soon(stream.read_exact(&mut server)).await.expect("a nonce");
        let client = [9; KEY_LENGTH];
        let keys = key(1).connection(CLAIM, &server, &client);
        let mut raw = Self {
            stream,
            writer: FrameWriter::new(keys.to_server),
            sent: Vec::new(),
        };
        raw.bytes(&client).await;
        raw
    }

    async fn bytes(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.expect("written");
        self.sent.extend(bytes);
    }

    /// Sends frames by one write.
    async fn frames(&mut self, frames: &[Frame]) {
        let mut bytes = Vec::new();
        for frame in frames {
            self.writer
                .write(frame, &mut bytes)
                .expect("of legal length");
        }
        self.bytes(&bytes).await;
    }

    async fn hello(&mut self) {
        let hello = self.hello_frame();
        self.frames(&[hello]).await;
    }

    /// Reads the welcome: a socket that is closed with unread bytes is reset, and what it has sent may be lost.
    async fn welcome(&mut self) {
        let mut welcome = [0; 20];
        let read = soon(self.stream.read_exact(&mut welcome)).await;
        read.expect("a welcome");
    }

    fn hello_frame(&self) -> Frame {
        Frame::Hello {
            session: 1,
            name: "raw".to_owned(),
            port: 0,
            local: self.stream.local_addr().expect("an address"),
            remote: self.stream.peer_addr().expect("an address"),
        }
    }

    /// Reads until the server ends the connection; returns how many bytes came.
    async fn end(&mut self) -> usize {
        let mut bytes = Vec::new();
        // A reset is an end too.
        let _ = soon(self.stream.read_to_end(&mut bytes)).await;
        bytes.len()
    }
}
