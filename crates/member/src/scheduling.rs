//! How the heartbeat's thread gets a processor on an overloaded machine.
//!
//! A heartbeat needs little processor time, but it needs it at once: behind two busy loops an ordinary thread
//! sometimes waits for 50 ms, and a silence of that length looks like a death. Cluster managers therefore
//! beat at a real-time priority (corosync and sbd do by default). Heartline does the same where it may: as
//! root, with `CAP_SYS_NICE` or with an `RLIMIT_RTPRIO` (sched(7)). The work keeps its normal priority.

use strum::Display;
use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// The scheduling class to request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display)]
#[strum(serialize_all = "lowercase")]
pub enum Scheduling {
    /// The lowest real-time priority if permitted, otherwise the normal one
    #[default]
    Realtime,
    /// The normal priority of any process
    Normal,
}

impl Scheduling {
    /// Requests the scheduling for the calling thread and for the threads that it starts. A refusal is not
    /// reported: most Hadoop tasks lack the permission.
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

/// The lowest of 1 to 99: every other real-time thread on the machine comes first.
const LOWEST: u8 = 1;
