//! Which processes listen on this machine's ports.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, TcpListener};

use procfs::net::TcpState;
use procfs::process::{FDTarget, all_processes};

use heartline_core::text;

/// All listening sockets.
#[derive(Debug, Default)]
pub(super) struct Listening(Vec<(SocketAddr, u64)>);

impl Listening {
    pub(super) fn now() -> Self {
        let four = procfs::net::tcp().unwrap_or_default();
        let six = procfs::net::tcp6().unwrap_or_default();
        let all = four.into_iter().chain(six);
        let listening = all.filter(|entry| entry.state == TcpState::Listen);
        Self(
            listening
                .map(|entry| (entry.local_address, entry.inode))
                .collect(),
        )
    }

    /// The inode of the socket that receives connections to `address`.
    fn socket(&self, address: SocketAddr) -> Option<u64> {
        let takes = |(local, _): &&(SocketAddr, u64)| {
            let ip = match local.ip() {
                IpAddr::V6(six) => six.to_ipv4_mapped().map_or(IpAddr::V6(six), IpAddr::V4),
                four @ IpAddr::V4(_) => four,
            };
            local.port() == address.port() && (ip == address.ip() || ip.is_unspecified())
        };
        self.0.iter().find(takes).map(|(_, inode)| *inode)
    }

    /// The pid and name of the process that listens there; `None` if this cannot be seen.
    pub(super) fn holder(&self, address: SocketAddr) -> Option<(i32, String)> {
        let inode = self.socket(address)?;
        let holds = |target: &FDTarget| matches!(target, FDTarget::Socket(of) if *of == inode);
        all_processes()
            .into_iter()
            .flatten()
            .flatten()
            .find_map(|process| {
                let mut files = process.fd().ok()?.flatten();
                let found = files.any(|file| holds(&file.target));
                // Another user's process may have any name.
                let name = || {
                    process
                        .stat()
                        .map(|stat| text::line(&stat.comm).into_owned())
                        .unwrap_or_default()
                };
                found.then(|| (process.pid, name()))
            })
    }

    /// The process that listens there, in words: ` by pid 7 (java)`, or an empty text.
    pub(super) fn whose(&self, address: SocketAddr) -> String {
        let holder = self.holder(address);
        holder.map_or_else(String::new, |(pid, name)| format!(" by pid {pid} ({name})"))
    }

    /// The listening sockets of exactly this address, by port.
    pub(super) fn of(&self, ip: IpAddr) -> HashMap<u16, SocketAddr> {
        let of = self.0.iter().filter(|(local, _)| local.ip() == ip);
        of.map(|(local, _)| (local.port(), *local)).collect()
    }
}

/// Whether a process could start to listen there.
pub(super) fn is_free(address: SocketAddr) -> bool {
    match TcpListener::bind(address) {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::AddrInUse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_reported_with_its_owner() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(!is_free(address));
        let listening = Listening::now();
        assert!(listening.of(address.ip()).contains_key(&address.port()));
        let own = format!(" by pid {} (", std::process::id());
        assert!(listening.whose(address).starts_with(&own));
        drop(listener);
        assert_eq!(Listening::now().whose(address), "");
    }
}
