//! The connection to ZooKeeper: a session that is opened again when it has ended, and requests with a time
//! limit.

use std::time::Duration;

use anyhow::anyhow;
use thiserror::Error;
use tokio::time::timeout;

use heartline_zookeeper::client::States;
use heartline_zookeeper::{Connector, Failure, Session, Settings};

/// How long to wait for a server that is just starting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an attempt to connect may take before ZooKeeper counts as unavailable. Each server of an ensemble has its time
/// in an attempt: where they accept connections and are silent, nothing would be told for minutes.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(20);

/// Why there is nothing to show at the moment.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Unavailable(String);

/// A connection to ZooKeeper.
#[derive(Debug)]
pub(super) struct StatusConnection {
    connector: Connector,
    open: Option<(Session, Box<dyn States>)>,
}

impl StatusConnection {
    /// Creates a connection; opens nothing yet.
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            connector: Connector::new(settings),
            open: None,
        }
    }

    /// A session for a single request: waits for a server that is just starting.
    pub(super) async fn session_when_up(&mut self) -> anyhow::Result<Session> {
        let session = self.connector.connect_within(CONNECT_TIMEOUT).await;
        let address = self.connector.address();
        let session =
            session.map_err(|why| anyhow!("no session with ZooKeeper at {address}: {why}"))?;
        Ok(self.keep(session))
    }

    /// The session, or a new one if it has ended.
    pub(super) async fn session(&mut self) -> Result<Session, Unavailable> {
        if let Some((session, states)) = &mut self.open
            && !states.is_over()
        {
            return Ok(session.clone());
        }
        self.open = None;
        let why = match timeout(ATTEMPT_LIMIT, self.connector.attempt()).await {
            Ok(Ok(session)) => return Ok(self.keep(session)),
            Ok(Err(why)) => why.to_string(),
            Err(_) => format!("no server answered within {} s", ATTEMPT_LIMIT.as_secs()),
        };
        let address = self.connector.address();
        Err(Unavailable(format!(
            "no session with ZooKeeper at {address}: {why}"
        )))
    }

    fn keep(&mut self, session: Session) -> Session {
        self.open = Some((session.clone(), session.watch()));
        session
    }

    /// The answer of ZooKeeper within `limit`.
    pub(super) async fn bounded<T>(
        &mut self,
        limit: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Unavailable> {
        let address = self.connector.address();
        match timeout(limit, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(failure @ Failure::Throttled)) => Err(Unavailable(format!(
                "ZooKeeper at {address} does not serve: {failure}"
            ))),
            Ok(Err(failure)) => Err(Unavailable(format!("ZooKeeper at {address}: {failure}"))),
            Err(_) => Err(Unavailable(format!(
                "ZooKeeper at {address} does not answer"
            ))),
        }
    }

    /// Closes the session within `limit`: without an answer it ends by its timeout.
    pub(super) async fn close(mut self, limit: Duration) {
        if let Some((session, states)) = self.open.take() {
            drop(states);
            let _ = session.close(limit).await;
        }
    }
}
