//! A watcher's way to ZooKeeper: sessions opened for as long as it takes, and feeds of values.

use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::coordination::client::States;
use crate::coordination::{Connection, Diagnosis, Failure, Session, Settings, Value};

/// Between two attempts to reach ZooKeeper.
const PAUSE: Duration = Duration::from_millis(500);
/// News that may wait while one is written out; then the feeds wait too, and skip to the newest.
const INBOX: usize = 256;

/// What a watcher hears.
#[derive(Debug)]
pub(super) enum News {
    /// A server answers (again): start all feeds anew.
    Connected,
    /// No server answers.
    Disconnected,
    /// The session is over: open another one.
    Ended,
    /// A znode's value, by the name that the feed was given.
    Value(String, Value),
    /// A znode does not exist, by the name that the feed was given.
    Missing(String),
    /// The names below a znode.
    Names(Vec<String>),
    /// ZooKeeper refuses for good.
    Refused(Failure),
}

/// One session of a watcher.
pub(super) struct Link {
    session: Session,
    connection: Box<dyn States>,
    feeds: JoinSet<()>,
    inbox: Receiver<News>,
    outside: Sender<News>,
}

/// Opens a session, however long it takes. `troubled` is told why each attempt failed.
pub(super) async fn open<E>(
    settings: &Settings,
    mut troubled: impl FnMut(&Diagnosis) -> Result<(), E>,
) -> Result<Link, E> {
    loop {
        if let Ok(session) = Session::open(settings).await {
            let (outside, inbox) = channel(INBOX);
            return Ok(Link {
                connection: session.watch(),
                session,
                feeds: JoinSet::new(),
                inbox,
                outside,
            });
        }
        troubled(&Diagnosis::of(&settings.address).await)?;
        sleep(PAUSE).await;
    }
}

impl Link {
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// What is heard next.
    pub(super) async fn next(&mut self) -> News {
        while self.feeds.try_join_next().is_some() {}
        tokio::select! {
            biased;
            state = self.connection.changed() => match state {
                Connection::Connected => News::Connected,
                Connection::Disconnected => News::Disconnected,
                Connection::Ended => News::Ended,
            },
            Some(news) = self.inbox.recv() => news,
        }
    }

    /// Ends all feeds; what they had to say is forgotten.
    pub(super) async fn hush(&mut self) {
        self.feeds.shutdown().await;
        while self.inbox.try_recv().is_ok() {}
    }

    /// Feeds a znode's value, now and after each change. If `lasting`, waits for the znode when it
    /// does not exist; otherwise the feed ends with it.
    pub(super) fn feed_value(&mut self, name: String, path: String, lasting: bool) {
        let (session, outside) = (self.session.clone(), self.outside.clone());
        self.feeds.spawn(async move {
            loop {
                let news = match session.read(&path).await {
                    Ok((value, watch)) => {
                        let news = News::Value(name.clone(), value);
                        // A lost connection ends the feed; the next one begins with what is new.
                        if outside.send(news).await.is_err() || watch.await.is_err() {
                            return;
                        }
                        continue;
                    }
                    Err(Failure::Lost) => return,
                    Err(Failure::NoNode) => News::Missing(name.clone()),
                    Err(failure) => News::Refused(failure),
                };
                let ends = !lasting || matches!(news, News::Refused(_));
                if outside.send(news).await.is_err()
                    || ends
                    || session.appeared(&path).await.is_err()
                {
                    return;
                }
            }
        });
    }

    /// Feeds the names of the followers, now and after each change.
    pub(super) fn feed_members(&mut self) {
        let (session, outside) = (self.session.clone(), self.outside.clone());
        self.feeds.spawn(async move {
            loop {
                match session.members().await {
                    Ok((names, watch)) => {
                        if outside.send(News::Names(names)).await.is_err() || watch.await.is_err() {
                            return;
                        }
                    }
                    Err(Failure::NoNode) => {
                        if session.appeared(session.paths().members()).await.is_err() {
                            return;
                        }
                    }
                    Err(Failure::Lost) => return,
                    Err(failure) => {
                        // Nobody may be there any more to hear it.
                        let _ = outside.send(News::Refused(failure)).await;
                        return;
                    }
                }
            }
        });
    }
}
