//! Direct connections between members, beside ZooKeeper: authenticated frames that carry beats.
//!
//! [`Transport`] is the port, [`TcpTransport`] the one over TCP. Frames are pure: bytes in, frames out.
//! `docs/transport.md` describes the format and the limits.

pub mod codec;
pub mod frame;
#[doc(hidden)]
pub mod fuzzing;
pub mod key;
mod outlet;
mod port;
mod relay;
mod tcp;

pub use key::ClaimKey;
pub use port::{
    BeatConnection, Deferred, DialError, Endpoint, EndpointError, Listening, PeerEvent,
    PeerIdentity, Transport,
};
#[doc(hidden)]
pub use relay::RelayRoster;
pub use tcp::TcpTransport;
