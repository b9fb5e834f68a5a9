//! TLS to servers of others: certificates from PEM files, and why a handshake fails, for people. The names of servers are
//! always checked.

mod files;
mod handshake;

pub use files::{ClientFiles, TlsOptionNames, certificates, private_key, read_pem, read_trusted};
pub use handshake::{Handshake, certificate_fault, explain, host_of};
