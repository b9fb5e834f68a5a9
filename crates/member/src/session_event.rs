//! Events for the loop of a session.

use super::candidate::ElectionReply;
use super::follower_watcher::FollowerEvent;
use heartline_core::protocol::control::Control;
use heartline_zookeeper::{Connection, Diagnosis, Failure};

/// An event from one of the tasks around the loop.
#[derive(Debug)]
pub(super) enum SessionEvent {
    /// An answer for the election.
    Answered(ElectionReply),
    /// An event of the follower watcher, for the master of this epoch.
    FollowerEvent(i64, FollowerEvent),
    /// The instructions of the current epoch's master to all members.
    Told(Control),
    /// ZooKeeper answers, but not as it should.
    Failed(Failure),
    /// The state of the connection has changed.
    Connection(Connection),
    /// Why the connection is lost.
    Diagnosed {
        /// The result of the diagnosis.
        diagnosis: Diagnosis,
        /// Whether the member that asked has to leave.
        leaving: bool,
    },
}

/// Whether a member that has to leave while disconnected can expect the connection to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReconnectOutlook {
    /// Not checked since the connection was lost.
    Unknown,
    /// The check is running.
    Asked,
    /// A server accepts connections: the session may be back in a moment.
    Some,
    /// No server accepts connections.
    None,
}
