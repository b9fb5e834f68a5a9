//! Is this one active, and may its command run? What has to be told, begun and ended, across sessions.
//!
//! Events go in by the methods, what is to be done comes out of [`Activation::poll_action`]. This one is
//! active from the moment the znode is its own, with a proof that is still good, until nothing of the
//! command is left. It becomes active again only after that, and the znode is given up only after that.

use std::collections::VecDeque;

use crate::supervisor::Ended;

/// What the driver is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationAction {
    /// Say that this one is active, under the claim of this zxid.
    TellActive(i64),
    /// Say that it is not any more.
    TellInactive,
    /// Start the command.
    Start(i64),
    /// Ask the command to end: [`Activation::ended`].
    Stop,
    /// End the command at once: [`Activation::ended`].
    Kill,
    /// Give the znode up and end, in this way.
    Leave(ExitCause),
}

/// How this process is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCause {
    /// By the signal that it was sent.
    Signal(i32),
    /// With the command's status.
    Status(u8),
    /// Nobody reads what it tells.
    BrokenPipe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ActivationPhase {
    Inactive,
    Active,
    Stopping,
    Killed,
    Left,
}

/// One member's post.
#[derive(Debug)]
pub struct Activation {
    has_command: bool,
    phase: ActivationPhase,
    held: Option<i64>,
    proven: bool,
    leaving: Option<ExitCause>,
    actions: VecDeque<ActivationAction>,
}

impl Activation {
    /// A post that is not held yet.
    pub fn new(has_command: bool) -> Self {
        Self {
            has_command,
            phase: ActivationPhase::Inactive,
            held: None,
            proven: false,
            leaving: None,
            actions: VecDeque::new(),
        }
    }

    /// The next thing to do, if any.
    pub fn poll_action(&mut self) -> Option<ActivationAction> {
        self.actions.pop_front()
    }

    /// Whether this one is active, and not about to be so no more.
    pub fn is_active(&self) -> bool {
        self.phase == ActivationPhase::Active
    }

    /// Whether a command runs, or may.
    pub fn is_busy(&self) -> bool {
        matches!(
            self.phase,
            ActivationPhase::Active | ActivationPhase::Stopping | ActivationPhase::Killed
        )
    }

    /// The znode is this one's, under the claim of this zxid.
    pub fn held(&mut self, epoch: i64) {
        self.held = Some(epoch);
        self.begin_or_leave();
    }

    /// The znode is not this one's any more, so that it may be another's already.
    pub fn lost(&mut self) {
        self.held = None;
        self.proven = false;
        self.end(ActivationAction::Kill);
    }

    /// There is a proof that the claim stands.
    pub fn proven(&mut self) {
        self.proven = true;
        self.begin_or_leave();
    }

    /// The last proof is too old: a new one has to come before this one may be active (again).
    pub fn overdue(&mut self) {
        self.proven = false;
        self.end(ActivationAction::Stop);
    }

    /// Nothing of the command is left.
    pub fn ended(&mut self, ended: Ended) {
        if !self.is_busy() {
            return;
        }
        if self.phase == ActivationPhase::Active && ended.by_itself && self.leaving.is_none() {
            self.leaving = Some(ExitCause::Status(ended.status));
        }
        // Its supervisor may have seen before us that the proof is too old.
        self.proven &= ended.by_itself || self.phase != ActivationPhase::Active;
        self.over();
    }

    /// This one has to leave. Said again, to somebody who stops the command already: at once.
    pub fn leave(&mut self, leaving: ExitCause) {
        let again = self.leaving.is_some();
        self.leaving.get_or_insert(leaving);
        self.end(if again {
            ActivationAction::Kill
        } else {
            ActivationAction::Stop
        });
        self.begin_or_leave();
    }

    /// Ends the command, more or less gently.
    fn end(&mut self, how: ActivationAction) {
        let next = match (self.phase, how) {
            (ActivationPhase::Active | ActivationPhase::Stopping, ActivationAction::Kill) => {
                ActivationPhase::Killed
            }
            (ActivationPhase::Active, _) => ActivationPhase::Stopping,
            _ => return,
        };
        self.phase = next;
        if self.has_command {
            self.actions.push_back(how);
        } else {
            self.over();
        }
    }

    fn over(&mut self) {
        self.phase = ActivationPhase::Inactive;
        self.actions.push_back(ActivationAction::TellInactive);
        self.begin_or_leave();
    }

    fn begin_or_leave(&mut self) {
        if self.phase != ActivationPhase::Inactive {
            return;
        }
        if let Some(leaving) = self.leaving {
            self.phase = ActivationPhase::Left;
            self.actions.push_back(ActivationAction::Leave(leaving));
        } else if let (Some(epoch), true) = (self.held, self.proven) {
            self.phase = ActivationPhase::Active;
            self.actions.push_back(ActivationAction::TellActive(epoch));
            if self.has_command {
                self.actions.push_back(ActivationAction::Start(epoch));
            }
        }
    }
}

#[cfg(test)]
mod tests;
