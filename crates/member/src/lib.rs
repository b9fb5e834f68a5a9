//! The member: from join to leave, beside its work.
//!
//! [`Heartbeat`] is the whole interface for a program: it starts a thread with a runtime of its own, and
//! stops it within a time limit, so that ZooKeeper never delays the work. Inside, the runner opens one
//! session after the other. In each session the member queues in the line of claims. It is either a follower,
//! which beats, or the master, which watches the followers.

mod candidate;
mod context;
mod control_watch;
mod death_hook;
mod direct_config;
mod direct_listener;
mod drain;
mod environment;
mod failure_report;
mod follower_watcher;
mod heartbeat;
mod line_watch;
mod master_connection;
mod master_driver;
mod master_lease;
mod name;
mod recording;
mod reporting;
mod retry;
mod runner;
mod scheduling;
mod session;
mod session_event;
mod shutdown;
mod stall_policy;
mod status_source;
mod summary;
mod turn_hook;
mod work;
mod work_status;
mod write;

pub use context::{Note, ReportOnce, RunnerHooks};
pub use death_hook::DeathSink;
pub use direct_config::{BeatPath, DirectConfig, ListenAddress};
pub use environment::{Environment, SystemEnvironment};
pub use heartbeat::Heartbeat;
pub use master_lease::{MasterLease, MasterLeaseSender};
pub use name::Name;
pub use recording::Recording;
pub use reporting::{Reporter, Reporting};
pub use runner::MemberRunner;
pub use scheduling::Scheduling;
pub use shutdown::{Shutdown, ShutdownOrder, Signals};
pub use stall_policy::{Kill, StallPolicy};
pub use status_source::StatusSource;
pub use summary::Summary;
pub use turn_hook::{MemberTurn, TurnHook};
pub use work::Work;
pub use work_status::WorkStatus;

use heartline_core::master::state::MasterConfig;
use heartline_core::protocol::Identity;
use heartline_core::template::Template;
use heartline_zookeeper::Settings;

/// The configuration of a member.
#[derive(Clone, Debug)]
pub struct Config {
    /// How to connect to ZooKeeper.
    pub settings: Settings,
    /// The timing of beats and verdicts.
    pub pace: MasterConfig,
    /// The member's name.
    pub name: Name,
    /// The identity that the member publishes.
    pub identity: Identity,
    /// Whether it is a dedicated master: it comes before all working members in the line and never becomes a
    /// follower.
    pub standing: bool,
    /// The scheduling of the heartbeat's thread.
    pub scheduling: Scheduling,
    /// Where to record the detector's input while the member is master.
    pub recording: Option<Recording>,
    /// The command to run for each death that the member declares as master.
    pub on_death: Option<Template>,
    /// How to use direct connections; `None` to use ZooKeeper alone.
    pub direct: Option<DirectConfig>,
    /// Receives the master lease while the member is master.
    pub master_lease: Option<MasterLeaseSender>,
    /// Called whenever the member's loop turns.
    pub turn_hook: Option<TurnHook>,
}
