//! Decides whether this member is active and its command may run, and what to report, start and stop, across sessions.
//!
//! Events go in through the methods; the actions come out of [`Activation::poll_action`]. A member is active from the
//! moment it owns the znode with a proof that is still valid, until nothing of the command is left. Only then can it
//! become active again, or give the znode up.

use std::collections::VecDeque;

use heartline_process::supervisor::Ended;

/// The next action for the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationAction {
    /// Report that this member is active, under the claim with this zxid.
    ReportActive(i64),
    /// Report that it is not active any more.
    ReportInactive,
    /// Start the command, under the claim with this zxid.
    Start(i64),
    /// Ask the command to end; the reply is [`Activation::ended`].
    Stop,
    /// Kill the command; the reply is [`Activation::ended`].
    Kill,
    /// Give the znode up and exit for this reason.
    Leave(ExitCause),
}

/// How this process exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCause {
    /// By the signal that it received.
    Signal(i32),
    /// With the command's exit status.
    Status(u8),
    /// The reader of stdout is gone.
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

/// The activation of one member.
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
    /// A member that is not active yet.
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

    /// The next action, if any.
    pub fn poll_action(&mut self) -> Option<ActivationAction> {
        self.actions.pop_front()
    }

    /// Whether this member is active and not about to stop.
    pub fn is_active(&self) -> bool {
        self.phase == ActivationPhase::Active
    }

    /// Whether a command runs, or may run.
    pub fn is_busy(&self) -> bool {
        matches!(
            self.phase,
            ActivationPhase::Active | ActivationPhase::Stopping | ActivationPhase::Killed
        )
    }

    /// This member owns the znode, under the claim with this zxid.
    pub fn held(&mut self, epoch: i64) {
        self.held = Some(epoch);
        self.begin_or_leave();
    }

    /// This member does not own the znode any more; another one may own it already.
    pub fn lost(&mut self) {
        self.held = None;
        self.proven = false;
        self.end(ActivationAction::Kill);
    }

    /// A proof shows that the claim holds.
    pub fn proven(&mut self) {
        self.proven = true;
        self.begin_or_leave();
    }

    /// The last proof is too old: this member may be active (again) only after a new one.
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
        // The supervisor may have noticed first that the proof is too old.
        self.proven &= ended.by_itself || self.phase != ActivationPhase::Active;
        self.over();
    }

    /// The member must leave. A second call kills a command that is already being stopped.
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

    /// Stops or kills the command.
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
        self.actions.push_back(ActivationAction::ReportInactive);
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
            self.actions
                .push_back(ActivationAction::ReportActive(epoch));
            if self.has_command {
                self.actions.push_back(ActivationAction::Start(epoch));
            }
        }
    }
}

#[cfg(test)]
mod tests;
