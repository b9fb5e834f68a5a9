//! The name of a relay's socket, which is also the lock of its host: the kernel gives a name to one process at a time,
//! and frees it when that process ends, however it ends.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};

use tokio::net::{UnixListener, UnixStream};

use crate::key::ClaimKey;

/// A name in the abstract namespace of Unix sockets (unix(7)): no file is left behind, and the hosts of one kernel, as
/// network namespaces, do not see each other's names.
#[derive(Clone, Debug)]
pub(crate) struct SocketName(SocketAddr);

impl SocketName {
    /// The name for the holder of a claim. It is derived from the claim's key, so that nobody without the key can take it
    /// before; who has read it in `/proc/net/unix` can take it, and then proves to nobody that it knows the key.
    /// `host` is part of the name, for several hosts in one process.
    pub(crate) fn of(key: &ClaimKey, host: &str) -> io::Result<Self> {
        let name = format!("heartline-relay-{}", key.label(host));
        SocketAddr::from_abstract_name(name).map(Self)
    }

    /// Takes the name, unless another process of this host has it.
    pub(crate) fn bind(&self) -> io::Result<UnixListener> {
        let listener = StdListener::bind_addr(&self.0)?;
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    }

    /// Connects to the process that has the name.
    ///
    /// # Errors
    /// `ConnectionRefused` if there is none, `WouldBlock` if it accepts no more connections.
    pub(crate) fn connect(&self) -> io::Result<UnixStream> {
        let stream = StdStream::connect_addr(&self.0)?;
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    }
}
