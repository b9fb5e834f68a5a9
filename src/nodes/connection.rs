//! One connection of the server: from its hello to its end. It can cost no other connection anything: what it may
//! send is bounded in size and number, what it does not take is given up, and who says nothing is sent away.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::PROGRAM;
use super::auth::Secret;
use super::coordinator::{CoordinatorInput, CoordinatorReply, Submission};
use super::limits::{Bucket, Complaints, ConnectionLimits};
use super::link::{Broken, Link};
use super::message::{ClientRequest, Raw};
use super::publish::{Published, refused, replaced};
use super::rejection::Rejection;
use crate::clock::SystemClock;
use crate::say::say;

/// A registration with the longest key fits into it.
const LONGEST: usize = 16 << 10;
/// Before it is known who sends it.
pub(super) const LONGEST_HELLO: usize = 4 << 10;
/// Until the first message is there.
const HELLO: Duration = Duration::from_secs(5);
/// Without any whole message.
const IDLE: Duration = Duration::from_secs(60);
/// Messages at once, and a second.
const BURST: u32 = 100;
const A_SECOND: u32 = 50;
/// So many answers may wait to be taken.
const ANSWERS: usize = 256;
/// So often a client may be refused before it is sent away.
const REFUSALS: u32 = 10;
/// The next update goes out when the last one is confirmed, or after this.
const CONFIRM: Duration = Duration::from_millis(500);
/// What is still on its way may come for so long, so that a refusal is not lost with the connection.
const LINGER: Duration = Duration::from_millis(500);
/// What clients are told by a server that is not the one.
const STANDS_BY: &str = "this server stands by for another one; name all of them with --server";
/// Lists that people watch are told no more often.
const LISTS_APART: Duration = Duration::from_millis(200);

/// Where connections come in.
#[derive(Debug)]
pub(super) struct Acceptor {
    pub(super) doors: Mutex<ConnectionLimits>,
    pub(super) complaints: Mutex<Complaints>,
    pub(super) clock: SystemClock,
    /// Nothing while the server stands by for another one.
    pub(super) open: watch::Receiver<Option<Arc<Shared>>>,
}

impl Acceptor {
    /// A line about a client, unless there were too many.
    fn say(&self, about: SocketAddr, what: fmt::Arguments<'_>) {
        let now = self.clock.now().elapsed;
        if lock(&self.complaints).may_say(now, about.ip()) {
            say(PROGRAM, format_args!("{about}{what}"));
        }
    }

    fn refuses(&self, peer: SocketAddr, why: &Rejection) {
        self.say(peer, format_args!(" is refused: {why}"));
    }

    /// How many lines were not said.
    pub(super) fn sum_up(&self) {
        for (about, count) in lock(&self.complaints).take_unsaid(self.clock.now().elapsed) {
            let whose = match about {
                IpAddr::V4(_) => about.to_string(),
                IpAddr::V6(net) if net.is_unspecified() => "many other addresses".to_owned(),
                IpAddr::V6(net) => format!("{net}/64"),
            };
            say(
                PROGRAM,
                format_args!("and {count} more lines like those about {whose}"),
            );
        }
    }
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) secret: Option<Secret>,
    /// Messages without a seal are taken.
    pub(super) takes_bare: bool,
    pub(super) desk: mpsc::Sender<CoordinatorInput>,
    pub(super) told: watch::Receiver<Arc<Published>>,
    pub(super) seen: watch::Receiver<u64>,
    /// Addresses of the machine itself are taken: the server listens there only.
    pub(super) loopback: bool,
}

/// Why a connection ends.
enum ConnectionEnd {
    /// It is said to the other end, and in the log.
    Refused(Rejection),
    /// The other end went, or does not take anything.
    Broken(Broken),
    /// Another connection speaks for the node.
    Replaced,
}

