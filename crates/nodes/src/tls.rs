//! TLS between a node control server and its clients, where each proves who it is by a certificate.
//!
//! - [`TlsFiles`]: the files, from which each connection gets what they hold now.
//! - [`CertifiedClient`]: what the certificate of a client permits it to do.
//! - [`TlsServer`]: the server's half of a handshake; [`connect`]: the client's half.
//! - `explain`: why a handshake fails, for people.
//! - [`CertificateFacts`]: what a certificate says.

mod client;
mod explain;
mod facts;
mod files;
mod permit;
mod server;
mod watch;

pub(super) use client::{connect, watch_end};
pub(super) use explain::refused_later;
pub(super) use facts::CertificateFacts;
pub(super) use files::TlsFiles;
pub(super) use permit::CertifiedClient;
pub(super) use server::{HandshakeEnd, TlsServer};
