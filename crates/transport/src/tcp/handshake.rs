//! The server's side of a handshake.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::read::read_only_frame;
use super::registry::Slot;
use crate::codec::{FrameReader, FrameWriter};
use crate::frame::{Frame, canonical};
use crate::key::{KEY_LENGTH, random_nonce};
use crate::port::PeerIdentity;

/// A client that has proved that it knows the key.
pub(super) struct Greeted {
    pub(super) reader: FrameReader,
    pub(super) peer: PeerIdentity,
    pub(super) address: Option<SocketAddr>,
}

/// Reads who the client is, and welcomes it. `None`: the connection must end. Why does not matter: a probe ends here,
/// or somebody who has no key.
pub(super) async fn greet(
    stream: &mut TcpStream,
    from: SocketAddr,
    slot: &Slot,
) -> Option<Greeted> {
    // At once, also without a claim: a probe waits for it.
    let server = random_nonce().ok()?;
    stream.write_all(&server).await.ok()?;
    let mut client = [0; KEY_LENGTH];
    stream.read_exact(&mut client).await.ok()?;
    let claim = slot.claim().await?;
    let keys = claim.key.connection(&claim.name, &server, &client);
    let mut reader = FrameReader::new(keys.to_server);
    let Frame::Hello {
        session,
        name,
        port,
        local,
        remote,
    } = read_only_frame(stream, &mut reader).await.ok()?
    else {
        return None;
    };
    let own = stream.local_addr().ok()?;
    let direct = canonical(from) == canonical(local) && canonical(own) == canonical(remote);
    let mut address = canonical(from);
    address.set_port(port);
    if !slot.open(&claim) {
        return None;
    }
    let mut welcome = Vec::new();
    FrameWriter::new(keys.to_client)
        .write(&Frame::Welcome { is_direct: direct }, &mut welcome)
        .ok()?;
    stream.write_all(&welcome).await.ok()?;
    Some(Greeted {
        reader,
        peer: PeerIdentity {
            session,
            name,
            port,
        },
        address: (direct && port != 0).then_some(address),
    })
}
