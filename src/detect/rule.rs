//! How long a member may be silent: the rules to choose from, and the terms that they need.

use std::time::Duration;

use clap::ValueEnum;
use strum::Display;

/// How long a member may be silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub enum Rule {
    /// The timeout, whatever is known of the member.
    Fixed,
    /// The timeout at least, and longer for a member whose silences were long of late, and for all
    /// when several are silent at once.
    #[default]
    Adaptive,
}

/// What a detector goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetectorConfig {
    /// The rule.
    pub rule: Rule,
    /// The silence that is allowed, or that is allowed at least.
    pub timeout: Duration,
    /// The most that the time between two echoes can count for; see [`EchoClock`](super::EchoClock).
    pub longest_gap: Duration,
}
