//! Where ZooKeeper is: `HOST[:PORT][,HOST[:PORT]…][/chroot]`, checked before anything is started.

use std::fmt;
use std::str::FromStr;

use super::paths::Namespace;

/// The port that ZooKeeper serves clients on unless told otherwise.
const DEFAULT_PORT: u16 = 2181;

/// The servers of one ensemble, and the chroot that all paths are below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    servers: Vec<(String, u16)>,
    chroot: Namespace,
}

impl Address {
    /// Host and port of each server.
    pub fn servers(&self) -> &[(String, u16)] {
        &self.servers
    }

    /// Where all paths begin.
    pub fn chroot(&self) -> &Namespace {
        &self.chroot
    }

    /// The list of servers as the client library takes it, without the chroot.
    pub fn hosts(&self) -> String {
        let hosts: Vec<String> = self
            .servers
            .iter()
            .map(|(host, port)| {
                if host.contains(':') {
                    format!("[{host}]:{port}")
                } else {
                    format!("{host}:{port}")
                }
            })
            .collect();
        hosts.join(",")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.hosts(), self.chroot)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (hosts, chroot) = match text.find('/') {
            Some(slash) => text.split_at(slash),
            None => (text, "/"),
        };
        let chroot = chroot
            .parse()
            .map_err(|reason| format!("the chroot after the hosts: {reason}"))?;
        let wanted = "write HOST:PORT, several of them with commas, as in zk1:2181,zk2:2181/chroot";
        let servers = hosts.split(',');
        let servers = servers.map(|text| server(text, DEFAULT_PORT, wanted));
        let servers = servers.collect::<Result<_, _>>()?;
        Ok(Self { servers, chroot })
    }
}

/// Host and port of one server; an error ends in what is `wanted`.
pub(crate) fn server(text: &str, default_port: u16, wanted: &str) -> Result<(String, u16), String> {
    if text.is_empty() {
        return Err(format!("a host is empty; {wanted}"));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest
                .split_once(']')
                .ok_or_else(|| format!("'{text}' has no closing bracket; {wanted}"))?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(format!("'{host}' is no IPv6 address; {wanted}"));
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(format!("'{text}' goes on after its bracket; {wanted}")),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    if host.is_empty() || !host.chars().all(is_name) {
        return Err(format!(
            "'{text}' does not begin with a host name; {wanted}"
        ));
    }
    let port = match port {
        None => default_port,
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| format!("'{port}' is no port from 1 to 65535; {wanted}"))?,
    };
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        text.parse::<Address>().map(|address| address.to_string())
    }

    #[test]
    fn hosts_ports_and_chroot_are_told_apart() {
        assert_eq!(parse("zk1").unwrap(), "zk1:2181");
        assert_eq!(
            parse("zk1:2182,zk2/jobs/a").unwrap(),
            "zk1:2182,zk2:2181/jobs/a"
        );
        assert_eq!(
            parse("[::1]:2182,[fe80::1]").unwrap(),
            "[::1]:2182,[fe80::1]:2181"
        );
        assert_eq!(parse("zk1/").unwrap(), "zk1:2181");
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_to_write() {
        for wrong in [
            "", "a,,b", "a:", "a:0", "a:70000", "a:1:2", "[::1", "[x]:1", "a b:1", "/x",
        ] {
            let reason = parse(wrong).unwrap_err();
            assert!(reason.contains("HOST:PORT"), "{wrong}: {reason}");
        }
        assert!(parse("a:1/x/").unwrap_err().contains("chroot"));
    }
}
