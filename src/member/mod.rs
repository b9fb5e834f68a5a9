//! What beats: a member's life from join to leave, beside its work.
//!
//! [`Heart`] is all that a program needs: it starts a thread of its own with its own runtime, and
//! stops it with a limit, so that nothing that ZooKeeper does can hold the work up. Inside, a life
//! opens one session after the other; in each, the member stands in the line of claims and is either
//! a follower, which beats, or the master, which listens.

mod account;
mod candidate;
mod care;
mod fare;
mod happening;
mod heart;
mod last_word;
mod life;
mod linger;
mod listener;
mod mastership;
mod name;
mod obedience;
mod on_death;
mod recording;
mod reign;
mod reporting;
mod scheduling;
mod stay;
mod stopping;
mod surroundings;
mod work;
mod write;

pub use account::Account;
pub use care::{Care, Kill};
pub use fare::Fare;
pub use heart::{Heart, Summary};
pub use life::{Life, Note, Tell, Ties};
pub use name::Name;
pub use on_death::Mourn;
pub use recording::Recording;
pub use reign::{Reign, Reigning};
pub use reporting::{Reporter, Reporting};
pub use scheduling::Scheduling;
pub use stopping::{Signals, Stop, Stopping};
pub use surroundings::{Answer, Machine, Surroundings};
pub use work::Work;

use crate::coordination::Settings;
use crate::master::tenure::Pace;
use crate::protocol::Identity;
use crate::template::Template;

/// All that a member is told about itself and its surroundings.
#[derive(Clone, Debug)]
pub struct Config {
    /// How to reach ZooKeeper.
    pub settings: Settings,
    /// The times of beats and verdicts.
    pub pace: Pace,
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
    pub reigning: Option<Reigning>,
}
