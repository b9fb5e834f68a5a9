//! Direct connections over TCP. `docs/transport.md` describes the steps, the limits and the probe.

mod address;
mod client;
mod established;
mod handshake;
mod limits;
mod probe;
mod read;
mod registry;
mod server;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::port::{
    BeatConnection, Deferred, DialError, Endpoint, Listening, PeerIdentity, Transport,
};
use heartline_core::detect::ProbeOutcome;

/// Direct connections over TCP. Its futures need a tokio runtime with IO and time; one thread is enough.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpTransport;

impl Transport for TcpTransport {
    fn listen(&self, address: SocketAddr) -> Deferred<io::Result<Box<dyn Listening>>> {
        Box::pin(async move {
            let listening = server::listen(address)?;
            Ok(Box::new(listening) as Box<dyn Listening>)
        })
    }

    fn dial(
        &self,
        endpoint: Endpoint,
        claim: String,
        peer: PeerIdentity,
    ) -> Deferred<Result<Box<dyn BeatConnection>, DialError>> {
        Box::pin(async move {
            let connection = client::dial(endpoint, &claim, peer).await?;
            Ok(Box::new(connection) as Box<dyn BeatConnection>)
        })
    }

    fn probe(&self, address: SocketAddr, must_answer: bool) -> Deferred<ProbeOutcome> {
        Box::pin(probe::probe(address, must_answer))
    }

    fn local_address(&self, host: String, port: u16) -> Deferred<io::Result<IpAddr>> {
        Box::pin(address::towards(host, port))
    }

    fn own_address(&self, host: String) -> Deferred<io::Result<IpAddr>> {
        Box::pin(address::own(host))
    }
}
