//! Whether ZooKeeper answers: the states of a session, reduced to those that matter.

use zookeeper_client::SessionState;

/// The state of the connection to ZooKeeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// A server answers.
    Connected,
    /// No server answers; the session may still be alive.
    Disconnected,
    /// The session is over.
    Ended,
}

impl From<SessionState> for Connection {
    fn from(state: SessionState) -> Self {
        match state {
            SessionState::SyncConnected => Self::Connected,
            // A read-only server does not accept beats: treat it as no server.
            SessionState::Disconnected | SessionState::ConnectedReadOnly => Self::Disconnected,
            _ => Self::Ended,
        }
    }
}
