//! Whether ZooKeeper answers: the states of a session, as far as they make a difference.

use zookeeper_client::{SessionState, StateWatcher};

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

/// Follows a session's [`Connection`].
#[derive(Debug)]
pub struct Watch(pub(super) StateWatcher);

impl Watch {
    /// The next change. Changes in quick succession may be told as one: `Connected` after
    /// `Connected` means that the connection was lost in between. Pending for ever after `Ended`.
    ///
    /// # Cancellation safety
    /// No change is lost when the future is dropped.
    pub async fn changed(&mut self) -> Connection {
        self.0.changed().await.into()
    }
}
