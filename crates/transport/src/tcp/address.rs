//! Sockets for an address, and the own address towards a host.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// A socket that can be bound to the address, or connected to it.
pub(super) fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
}

/// Connects a socket.
pub(super) async fn connect(socket: TcpSocket, address: SocketAddr) -> io::Result<TcpStream> {
    let stream = socket.connect(address).await?;
    // The kernel may choose the very port of the address, on the same host and if nobody listens there: then the
    // socket is connected to itself.
    if stream.local_addr()? == stream.peer_addr()? {
        stream.set_zero_linger()?;
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// The first address of this host among those of the name. Only a host's own addresses can be bound.
pub(super) async fn own(host: String) -> io::Result<IpAddr> {
    let mut failure = io::Error::other(format!("{host} has no address"));
    for address in lookup_host((host.as_str(), 0)).await? {
        match UdpSocket::bind(address) {
            Ok(_) => return Ok(address.ip()),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The address from which the kernel would send to the host. Nothing is sent, except to find the host's address by
/// its name.
pub(super) async fn towards(host: String, port: u16) -> io::Result<IpAddr> {
    let mut failure = io::Error::other(format!("{host} has no address"));
    for address in lookup_host((host.as_str(), port)).await? {
        match source(address) {
            Ok(ip) => return Ok(ip),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Connects a datagram socket, which chooses a route and sends nothing.
fn source(address: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(address)?;
    Ok(socket.local_addr()?.ip())
}
