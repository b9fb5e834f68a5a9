//! What beats: a member's life from join to leave, beside its work.
//!
//! [`Heartbeat`] is all that a program needs: it starts a thread of its own with its own runtime, and
//! stops it with a limit, so that nothing that ZooKeeper does can hold the work up. Inside, a life
//! opens one session after the other; in each, the member stands in the line of claims and is either
//! a follower, which beats, or the master, which listens.

mod candidate;
mod control_watch;
mod death_hook;
mod drain;
mod environment;
mod failure_report;
mod follower_watcher;
mod heartbeat;
mod master_driver;
mod master_lease;
mod name;
mod recording;
mod reporting;
mod runner;
mod scheduling;
mod session;
mod session_event;
mod shutdown;
mod stall_policy;
mod status_source;
mod work;
mod work_status;
mod write;

pub use death_hook::DeathSink;
pub use environment::{Deferred, Environment, SystemEnvironment};
pub use heartbeat::{Heartbeat, Summary};
pub use master_lease::{MasterLease, MasterLeaseSender};
pub use name::Name;
pub use recording::Recording;
pub use reporting::{Reporter, Reporting};
pub use runner::{MemberRunner, Note, ReportOnce, RunnerHooks};
pub use scheduling::Scheduling;
pub use shutdown::{Shutdown, ShutdownOrder, Signals};
pub use stall_policy::{Kill, StallPolicy};
pub use status_source::StatusSource;
pub use work::Work;
pub use work_status::WorkStatus;

use crate::coordination::Settings;
use crate::master::state::MasterConfig;
use crate::protocol::Identity;
use crate::template::Template;

/// All that a member is told about itself and its surroundings.
#[derive(Clone, Debug)]
pub struct Config {
    /// How to reach ZooKeeper.
    pub settings: Settings,
    /// The times of beats and verdicts.
    pub pace: MasterConfig,
    /// What it is called.
    pub name: Name,
    /// What it tells about itself.
    pub identity: Identity,
    /// Whether it is there to be master: before all who work in the line, and never a follower.
    pub standing: bool,
    /// How its thread is to be run beside others.
    pub scheduling: Scheduling,
    /// Where to write down what its detector is told while it is master.
    pub recording: Option<Recording>,
    /// What to run for each death that it declares while it is master.
    pub on_death: Option<Template>,
    /// To be told while it is master.
    pub reigning: Option<MasterLeaseSender>,
}
