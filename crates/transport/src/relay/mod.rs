//! One connection for all members of a host: the first of them becomes the relay of the others.
//!
//! A member looks for the relay of its host before it connects to the master. The relay listens on a Unix socket whose
//! name the kernel frees when its process ends: that socket is also the lock that elects it. The others leave their
//! beats there, and the relay sends one batch of frames for all of them whenever it beats itself.
//! `docs/transport.md` describes what goes over the wire.

mod hub;
mod local;
mod name;
mod roster;

pub(crate) use hub::{Hub, HubTerms, Uplink};
pub(crate) use local::join;
pub(crate) use name::SocketName;
pub(crate) use roster::MOST_SLOTS;
pub use roster::RelayRoster;
