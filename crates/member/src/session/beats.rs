//! When a member beats, and what a beat writes: with at most one write under way, and a master's beat beside a large one.

use futures_util::FutureExt;
use tokio::time::{Instant, Interval};

use super::{MemberSession, SessionRole};
use crate::context::ticks;
use crate::shutdown::Shutdown;
use crate::turn_hook::MemberTurn;
use crate::write;
use heartline_core::master::predecessor::PredecessorWatch;
use heartline_core::protocol::beat;

impl MemberSession<'_> {
    pub(super) fn ticks(&self) -> Interval {
        ticks(self.interval())
    }

    /// Tells the program that the loop turns.
    pub(super) fn turned(&self, is_leaving: bool) {
        self.context.turned(match self.role {
            _ if is_leaving => MemberTurn::Leaving,
            _ if !self.connected => MemberTurn::Away,
            SessionRole::Master(_) => MemberTurn::Leads,
            SessionRole::Follower { joined: true } | SessionRole::Standby => MemberTurn::Joined,
            _ => MemberTurn::Away,
        });
    }

    /// Whether beats are due now: a follower that has lost ZooKeeper beats by its direct connection.
    pub(super) fn beats(&self) -> bool {
        self.beats_in_zookeeper()
            || self.beats_directly()
            || self.context.earlier_connection.is_some()
    }

    /// Whether the role needs beats in ZooKeeper now.
    fn beats_in_zookeeper(&self) -> bool {
        self.connected
            && match self.role {
                SessionRole::Follower { joined } => joined,
                SessionRole::Standby | SessionRole::Master(_) => true,
                SessionRole::None | SessionRole::TakingOver(_) => false,
            }
    }

    /// Whether the answer to the write under way can wait for the next tick: nothing needs it before, unless
    /// other members are being judged. Waking up for it would double the cost of a beat.
    pub(super) fn may_wait_for_tick(&self, shutdown: &Shutdown) -> bool {
        let idle = match &self.role {
            SessionRole::Follower { joined } => *joined,
            SessionRole::Master(master) => master.master_state.followers() == 0,
            SessionRole::Standby => true,
            SessionRole::None | SessionRole::TakingOver(_) => false,
        };
        let listening = self
            .predecessor_watch
            .as_ref()
            .is_some_and(PredecessorWatch::is_listening);
        idle && !listening && self.connected && !self.owed && shutdown.stop().is_none()
    }

    /// Handles a due beat. If the write before it is not answered yet, the beat is held back, and its newest
    /// form is sent after the answer.
    pub(super) fn tick(&mut self) {
        self.look();
        self.beat_direct();
        if !self.beats_in_zookeeper() {
            return;
        }
        if self.under_way.is_some() {
            // A slow answer to a rare beat is no reason for another one.
            self.owed |= !self.may_skip_beat();
            self.beat_beside();
        } else if !self.may_skip_beat() {
            self.send();
        }
    }

    /// Sends a master's beat beside a large write that it would otherwise wait for.
    pub(super) fn beat_beside(&mut self) {
        let SessionRole::Master(master) = &self.role else {
            return;
        };
        if self.heavy.is_none() || self.beside.is_some() || !self.connected {
            return;
        }
        let identity = &self.context.config.identity;
        let (now, status) = (
            self.context.environment.now(),
            self.context.status(self.interval()),
        );
        let own = self
            .context
            .claim_value(&beat::alive(now.wall, identity, &status));
        let beat = write::beside(master.fence.clone(), own);
        self.beside = Some((beat, Instant::now()));
        // A request is sent when its future is first polled.
        let sent = self.beside.as_mut();
        if let Some(done) = sent.and_then(|(beat, _)| beat.now_or_never()) {
            self.beaten(done);
        }
    }

    /// Starts a write and sends it: a request is sent when its future is first polled.
    pub(super) fn send(&mut self) {
        self.owed = false;
        self.write();
        self.look();
    }

    /// Sends the write under way if it is not sent yet, and handles the answer if there is one.
    pub(super) fn look(&mut self) {
        if let Some(done) = self.under_way.as_mut().and_then(FutureExt::now_or_never) {
            self.done(done);
        }
    }

    /// Starts the next beat or the master's next transaction. If a write is under way, it waits, and the
    /// newest state is written afterwards.
    pub(super) fn write(&mut self) {
        if self.under_way.is_some() || !self.connected {
            return;
        }
        self.sent_at = Instant::now();
        self.heavy = None;
        let now = self.context.environment.now();
        let interval = self.zookeeper_interval();
        let status = self.context.status(interval);
        self.keep_snapshot();
        let identity = &self.context.config.identity;
        match &mut self.role {
            SessionRole::None
            | SessionRole::TakingOver(_)
            | SessionRole::Follower { joined: false } => {}
            SessionRole::Standby => {
                if let Some(claim) = self.election.claim() {
                    let beat = beat::alive(now.wall, identity, &status);
                    self.under_way = Some(write::touch(
                        self.session.clone(),
                        claim.to_owned(),
                        self.context.claim_value(&beat),
                    ));
                }
            }
            SessionRole::Follower { joined: true } => {
                self.under_way = Some(write::beat(
                    self.session.clone(),
                    self.context.config.name.clone(),
                    beat::alive(now.wall, identity, &status),
                ));
            }
            SessionRole::Master(master) => {
                let beat = beat::alive(now.wall, identity, &status);
                let own = self.context.claim_value(&beat);
                if let Some(write) = master.master_state.next_write(now) {
                    self.heavy = write.weight().map(|bytes| bytes + own.len());
                    self.under_way = Some(write::fenced(master.fence.clone(), own, write));
                }
            }
        }
    }
}
