//! Direct connections between members, beside ZooKeeper: authenticated frames that carry beats.
//!
//! Pure so far: bytes in, frames out. `docs/transport.md` describes the format.

pub mod codec;
pub mod frame;
#[doc(hidden)]
pub mod fuzzing;
pub mod key;
mod port;

pub use key::ClaimKey;
pub use port::{
    BeatConnection, Deferred, DialError, Endpoint, EndpointError, Listening, PeerEvent,
    PeerIdentity, Transport,
};
