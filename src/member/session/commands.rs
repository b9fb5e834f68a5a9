//! What a member does of what its master tells: the interval of its beats, and orders.

use std::sync::Arc;
use std::time::Duration;

use super::{MemberSession, SessionRole};
use crate::coordination::{Failure, snapshots};
use crate::master::predecessor::PredecessorWatch;
use crate::member::StatusSource;
use crate::protocol::control::{Action, Control};

impl MemberSession<'_> {
    /// The time between two beats. A master, and who is to follow it, beats at the interval that it was
    /// set to: its own beats are how it knows that it hears.
    pub(super) fn interval(&self) -> Duration {
        let base = self.runner.config.pace.interval;
        match self.role {
            SessionRole::Follower { .. } if !self.listens() => self.runner.told.max(base),
            _ => base,
        }
    }

    /// Whether it is the next in line, and hears the master's beats.
    fn listens(&self) -> bool {
        self.predecessor_watch
            .as_ref()
            .is_some_and(PredecessorWatch::is_listening)
    }

    pub(super) fn told(&mut self, control: &Control) {
        // A follower whose session ends before its next beat would be none.
        let most = self.session.timeout() / 4;
        self.runner.told = control.interval.unwrap_or_default().min(most);
        // After a reset orders are counted anew.
        self.runner.obeyed = self.runner.obeyed.min(control.number);
        // Its own of now, and those that it had before.
        let mut sessions = self.runner.earlier.clone();
        sessions.push(self.session.id());
        for order in &control.orders {
            let config = &self.runner.config;
            let is_mine = order.is_for(config.name.as_ref(), &config.identity, &sessions);
            if !is_mine || order.number <= self.runner.obeyed {
                continue;
            }
            self.runner.obeyed = order.number;
            match order.action {
                Action::KillTask | Action::KillJob => {
                    let reason = format!("{}: {}", order.action, order.reason);
                    self.runner.kill(&reason);
                }
                Action::Reinit => self.begin_anew(),
            }
        }
    }

    /// Puts down what was seen of the work when it stalled, if there is something new.
    pub(super) fn keep_snapshot(&mut self) {
        if let Some(snapshot) = self.runner.status_source.take_snapshot() {
            let (session, name) = (self.session.clone(), self.runner.config.name.clone());
            let status_source = Arc::clone(&self.runner.status_source);
            let mut unkept = UnsentSnapshot {
                status_source,
                snapshot,
            };
            self.tasks.spawn(async move {
                let kept = snapshots::keep(&session, name.as_ref(), &unkept.snapshot).await;
                // What is refused for good stands on stderr all the same.
                if !matches!(kept, Err(Failure::Lost | Failure::Throttled)) {
                    unkept.snapshot.clear();
                }
            });
        }
    }

    /// Joins once more, and looks for its place in the line anew.
    fn begin_anew(&mut self) {
        if matches!(self.role, SessionRole::Follower { .. }) {
            self.runner.config.identity.returns += 1;
            self.rejoin();
        }
        self.runner.told = Duration::ZERO;
        self.election.deposed();
    }
}

/// A snapshot that is on its way: if it gets lost with the connection, the next session has it.
struct UnsentSnapshot {
    status_source: Arc<dyn StatusSource>,
    snapshot: String,
}

impl Drop for UnsentSnapshot {
    fn drop(&mut self) {
        if !self.snapshot.is_empty() {
            self.status_source
                .return_snapshot(std::mem::take(&mut self.snapshot));
        }
    }
}
