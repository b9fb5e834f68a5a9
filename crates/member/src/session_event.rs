//! Events for the loop of a session.

use std::collections::BTreeSet;

use heartline_core::detect::{DeathCause, ProbeOutcome};
use heartline_core::master::election::DeposeOutcome;
use heartline_core::master::predecessor::ClaimView;
use heartline_core::master::state::FollowerReading;
use heartline_core::protocol::control::Control;
use heartline_core::protocol::request::Request;
use heartline_core::protocol::{EndReason, Identity};
use heartline_transport::Endpoint;
use heartline_zookeeper::{Connection, Diagnosis, Failure};

use super::master_connection::MasterConnectionEvent;

/// An event from one of the tasks around the loop.
#[derive(Debug)]
pub(super) enum SessionEvent {
    /// An answer for the election.
    Answered(ElectionReply),
    /// An event of the follower watcher, for the master of this epoch.
    FollowerEvent(i64, FollowerEvent),
    /// The instructions of the current epoch's master to all members, and where it accepts direct connections.
    Control(Control, Option<Endpoint>),
    /// The connection to the holder of this claim.
    MasterConnection(String, MasterConnectionEvent),
    /// The outcome of a probe, for the master of this epoch.
    Probed(i64, u64, ProbeOutcome),
    /// The outcome of a probe of the process that holds this claim.
    HolderProbed(String, ProbeOutcome),
    /// The znode at a path is skipped, and why.
    PassedOver(String, String),
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

/// An answer to an `ElectionAction`, with its generation.
#[derive(Debug)]
pub(super) enum ElectionReply {
    Created(u64, String, i64),
    Listed(u64, Vec<String>),
    Inspected(u64, String, Option<i64>),
    /// The predecessor's claim was read; the next change of it will be reported.
    PredecessorSeen(u64, ClaimView),
    /// The predecessor's claim has changed.
    PredecessorStirred(u64),
    PredecessorGone(u64),
    /// The znode of this name in the line is not a claim.
    NoClaim(u64, String),
    /// The first claim in line was read, or those ahead, in order.
    LineSeen(Vec<(String, ClaimView)>),
    Ousted(
        u64,
        DeposeOutcome,
        (EndReason, Option<DeathCause>),
        Option<RemovedClaimant>,
    ),
}

/// The owner of a claim that this member removed, with its identity from its last beat.
#[derive(Debug)]
pub(super) struct RemovedClaimant {
    pub(super) node: String,
    pub(super) identity: Box<Identity>,
}

/// An event that the follower watcher reports.
#[derive(Debug)]
pub(super) enum FollowerEvent {
    /// The names of the followers' znodes that exist, and the zxid of the last change of this list.
    Members(BTreeSet<String>, i64),
    /// A follower's value; its next change is being watched.
    Heard(String, Box<FollowerReading>),
    /// A follower's value has changed.
    Changed(String),
    /// A follower's znode is gone.
    Vanished(String),
    /// A znode in the list of followers that is not a follower or cannot be read, and why.
    PassedOver(String, String),
    /// An operator's request, in a znode of this name.
    Asked(String, Request),
}
