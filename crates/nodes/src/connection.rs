//! One connection of the server, from its hello to its end. A connection costs the others nothing: the size and number
//! of its messages are bounded, answers that the client does not read are dropped, and a silent client is disconnected.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::acceptor::{Acceptor, Shared};
use super::coordinator::{CoordinatorInput, CoordinatorReply, Submission};
use super::limits::Bucket;
use super::link::{Broken, Link};
use super::message::{ClientRequest, Raw};
use super::publish::{Published, refused, replaced};
use super::reader::Malformed;
use super::rejection::Rejection;
use super::tls::CertifiedClient;

/// The longest message in bytes: a registration with the longest key fits into it.
const LONGEST: usize = 16 << 10;
/// The time the first message may take.
const HELLO: Duration = Duration::from_secs(5);
/// The time a connection may go without a complete message.
const IDLE: Duration = Duration::from_secs(60);
/// The number of messages that may come at once, and how many per second.
const BURST: u32 = 100;
const A_SECOND: u32 = 50;
/// The number of answers that may wait to be sent.
const ANSWERS: usize = 256;
/// The number of rejections after which a client is disconnected.
const REFUSALS: u32 = 10;
/// The next update is sent when the last one is confirmed, or after this time.
const CONFIRM: Duration = Duration::from_millis(500);
/// The first byte of a handshake by TLS.
const OF_TLS: u8 = 0x16;
/// The answer of a server that stands by.
const STANDS_BY: &str = "this server stands by for another one; name all of them with --server";
/// The minimum time between two lists on a connection that watches.
const LISTS_APART: Duration = Duration::from_millis(200);

/// Why a connection ends.
enum ConnectionEnd {
    /// The reason is sent to the other end, and logged.
    Refused(Rejection),
    /// The other end closed the connection, or does not read.
    Broken(Broken),
    /// Another connection speaks for the node.
    Replaced,
}

impl From<Broken> for ConnectionEnd {
    fn from(why: Broken) -> Self {
        match why {
            Broken::Malformed(Malformed::Begin(OF_TLS)) => Self::Refused(Rejection::new(
                "it speaks TLS, and this server does not: start the server with --tls-ca, --tls-cert and --tls-key, or \
                 leave them out there",
            )),
            Broken::Malformed(why) => Self::Refused(Rejection::new(why.to_string())),
            Broken::Refused(why) => Self::Refused(why),
            why => Self::Broken(why),
        }
    }
}

impl From<std::io::Error> for ConnectionEnd {
    fn from(why: std::io::Error) -> Self {
        Self::Broken(why.into())
    }
}

impl From<Rejection> for ConnectionEnd {
    fn from(why: Rejection) -> Self {
        Self::Refused(why)
    }
}

/// Serves one connection from its first byte to its last.
pub(super) async fn serve(
    number: u64,
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: Arc<Acceptor>,
) {
    let ip = peer.ip().to_canonical();
    let _entered = match acceptor.enter(ip) {
        Ok(entered) => entered,
        Err(why) => return acceptor.turn_away(stream, peer, &why).await,
    };
    let Some((mut link, certified)) = acceptor.meet(stream, peer).await else {
        return;
    };
    let open = acceptor.open.borrow().clone();
    let end = match open {
        None => ConnectionEnd::Refused(Rejection::new(STANDS_BY)),
        Some(shared) => {
            let (answers, inbox) = mpsc::channel(ANSWERS);
            let remains = certified.as_ref().map(|one| one.remains(SystemTime::now()));
            let mut connection = ServerConnection {
                number,
                link,
                peer,
                // A time that the clock cannot hold never comes.
                certified_until: remains.and_then(|remains| Instant::now().checked_add(remains)),
                certified,
                updates: shared.updates.clone(),
                seen: shared.seen.clone(),
                answers,
                inbox,
                bucket: Bucket::new(acceptor.clock.now().elapsed, BURST, A_SECOND),
                refusals: 0,
                owed: 0,
                is_known: false,
                unconfirmed: None,
                list_at: None,
                watches: false,
                shared: &shared,
                acceptor: &acceptor,
            };
            let end = match connection.run().await {
                Ok(never) => match never {},
                Err(end) => end,
            };
            link = connection.link;
            let _ = shared
                .coordinator
                .send(CoordinatorInput::Gone(number))
                .await;
            if let ConnectionEnd::Refused(why) = &end {
                acceptor.refuses(peer, why);
            }
            end
        }
    };
    match end {
        ConnectionEnd::Refused(why) => {
            let _ = link.send(&refused("connection", None, &why)).await;
        }
        ConnectionEnd::Broken(Broken::Closed) | ConnectionEnd::Replaced => {}
        ConnectionEnd::Broken(why) => acceptor.say(peer, format_args!(": {why}")),
    }
    link.close().await;
}

