//! One connection, seen from either end: complete messages in and out, authenticated if both ends know the secret.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::auth::{Authenticator, Body, Nonce, Secret, Side};
use super::message::{Raw, Registration, ReplyHeader};
use super::reader::{Malformed, Reader};
use super::rejection::{Rejection, quoted};
use heartline_core::backoff::Backoff;

/// The longest message in bytes that a client accepts: the status of 20,000 nodes with RSA keys.
const LONGEST_FROM_SERVER: usize = 16 << 20;
/// The time limit for connecting, for the hello, and for each write.
const LIMIT: Duration = Duration::from_secs(5);
/// The first and the longest wait of a client before it connects again.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));
/// The number of bytes per read.
const PIECE: usize = 16 << 10;

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
    stream: TcpStream,
    reader: Reader,
    seal: Option<Authenticator>,
    /// The authentication header of a message that has not arrived completely.
    header: Option<Vec<u8>>,
}

impl Link {
    /// A connection without any message yet; `longest` is the maximum message length in bytes.
    pub fn new(stream: TcpStream, longest: usize) -> Self {
        // Small messages are answers that the other end waits for.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            reader: Reader::new(longest),
            seal: None,
            header: None,
        }
    }

    /// Connects to a server within 5 s, and exchanges nonces with it if there is a secret.
    pub async fn connect(server: &str, secret: Option<&Secret>) -> Result<Self, Broken> {
        Self::connect_within(LIMIT, server, secret).await
    }

    /// As [`Link::connect`], with another time limit.
    pub async fn connect_within(
        limit: Duration,
        server: &str,
        secret: Option<&Secret>,
    ) -> Result<Self, Broken> {
        let met = timeout(limit, Self::meet(server, secret)).await;
        met.unwrap_or_else(|_| {
            let why = format!("no answer within {}", humantime::format_duration(limit));
            Err(io::Error::new(io::ErrorKind::TimedOut, why).into())
        })
    }

    async fn meet(server: &str, secret: Option<&Secret>) -> Result<Self, Broken> {
        let stream = TcpStream::connect(server).await?;
        let mut link = Self::new(stream, LONGEST_FROM_SERVER);
        if let Some(secret) = secret {
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

    /// What a node signs to prove that it has its key, bound to this registration; `None` unless both ends know the
    /// secret.
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
        self.seal.as_ref().map(|seal| seal.binding(&texts))
    }

    /// Whether this machine would now reach the other end from another address. This sends nothing and looks up no
    /// name.
    pub fn has_moved(&self) -> bool {
        let (Ok(to), Ok(from)) = (self.stream.peer_addr(), self.local()) else {
            return false;
        };
        // Without a route the question has no answer.
        route(to).is_ok_and(|ip| ip != from)
    }

    /// The local address of this connection.
    pub fn local(&self) -> io::Result<IpAddr> {
        Ok(self.stream.local_addr()?.ip().to_canonical())
    }

    /// The other end's address.
    pub fn peer(&self) -> io::Result<IpAddr> {
        Ok(self.stream.peer_addr()?.ip().to_canonical())
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
            self.stream.readable().await?;
            match self.fill() {
                Ok(0) => return Err(Broken::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The read buffer is on the stack of this call only: a thousand waiting connections need none.
    fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; PIECE];
        let length = self.stream.try_read(&mut piece)?;
        self.reader.feed(&piece[..length]);
        Ok(length)
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
                    self.stream.write_all(&both).await
                }
                Some(header) => {
                    self.stream.write_all(&header).await?;
                    self.stream.write_all(body.bytes()).await
                }
                None => self.stream.write_all(body.bytes()).await,
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

    /// Closes the sending direction.
    pub async fn close(&mut self) {
        let _ = self.stream.shutdown().await;
    }
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
