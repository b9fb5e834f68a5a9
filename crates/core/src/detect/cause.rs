//! Why a member was declared dead: by a fact, or by a guess.

use serde::Serialize;
use strum::{Display, EnumIter, EnumString};

/// Why a member was declared dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Display, EnumIter, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum DeathCause {
    /// Its direct connection ended without a goodbye, and nobody listens at its address any more.
    Closed,
    /// It was silent, its host answers, and nobody listens at its address any more.
    Refused,
    /// It was silent for longer than the detector allows: it may live.
    Silent,
}

/// What a probe of an address has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The host answers, and nobody listens there.
    Refused,
    /// Somebody listens there, or the kernel still accepts for it.
    Accepted,
    /// No answer in time, or an error of the network.
    NoAnswer,
}
