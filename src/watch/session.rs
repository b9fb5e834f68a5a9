//! A watcher's way to ZooKeeper: sessions opened for as long as it takes, and feeds of values.

use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use crate::coordination::client::States;
use crate::coordination::{Connection, Diagnosis, Failure, Pause, Session, Settings, Value};

/// Between two attempts to reach ZooKeeper.
const PAUSE: Duration = Duration::from_millis(500);
/// The same, of a ZooKeeper that is too old: somebody has to put another in its place first.
const OLD_PAUSE: Duration = Duration::from_secs(5);
/// A server that accepts and gives no session in time is given twice the time at the next attempt, up to this.
const LONGEST_SESSION: Duration = Duration::from_secs(30);
/// Events that may wait while one is written out; then the feeds wait too, and skip to the newest.
const INBOX: usize = 256;
/// Between two attempts to read what is refused: rights may be mended.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long the list of followers is left alone after it has come, for each name in it.
const PER_NAME: Duration = Duration::from_micros(10);
const LONGEST_REST: Duration = Duration::from_millis(500);

/// What is fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Feed {
    /// What the master says.
    Master,
    /// A follower's znode, or its snapshot.
    Node(String),
}

/// What a watcher hears.
#[derive(Debug)]
pub(super) enum WatchEvent {
    /// A server answers (again): start all feeds anew.
    Connected,
    /// No server answers.
    Disconnected,
    /// The session is over: open another one.
    Ended,
    /// A znode's value.
    Value(Feed, Value),
    /// A znode does not exist.
    Missing(Feed),
    /// The names below a znode.
    Names(Vec<String>),
    /// The znode at a path cannot be read just now; its feed asks again from time to time.
    Unreadable(String, Failure),
}

/// One session of a watcher.
pub(super) struct WatchSession {
    session: Session,
    connection: Box<dyn States>,
    feeds: JoinSet<()>,
    inbox: Receiver<WatchEvent>,
    outside: Sender<WatchEvent>,
}

/// Opens a session, however long it takes. `troubled` is told why each attempt failed.
///
/// The client allows each answer two fifths of the session timeout. A server that is busier than that would never give a
/// session; a watcher has no ephemeral znodes, so a longer session delays nothing but its own notice of a silent server.
pub(super) async fn open<E>(
    settings: &Settings,
    mut troubled: impl FnMut(&Diagnosis) -> Result<(), E>,
) -> Result<WatchSession, E> {
    let mut settings = settings.clone();
    let longest = settings.session_timeout.max(LONGEST_SESSION);
    loop {
        if let Ok(session) = Session::open(&settings).await {
            if let Some(old) = Diagnosis::of_age(&settings.address).await {
                troubled(&old)?;
                sleep(OLD_PAUSE).await;
                continue;
            }
            let (outside, inbox) = channel(INBOX);
            return Ok(WatchSession {
                connection: session.watch(),
                session,
                feeds: JoinSet::new(),
                inbox,
                outside,
            });
        }
        let diagnosis = Diagnosis::of(&settings.address).await;
        if !diagnosis.is_settled() {
            settings.session_timeout = settings.session_timeout.saturating_mul(2).min(longest);
        }
        troubled(&diagnosis)?;
        sleep(PAUSE).await;
    }
}

impl WatchSession {
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// What is heard next.
    pub(super) async fn next(&mut self) -> WatchEvent {
        while self.feeds.try_join_next().is_some() {}
        tokio::select! {
            biased;
            state = self.connection.changed() => match state {
                Connection::Connected => WatchEvent::Connected,
                Connection::Disconnected => WatchEvent::Disconnected,
                Connection::Ended => WatchEvent::Ended,
            },
            Some(news) = self.inbox.recv() => news,
        }
    }

    /// Ends all feeds; what they had to say is forgotten.
    pub(super) async fn hush(&mut self) {
        self.feeds.shutdown().await;
        while self.inbox.try_recv().is_ok() {}
    }

    /// Feeds a znode's value, now and after each change. If `lasting`, waits for the znode when it does not exist;
    /// otherwise the feed ends with it.
    pub(super) fn feed_value(&mut self, feed: Feed, path: String, lasting: bool) -> AbortHandle {
        let (session, mut outside) = (self.session.clone(), FeedSender::new(&self.outside));
        self.feeds.spawn(async move {
            loop {
                let failure = match session.read(&path).await {
                    Ok((value, watch)) => {
                        outside.is_well();
                        // A lost connection ends the feed; the next one begins with what is new.
                        if !outside.tell(WatchEvent::Value(feed.clone(), value)).await
                            || watch.await.is_err()
                        {
                            return;
                        }
                        continue;
                    }
                    Err(Failure::NoNode) => {
                        if !outside.tell(WatchEvent::Missing(feed.clone())).await || !lasting {
                            return;
                        }
                        match session.appeared(&path).await {
                            Ok(()) => continue,
                            Err(failure) => failure,
                        }
                    }
                    Err(failure) => failure,
                };
                if !outside.wait(&path, failure).await {
                    return;
                }
            }
        })
    }

    /// Feeds the names of the followers, now and after each change.
    pub(super) fn feed_members(&mut self) {
        let (session, mut outside) = (self.session.clone(), FeedSender::new(&self.outside));
        self.feeds.spawn(async move {
            let path = session.paths().members().to_owned();
            loop {
                let failure = match session.members().await {
                    Ok((names, watch)) => {
                        outside.is_well();
                        // Each list names all: while many come and go, what it costs must stay a small part of the time.
                        let rest =
                            PER_NAME.saturating_mul(u32::try_from(names.len()).unwrap_or(u32::MAX));
                        if !outside.tell(WatchEvent::Names(names)).await || watch.await.is_err() {
                            return;
                        }
                        sleep(rest.min(LONGEST_REST)).await;
                        continue;
                    }
                    Err(Failure::NoNode) => match session.appeared(&path).await {
                        Ok(()) => continue,
                        Err(failure) => failure,
                    },
                    Err(failure) => failure,
                };
                if !outside.wait(&path, failure).await {
                    return;
                }
            }
        });
    }
}

/// A feed's way to the watcher, and its patience with what cannot be read.
struct FeedSender {
    news: Sender<WatchEvent>,
    throttled: Pause,
    refused: Pause,
}

impl FeedSender {
    fn new(news: &Sender<WatchEvent>) -> Self {
        Self {
            news: news.clone(),
            throttled: Pause::default(),
            refused: Pause::between(FIRST_PAUSE, LONGEST_PAUSE),
        }
    }

    /// Whether somebody hears it.
    async fn tell(&self, news: WatchEvent) -> bool {
        self.news.send(news).await.is_ok()
    }

    fn is_well(&mut self) {
        self.throttled.reset();
        self.refused.reset();
    }

    /// Tells that something cannot be read, and waits until it may be tried again; whether it may. An error about one
    /// znode is none of the session's, and a server that throttles wants a pause, not another session.
    async fn wait(&mut self, path: &str, failure: Failure) -> bool {
        let pause = match failure {
            Failure::Lost => return false,
            Failure::Throttled => self.throttled.grow(),
            _ => self.refused.grow(),
        };
        let told = self
            .tell(WatchEvent::Unreadable(path.to_owned(), failure))
            .await;
        sleep(pause).await;
        told
    }
}
