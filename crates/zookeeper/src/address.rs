//! The address of an ensemble: `HOST[:PORT][,HOST[:PORT]…][/chroot]`, checked before anything is started.

use std::fmt;
use std::str::FromStr;

use super::paths::Namespace;

/// ZooKeeper's default client port.
const DEFAULT_PORT: u16 = 2181;

/// The servers of one ensemble, and the chroot above all paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    servers: Vec<(String, u16)>,
    chroot: Namespace,
}

impl Address {
    /// Moves the server at `place` to the front, and those before it to the end; `place` counts around.
    pub(super) fn begin_with(&mut self, place: usize) {
        let servers = self.servers.len().max(1);
        self.servers.rotate_left(place % servers);
    }

    /// Host and port of each server.
    pub fn servers(&self) -> &[(String, u16)] {
        &self.servers
    }

    /// The chroot: the prefix of all paths.
    pub fn chroot(&self) -> &Namespace {
        &self.chroot
    }

    /// The list of servers in the client library's format, without the chroot.
    pub fn hosts(&self) -> String {
        let hosts: Vec<String> = self
            .servers
            .iter()
            .map(|(host, port)| place(host, *port))
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
        let wanted = "write HOST:PORT, several of them with commas, as in zk1:2181,zk2:2181/chroot";
        if let Some(scheme) = scheme(text) {
            return Err(format!(
                "'{scheme}' is not part of a ZooKeeper address; {wanted}"
            ));
        }
        let text = text.trim();
        let (hosts, chroot) = match text.find('/') {
            Some(slash) => text.split_at(slash),
            None => (text, "/"),
        };
        let servers = server_list(hosts, DEFAULT_PORT, wanted)?;
        if let Some((_, after)) = chroot.split_once(',')
            && server_list(after.split('/').next().unwrap_or_default(), 0, "").is_ok()
            && after.contains([':', '/'])
        {
            return Err(format!(
                "the chroot of '{text}' is followed by another host; put it once, after the last host; {wanted}"
            ));
        }
        let chroot = chroot
            .parse()
            .map_err(|reason| format!("the chroot after the hosts: {reason}"))?;
        Ok(Self { servers, chroot })
    }
}

/// Formats a host and a port, with an IPv6 address in brackets.
pub fn place(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Parses a comma-separated list of servers as other clients do: blanks around each entry and a comma at the
/// end are allowed. An error message ends with `wanted`.
pub fn server_list(
    text: &str,
    default_port: u16,
    wanted: &str,
) -> Result<Vec<(String, u16)>, String> {
    let text = text.trim();
    let text = text.strip_suffix(',').unwrap_or(text);
    let servers = text.split(',');
    servers
        .map(|text| server(text, default_port, wanted))
        .collect()
}

/// The scheme of a text: `zk://` of `zk://zk1:2181`.
fn scheme(text: &str) -> Option<&str> {
    let end = text.find("://")? + "://".len();
    let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_');
    let before = text[..end - "://".len()].trim_end_matches(is_of_scheme);
    Some(&text[before.len()..end])
}

/// Parses the host and port of one server; an error message ends with `wanted`.
pub fn server(text: &str, default_port: u16, wanted: &str) -> Result<(String, u16), String> {
    let text = text.trim();
    let wrong = |why: &str| Err(format!("{why}; {wanted}"));
    if text.is_empty() {
        return wrong("a host is empty");
    }
    if let Some(scheme) = scheme(text) {
        return wrong(&format!("'{scheme}' is not part of a server's address"));
    }
    if let Some(separator) = text.chars().find(|c| matches!(c, ';' | '|')) {
        return wrong(&format!("'{separator}' cannot separate servers"));
    }
    if text.contains(char::is_whitespace) {
        return wrong(&format!("'{text}' contains a blank"));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((host, rest)) = rest.split_once(']') else {
                return wrong(&format!("'{text}' has no closing bracket"));
            };
            if !is_ipv6(host) {
                return wrong(&format!("'{host}' is not an IPv6 address"));
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return wrong(&format!("'{text}' has text after the closing bracket")),
            }
        }
        // Ambiguous: the last group may be a port.
        None if is_ipv6(text) => {
            return wrong(&format!(
                "'{text}' is an IPv6 address without brackets; write brackets around it, as in [::1]:{default_port}"
            ));
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if !is_host(host) {
        return wrong(&format!("'{text}' does not begin with a host name"));
    }
    let port = match port {
        None => default_port,
        Some("") => return wrong(&format!("'{text}' has no port after its colon")),
        Some(port) if port.contains(':') => {
            return wrong(&format!("'{text}' has more than one port"));
        }
        Some(port) => match port.parse() {
            Ok(number) if number != 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => number,
            _ => return wrong(&format!("'{port}' is not a port from 1 to 65535")),
        },
    };
    Ok((host.to_owned(), port))
}

/// Whether this is a host name, or an IP address without brackets.
pub fn is_host(text: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    is_ipv6(text) || !text.is_empty() && text.chars().all(is_name)
}

/// Whether this is an IPv6 address, perhaps with the network interface it is valid on, as in `fe80::1%eth0`.
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "eth0"));
    let of_zone = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_zone = !zone.is_empty() && zone.chars().all(of_zone);
    is_zone && address.parse::<std::net::Ipv6Addr>().is_ok()
}

#[cfg(test)]
#[path = "address/tests.rs"]
mod tests;
