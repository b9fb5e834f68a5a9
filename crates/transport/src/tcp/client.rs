//! The client's side: the handshake, and beats that never wait.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::net::Shutdown;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener};
use tokio::time::timeout;

use super::address::{connect, socket};
use super::limits::{CONNECT, HANDSHAKE, tune};
use super::read::read_only_frame;
use crate::codec::{FrameReader, FrameWriter};
use crate::frame::{Frame, canonical};
use crate::key::{ClaimKey, KEY_LENGTH, random_nonce};
use crate::outlet::{End, Outlet, Socket};
use crate::port::{BeatConnection, Deferred, DialError, Endpoint, PeerIdentity};
use crate::relay::{self, Hub, HubTerms, SocketName, Uplink};

/// Connects to the relay of this host, or to the holder of the claim, and proves to know the key. Who is connected to
/// the holder first becomes the relay. Without a host there is none.
pub(super) async fn dial(
    host: Option<&str>,
    endpoint: Endpoint,
    claim: String,
    peer: PeerIdentity,
) -> Result<Box<dyn BeatConnection>, DialError> {
    // Without abstract names of sockets each member has a connection of its own.
    let name = host.and_then(|host| SocketName::of(&endpoint.key, host).ok());
    if let Some(name) = &name
        && let Some(connection) = relay::join(name, &endpoint, &claim, &peer).await
    {
        return Ok(Box::new(connection));
    }
    // The others wait in the queue of this socket until the relay is connected itself.
    let listener = name.and_then(|name| name.bind().ok());
    let mut connection = connect_to_holder(&endpoint, &claim, peer).await?;
    if let Some(listener) = listener {
        connection.relay(listener, claim, endpoint.key);
    }
    Ok(Box::new(connection))
}

async fn connect_to_holder(
    endpoint: &Endpoint,
    claim: &str,
    peer: PeerIdentity,
) -> Result<TcpBeatConnection, DialError> {
    let address = endpoint.address;
    let mut stream = open(address).await?;
    let greeting = async {
        let addresses = (stream.local_addr()?, stream.peer_addr()?);
        greet_server(&mut stream, addresses, endpoint, claim, peer).await
    };
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

/// The client's side of a handshake, with the own and the other address of the connection.
pub(crate) async fn greet_server(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    (local, remote): (SocketAddr, SocketAddr),
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
        local: canonical(local),
        remote: canonical(remote),
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
    socket: Arc<Socket>,
    uplink: Arc<Mutex<Uplink>>,
    is_direct: bool,
    /// The members that beat by this connection, if this one is the relay of its host.
    hub: Option<Hub>,
    end: End,
}

impl TcpBeatConnection {
    /// A connection after its handshake.
    pub(super) fn new(stream: TcpStream, writer: FrameWriter, is_direct: bool) -> Self {
        let outlet = Outlet::new(Socket::Tcp(stream), writer);
        Self {
            socket: Arc::clone(outlet.socket()),
            uplink: Uplink::new(outlet),
            is_direct,
            hub: None,
            end: End::default(),
        }
    }

    /// Accepts the other members of this host at `listener`, and sends their beats too.
    pub(super) fn relay(&mut self, listener: UnixListener, claim: String, key: ClaimKey) {
        let terms = HubTerms {
            claim,
            key,
            is_direct: self.is_direct,
        };
        self.hub = Some(Hub::open(listener, terms, Arc::clone(&self.uplink)));
    }

    fn uplink(&self) -> MutexGuard<'_, Uplink> {
        self.uplink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BeatConnection for TcpBeatConnection {
    fn beat(&mut self, version: Option<i32>, text: &[u8]) -> bool {
        self.uplink().beat(version, text)
    }

    fn goodbye(&mut self, finished: bool) {
        // The others look for another relay at once.
        self.hub = None;
        let mut uplink = self.uplink();
        uplink.outlet.send(&Frame::Goodbye { finished });
        uplink.outlet.end();
    }

    fn is_direct(&self) -> bool {
        self.is_direct
    }

    fn closed(&mut self) -> Deferred<()> {
        self.end.of(&self.socket, |socket| {
            // A server has nothing to say, so this is none. No beat may follow.
            socket.shut_down(Shutdown::Both);
            false
        })
    }
}
