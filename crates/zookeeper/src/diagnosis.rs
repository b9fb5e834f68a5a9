//! Explains why no session could be opened, and what to do about it.
//!
//! The client library tries all servers and reports only that it failed. A bare connection to each server
//! shows more: whether a server listens, and whether it closes the connection without a request, which
//! ZooKeeper does when `maxClientCnxns` is reached.

use std::fmt;
use std::io;
use std::time::Duration;

use heartline_tls::Handshake;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::address::place;
use super::age::{self, Version};
use super::{Address, Settings};

/// How long a server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_millis(500);
/// How long a connection must stay open to count as accepted. The server enforces its limit on connections on
/// accept, before it reads anything.
const STAYS: Duration = Duration::from_millis(100);

/// The result of a connection to one server.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Symptom {
    Unknown,
    NoAnswer,
    Refused,
    Closed,
    Silent,
    TooOld(Version),
    /// It asks for TLS, and this program does not speak it.
    WantsTls,
    /// What is wrong with a connection by TLS.
    Tls(String),
}

/// Why ZooKeeper gives no session, for the person who reads the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    servers: Vec<(String, Symptom)>,
    /// Why no server is asked, or all refuse.
    refusal: Option<String>,
}

impl Diagnosis {
    /// Whether the problem will not resolve within a moment: no server accepts connections, or one refuses
    /// more connections from this host. A server that accepts may be about to start or to elect a leader.
    pub fn is_settled(&self) -> bool {
        let mut symptoms = self.servers.iter();
        symptoms.all(|(_, symptom)| *symptom != Symptom::Silent)
    }

    /// The diagnosis when the credentials are of no use, or are refused, for this reason.
    pub fn refused(why: String) -> Self {
        Self {
            servers: Vec::new(),
            refusal: Some(why),
        }
    }

    /// Whether the servers give sessions but are too old for heartline.
    pub fn is_too_old(&self) -> bool {
        let mut symptoms = self.servers.iter();
        symptoms.any(|(_, symptom)| matches!(symptom, Symptom::TooOld(_)))
    }

    /// The diagnosis when no server at `address` listens.
    pub fn nothing_listens(address: &Address) -> Self {
        Self::all(address, &Symptom::Refused)
    }

    /// The diagnosis when the servers at `address` accept connections and send no answer.
    pub fn no_session(address: &Address) -> Self {
        Self::all(address, &Symptom::Silent)
    }

    fn all(address: &Address, symptom: &Symptom) -> Self {
        let servers = address.servers().iter();
        let servers = servers.map(|(host, port)| (place(host, *port), symptom.clone()));
        Self::found(servers.collect())
    }

    fn found(servers: Vec<(String, Symptom)>) -> Self {
        Self {
            servers,
            refusal: None,
        }
    }

    /// Connects to each server as `settings` say, and reports what it finds.
    pub async fn of(settings: &Settings) -> Self {
        let mut servers = Vec::new();
        for (host, port) in settings.address.servers() {
            let found = look(settings, host, *port).await;
            servers.push((place(host, *port), found));
        }
        Self::found(servers)
    }

    /// Returns a diagnosis if the servers give sessions but are too old for heartline; `None` if they are
    /// not, or do not report their version. Only for programs that never write: such a server refuses a
    /// write, and that error has the same words.
    pub async fn of_age(address: &Address) -> Option<Self> {
        let (server, version) = age::first_answer(address).await?;
        let old = vec![(server, Symptom::TooOld(version))];
        version.is_too_old().then(|| Self::found(old))
    }
}

async fn look(settings: &Settings, host: &str, port: u16) -> Symptom {
    let first = look_once(host, port).await;
    let found = if first == Symptom::Closed {
        // A server that is shutting down closes connections too; a moment later it refuses them.
        sleep(CONNECT_LIMIT).await;
        look_once(host, port).await
    } else {
        first
    };
    if found != Symptom::Silent {
        return found;
    }
    let Ok(stream) = connect(host, port).await else {
        return found;
    };
    if settings.security.ca.is_none() {
        let wants_tls = Handshake::is_spoken(stream, host).await;
        return if wants_tls { Symptom::WantsTls } else { found };
    }
    match Handshake::with(stream, host, &settings.security.tls()).await {
        Handshake::Failed(why) => Symptom::Tls(why),
        Handshake::Done | Handshake::Silent => found,
    }
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, Symptom> {
    match timeout(CONNECT_LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(symptom(&error)),
        Err(_) => Err(Symptom::NoAnswer),
    }
}

async fn look_once(host: &str, port: u16) -> Symptom {
    let stream = match connect(host, port).await {
        Ok(stream) => stream,
        Err(symptom) => return symptom,
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
        if let Some(refusal) = &self.refusal {
            f.write_str(refusal)?;
        }
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
                Symptom::WantsTls => {
                    write!(f, "{server} asks for TLS: give its CA by --zookeeper-tls")
                }
                Symptom::Tls(why) => write!(f, "{server} {why}"),
                Symptom::TooOld(version) => f.write_str(&age::needs(Some((server, *version)))),
            }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Security;
    use tokio::net::TcpListener;

    async fn diagnose(port: u16) -> String {
        let settings = Settings {
            address: format!("127.0.0.1:{port}").parse().unwrap(),
            namespace: "/".parse().unwrap(),
            session_timeout: Duration::from_secs(6),
            security: Security::default(),
        };
        Diagnosis::of(&settings).await.to_string()
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
