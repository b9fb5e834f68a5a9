//! Why a request to ZooKeeper was not answered as hoped, in the few kinds that make a difference.

use thiserror::Error;
use zookeeper_client::Error as ClientError;

/// Why a request was not answered as hoped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// The connection or the session is gone: the request may or may not have been made.
    #[error("the connection to ZooKeeper is lost")]
    Lost,
    /// The znode does not exist.
    #[error("the znode does not exist")]
    NoNode,
    /// The znode exists and belongs to somebody else.
    #[error("the znode exists")]
    NodeExists,
    /// The znode's value was set meanwhile.
    #[error("the znode has changed")]
    BadVersion,
    /// The master's claim no longer stands.
    #[error("the claim no longer stands")]
    Deposed,
    /// The server is overloaded and did not carry the request out: ask again after a pause, in the same session.
    #[error("ZooKeeper is overloaded and throttles requests")]
    Throttled,
    /// ZooKeeper refuses for a reason of its own, and will again.
    #[error("{0}")]
    Refused(String),
    /// ZooKeeper answers something that leaves open what is to be done: best begun anew.
    #[error("{0}")]
    Odd(String),
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NoNode => Self::NoNode,
            ClientError::NodeExists => Self::NodeExists,
            ClientError::BadVersion => Self::BadVersion,
            ClientError::Throttled => Self::Throttled,
            ClientError::NoAuth
            | ClientError::AuthFailed
            | ClientError::InvalidAcl
            | ClientError::BadArguments(_)
            | ClientError::NoChildrenForEphemerals
            | ClientError::NotEmpty
            | ClientError::NotReadOnly
            | ClientError::QuotaExceeded
            | ClientError::MarshallingError => Self::Refused(error.to_string()),
            ClientError::Unimplemented => Self::Refused(super::age::needs(None)),
            // Losses have many names: of the session, of the connection, of the operating system.
            ClientError::ConnectionLoss
            | ClientError::SessionExpired
            | ClientError::SessionMoved
            | ClientError::ClientClosed
            | ClientError::NoHosts
            | ClientError::UnexpectedError(_)
            | ClientError::UnmarshalError { .. }
            | ClientError::Custom(_) => Self::Lost,
            other => Self::Odd(other.to_string()),
        }
    }
}
