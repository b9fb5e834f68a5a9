//! The limits and timeouts, and the options of the sockets that follow from them. `docs/transport.md` has the same
//! table.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt;

/// Connections that the kernel accepts before the server does; the kernel's own limit may be lower. A new master is
/// connected to by all members at once.
pub(super) const BACKLOG: u32 = 1024;

/// Handshakes at the same time. At this number the server waits for one to end, or ends the oldest after [`GRACE`].
pub(super) const HANDSHAKES: usize = 512;

/// Handshakes with one host at the same time; a further connection is reset. A host that says nothing leaves the
/// other half of all handshakes to the others.
pub(super) const HANDSHAKES_OF_HOST: usize = HANDSHAKES / 2;

/// For how long a handshake is left alone when there are [`HANDSHAKES`]: enough for a member that does answer.
pub(super) const GRACE: Duration = Duration::from_millis(250);

/// Connections after the handshake. A further one is ended: its member beats by ZooKeeper.
pub(super) const CONNECTIONS: usize = 16 * 1024;

/// Members that beat by relays. The beats of a further one count in ZooKeeper only.
pub(super) const RELAYED: usize = 64 * 1024;

/// How many connections a process may have: fewer than the constants say if it may open few files. Its work and its
/// connection to ZooKeeper need some too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capacity {
    /// See [`HANDSHAKES`].
    pub(super) handshakes: usize,
    /// See [`HANDSHAKES_OF_HOST`].
    pub(super) handshakes_of_host: usize,
    /// See [`CONNECTIONS`].
    pub(super) connections: usize,
}

impl Capacity {
    /// The capacity of this process, by its limit of open files.
    pub(super) fn of_process() -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        Self::of_files(limit.current.unwrap_or(u64::MAX))
    }

    /// The capacity of a process that may have `files` open files: half of them for connections, a quarter for handshakes.
    pub(super) fn of_files(files: u64) -> Self {
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        let handshakes = HANDSHAKES.min(files / 4).max(2);
        Self {
            handshakes,
            handshakes_of_host: HANDSHAKES_OF_HOST.min(handshakes / 2),
            connections: CONNECTIONS.min(files / 2),
        }
    }
}

/// Events that wait to be taken. When there are so many, connections are not read.
pub(super) const EVENTS: usize = 1024;

/// Bytes that are read at once: dozens of usual beats, and half of the longest one.
pub(crate) const READ_BYTES: usize = 2048;

/// The pause after an `accept` that fails: usually all file descriptors are in use.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// The time to connect. A host of the same network answers within milliseconds.
pub(super) const CONNECT: Duration = Duration::from_secs(1);

/// The time for a handshake, on both sides. The server may have to wait until its own claim is known.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(2);

/// The time between a goodbye and the end of its connection.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// The time for a probe with all its attempts. It is part of the time to find a death, and many round trips long.
pub(super) const PROBE: Duration = Duration::from_millis(50);

/// The first pause between two attempts of a probe; each further one is twice as long. The timer of tokio makes at
/// least a millisecond of it.
pub(super) const PROBE_PAUSE: Duration = Duration::from_micros(100);

/// The time after which bytes without acknowledgement end a connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// The silence after which the kernel asks whether the other host is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);

/// The time between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);

/// Sets the options of a socket before it listens or connects. What a listening socket accepts inherits them.
pub(super) fn tune(socket: impl AsFd) -> io::Result<()> {
    let unacknowledged = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_nodelay(&socket, true)?;
    sockopt::set_socket_keepalive(&socket, true)?;
    sockopt::set_tcp_keepidle(&socket, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(&socket, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_user_timeout(&socket, unacknowledged)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_rest_of_the_process() {
        let usual = Capacity::of_files(1024);
        assert_eq!(usual.connections + usual.handshakes, 512 + 256);
        assert_eq!(usual.handshakes_of_host, 128);
        let many = Capacity::of_files(1024 * 1024);
        assert_eq!(
            (many.connections, many.handshakes),
            (CONNECTIONS, HANDSHAKES)
        );
        assert!(Capacity::of_files(4).handshakes_of_host > 0);
    }
}
