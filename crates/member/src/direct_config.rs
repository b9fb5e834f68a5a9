//! How a member uses direct connections.

use std::net::IpAddr;
use std::str::FromStr;

/// Where to accept direct connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name or an address of this host.
    pub host: String,
    /// The port; 0 is any free one.
    pub port: u16,
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write HOST or HOST:PORT, such as 10.0.0.7 or node7:4711".to_owned();
        // An IPv6 address has colons itself.
        let is_ipv6 = text.parse::<std::net::Ipv6Addr>().is_ok();
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !is_ipv6 => (host, port.parse().map_err(|_| wrong())?),
            _ => (text, 0),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        // Others connect to this address: 0.0.0.0 leads them to themselves.
        let is_any = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
        if host.is_empty() || host.contains(char::is_whitespace) || is_any {
            return Err(wrong());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

/// Where a member's beats go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BeatPath {
    /// To ZooKeeper, and by the direct connection besides.
    #[default]
    Both,
    /// By the direct connection; to ZooKeeper rarely while it is open.
    Direct,
}

/// How a member uses direct connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectConfig {
    /// Where to accept them; `None` is the address by which this host reaches ZooKeeper, and any free port.
    pub listen: Option<ListenAddress>,
    /// Where beats go.
    pub path: BeatPath,
    /// The host whose members share one connection to the master; `None`: each has its own. The text tells several hosts
    /// of one machine apart, for tests; usually it is empty.
    pub relay_host: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_port() {
        for (text, host, port) in [
            ("10.0.0.7", "10.0.0.7", 0),
            ("node7:4711", "node7", 4711),
            ("fe80::1", "fe80::1", 0),
            ("[fe80::1]:4711", "fe80::1", 4711),
        ] {
            let host = host.to_owned();
            assert_eq!(text.parse(), Ok(ListenAddress { host, port }), "{text}");
        }
        for wrong in ["", ":1", "a:b", "a:70000", "a b", "0.0.0.0", "[::]:1"] {
            assert!(wrong.parse::<ListenAddress>().is_err(), "{wrong}");
        }
    }
}
