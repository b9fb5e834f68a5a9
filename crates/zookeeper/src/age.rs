//! The version of a ZooKeeper server: heartline needs requests that came with 3.5.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Address;

/// How long the servers may take to answer; the caller already has a session with one of them.
const ANSWER_LIMIT: Duration = Duration::from_millis(300);
/// Maximum length in bytes of an answer to `srvr`.
const MOST: u64 = 4096;
/// The beginning of a server's answer to `srvr` and `stat`.
const PREFIX: &str = "Zookeeper version: ";

/// A version of ZooKeeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32, u32, u32);

impl Version {
    /// The oldest version that heartline works with: the first whose `create` answers with the znode's stat.
    const NEEDED: Self = Self(3, 5, 0);

    pub(super) fn is_too_old(self) -> bool {
        self < Self::NEEDED
    }

    /// Parses the version from a server's answer to `srvr`.
    fn of(answer: &str) -> Option<Self> {
        let rest = answer.trim_start().strip_prefix(PREFIX)?;
        let digits = rest.split(|c: char| !c.is_ascii_digit() && c != '.').next();
        let mut numbers = digits?.split('.').map(str::parse);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next()?.ok()?;
        let patch = numbers.next().and_then(Result::ok).unwrap_or_default();
        Some(Self(major, minor, patch))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(major, minor, patch) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// The message about a server that is too old, with its version if it is known.
pub(super) fn needs(old: Option<(&str, Version)>) -> String {
    match old {
        Some((server, version)) => {
            format!("heartline needs ZooKeeper 3.5 or later, and {server} is ZooKeeper {version}")
        }
        None => {
            "heartline needs ZooKeeper 3.5 or later: the server does not support a request that \
                 3.5 introduced"
                .to_owned()
        }
    }
}

/// The first server that answers with its version, and the version. Servers that block four-letter words do
/// not answer.
pub(super) async fn first_answer(address: &Address) -> Option<(String, Version)> {
    let servers = address.servers().iter().map(|(host, port)| async move {
        let version = Version::of(&srvr(host, *port).await.ok()?)?;
        Some((super::address::place(host, *port), version))
    });
    let mut servers: FuturesUnordered<_> = servers.collect();
    let first = async {
        while let Some(answer) = servers.next().await {
            if answer.is_some() {
                return answer;
            }
        }
        None
    };
    timeout(ANSWER_LIMIT, first).await.ok().flatten()
}

async fn srvr(host: &str, port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(b"srvr").await?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_3_5_is_too_old() {
        let version = |text: &str| Version::of(&format!("Zookeeper version: {text}\nLatency: 0\n"));
        for (text, expected, is_too_old) in [
            ("3.4.14-4c25d480e66a, built on 03/06/2019", "3.4.14", true),
            ("3.4.6--1, built on 02/20/2014", "3.4.6", true),
            (
                "3.5.8-f439ca583e70862c3068a1f2a7d4d068eec33315",
                "3.5.8",
                false,
            ),
            ("3.5.0-alpha, built", "3.5.0", false),
            ("3.10.0", "3.10.0", false),
            ("4.0-SNAPSHOT", "4.0.0", false),
        ] {
            let version = version(text).expect("a version");
            assert_eq!(
                (version.to_string().as_str(), version.is_too_old()),
                (expected, is_too_old)
            );
        }
        for strange in ["", "x.y", "3", "99999999999.1.1"] {
            assert_eq!(version(strange), None, "{strange}");
        }
        let closed = "srvr is not executed because it is not in the whitelist.\n";
        assert_eq!(Version::of(closed), None);
    }

    #[test]
    fn the_version_is_named_if_it_is_known() {
        let message = needs(Some(("zk1:2181", Version(3, 4, 14))));
        assert!(
            message.contains("3.5 or later") && message.contains("zk1:2181 is ZooKeeper 3.4.14")
        );
        assert!(needs(None).contains("3.5 or later"));
    }
}
