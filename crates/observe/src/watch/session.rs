//! A watcher's session with ZooKeeper, and feeds of values.

use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use heartline_core::backoff::Backoff;
use heartline_zookeeper::client::States;
use heartline_zookeeper::{Connection, Failure, Session, Value, throttle_backoff};

/// Events that may wait while one is written; when the queue is full, feeds wait too, and skip to the newest value.
const INBOX: usize = 256;
/// First pause between two attempts to read a refused znode: its ACL may be corrected.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Pause after each list of followers, for each name in it.
const PER_NAME: Duration = Duration::from_micros(10);
const LONGEST_REST: Duration = Duration::from_millis(500);

/// The source of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Feed {
    /// The master's znode.
    Master,
    /// A follower's znode, or its snapshot.
    Node(String),
}

/// What a watcher receives.
#[derive(Debug)]
pub(super) enum WatchEvent {
    /// A server answers (again): start all feeds from the beginning.
    Connected,
    /// No server answers.
    Disconnected,
    /// The session has ended: open another one.
    Ended,
    /// A znode's value.
    Value(Feed, Value),
    /// A znode does not exist.
    Missing(Feed),
    /// The names below a znode.
    Names(Vec<String>),
    /// The znode at a path cannot be read now; its feed retries from time to time.
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

impl From<Session> for WatchSession {
    fn from(session: Session) -> Self {
        let (outside, inbox) = channel(INBOX);
        Self {
            connection: session.watch(),
            session,
            feeds: JoinSet::new(),
            inbox,
            outside,
        }
    }
}

impl WatchSession {
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> WatchEvent {
        while self.feeds.try_join_next().is_some() {}
        tokio::select! {
            biased;
            state = self.connection.changed() => match state {
                Connection::Connected => WatchEvent::Connected,
                Connection::Disconnected => WatchEvent::Disconnected,
                Connection::Ended => WatchEvent::Ended,
            },
            Some(event) = self.inbox.recv() => event,
        }
    }

    /// Ends all feeds and drops their pending events.
    pub(super) async fn stop_feeds(&mut self) {
        self.feeds.shutdown().await;
        while self.inbox.try_recv().is_ok() {}
    }

    /// Feeds a znode's value, now and after each change. If `lasting`, the feed waits while the znode does not exist;
    /// otherwise it ends with the znode.
    pub(super) fn feed_value(&mut self, feed: Feed, path: String, lasting: bool) -> AbortHandle {
        let (session, mut outside) = (self.session.clone(), FeedSender::new(&self.outside));
        self.feeds.spawn(async move {
            loop {
                let failure = match session.read(&path).await {
                    Ok((value, watch)) => {
                        outside.is_well();
                        // A lost connection ends the feed; the next feed begins with the current value.
                        if !outside.send(WatchEvent::Value(feed.clone(), value)).await
                            || watch.await.is_err()
                        {
                            return;
                        }
                        continue;
                    }
                    Err(Failure::NoNode) => {
                        if !outside.send(WatchEvent::Missing(feed.clone())).await || !lasting {
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
                        // Each list holds all names: while many come and go, its cost must stay low.
                        let rest =
                            PER_NAME.saturating_mul(u32::try_from(names.len()).unwrap_or(u32::MAX));
                        if !outside.send(WatchEvent::Names(names)).await || watch.await.is_err() {
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

/// A feed's channel to the watcher, and its pause between attempts to read a refused znode.
struct FeedSender {
    events: Sender<WatchEvent>,
    throttled: Backoff,
    refused: Backoff,
}

impl FeedSender {
    fn new(events: &Sender<WatchEvent>) -> Self {
        Self {
            events: events.clone(),
            throttled: throttle_backoff(),
            refused: Backoff::between(FIRST_PAUSE, LONGEST_PAUSE),
        }
    }

    /// Sends an event; returns whether the watcher still receives.
    async fn send(&self, event: WatchEvent) -> bool {
        self.events.send(event).await.is_ok()
    }

    fn is_well(&mut self) {
        self.throttled.reset();
        self.refused.reset();
    }

    /// Sends that something cannot be read, and waits before the next attempt; returns whether there may be one. An
    /// error of one znode does not end the session, and a server that throttles needs a pause, not another session.
    async fn wait(&mut self, path: &str, failure: Failure) -> bool {
        let pause = match failure {
            Failure::Lost => return false,
            Failure::Throttled => self.throttled.next_wait(),
            _ => self.refused.next_wait(),
        };
        let is_sent = self
            .send(WatchEvent::Unreadable(path.to_owned(), failure))
            .await;
        sleep(pause).await;
        is_sent
    }
}
