//! Whether ZooKeeper answers: the states of a session, as far as they make a difference.

use zookeeper_client::SessionState;

/// What is known of the way to ZooKeeper.
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
            // A read-only server cannot take a beat: it is as good as none.
            SessionState::Disconnected | SessionState::ConnectedReadOnly => Self::Disconnected,
            _ => Self::Ended,
        }
    }
}
