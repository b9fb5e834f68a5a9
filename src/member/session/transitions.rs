//! How a member becomes follower or master and ceases to be, and what its own writes bring about.

use super::{MemberSession, SessionRole};
use crate::coordination::Failure;
use crate::master::election::Elected;
use crate::master::state::{MasterConfig, MasterState};
use crate::master::transaction::Outcome;
use crate::member::master_driver::MasterDriver;
use crate::member::name::Name;
use crate::member::runner::SessionEnd;
use crate::member::write::{self, Done, Written};
use crate::protocol::beat;

impl MemberSession<'_> {
    /// Joins, unless that is done: a znode that went meanwhile is missed with the next beat.
    pub(super) fn follow(&mut self) {
        if self.life.config.standing {
            self.role = SessionRole::Standby;
            self.life.settled();
            return;
        }
        match self.role {
            SessionRole::Follower { joined: true } => return,
            SessionRole::Follower { joined: false } => {}
            _ => self.life.summary.followings += 1,
        }
        self.join();
    }

    /// Creates the own znode, or creates it again.
    fn join(&mut self) {
        let leftovers = self.life.earlier.clone();
        self.join_after(leftovers);
    }

    /// Replaces the own znode, also one of this very session.
    pub(super) fn rejoin(&mut self) {
        let mut leftovers = self.life.earlier.clone();
        leftovers.push(self.session.id());
        self.join_after(leftovers);
    }

    fn join_after(&mut self, leftovers: Vec<i64>) {
        self.role = SessionRole::Follower { joined: false };
        let value = beat::joined(&self.life.config.identity);
        self.under_way = Some(write::join(
            self.session.clone(),
            self.life.config.name.clone(),
            value,
            leftovers,
        ));
    }

    pub(super) fn lead(&mut self, mandate: Elected) {
        self.end_vigil();
        self.life.summary.reigns += 1;
        // A master has no follower's znode; one may stand from before a disconnection, or from an
        // earlier session.
        let leftover = self.life.summary.followings > 0;
        let leftover =
            leftover.then(|| self.session.paths().member(self.life.config.name.as_ref()));
        let grace = self.grace();
        self.under_way = Some(write::inherit(
            self.session.clone(),
            write::TakeoverRequest {
                claim: mandate.claim.clone(),
                value: self.claim_value(),
                leftover,
                earlier: self.life.earlier.clone(),
                grace,
                no_claims: self.election.no_claims().clone(),
                request_limit: self.life.request_limit,
            },
        ));
        self.role = SessionRole::TakingOver(mandate);
    }

    pub(super) fn step_down(&mut self) {
        if let SessionRole::Master(master) = std::mem::replace(&mut self.role, SessionRole::None) {
            master.end();
        }
        self.life.reigns_no_more();
        self.under_way = None;
        self.beside = None;
        self.heavy = None;
    }

    /// A master's beat beside its other work was answered.
    pub(super) fn beaten(&mut self, done: Done) {
        let sent = self.beside.take().map(|(_, sent)| sent);
        match done {
            Ok(_) => {
                self.life.summary.beats += 1;
                let now = self.life.surroundings.now();
                if let (SessionRole::Master(master), Some(sent)) = (&mut self.role, sent) {
                    master.tenure.echo(now);
                    self.life.reigns(&master.fence, sent);
                }
            }
            // What comes of it is told by the change of the connection; the next beat comes with the next tick.
            Err(Failure::Lost | Failure::Throttled) => {}
            Err(Failure::Deposed) => self.election.deposed(),
            Err(failure) => self.failed(&failure),
        }
    }

    pub(super) fn done(&mut self, done: Done) {
        self.under_way = None;
        self.heavy = None;
        match done {
            Ok(Written::Joined) => {
                self.role = SessionRole::Follower { joined: true };
                self.life.settled();
                // The first beat tells how long it is to the next, which may be long.
                self.send();
            }
            Ok(Written::Beaten) => {
                self.life.summary.beats += 1;
                self.echo();
                if self.owed {
                    self.send();
                }
            }
            Ok(Written::Inherited(inheritance)) => {
                let SessionRole::TakingOver(mandate) = &self.role else {
                    return;
                };
                let (now, config) = (self.life.surroundings.now(), &self.life.config);
                let pace = MasterConfig {
                    // What the server has granted, which may not be what was asked for.
                    session: self.session.timeout(),
                    ..config.pace
                };
                let mut tenure = MasterState::begin(
                    now,
                    (config.name.as_ref(), &config.identity),
                    mandate,
                    pace,
                    *inheritance,
                );
                for fallen in self.fallen.drain(..) {
                    tenure = tenure.succeeding(&fallen.node, &fallen.identity);
                }
                if config.recording.is_some() {
                    tenure = tenure.recorded();
                }
                let fence = self.session.fence(&mandate.claim);
                self.role = SessionRole::Master(Box::new(MasterDriver::begin(
                    tenure,
                    fence,
                    self.session.clone(),
                    self.outside.clone(),
                    &mut self.tasks,
                )));
                self.life.settled();
                self.send();
            }
            Ok(Written::Contested(claim)) => self.election.contested(claim),
            Ok(Written::Fenced(Outcome::Overtaken)) => {
                self.step_down();
                self.election.contested(None);
            }
            Ok(Written::Fenced(outcome)) => {
                self.life.summary.beats += 1;
                if let SessionRole::Master(master) = &mut self.role {
                    let now = self.life.surroundings.now();
                    master.tenure.written(now, outcome);
                    master.make_room();
                    self.life.reigns(&master.fence, self.sent_at);
                    self.life.mourn(master.tenure.take_deaths());
                    if let Some(recording) = &self.life.config.recording {
                        recording.add(&master.tenure.take_record());
                    }
                    for (name, why) in master.tenure.take_passed_over() {
                        self.life.note(&self.session.paths().member(&name), &why);
                    }
                    if self.owed || master.tenure.is_pressed(now) {
                        self.send();
                    }
                }
            }
            // What comes of it is told by the change of the connection.
            Err(Failure::Lost) => {}
            // The next beat comes with the next tick, in this session.
            Err(Failure::Throttled) => {
                if let SessionRole::Master(master) = &mut self.role {
                    master.tenure.throttled(self.life.surroundings.now());
                }
            }
            Err(Failure::Deposed) => self.election.deposed(),
            // Declared dead, and alive: back again.
            Err(Failure::NoNode) if matches!(self.role, SessionRole::Follower { .. }) => {
                self.life.config.identity.returns += 1;
                self.join();
                // Its claim was buried with it, as a rule.
                self.election.deposed();
            }
            Err(Failure::NoNode) if matches!(self.role, SessionRole::Standby) => {
                self.election.deposed()
            }
            Err(Failure::NodeExists) if !self.life.config.name.is_given() => {
                let (now, entropy) = (self.life.surroundings.now(), self.life.surroundings.draw());
                self.life.config.name = Name::of_mapper(now.wall, entropy);
                self.join();
            }
            Err(Failure::NodeExists) => {
                let name = &self.life.config.name;
                let what =
                    format!("the name {name} is that of another member; give one of its own");
                self.life.complain(&what);
                self.over = Some(SessionEnd::Refused);
            }
            Err(failure) => self.failed(&failure),
        }
    }

    /// ZooKeeper answers, but not as it should. The session is left, so that no claim stands at the
    /// head of the line whose owner does not act on it.
    pub(super) fn failed(&mut self, failure: &Failure) {
        if let Failure::Odd(_) | Failure::Throttled = failure {
            self.over = Some(SessionEnd::Odd);
        } else {
            let what = format!("it refuses what a heartbeat needs: {failure}");
            self.life.complain(&what);
            self.over = Some(SessionEnd::Refused);
        }
    }
}
