//! How a member starts and stops being follower or master, and the effects of its own writes.

use super::{MemberSession, SessionRole};
use crate::context::SessionEnd;
use crate::master_driver::MasterDriver;
use crate::name::Name;
use crate::write::{self, Done, Written};
use heartline_core::master::election::Elected;
use heartline_core::master::predecessor::PredecessorWatch;
use heartline_core::master::state::{MasterConfig, MasterState, PriorState};
use heartline_core::master::transaction::Outcome;
use heartline_core::protocol::beat;
use heartline_zookeeper::Failure;

impl MemberSession<'_> {
    /// Joins, unless it has joined already: the next beat notices a znode that was removed in the meantime.
    pub(super) fn follow(&mut self) {
        if self.context.config.standing {
            self.role = SessionRole::Standby;
            self.context.settled();
            return;
        }
        match self.role {
            SessionRole::Follower { joined: true } => return,
            SessionRole::Follower { joined: false } => {}
            _ => {
                self.end_takeover();
                self.context.summary.followings += 1;
            }
        }
        self.join();
    }

    /// Creates the member's znode, or creates it again.
    fn join(&mut self) {
        let leftovers = self.context.earlier.clone();
        self.join_after(leftovers);
    }

    /// Replaces the member's znode, even one of this session.
    pub(super) fn rejoin(&mut self) {
        let mut leftovers = self.context.earlier.clone();
        leftovers.push(self.session.id());
        self.join_after(leftovers);
    }

    fn join_after(&mut self, leftovers: Vec<i64>) {
        self.role = SessionRole::Follower { joined: false };
        self.version = None;
        let value = beat::joined(&self.context.config.identity);
        self.under_way = Some(write::join(
            self.session.clone(),
            self.context.config.name.clone(),
            value,
            leftovers,
        ));
    }

    pub(super) fn lead(&mut self, elected: Elected) {
        let watch = self.predecessor_watch.as_ref();
        let last_beat = watch.and_then(PredecessorWatch::last_beat);
        self.end_predecessor_watch();
        self.master_connection = None;
        self.context.earlier_connection = None;
        self.context.summary.reigns += 1;
        // A master has no follower znode, but one may be left from before a disconnection or from an earlier
        // session.
        let leftover = self.context.summary.followings > 0;
        let leftover = leftover.then(|| {
            self.session
                .paths()
                .member(self.context.config.name.as_ref())
        });
        let grace = self.grace();
        self.under_way = Some(write::inherit(
            self.session.clone(),
            write::TakeoverRequest {
                claim: elected.claim.clone(),
                value: self.claim_value(),
                leftover,
                last_beat,
                earlier: self.context.earlier.clone(),
                grace,
                no_claims: self.election.no_claims().clone(),
                request_limit: self.context.request_limit,
            },
        ));
        self.role = SessionRole::TakingOver(elected);
    }

    pub(super) fn step_down(&mut self) {
        self.end_takeover();
        if let SessionRole::Master(master) = std::mem::replace(&mut self.role, SessionRole::None) {
            master.end();
            // As master it had no znode of a follower, and may have ended before it reported anybody.
            self.context.joined_before();
        }
        self.context.end_lease();
        self.under_way = None;
        self.beside = None;
        self.heavy = None;
    }

    /// Ends a takeover that did not succeed. It may have removed the znode that the member had as a follower.
    fn end_takeover(&mut self) {
        if let SessionRole::TakingOver(_) = self.role
            && self.context.summary.followings > 0
        {
            self.role = SessionRole::None;
            self.context.joined_before();
        }
    }

    /// Handles the answer to a master's beat that was sent beside other work.
    pub(super) fn beaten(&mut self, done: Done) {
        let sent = self.beside.take().map(|(_, sent)| sent);
        match done {
            Ok(_) => {
                self.context.summary.beats += 1;
                let now = self.context.environment.now();
                if let (SessionRole::Master(master), Some(sent)) = (&mut self.role, sent) {
                    master.master_state.echo(now);
                    self.context.renew_lease(&master.fence, sent);
                }
                self.probe();
            }
            // The connection change reports the consequence; the next beat is sent at the next tick.
            Err(Failure::Lost | Failure::Throttled) => {}
            Err(Failure::Deposed) => self.election.deposed(),
            Err(failure) => self.failed(&failure),
        }
    }

    /// Begins as master with the state that the previous master left.
    fn inherited(&mut self, prior: PriorState) {
        let SessionRole::TakingOver(elected) = &self.role else {
            return;
        };
        let (now, config) = (self.context.environment.now(), &self.context.config);
        let pace = MasterConfig {
            // The timeout that the server granted may differ from the requested one.
            session: self.session.timeout(),
            ..config.pace
        };
        let name = (config.name.as_ref(), &config.identity);
        let mut master_state = MasterState::begin(now, name, elected, pace, prior);
        for removed in self.removed.drain(..) {
            master_state = master_state.succeeding(&removed.node, &removed.identity);
        }
        if config.recording.is_some() {
            master_state = master_state.recorded();
        }
        let fence = self.session.fence(&elected.claim);
        self.role = SessionRole::Master(Box::new(MasterDriver::begin(
            master_state,
            fence,
            self.session.clone(),
            self.outside.clone(),
            &mut self.tasks,
        )));
        self.adopt_connections();
        self.probe();
        self.context.settled();
        self.send();
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each outcome of a write")]
    pub(super) fn done(&mut self, done: Done) {
        self.under_way = None;
        self.heavy = None;
        match done {
            Ok(Written::Joined) => {
                self.role = SessionRole::Follower { joined: true };
                // The znode is this session's: only its own connection counts from now on.
                self.context.earlier_connection = None;
                self.context.settled();
                // The first beat announces the interval to the next one, which may be long.
                self.send();
            }
            Ok(Written::Beaten(version)) => {
                self.context.summary.beats += 1;
                self.version = version;
                self.echo();
                if self.owed {
                    self.send();
                    // It names the version that the master finds.
                    self.beat_direct();
                }
            }
            Ok(Written::Inherited(prior)) => self.inherited(*prior),
            Ok(Written::Contested(claim)) => self.election.contested(claim),
            Ok(Written::Fenced(Outcome::Overtaken)) => {
                self.step_down();
                self.election.contested(None);
            }
            Ok(Written::Fenced(outcome)) => {
                self.context.summary.beats += 1;
                if let Outcome::ControlRefused(why) = &outcome {
                    let path = self.session.paths().control();
                    let what = format!("{why}; orders are not given");
                    self.context.note(path, &what);
                }
                if let SessionRole::Master(master) = &mut self.role {
                    let now = self.context.environment.now();
                    master.master_state.written(now, outcome);
                    master.make_room();
                    self.context.renew_lease(&master.fence, self.sent_at);
                    self.context.death_sink(master.master_state.take_deaths());
                    if let Some(recording) = &self.context.config.recording {
                        recording.add(&master.master_state.take_record());
                    }
                    let pressed = master.master_state.is_pressed(now);
                    self.note_passed_over();
                    self.probe();
                    if self.owed || pressed {
                        self.send();
                    }
                }
            }
            // The connection change reports the consequence.
            Err(Failure::Lost) => {}
            // The next beat is sent at the next tick, in this session.
            Err(Failure::Throttled) => {
                if let SessionRole::Master(master) = &mut self.role {
                    master
                        .master_state
                        .throttled(self.context.environment.now());
                }
            }
            Err(Failure::Deposed) => self.election.deposed(),
            // The master declared this live member dead: join again.
            Err(Failure::NoNode) if matches!(self.role, SessionRole::Follower { .. }) => {
                self.context.config.identity.returns += 1;
                self.join();
                // Usually its claim was removed with it.
                self.election.deposed();
            }
            Err(Failure::NoNode) if matches!(self.role, SessionRole::Standby) => {
                self.election.deposed();
            }
            Err(Failure::NodeExists) if !self.context.config.name.is_given() => {
                let (now, entropy) = (
                    self.context.environment.now(),
                    self.context.environment.draw(),
                );
                self.context.config.name = Name::of_mapper(now.wall, entropy);
                self.join();
            }
            Err(Failure::NodeExists) => {
                let name = &self.context.config.name;
                let what = format!(
                    "another member already has the name {name}; give this one another name"
                );
                self.context.complain(&what);
                self.over = Some(SessionEnd::Refused);
            }
            Err(failure) => self.failed(&failure),
        }
    }

    /// Handles wrong answers of ZooKeeper. The member leaves the session, so that no claim stays at the
    /// head of the line whose owner does not act on it.
    pub(super) fn failed(&mut self, failure: &Failure) {
        if let Failure::Odd(_) | Failure::Throttled = failure {
            self.over = Some(SessionEnd::Odd);
        } else {
            let what = format!("ZooKeeper denied a required operation: {failure}");
            self.context.complain(&what);
            self.over = Some(SessionEnd::Refused);
        }
    }
}
