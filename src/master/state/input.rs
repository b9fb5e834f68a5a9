//! What a master is told: its times, what it inherits, what is read of a follower.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::detect::DetectorConfig;
use crate::master::election::Elected;
use crate::protocol::control::Control;
use crate::protocol::{Beat, EndReason, PreviousMaster, Report};

/// The times that a master works by.
#[derive(Clone, Copy, Debug)]
pub struct MasterConfig {
    /// Between two beats, of the master as of each follower.
    pub interval: Duration,
    /// Of silence until a follower, or a master, is dead. The timeout is also the time between two
    /// reports.
    pub detection: DetectorConfig,
    /// How many beats all members together may write in a second.
    pub budget: u32,
    /// Of silence until ZooKeeper itself removes a member's znodes.
    pub session: Duration,
}

/// What stood in `/heart_beat_master` when the master took it over.
#[derive(Clone, Debug, Default)]
pub struct PriorState {
    /// The value.
    pub report: Report,
    /// Its version: the new master's first report is to replace this one and no other.
    pub version: i32,
    /// When it was written, by ZooKeeper's clock.
    pub written: DateTime<Utc>,
    /// What ZooKeeper's clock says now: ages are told by one clock.
    pub now: DateTime<Utc>,
    /// How long the followers that stand may take until they are heard: after an outage of ZooKeeper
    /// the master may be back before them.
    pub grace: Duration,
    /// The zxid of the new master's first beat on its claim: the epoch that begins with it. It grows
    /// from master to master, in whatever order they came into the line.
    pub zxid: i64,
    /// What members were told last.
    pub control: Control,
    /// The new master's own session.
    pub session: i64,
    /// The largest request that the server is known to take, where that is less than by default.
    pub request_limit: Option<usize>,
}

/// A follower's znode, as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowerReading {
    /// How often its value was set.
    pub version: i32,
    /// When it was set last, by ZooKeeper's clock.
    pub written: DateTime<Utc>,
    /// The session that it dies with; 0 for a lasting one.
    pub owner: i64,
    /// Its value.
    pub beat: Beat,
}

/// The master before, and why it went: as this member brought it about, as it said itself, or as the
/// age of its last report tells.
pub(super) fn previous(
    elected: &Elected,
    pace: MasterConfig,
    prior: &PriorState,
) -> Option<PreviousMaster> {
    let PriorState { report, .. } = prior;
    let (master_info, epoch) = (report.master_info.as_ref()?, report.epoch?);
    let silence = prior.now - prior.written;
    let silence = silence.to_std().unwrap_or_default();
    // Reports come once a timeout, or once an interval.
    let given = prior.control.interval.unwrap_or_default();
    let reports = pace.detection.timeout.max(given);
    let went = if report.is_free() {
        EndReason::Finished
    } else if let Some(deposed_as) = elected.deposed_as {
        deposed_as
    } else if silence >= pace.session {
        EndReason::Expired
    } else if silence >= reports * 2 {
        // Somebody else in the line has found it silent.
        EndReason::Dead
    } else {
        EndReason::Deposed
    };
    Some(PreviousMaster {
        node: master_info.node.clone(),
        epoch,
        went,
    })
}
