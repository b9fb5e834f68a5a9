//! How long a member may be silent: the available rules and their parameters.

use std::time::Duration;

use strum::Display;

/// How long a member may be silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display)]
#[strum(serialize_all = "lowercase")]
pub enum Rule {
    /// The same timeout for all members
    Fixed,
    /// At least the timeout; longer for a member whose recent silences were long, and for all when several
    /// are silent at once
    #[default]
    Adaptive,
}

/// The parameters of a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetectorConfig {
    /// The rule.
    pub rule: Rule,
    /// The allowed silence, or the minimum of it for [`Rule::Adaptive`].
    pub timeout: Duration,
    /// The most that the time between two echoes can count for; see [`EchoClock`](super::EchoClock).
    pub longest_gap: Duration,
}
