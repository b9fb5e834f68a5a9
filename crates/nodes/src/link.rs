//! One connection, seen from either end: complete messages in and out, authenticated if both ends know the secret, and
//! encrypted if both have certificates.

mod stream;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::auth::{Authenticator, Body, Nonce, Secret, Side};
use super::credentials::Credentials;
use super::message::{Raw, Registration, ReplyHeader};
use super::reader::{Malformed, Reader};
use super::rejection::{Rejection, quoted};
use super::tls::{self, refused_later};
use heartline_core::backoff::Backoff;
pub use stream::LinkStream;
use stream::PIECE;

/// The longest message in bytes that a client accepts: the status of 20,000 nodes with RSA keys of their users and hosts.
const LONGEST_FROM_SERVER: usize = 32 << 20;
/// The time limit for connecting, for the hello, and for each write.
const LIMIT: Duration = Duration::from_secs(5);
/// The first and the longest wait of a client before it connects again.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));
/// How long the other end's last bytes are read, so that what was sent to it last is not lost with the connection.
const LINGER: Duration = Duration::from_millis(500);

/// The waits of a client between attempts to connect: random, so that a thousand agents do not all connect at the same
/// moment when their server is back.
pub(super) fn reconnect_backoff() -> Backoff {
    Backoff::between(RECONNECT.0, RECONNECT.1).seeded(fastrand::u64(..))
}

/// Why a connection cannot be used any more.
#[derive(Debug, Error)]
pub enum Broken {
    /// The other end has closed it.
    #[error("the connection was closed")]
    Closed,
    /// The other end has sent bytes that are no message.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The authentication of a message is wrong.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A connection.
#[derive(Debug)]
pub struct Link {
    stream: LinkStream,
    reader: Reader,
    seal: Option<Authenticator>,
    /// The authentication header of a message that has not arrived completely.
    header: Option<Vec<u8>>,
}

impl Link {
    /// A connection without any message yet; `longest` is the maximum message length in bytes.
    pub fn new(stream: impl Into<LinkStream>, longest: usize) -> Self {
        let stream = stream.into();
        // Small messages are answers that the other end waits for.
        let _ = stream.tcp().set_nodelay(true);
        Self {
            stream,
            reader: Reader::new(longest),
            seal: None,
            header: None,
        }
    }

    /// Connects to a server, written `HOST:PORT`, within 5 s: by TLS if there are certificates, and with an exchange of
    /// nonces if there is a secret.
    pub async fn connect(server: &str, credentials: &Credentials) -> Result<Self, Broken> {
        Self::connect_within(LIMIT, server, credentials).await
    }

    /// As [`Link::connect`], with another time limit.
    pub async fn connect_within(
        limit: Duration,
        server: &str,
        credentials: &Credentials,
    ) -> Result<Self, Broken> {
        let met = timeout(limit, Self::meet(server, credentials)).await;
        met.unwrap_or_else(|_| {
            let why = format!("no answer within {}", humantime::format_duration(limit));
            Err(io::Error::new(io::ErrorKind::TimedOut, why).into())
        })
    }

    async fn meet(server: &str, credentials: &Credentials) -> Result<Self, Broken> {
        let stream = TcpStream::connect(server).await?;
        let stream = match &credentials.tls {
            None => LinkStream::Plain(stream),
            Some(files) => {
                let stream = tls::connect(stream, server, files).await?;
                LinkStream::Tls(Box::new(stream.into()))
            }
        };
        let mut link = Self::new(stream, LONGEST_FROM_SERVER);
        if let Some(secret) = &credentials.secret {
            let own = Nonce::random();
            link.send_message(&hello("client", own)).await?;
            let answer = link.next().await?;
            let raw = Raw::read(&answer)?;
            if let Ok(glance) = serde_json::from_slice::<ReplyHeader>(&answer)
                && let Some(why) = glance.turned_away()
            {
                return Err(Rejection::new(why).into());
            }
            if raw.kind.as_deref() != Some("hello") {
                let said = quoted(&String::from_utf8_lossy(&answer));
                return Err(Rejection::new(format!(
                    "the server did not answer with a hello: {said}"
                ))
                .into());
            }
            let others = Nonce::parse(raw.nonce.as_deref().unwrap_or_default())?;
            link.seal = Some(Authenticator::new(secret, own, others, Side::Client));
        }
        Ok(link)
    }

    /// The server's half of a hello: answers it, and requires authentication from now on.
    pub async fn welcome(&mut self, hello_of: &Raw, secret: &Secret) -> Result<(), Broken> {
        let others = Nonce::parse(hello_of.nonce.as_deref().unwrap_or_default())?;
        let own = Nonce::random();
        self.send_message(&hello("server", own)).await?;
        self.seal = Some(Authenticator::new(secret, others, own, Side::Server));
        Ok(())
    }

