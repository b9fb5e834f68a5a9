//! What an election asks of its driver, and what comes of it.

#[cfg(doc)]
use super::Election;
use crate::detect::DeathCause;
use crate::protocol::EndReason;

/// The next action of the driver. Its answer carries the same `generation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElectionAction {
    /// Create this member's claim at the end of the line: [`Election::created`].
    Create {
        /// The generation of the answer.
        generation: u64,
    },
    /// List the line, after a `sync` if `fresh`: [`Election::listed`].
    List {
        /// The generation of the answer.
        generation: u64,
        /// Whether the answer must include writes that another server has already acknowledged.
        fresh: bool,
    },
    /// Read the owner of this member's claim: [`Election::inspected`].
    Inspect {
        /// The generation of the answer.
        generation: u64,
        /// The claim's name in the line.
        claim: String,
    },
    /// Watch the claim before this member's claim until it is removed: [`Election::predecessor_gone`].
    Listen {
        /// The generation of the answer.
        generation: u64,
        /// The predecessor's name in the line.
        claim: String,
    },
    /// Remove another member's claim if this member's claim exists and the other one has version `version`:
    /// [`Election::deposed_as`].
    Depose {
        /// The generation of the answer.
        generation: u64,
        /// This member's claim.
        own: String,
        /// The claim to remove.
        claim: String,
        /// The version that was read last; `None` removes any version.
        version: Option<i32>,
        /// Why its holder is dead, if it is.
        cause: Option<DeathCause>,
    },
    /// Remove a surplus claim of this member, if its session owns it.
    Remove {
        /// Its name in the line.
        claim: String,
    },
    /// Become a follower: another member is master.
    Follow,
    /// Become master, until [`ElectionAction::StepDown`].
    Lead(Elected),
    /// Stop acting as master at once.
    StepDown,
}

/// The result of a won election.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elected {
    /// The claim's name in the line: every write of the master checks that the claim still exists.
    pub claim: String,
    /// Why the previous master ended, if this member removed its claim.
    pub deposed_as: Option<EndReason>,
    /// If it died: why it was declared dead.
    pub cause: Option<DeathCause>,
}

/// The result of an [`ElectionAction::Depose`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeposeOutcome {
    /// The other claim is removed.
    Done,
    /// The other claim was already gone.
    Gone,
    /// The other member has beaten in the meantime: nothing was changed.
    Spared,
    /// This member's claim does not exist: nothing was changed.
    Void,
}
