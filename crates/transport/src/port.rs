//! The port between a member and its direct connections: TCP in a program, a model in a simulation.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use heartline_core::detect::ProbeOutcome;

use super::key::{ClaimKey, KeyError};

/// A future without borrowed parts.
pub type Deferred<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Where the holder of a claim accepts connections, and the claim's key: part of the claim's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: SocketAddr,
    /// The key.
    pub key: ClaimKey,
}

/// A text that is not an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an endpoint is an address and a key, separated by a space")]
pub struct EndpointError;

impl fmt::Display for Endpoint {
    /// `<address>:<port> <key>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.address, self.key)
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let (address, key) = text.split_once(' ').ok_or(EndpointError)?;
        Ok(Self {
            address: address.parse().map_err(|_| EndpointError)?,
            key: key.parse().map_err(|_: KeyError| EndpointError)?,
        })
    }
}

/// What a client says about itself when it connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The ZooKeeper session that owns its znode.
    pub session: i64,
    /// Its name.
    pub name: String,
    /// The port on which it accepts connections itself; 0 if it does not.
    pub port: u16,
}

impl PeerIdentity {
    /// Where it accepts connections, if it does and its host is known.
    pub(crate) fn address(&self, host: Option<IpAddr>) -> Option<SocketAddr> {
        let host = host.filter(|_| self.port != 0);
        host.map(|host| SocketAddr::new(host, self.port))
    }
}

/// What happens on the connections of a server, in order for each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerEvent {
    /// A client has proved that it knows the key.
    Opened {
        /// The number of the connection: each has another one.
        connection: u64,
        /// Who it is, as it says.
        peer: PeerIdentity,
        /// Its address as the server sees it, with the port on which it listens; `None` if it does not, or if the
        /// connection does not come from that address directly (NAT, a proxy): then nothing that happens at the
        /// address says anything about the client.
        address: Option<SocketAddr>,
        /// The connection of the relay by which the client beats, if it has none of its own. Its end ends this one.
        relay: Option<u64>,
    },
    /// A beat.
    Beat {
        /// The number of the connection.
        connection: u64,
        /// The version of the client's znode once all its writes have arrived, if it is known.
        version: Option<i32>,
        /// The value of the client's znode if it has changed; otherwise empty.
        text: Vec<u8>,
    },
    /// All clients of a relay have beaten lately, except those that are late.
    Group {
        /// The number of the relay's own connection.
        relay: u64,
        /// The connections of the others, and for how long each has not beaten.
        late: Vec<(u64, Duration)>,
    },
    /// The connection has ended.
    Closed {
        /// The number of the connection.
        connection: u64,
        /// Whether the client's work is done, if the client said goodbye. Otherwise it has crashed, or the connection
        /// was cut.
        goodbye: Option<bool>,
    },
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The host answers, and nobody listens there.
    #[error("nobody listens at {0}")]
    Refused(SocketAddr),
    /// No answer in time.
    #[error("{0} does not answer")]
    Timeout(SocketAddr),
    /// The server does not know the key, or does not speak the protocol.
    #[error("{0} does not prove that it holds the claim")]
    Untrusted(SocketAddr),
    /// The network fails.
    #[error("{0}: {1}")]
    Failed(SocketAddr, io::Error),
}

/// Accepts connections until it is dropped.
pub trait Listening: Send {
    /// The address to which it is bound.
    fn address(&self) -> SocketAddr;

    /// Holds the claim named `claim` with this key from now on, or none: connections that were opened for another
    /// claim end, each with its [`PeerEvent::Closed`]. Events from before may still be waiting.
    fn hold(&mut self, claim: Option<(String, ClaimKey)>);

    /// Ends a connection; its [`PeerEvent::Closed`] follows.
    fn close(&mut self, connection: u64);

    /// The next event.
    ///
    /// # Cancel safety
    /// No event is lost when the future is dropped.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = PeerEvent> + Send + '_>>;
}

/// A connection to the holder of a claim.
pub trait BeatConnection: Send {
    /// Sends a beat, and never waits: while earlier bytes are not sent yet, the beat is dropped, since only the
    /// newest counts. Returns whether the beat was sent: if not, its text was not sent either.
    fn beat(&mut self, version: Option<i32>, text: &[u8]) -> bool;

    /// Says goodbye, without waiting: the end of the connection is no crash.
    fn goodbye(&mut self, finished: bool);

    /// Whether nothing stands between both ends (NAT, a proxy): the server sees the same addresses as this client.
    fn is_direct(&self) -> bool;

    /// Resolves when the connection has ended. Call it once.
    fn closed(&mut self) -> Deferred<()>;
}

/// The way to other members.
pub trait Transport: Send + Sync {
    /// Listens at `address`; port 0 is any free one.
    fn listen(&self, address: SocketAddr) -> Deferred<io::Result<Box<dyn Listening>>>;

    /// Connects to the holder of `claim`, and proves to know the key.
    fn dial(
        &self,
        endpoint: Endpoint,
        claim: String,
        peer: PeerIdentity,
    ) -> Deferred<Result<Box<dyn BeatConnection>, DialError>>;

    /// Whether anybody listens at an address. If `must_answer`, a connection that the kernel accepts is not enough: its
    /// process may just be ending.
    fn probe(&self, address: SocketAddr, must_answer: bool) -> Deferred<ProbeOutcome>;

    /// The address by which this host reaches `host` and `port`.
    fn local_address(&self, host: String, port: u16) -> Deferred<io::Result<IpAddr>>;

    /// An address of this host by its name; an error if it is the name, or the address, of another host.
    fn own_address(&self, host: String) -> Deferred<io::Result<IpAddr>>;
}
