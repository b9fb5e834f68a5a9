//! Carries out the master's instructions: the interval of the beats, and orders.

use std::sync::Arc;
use std::time::Duration;

use super::{MemberSession, SessionRole};
use crate::StatusSource;
use crate::session_event::SessionEvent;
use heartline_core::master::predecessor::PredecessorWatch;
use heartline_core::protocol::control::{Action, Control};
use heartline_zookeeper::{Failure, snapshots};

impl MemberSession<'_> {
    /// The interval between two beats, the shorter one if the beats by a direct connection and those in ZooKeeper have
    /// different ones. A master and its successor beat at the configured interval: their own beats show them that they
    /// can hear.
    pub(super) fn interval(&self) -> Duration {
        let base = self.context.config.pace.interval;
        match self.role {
            SessionRole::Follower { .. } if self.listens() => base,
            SessionRole::Follower { .. } if self.beats_directly() => {
                self.context.direct_interval.max(base)
            }
            SessionRole::Follower { .. } => self.context.master_interval.max(base),
            _ => base,
        }
    }

    /// Whether the member is next in line and watches the master's beats.
    pub(super) fn listens(&self) -> bool {
        self.predecessor_watch
            .as_ref()
            .is_some_and(PredecessorWatch::is_listening)
    }

    pub(super) fn control_received(&mut self, control: &Control) {
        // The session of a follower must not expire before its next beat.
        let most = self.session.timeout() / 4;
        self.context.master_interval = control.interval.unwrap_or_default().min(most);
        let direct = control.direct_interval.or(control.interval);
        self.context.direct_interval = direct.unwrap_or_default().min(most);
        // After a reset, orders are numbered from the start.
        self.context.obeyed = self.context.obeyed.min(control.number);
        // The current session and the earlier ones.
        let mut sessions = self.context.earlier.clone();
        sessions.push(self.session.id());
        for order in &control.orders {
            let config = &self.context.config;
            let is_mine = order.is_for(config.name.as_ref(), &config.identity, &sessions);
            if !is_mine || order.number <= self.context.obeyed {
                continue;
            }
            self.context.obeyed = order.number;
            match order.action {
                Action::KillTask | Action::KillJob => {
                    let reason = format!("{}: {}", order.action, order.reason);
                    self.context.kill(&reason);
                }
                Action::Reinit => self.begin_anew(),
            }
        }
    }

    /// Stores the snapshot of stalled work, if there is a new one.
    pub(super) fn keep_snapshot(&mut self) {
        if let Some(snapshot) = self.context.status_source.take_snapshot() {
            let (session, name) = (self.session.clone(), self.context.config.name.clone());
            let status_source = Arc::clone(&self.context.status_source);
            let mut unkept = UnsentSnapshot {
                status_source,
                snapshot,
            };
            let outside = self.outside.clone();
            self.storing.spawn(async move {
                let kept = snapshots::keep(&session, name.as_ref(), &unkept.snapshot).await;
                let passed_over = match kept {
                    Err(Failure::Lost | Failure::Throttled) => return,
                    // A snapshot that is refused for good is still on stderr.
                    Err(failure) => {
                        let path = session.paths().snapshot(name.as_ref());
                        vec![(path, failure.to_string())]
                    }
                    Ok(unremoved) => unremoved,
                };
                unkept.snapshot.clear();
                for (path, why) in passed_over {
                    // A full queue must not hold up a member that leaves.
                    let _ = outside.try_send(SessionEvent::PassedOver(path, why));
                }
            });
        }
    }

    /// Joins again and queues again in the line.
    fn begin_anew(&mut self) {
        if matches!(self.role, SessionRole::Follower { .. }) {
            self.context.config.identity.returns += 1;
            self.rejoin();
        }
        self.context.master_interval = Duration::ZERO;
        self.context.direct_interval = Duration::ZERO;
        self.election.deposed();
    }
}

/// A snapshot that is being sent: if it is lost with the connection, the next session sends it again.
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
