//! What happens around the loop of a session.

use super::candidate::ElectionReply;
use super::follower_watcher::FollowerEvent;
use crate::coordination::{Connection, Diagnosis, Failure};
use crate::protocol::control::Control;

/// What happened, from the tasks around the loop.
#[derive(Debug)]
pub(super) enum SessionEvent {
    /// An answer for the election.
    Answered(ElectionReply),
    /// News of the followers, for the master of this epoch.
    FollowerEvent(i64, FollowerEvent),
    /// What the master of the current epoch tells all members.
    Told(Control),
    /// ZooKeeper answers, but not as it should.
    Failed(Failure),
    /// The way to ZooKeeper has changed.
    Connection(Connection),
    /// Why the connection is lost.
    Diagnosed {
        /// What was seen.
        diagnosis: Diagnosis,
        /// Whether the member that asked has to leave.
        leaving: bool,
    },
}

/// What a member that has to leave while it is cut off may hope for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReconnectOutlook {
    /// Not looked at since the connection was lost.
    Unknown,
    /// Being looked at.
    Asked,
    /// A server accepts: the connection may be back in a moment.
    Some,
    /// Nothing accepts.
    None,
}
