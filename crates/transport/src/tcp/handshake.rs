//! The server's side of a handshake.

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::read::read_only_frame;
use super::registry::Slot;
use crate::codec::{FrameReader, FrameWriter};
use crate::frame::{Frame, canonical};
use crate::key::{ClaimKey, FrameKey, KEY_LENGTH, Nonce, random_nonce};
use crate::port::PeerIdentity;

/// A client that has proved that it knows the key.
pub(super) struct Greeted {
    pub(super) reader: FrameReader,
    pub(super) peer: PeerIdentity,
    /// The client's host, if nothing stands between.
    pub(super) host: Option<IpAddr>,
}

/// Reads who the client is, and welcomes it. `None`: the connection must end. Why does not matter: a probe ends here,
/// or somebody who has no key.
pub(super) async fn greet(
    stream: &mut TcpStream,
    from: SocketAddr,
    slot: &Slot,
) -> Option<Greeted> {
    // At once, also without a claim: a probe waits for it.
    let nonces = exchange(stream).await?;
    let claim = slot.claim().await?;
    let keys = claim.key.connection(&claim.name, &nonces.0, &nonces.1);
    let mut reader = FrameReader::new(keys.to_server);
    let (peer, (local, remote)) = hello(stream, &mut reader).await?;
    let own = stream.local_addr().ok()?;
    let direct = canonical(from) == canonical(local) && canonical(own) == canonical(remote);
    if !slot.open(&claim) {
        return None;
    }
    welcome(stream, keys.to_client, direct).await?;
    Some(Greeted {
        reader,
        peer,
        host: direct.then_some(canonical(from).ip()),
    })
}

/// The same for a relay and a member of its host.
pub(crate) async fn greet_member(
    stream: &mut UnixStream,
    claim: &str,
    key: &ClaimKey,
    is_direct: bool,
) -> Option<(FrameReader, PeerIdentity)> {
    let nonces = exchange(stream).await?;
    let keys = key.connection(claim, &nonces.0, &nonces.1);
    let mut reader = FrameReader::new(keys.to_server);
    let (peer, _) = hello(stream, &mut reader).await?;
    welcome(stream, keys.to_client, is_direct).await?;
    Some((reader, peer))
}

/// Sends the server's nonce and reads the client's.
async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Option<(Nonce, Nonce)> {
    let server = random_nonce().ok()?;
    stream.write_all(&server).await.ok()?;
    let mut client = [0; KEY_LENGTH];
    stream.read_exact(&mut client).await.ok()?;
    Some((server, client))
}

/// Reads who the client is, and both addresses of the connection as the client sees them.
async fn hello(
    stream: &mut (impl AsyncRead + Unpin),
    reader: &mut FrameReader,
) -> Option<(PeerIdentity, (SocketAddr, SocketAddr))> {
    let Frame::Hello {
        session,
        name,
        port,
        local,
        remote,
    } = read_only_frame(stream, reader).await.ok()?
    else {
        return None;
    };
    let peer = PeerIdentity {
        session,
        name,
        port,
    };
    Some((peer, (local, remote)))
}

async fn welcome(
    stream: &mut (impl AsyncWrite + Unpin),
    key: FrameKey,
    is_direct: bool,
) -> Option<()> {
    let mut bytes = Vec::new();
    let frame = Frame::Welcome { is_direct };
    FrameWriter::new(key).write(&frame, &mut bytes).ok()?;
    stream.write_all(&bytes).await.ok()
}
