//! How the heartbeat's thread gets a processor on a machine that has more to do than it can.
//!
//! A heartbeat needs little of a processor, but needs it at once: behind two busy loops an ordinary
//! thread waits for 50 ms now and then, and silence for so long looks like death. Cluster managers
//! therefore beat at a real-time priority (corosync and sbd do by default), and so does heartline where
//! it may: as root, with `CAP_SYS_NICE` or an `RLIMIT_RTPRIO` (sched(7)). The work beside it stays
//! as it is.

use clap::ValueEnum;
use strum::Display;
use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// What to ask the system for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub enum Scheduling {
    /// The lowest real-time priority, if that is permitted; otherwise as usual
    #[default]
    Realtime,
    /// As any other process
    Normal,
}

impl Scheduling {
    /// Asks for the calling thread, and for those that it will start. That it is not permitted is nothing
    /// to complain of: most tasks of Hadoop's are not.
    pub fn ask(self) {
        if self == Self::Realtime
            && let Ok(lowest) = ThreadPriorityValue::try_from(LOWEST)
        {
            let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
            let priority = ThreadPriority::Crossplatform(lowest);
            let _ = set_thread_priority_and_policy(thread_native_id(), priority, policy);
        }
    }
}

/// Of 1 to 99: whatever else on the machine is real-time goes first.
const LOWEST: u8 = 1;