struct ServerConnection<'a> {
    number: u64,
    link: Link,
    peer: SocketAddr,
    /// What its certificate permits; `None` without TLS.
    certified: Option<CertifiedClient>,
    /// When that certificate ends, and the connection with it.
    certified_until: Option<Instant>,
    shared: &'a Shared,
    acceptor: &'a Acceptor,
    updates: watch::Receiver<Arc<Published>>,
    seen: watch::Receiver<u64>,
    answers: mpsc::Sender<CoordinatorReply>,
    inbox: mpsc::Receiver<CoordinatorReply>,
    bucket: Bucket,
    refusals: u32,
    /// The number of messages that the coordinator has not answered yet.
    owed: usize,
    /// The connection speaks for a node, and the status was sent to it.
    is_known: bool,
    /// The deadline for the confirmation of the last update; `None` if no update is unconfirmed.
    unconfirmed: Option<Instant>,
    /// When the next watched list is due.
    list_at: Option<Instant>,
    watches: bool,
}

impl ServerConnection<'_> {
    async fn run(&mut self) -> Result<std::convert::Infallible, ConnectionEnd> {
        if self.shared.takes_bare {
            // Without a secret, the first message is already a registration.
            self.link.allow(LONGEST);
        }
        let first = match timeout(HELLO, self.first()).await {
            Ok(first) => first?,
            Err(_) => return Err(Rejection::new("no message within 5 s").into()),
        };
        self.link.allow(LONGEST);
        self.take(&first).await?;
        let mut idle = Instant::now() + IDLE;
        loop {
            let may_update = self.is_known && self.unconfirmed.is_none();
            tokio::select! {
                biased;
                // Answers take precedence over updates.
                Some(reply) = self.inbox.recv() => self.answered(reply).await?,
                message = self.link.next() => {
                    if matches!(message, Err(Broken::Closed)) {
                        self.pay().await?;
                    }
                    let message = message?;
                    idle = Instant::now() + IDLE;
                    self.take(&message).await?;
                }
                changed = self.updates.changed(), if may_update => {
                    if changed.is_err() {
                        return Err(Broken::Closed.into());
                    }
                    let body = self.updates.borrow_and_update().update.clone();
                    self.update(&body).await?;
                }
                () = due(self.unconfirmed) => self.unconfirmed = None,
                changed = self.seen.changed(), if self.watches && self.list_at.is_none() => {
                    if changed.is_err() {
                        return Err(Broken::Closed.into());
                    }
                    self.list_at = Some(Instant::now() + LISTS_APART);
                }
                () = due(self.list_at) => {
                    self.list_at = None;
                    self.hand(ClientRequest::List(true)).await?;
                }
                () = due(self.certified_until) => {
                    return Err(Rejection::new("its certificate has ended: renew it").into());
                }
                () = sleep_until(idle) => return Err(Rejection::new("no message for 60 s").into()),
            }
        }
    }

    /// Reads the first message, after the hello if there is one.
    async fn first(&mut self) -> Result<Vec<u8>, ConnectionEnd> {
        let first = self.link.next().await?;
        let raw = Raw::read(&first)?;
        let is_hello = raw.kind.as_deref() == Some("hello");
        match &self.shared.secret {
            Some(secret) if is_hello => {
                self.link.welcome(&raw, secret).await?;
                Ok(self.link.next().await?)
            }
            _ if self.shared.takes_bare && !is_hello => Ok(first),
            Some(_) => Err(Rejection::new(
                "authentication required: pass --secret-file with the cluster's secret",
            )
            .into()),
            None => Err(Rejection::new("this server has no secret; omit --secret-file").into()),
        }
    }

    /// Handles one received message.
    async fn take(&mut self, message: &[u8]) -> Result<(), ConnectionEnd> {
        if !self.bucket.take(self.acceptor.clock.now().elapsed) {
            return Err(Rejection::new(format!("more than {A_SECOND} messages a second")).into());
        }
        let request = ClientRequest::read(message, self.shared.loopback).and_then(|mut request| {
            if let ClientRequest::Register(node) | ClientRequest::Leave(node) = &mut request {
                node.prove(self.link.binding(node))?;
            }
            if let Some(certified) = &self.certified {
                certified.permits(&request)?;
            }
            Ok(request)
        });
        match request {
            Ok(request) => {
                if request == ClientRequest::Confirm {
                    self.unconfirmed = None;
                }
                if request == ClientRequest::List(true) {
                    self.watches = true;
                }
                self.hand(request).await
            }
            Err(why) => {
                self.reply(CoordinatorReply::Refused("message", None, why))
                    .await
            }
        }
    }

    async fn hand(&mut self, message: ClientRequest) -> Result<(), ConnectionEnd> {
        let ip = self.peer.ip().to_canonical();
        let submission = Submission {
            connection: self.number,
            peer: ip,
            // A certificate has permitted the request, or it would not come here.
            is_trusted: self.certified.is_some() || self.link.is_sealed() || ip.is_loopback(),
            message,
            answers: self.answers.clone(),
        };
        self.owed += 1;
        let handed = self
            .shared
            .coordinator
            .send(CoordinatorInput::Message(submission))
            .await;
        handed.map_err(|_| Broken::Closed.into())
    }

    /// Sends the answers that are still due after the other end stopped sending: it may still read.
    async fn pay(&mut self) -> Result<(), ConnectionEnd> {
        let end = Instant::now() + HELLO;
        while self.owed > 0 {
            tokio::select! {
                Some(reply) = self.inbox.recv() => self.answered(reply).await?,
                () = sleep_until(end) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Handles an answer of the coordinator.
    async fn answered(&mut self, reply: CoordinatorReply) -> Result<(), ConnectionEnd> {
        self.owed = self.owed.saturating_sub(1);
        self.reply(reply).await
    }

    async fn reply(&mut self, reply: CoordinatorReply) -> Result<(), ConnectionEnd> {
        match reply {
            CoordinatorReply::Answer(body) => self.link.send(&body).await?,
            CoordinatorReply::Known(body) => {
                self.link.send(&body).await?;
                self.status().await?;
            }
            CoordinatorReply::Refused(word, standing, why) => {
                self.acceptor.refuses(self.peer, &why);
                self.link.send(&refused(word, standing, &why)).await?;
                if standing.is_some() {
                    return self.status().await;
                }
                self.refusals += 1;
                if self.refusals == REFUSALS {
                    return Err(Rejection::new(format!("refused {REFUSALS} times")).into());
                }
            }
            CoordinatorReply::Replaced(name, by) => {
                self.link.send(&replaced(&name, by)).await?;
                return Err(ConnectionEnd::Replaced);
            }
        }
        Ok(())
    }

    /// Sends the status, once on each connection.
    async fn status(&mut self) -> Result<(), ConnectionEnd> {
        if std::mem::replace(&mut self.is_known, true) {
            return Ok(());
        }
        let body = self.updates.borrow_and_update().status.clone();
        self.update(&body).await
    }

    async fn update(&mut self, body: &super::auth::Body) -> Result<(), ConnectionEnd> {
        self.link.send(body).await?;
        self.unconfirmed = Some(Instant::now() + CONFIRM);
        Ok(())
    }
}

/// Returns at this time; never if it is `None`.
async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
