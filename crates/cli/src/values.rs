//! Option values that become types of other crates, which know nothing of command lines.

use clap::ValueEnum;
use heartline_core::detect::Rule;
use heartline_member::{BeatPath, Scheduling};
use heartline_zookeeper::AclMode;
use strum::Display;

/// How long a member may be silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub enum RuleValue {
    /// The same timeout for all members
    Fixed,
    /// At least the timeout; longer for a member whose recent silences were long, and for all when several
    /// are silent at once
    #[default]
    Adaptive,
}

impl From<RuleValue> for Rule {
    fn from(value: RuleValue) -> Self {
        match value {
            RuleValue::Fixed => Self::Fixed,
            RuleValue::Adaptive => Self::Adaptive,
        }
    }
}

/// The scheduling class to request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub enum SchedulingValue {
    /// The lowest real-time priority if permitted, otherwise the normal one
    #[default]
    Realtime,
    /// The normal priority of any process
    Normal,
}

impl From<SchedulingValue> for Scheduling {
    fn from(value: SchedulingValue) -> Self {
        match value {
            SchedulingValue::Realtime => Self::Realtime,
            SchedulingValue::Normal => Self::Normal,
        }
    }
}

/// Where beats go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub enum TransportValue {
    /// To ZooKeeper, and by a direct connection to the master besides
    #[default]
    Auto,
    /// By a direct connection to the master, and to ZooKeeper once a second
    Direct,
    /// To ZooKeeper alone
    Zookeeper,
}

impl TransportValue {
    /// How direct connections are used; `None` if they are not.
    pub fn path(self) -> Option<BeatPath> {
        match self {
            Self::Auto => Some(BeatPath::Both),
            Self::Direct => Some(BeatPath::Direct),
            Self::Zookeeper => None,
        }
    }
}

/// Which members share one connection to the master.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub enum RelayValue {
    /// None: each has its own
    #[default]
    None,
    /// Those of one host: the first of them sends the beats of all
    Host,
}

/// What others may do with the job's znodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AclValue {
    /// Nothing
    Private,
    /// Read, except claims: they hold the key of the direct connections
    Read,
    /// Everything, as without an identity
    World,
}

impl From<AclValue> for AclMode {
    fn from(value: AclValue) -> Self {
        match value {
            AclValue::Private => Self::Private,
            AclValue::Read => Self::Read,
            AclValue::World => Self::World,
        }
    }
}
