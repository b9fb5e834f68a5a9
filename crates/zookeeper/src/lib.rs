//! ZooKeeper: addresses and paths, sessions, and the writes of a master. Only this part of heartline knows
//! the client library, so its guarantees under loss are described in one place:
//!
//! - **Disconnected**: every request under way fails as [`Failure::Lost`]; it may or may not have been made.
//!   The session and its ephemeral znodes live on for the session timeout.
//! - **Expired**: the session is over, and its ephemeral znodes are gone or will be in a moment. A new
//!   [`Session`] must be opened; nothing of the old one carries over.

mod about;
mod access;
mod address;
mod age;
mod claims;
pub mod client;
mod closing;
mod connection;
mod connector;
mod convert;
mod diagnosis;
mod failure;
mod fence;
mod jobs;
mod name;
mod paths;
mod security;
mod session;
pub mod snapshots;
mod throttle;
mod value;
mod zookeeper;

pub use access::ExaminedAccess;
pub use address::Address;
pub use address::{is_host, place, server, server_list};
pub use client::{Client, Stat};
pub use closing::Secured;
pub use connection::Connection;
pub use connector::{Connector, Deferred, Opener, RealServers};
pub use diagnosis::Diagnosis;
pub use failure::Failure;
pub use fence::{ControlWrite, Fence, Removal, RemovalOutcome};
pub use name::can_be_looked_up;
pub use paths::{GROUP_MASTER, GROUP_WORKERS, Namespace, Paths};
pub use security::{AclMode, DigestFile, SaslMechanism, Security, TlsClient};
pub use session::{Session, Settings};
pub use throttle::{throttle_backoff, unless_throttled, unthrottled};
pub use value::Value;
