//! Direct connections over TCP. `docs/transport.md` describes the steps, the limits and the probe.

mod address;
mod client;
mod established;
mod handshake;
mod limits;
mod probe;
mod read;
mod registry;
mod relayed;
mod server;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::port::{
    BeatConnection, Deferred, DialError, Endpoint, Listening, PeerIdentity, Transport,
};
use heartline_core::detect::ProbeOutcome;

pub(crate) use client::greet_server;
pub(crate) use established::Batch;
pub(crate) use handshake::greet_member;
pub(crate) use limits::{ACCEPT_PAUSE, HANDSHAKE, READ_BYTES};

/// Direct connections over TCP. Its futures need a tokio runtime with IO and time; one thread is enough.
#[derive(Clone, Debug, Default)]
pub struct TcpTransport {
    /// The host whose members share one connection; `None`: each member has its own.
    host: Option<String>,
}

impl TcpTransport {
    /// A transport whose members share one connection, by a relay, with all members of the same host. `host` tells
    /// several hosts of one machine apart, for tests; usually it is empty.
    pub fn shared(host: String) -> Self {
        Self { host: Some(host) }
    }
}

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
        let host = self.host.clone();
        Box::pin(async move { client::dial(host.as_deref(), endpoint, claim, peer).await })
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
