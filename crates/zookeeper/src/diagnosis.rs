//! Explains why no session could be opened, and what to do about it.
//!
//! The client library tries all servers and reports only that it failed. A bare connection to each server
//! shows more: whether a server listens, and whether it closes the connection without a request, which
//! ZooKeeper does when `maxClientCnxns` is reached.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::Address;
use super::address::place;
use super::age::{self, Version};

/// How long a server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_millis(500);
/// How long a connection must stay open to count as accepted. The server enforces its limit on connections on
/// accept, before it reads anything.
const STAYS: Duration = Duration::from_millis(100);

/// The result of a connection to one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symptom {
    Unknown,
    NoAnswer,
    Refused,
    Closed,
    Silent,
    TooOld(Version),
}

/// Why ZooKeeper gives no session, for the person who reads the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    servers: Vec<(String, Symptom)>,
}

impl Diagnosis {
    /// Whether the problem will not resolve within a moment: no server accepts connections, or one refuses
    /// more connections from this host. A server that accepts may be about to start or to elect a leader.
    pub fn is_settled(&self) -> bool {
        self.servers
            .iter()
            .all(|(_, symptom)| *symptom != Symptom::Silent)
    }

    /// Whether the servers give sessions but are too old for heartline.
    pub fn is_too_old(&self) -> bool {
        let mut symptoms = self.servers.iter();
        symptoms.any(|(_, symptom)| matches!(symptom, Symptom::TooOld(_)))
    }

    /// The diagnosis when no server at `address` listens.
    pub fn nothing_listens(address: &Address) -> Self {
        Self::all(address, Symptom::Refused)
    }

    /// The diagnosis when the servers at `address` accept connections and send no answer.
    pub fn no_session(address: &Address) -> Self {
        Self::all(address, Symptom::Silent)
    }

    fn all(address: &Address, symptom: Symptom) -> Self {
        let servers = address.servers().iter();
        let servers = servers.map(|(host, port)| (place(host, *port), symptom));
        Self {
            servers: servers.collect(),
        }
    }

    /// Connects to each server of `address` and reports what it finds.
    pub async fn of(address: &Address) -> Self {
        let mut servers = Vec::new();
        for (host, port) in address.servers() {
            servers.push((place(host, *port), look(host, *port).await));
        }
        Self { servers }
    }

    /// Returns a diagnosis if the servers give sessions but are too old for heartline; `None` if they are
    /// not, or do not report their version. Only for programs that never write: such a server refuses a
    /// write, and that error has the same words.
    pub async fn of_age(address: &Address) -> Option<Self> {
        let (server, version) = age::first_answer(address).await?;
        version.is_too_old().then(|| Self {
            servers: vec![(server, Symptom::TooOld(version))],
        })
    }
}

async fn look(host: &str, port: u16) -> Symptom {
    let first = look_once(host, port).await;
    if first != Symptom::Closed {
        return first;
    }
    // A server that is shutting down closes connections too; a moment later it refuses them.
    sleep(CONNECT_LIMIT).await;
    look_once(host, port).await
}

async fn look_once(host: &str, port: u16) -> Symptom {
    let stream = match timeout(CONNECT_LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return symptom(&error),
        Err(_) => return Symptom::NoAnswer,
    };
    // No request was sent, so a readable stream can only mean its end.
    match timeout(STAYS, stream.readable()).await {
        Err(_) => Symptom::Silent,
        Ok(_) => Symptom::Closed,
    }
}

/// The symptom that a connection error stands for.
fn symptom(error: &io::Error) -> Symptom {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, NotConnected,
    };
    match error.kind() {
        ConnectionRefused => Symptom::Refused,
        // The connection was accepted, and closed before the client saw it established.
        ConnectionReset | ConnectionAborted | NotConnected | BrokenPipe => Symptom::Closed,
        // Errors of the resolver have no number; errors of the operating system have one.
        _ if error.raw_os_error().is_none() => Symptom::Unknown,
        _ => Symptom::NoAnswer,
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (server, symptom)) in self.servers.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            match symptom {
                Symptom::Unknown => write!(f, "the host name of {server} cannot be resolved"),
                Symptom::NoAnswer => write!(f, "{server} cannot be reached"),
                Symptom::Refused => write!(f, "nothing listens on {server}"),
                Symptom::Closed => write!(
                    f,
                    "{server} closes new connections at once: it has as many from this host as \
                     maxClientCnxns in its zoo.cfg allows (60 by default)"
                ),
                Symptom::Silent => write!(
                    f,
                    "{server} accepts connections but gives no session: it is stopped, too slow, \
                     or without a quorum"
                ),
                Symptom::TooOld(version) => f.write_str(&age::needs(Some((server, *version)))),
            }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn diagnose(port: u16) -> String {
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        Diagnosis::of(&address).await.to_string()
    }

    #[tokio::test]
    async fn a_closed_port_is_reported() {
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap().port()
        };
        assert_eq!(
            diagnose(port).await,
            format!("nothing listens on 127.0.0.1:{port}")
        );
    }

    #[test]
    fn ipv6_is_shown_as_it_is_typed() {
        let address = "[::1]:2181,[fe80::1%eth0]:1".parse().unwrap();
        assert_eq!(
            Diagnosis::nothing_listens(&address).to_string(),
            "nothing listens on [::1]:2181; nothing listens on [fe80::1%eth0]:1"
        );
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_reported() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(diagnose(port).await.contains("gives no session"));
    }

    #[tokio::test]
    async fn a_server_that_closes_at_once_is_reported_with_the_limit_of_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let closing = tokio::spawn(async move {
            loop {
                drop(listener.accept().await);
            }
        });
        assert!(diagnose(port).await.contains("maxClientCnxns"));
        closing.abort();
    }
}