    /// Sets the maximum message length in bytes from now on.
    pub fn allow(&mut self, longest: usize) {
        self.reader.allow(longest);
    }

    /// Whether the connection is authenticated: the other end knows the secret.
    pub fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    /// What a node signs to prove that it has its key, bound to this registration and this connection; `None` unless both
    /// ends know the secret or have certificates.
    pub fn binding(&self, registration: &Registration) -> Option<[u8; 32]> {
        let (role, address) = (
            registration.role.to_string(),
            registration.address.ip().to_string(),
        );
        let texts = [
            &*role,
            registration.name.as_str(),
            &*address,
            registration.key.as_str(),
            registration.user.as_str(),
        ];
        let by_tls = self.stream.exported(&lined_up(&texts));
        by_tls.or_else(|| Some(self.seal.as_ref()?.binding(&texts)))
    }

    /// Whether this machine would now reach the other end from another address. This sends nothing and looks up no
    /// name.
    pub fn has_moved(&self) -> bool {
        let (Ok(to), Ok(from)) = (self.stream.tcp().peer_addr(), self.local()) else {
            return false;
        };
        // Without a route the question has no answer.
        route(to).is_ok_and(|ip| ip != from)
    }

    /// The local address of this connection.
    pub fn local(&self) -> io::Result<IpAddr> {
        Ok(self.stream.tcp().local_addr()?.ip().to_canonical())
    }

    /// The other end's address.
    pub fn peer(&self) -> io::Result<IpAddr> {
        Ok(self.stream.tcp().peer_addr()?.ip().to_canonical())
    }

    /// The next message, with its authentication checked. Cancel-safe: received bytes stay in the buffer.
    pub async fn next(&mut self) -> Result<Vec<u8>, Broken> {
        loop {
            while let Some(object) = self.reader.object()? {
                let Some(seal) = &mut self.seal else {
                    return Ok(object.to_vec());
                };
                match self.header.take() {
                    None => self.header = Some(object.to_vec()),
                    Some(header) => {
                        seal.check(&header, object)?;
                        return Ok(object.to_vec());
                    }
                }
            }
            let reader = &mut self.reader;
            match self.stream.read(|piece| reader.feed(piece)).await {
                Ok(0) => return Err(Broken::Closed),
                Ok(_) => {}
                // The end of a process ends its connections without the word for it in TLS. A message that is not
                // complete is none, so nobody gains by cutting one off.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(Broken::Closed);
                }
                Err(error) => {
                    return Err(match refused_later(&error) {
                        Some(why) => Rejection::new(why).into(),
                        None => error.into(),
                    });
                }
            }
        }
    }

    /// Sends a message. If the other end does not accept it within five seconds, this fails and the connection cannot
    /// be used any more.
    pub async fn send(&mut self, body: &Body) -> io::Result<()> {
        let header = self.seal.as_mut().map(|seal| seal.seal(body));
        let write = async {
            match header {
                // Header and small message go into one segment.
                Some(header) if body.bytes().len() < PIECE => {
                    let both = [&header[..], body.bytes()].concat();
                    self.stream.write(&[&both]).await
                }
                Some(header) => self.stream.write(&[&header, body.bytes()]).await,
                None => self.stream.write(&[body.bytes()]).await,
            }
        };
        let late = |_| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                "the other side accepted no data for 5 s",
            )
        };
        timeout(LIMIT, write).await.map_err(late)?
    }

    /// Sends a value as a JSON object.
    pub async fn send_message(&mut self, message: &impl Serialize) -> io::Result<()> {
        self.send(&Body::new(serde_json::to_vec(message)?)).await
    }

    /// Closes the sending direction, and reads what is still on its way for half a second: a connection that is dropped
    /// with unread bytes takes along what was sent to the other end last.
    pub async fn close(mut self) {
        let _ = timeout(LINGER, self.stream.shutdown()).await;
        let rest = async { while self.stream.read(|_| ()).await.is_ok_and(|count| count > 0) {} };
        let _ = timeout(LINGER, rest).await;
    }
}

/// These texts, each after its length in 8 bytes: no other texts look like them.
fn lined_up(texts: &[&str]) -> Vec<u8> {
    let parts = texts.iter();
    let parts = parts.map(|text| [&text.len().to_be_bytes(), text.as_bytes()].concat());
    parts.collect::<Vec<_>>().concat()
}

fn hello(role: &str, nonce: Nonce) -> Raw {
    Raw {
        role: Some(role.to_owned()),
        kind: Some("hello".to_owned()),
        nonce: Some(nonce.to_hex()),
        ..Raw::default()
    }
}

/// The address by which this machine reaches another one now.
fn route(to: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if to.is_ipv4() {
        [0_u8; 4].into()
    } else {
        [0_u16; 8].into()
    };
    let socket = std::net::UdpSocket::bind((any, 0))?;
    socket.connect(to)?;
    Ok(socket.local_addr()?.ip().to_canonical())
}