impl From<Broken> for ConnectionEnd {
    fn from(why: Broken) -> Self {
        match why {
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

/// One connection from its first byte to its last.
pub(super) async fn serve(number: u64, mut link: Link, peer: SocketAddr, hall: Arc<Acceptor>) {
    let ip = peer.ip().to_canonical();
    let entered = lock(&hall.doors).enter(ip);
    let has_entered = entered.is_ok();
    let open = hall.open.borrow().clone();
    let end = match (entered, open) {
        (Err(why), _) => {
            hall.refuses(peer, &why);
            ConnectionEnd::Refused(why)
        }
        (Ok(()), None) => ConnectionEnd::Refused(Rejection::new(STANDS_BY)),
        (Ok(()), Some(shared)) => {
            let (answers, inbox) = mpsc::channel(ANSWERS);
            let mut visit = ServerConnection {
                number,
                link,
                peer,
                told: shared.told.clone(),
                seen: shared.seen.clone(),
                answers,
                inbox,
                bucket: Bucket::new(hall.clock.now().elapsed, BURST, A_SECOND),
                refusals: 0,
                owed: 0,
                is_known: false,
                unconfirmed: None,
                list_at: None,
                watches: false,
                shared: &shared,
                hall: &hall,
            };
            let end = match visit.run().await {
                Ok(never) => match never {},
                Err(end) => end,
            };
            link = visit.link;
            let _ = shared.desk.send(CoordinatorInput::Gone(number)).await;
            if let ConnectionEnd::Refused(why) = &end {
                hall.refuses(peer, why);
            }
            end
        }
    };
    match end {
        ConnectionEnd::Refused(why) => {
            let _ = link.send(&refused("connection", None, &why)).await;
        }
        ConnectionEnd::Broken(Broken::Closed) | ConnectionEnd::Replaced => {}
        ConnectionEnd::Broken(why) => hall.say(peer, format_args!(": {why}")),
    }
    link.close().await;
    let _ = timeout(LINGER, async { while link.next().await.is_ok() {} }).await;
    if has_entered {
        lock(&hall.doors).leave(ip);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

struct ServerConnection<'a> {
    number: u64,
    link: Link,
    peer: SocketAddr,
    shared: &'a Shared,
    hall: &'a Acceptor,
    told: watch::Receiver<Arc<Published>>,
    seen: watch::Receiver<u64>,
    answers: mpsc::Sender<CoordinatorReply>,
    inbox: mpsc::Receiver<CoordinatorReply>,
    bucket: Bucket,
    refusals: u32,
    /// Messages that the desk has not answered yet.
    owed: usize,
    /// It speaks for a node, and has been told the status.
    is_known: bool,
    /// Until then the last update may be confirmed.
    unconfirmed: Option<Instant>,
    /// A watched list is due.
    list_at: Option<Instant>,
    watches: bool,
}

impl ServerConnection<'_> {
    async fn run(&mut self) -> Result<std::convert::Infallible, ConnectionEnd> {
        if self.shared.takes_bare {
            // There the first is a registration already.
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
                // Answers come before news.
                Some(reply) = self.inbox.recv() => self.answered(reply).await?,
                message = self.link.next() => {
                    if matches!(message, Err(Broken::Closed)) {
                        self.pay().await?;
                    }
                    let message = message?;
                    idle = Instant::now() + IDLE;
                    self.take(&message).await?;
                }
                changed = self.told.changed(), if may_update => {
                    if changed.is_err() {
                        return Err(Broken::Closed.into());
                    }
                    let body = self.told.borrow_and_update().update.clone();
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
                () = sleep_until(idle) => return Err(Rejection::new("no message for 60 s").into()),
            }
        }
    }

    /// The first message, after the hello if there is one.
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
                "this server takes nobody who does not know the cluster's secret (--secret-file)",
            )
            .into()),
            None => {
                Err(Rejection::new("this server has no secret; come without --secret-file").into())
            }
        }
    }

    /// A message that has come.
    async fn take(&mut self, message: &[u8]) -> Result<(), ConnectionEnd> {
        if !self.bucket.take(self.hall.clock.now().elapsed) {
            return Err(Rejection::new(format!("more than {A_SECOND} messages a second")).into());
        }
        let told = ClientRequest::read(message, self.shared.loopback).and_then(|mut told| {
            if let ClientRequest::Register(node) | ClientRequest::Leave(node) = &mut told {
                node.prove(self.link.binding(node))?;
            }
            Ok(told)
        });
        match told {
            Ok(told) => {
                if told == ClientRequest::Confirm {
                    self.unconfirmed = None;
                }
                if told == ClientRequest::List(true) {
                    self.watches = true;
                }
                self.hand(told).await
            }
            Err(why) => {
                self.reply(CoordinatorReply::Refused("message", None, why))
                    .await
            }
        }
    }

    async fn hand(&mut self, told: ClientRequest) -> Result<(), ConnectionEnd> {
        let ip = self.peer.ip().to_canonical();
        let request = Submission {
            connection: self.number,
            peer: ip,
            is_trusted: self.link.is_sealed() || ip.is_loopback(),
            told,
            answers: self.answers.clone(),
        };
        self.owed += 1;
        let handed = self
            .shared
            .desk
            .send(CoordinatorInput::Message(request))
            .await;
        handed.map_err(|_| Broken::Closed.into())
    }

    /// The other end says no more. Perhaps it still listens.
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

    /// An answer of the desk.
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
                self.hall.refuses(self.peer, &why);
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

    /// The status, once on each connection.
    async fn status(&mut self) -> Result<(), ConnectionEnd> {
        if std::mem::replace(&mut self.is_known, true) {
            return Ok(());
        }
        let body = self.told.borrow_and_update().status.clone();
        self.update(&body).await
    }

    async fn update(&mut self, body: &super::auth::Body) -> Result<(), ConnectionEnd> {
        self.link.send(body).await?;
        self.unconfirmed = Some(Instant::now() + CONFIRM);
        Ok(())
    }
}

/// Returns at that moment, or never.
async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
