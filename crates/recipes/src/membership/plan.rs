//! The configuration of a member.

use std::ffi::OsString;
use std::fs::File;
use std::str::FromStr;
use std::time::Duration;

use heartline_zookeeper::{Namespace, Settings};

/// The configuration of a member.
#[derive(Debug)]
pub(super) struct MemberPlan {
    pub(super) settings: Settings,
    /// The znode to claim, below the namespace.
    pub(super) path: String,
    /// The parent of the workers' znodes, for a member that watches the workers.
    pub(super) workers: Option<String>,
    /// The value of this member's znode.
    pub(super) address: String,
    /// The command that runs while this member is active; empty for none.
    pub(super) command: Vec<OsString>,
    /// How long the command may take to end.
    pub(super) grace: Duration,
    /// The shell command to run for each event.
    pub(super) hook: Option<String>,
    /// The destination of the events.
    pub(super) events: Events,
    pub(super) require_zookeeper: bool,
}

impl MemberPlan {
    /// The name of this member's znode.
    pub(super) fn node(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The absolute path of a znode on the server.
    pub(super) fn absolute(&self, path: &str) -> String {
        let outer = self.settings.address.chroot();
        format!("{}{path}", self.settings.namespace.below(outer))
    }
}

/// The destination of the events.
#[derive(Debug)]
pub(super) enum Events {
    Stdout,
    Stderr,
    File(File),
}

/// The path of a znode that can be created, thus not the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Znode(String);

impl Znode {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this path is `other`, or above it.
    pub(super) fn contains(&self, other: &Self) -> bool {
        let rest = other.0.strip_prefix(&self.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for Znode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path: Namespace = text
            .parse()
            .map_err(|why: String| why.replace("/jobs/wordcount", "/master or /app/workers"))?;
        match path.to_string() {
            path if path.is_empty() => {
                Err("the root znode always exists; write a path below it, like /master".to_owned())
            }
            path => Ok(Self(path)),
        }
    }
}

/// The address of a member: `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostPort {
    text: String,
    host: usize,
}

impl HostPort {
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn host(&self) -> &str {
        &self.text[..self.host]
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            Err(format!(
                "'{text}' is not an address; write HOST:PORT, as in m1:2223"
            ))
        };
        let Some((host, port)) = text.rsplit_once(':') else {
            return wrong();
        };
        let is_bracketed = host.starts_with('[') && host.ends_with(']');
        let strange = |c: char| {
            c.is_whitespace() || c.is_control() || c == '/' || (c == ':' && !is_bracketed)
        };
        let port: Option<u16> = port.parse().ok();
        if host.is_empty() || host.contains(strange) || port.is_none_or(|port| port == 0) {
            return wrong();
        }
        Ok(Self {
            text: text.to_owned(),
            host: host.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        let address: HostPort = "w1:2224".parse().unwrap();
        assert_eq!((address.as_str(), address.host()), ("w1:2224", "w1"));
        assert_eq!("[::1]:1".parse::<HostPort>().unwrap().host(), "[::1]");
        for wrong in [
            "", "w1", ":1", "w1:", "w1:0", "w1:x", "a/b:1", "a b:1", "::1:1",
        ] {
            let why = wrong.parse::<HostPort>().unwrap_err();
            assert!(why.contains("HOST:PORT"), "{wrong}: {why}");
        }
    }

    #[test]
    fn a_znode_is_below_the_root() {
        let znode = |text: &str| text.parse::<Znode>().unwrap();
        assert!(znode("/a").contains(&znode("/a/b")));
        assert!(znode("/a").contains(&znode("/a")));
        assert!(!znode("/a").contains(&znode("/ab")));
        for wrong in ["", "/", "master", "/a//b", "/zookeeper"] {
            let why = wrong.parse::<Znode>().unwrap_err();
            assert!(why.contains("/master"), "{wrong}: {why}");
        }
    }
}
