//! The input of a master: its timing, the state that it inherits, and what is read of a follower.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::detect::DetectorConfig;
use crate::master::election::Elected;
use crate::protocol::control::Control;
use crate::protocol::{Beat, EndReason, Ending, Event, PreviousMaster, Report};

/// The timing of a master.
#[derive(Clone, Copy, Debug)]
pub struct MasterConfig {
    /// Interval between two beats, of the master and of each follower.
    pub interval: Duration,
    /// How long a follower or a master may be silent before it counts as dead. The timeout is also the
    /// interval between two reports.
    pub detection: DetectorConfig,
    /// Maximum number of beats per second of all members together.
    pub budget: u32,
    /// The session timeout: ZooKeeper removes the znodes of a member that is silent for this long.
    pub session: Duration,
    /// Maximum number of bytes of followers' names in a report. If there are more, the report counts those that
    /// joined long ago.
    pub names: usize,
}

/// The state of `/heart_beat_master` when the master took it over.
#[derive(Clone, Debug, Default)]
pub struct PriorState {
    /// Its value.
    pub report: Report,
    /// Its version: the new master's first report replaces only this version.
    pub version: i32,
    /// When it was written, by ZooKeeper's clock.
    pub written: DateTime<Utc>,
    /// The time of ZooKeeper's clock now: all ages are computed by one clock.
    pub now: DateTime<Utc>,
    /// When the new master noticed the last beat of the previous one, by its own monotonic clock; `None` if it did not listen.
    pub last_beat: Option<Duration>,
    /// How long existing followers may take until they are heard: after an outage of ZooKeeper the master may
    /// be back before them.
    pub grace: Duration,
    /// The zxid of the new master's first beat on its claim, which becomes its epoch. It grows from master to
    /// master, in any order of the line.
    pub zxid: i64,
    /// The last instructions to the members.
    pub control: Control,
    /// The session of the new master.
    pub session: i64,
    /// The zxid of the creation of the znode that the new master had as a follower; 0 if it had none.
    pub own_created: i64,
    /// The largest request in bytes that the server is known to accept, if it is below the default.
    pub request_limit: Option<usize>,
}

/// A follower's znode as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowerReading {
    /// Its version: how often its value was set.
    pub version: i32,
    /// The zxid of the znode's creation.
    pub created: i64,
    /// When it was last set, by ZooKeeper's clock.
    pub written: DateTime<Utc>,
    /// The session that owns it; 0 for a persistent znode.
    pub owner: i64,
    /// Its value.
    pub beat: Beat,
    /// The version of the claim that it names, if that was looked up and the same session owns it.
    pub claim_version: Option<i32>,
}

/// How the master reads a follower's znode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadMode {
    /// After each change.
    #[default]
    Watched,
    /// Not at all: its beats come by a connection.
    Paused,
}

/// The previous master, and why it ended: as this member caused it, as the previous master reported it, or
/// according to the age of its last report.
pub(super) fn previous(
    now: Duration,
    elected: &Elected,
    pace: MasterConfig,
    prior: &PriorState,
) -> Option<PreviousMaster> {
    let PriorState { report, .. } = prior;
    let (master_info, epoch) = (report.master_info.as_ref()?, report.epoch?);
    let silence = prior.now - prior.written;
    let silence = silence.to_std().unwrap_or_default();
    // A master reports once per timeout, or once per interval.
    let given = prior.control.interval.unwrap_or_default();
    let reports = pace.detection.timeout.max(given);
    let cause = elected.cause;
    // Events of masters before it stand there too.
    let has_failed =
        |event: &Event| event.epoch == Some(epoch) && event.ending == Some(Ending::Failed);
    let went = if report.is_free() && report.events.iter().any(has_failed) {
        EndReason::Failed
    } else if report.is_free() {
        EndReason::Finished
    } else if let Some(deposed_as) = elected.deposed_as {
        deposed_as
    } else if silence >= pace.session {
        EndReason::Expired
    } else if silence >= reports * 2 {
        // Another member in the line has found it silent.
        EndReason::Dead
    } else {
        EndReason::Deposed
    };
    let is_dead = went == EndReason::Dead;
    let unheard = prior.last_beat.map(|beat| now.saturating_sub(beat));
    Some(PreviousMaster {
        node: master_info.node.clone(),
        epoch,
        cause: cause.filter(|_| is_dead),
        silence: unheard.filter(|_| is_dead),
        went,
    })
}
