//! Why a request to ZooKeeper failed, in the few kinds that need different handling.

use thiserror::Error;
use zookeeper_client::Error as ClientError;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// The connection or the session is gone: the request may or may not have been made.
    #[error("the connection to ZooKeeper is lost")]
    Lost,
    /// The znode does not exist.
    #[error("the znode does not exist")]
    NoNode,
    /// The znode exists and belongs to another session.
    #[error("the znode exists")]
    NodeExists,
    /// The znode was written in the meantime.
    #[error("the znode has changed")]
    BadVersion,
    /// The master's claim no longer exists.
    #[error("the claim no longer stands")]
    Deposed,
    /// The server is overloaded and did not carry out the request: repeat it after a pause, in the same
    /// session.
    #[error("ZooKeeper is overloaded and throttles requests")]
    Throttled,
    /// ZooKeeper refuses the request, and would refuse it again.
    #[error("{0}")]
    Refused(String),
    /// ZooKeeper gives an unexpected answer: the best reaction is a new session.
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
            // Losses have many names: of the session, the connection or the operating system.
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
