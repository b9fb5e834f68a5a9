//! The election: the line of claims below `/heart_beat_master` decides who is master.
//!
//! Each member puts one ephemeral, sequential znode into the line. The owner of the first one is master;
//! every other member watches only the claim before its own, so that a removed claim wakes one member and not
//! all. The machine holds one session's part in the line: methods take the events, and
//! [`Election::poll_action`] returns what to do next. It follows rules that other recipes learned the hard
//! way:
//!
//! - each request carries a generation, and the answer to an older one is dropped (CURATOR-504, 644);
//! - a member never leads on a znode of another session, even if the name is its own (CURATOR-696): such a
//!   claim is another member's;
//! - if a member's own znode vanishes, it starts the claim anew (CURATOR-724);
//! - after a lost answer to a create, the member looks for its unique id before it tries again;
//! - a disconnected master steps down at once; the fence guards the writes that were already under way.
//!
//! A dedicated master's claim comes before those of working members, even if it was made later: it is first in
//! line while another member still leads. So being first is not enough: see [`takeover`](super::takeover).

mod action;

use std::collections::{BTreeSet, VecDeque};

use crate::detect::DeathCause;
use crate::protocol::EndReason;
use crate::protocol::claim::{in_order, prefix};
pub use action::{DeposeOutcome, Elected, ElectionAction};

#[derive(Clone, Debug, PartialEq, Eq)]
enum ElectionPhase {
    /// Not connected, no request under way.
    Away,
    /// Waiting for an answer, or for the removal of the predecessor's claim.
    InLine,
    Leading,
    /// Out of the line for good.
    Released,
}

/// One session's part in the line of claims.
#[derive(Debug)]
pub struct Election {
    /// Prefix of the names of this member's claims.
    prefix: String,
    session: i64,
    phase: ElectionPhase,
    generation: u64,
    /// Whether a create was ever sent: it may have succeeded although its answer was lost.
    attempted: bool,
    /// The name of this member's claim in the line; its session owns it.
    own: Option<String>,
    /// Why the previous master ended, if this member removed its claim.
    deposed_as: Option<(EndReason, Option<DeathCause>)>,
    /// The line as it was listed last, in order.
    line: Vec<String>,
    /// Znodes in the line that are not claims, despite their names: no session owns them.
    no_claims: BTreeSet<String>,
    /// Claims in the line that another session owns, although their names begin with this member's prefix.
    foreign: BTreeSet<String>,
    follows: bool,
    actions: VecDeque<ElectionAction>,
}

impl Election {
    /// Creates the election of one session. `session` is the session that will own all claims, `id` is a
    /// unique id for the claims' names, and `standing` puts the claim before those of all working members.
    pub fn new(session: i64, id: &str, standing: bool) -> Self {
        Self {
            prefix: prefix(id, standing),
            session,
            phase: ElectionPhase::Away,
            generation: 0,
            attempted: false,
            own: None,
            deposed_as: None,
            line: Vec::new(),
            no_claims: BTreeSet::new(),
            foreign: BTreeSet::new(),
            follows: false,
            actions: VecDeque::new(),
        }
    }

    /// Prefix of the names of this member's claims; the server appends the sequence number.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name of this member's claim in the line, if it is known to exist.
    pub fn claim(&self) -> Option<&str> {
        self.own.as_deref()
    }

    /// The next action, if any.
    pub fn poll_action(&mut self) -> Option<ElectionAction> {
        self.actions.pop_front()
    }

    /// The session is connected, for the first time or again.
    pub fn connected(&mut self) {
        if self.phase == ElectionPhase::Released {
            return;
        }
        self.disconnected();
        self.phase = ElectionPhase::InLine;
        if self.attempted {
            self.list(true);
        } else {
            self.create();
        }
    }

    /// The connection is lost: no earlier request will be answered.
    pub fn disconnected(&mut self) {
        self.step_down();
        if self.phase != ElectionPhase::Released {
            self.phase = ElectionPhase::Away;
        }
        // The driver must get [`ElectionAction::Follow`] again: a join may have been lost with the
        // connection.
        self.follows = false;
        // Another member may have led in the meantime.
        self.deposed_as = None;
        self.generation += 1;
    }

    /// The claim was created.
    pub fn created(&mut self, generation: u64, name: String, owner: i64) {
        if self.is_current(generation) {
            self.know_owner(name, owner);
            self.list(false);
        }
    }

    /// The line, in any order.
    pub fn listed(&mut self, generation: u64, names: &[String]) {
        if !self.is_current(generation) {
            return;
        }
        self.line = in_order(names).into_iter().cloned().collect();
        if !self.no_claims.is_empty() || !self.foreign.is_empty() {
            let names: BTreeSet<&String> = names.iter().collect();
            self.no_claims.retain(|name| names.contains(name));
            self.foreign.retain(|name| names.contains(name));
        }
        self.take_place();
    }

    /// Takes the place that this member has in the line. The line may be older than what is known of its znodes: a
    /// claim that has gone since then is found missing, and a master that has lost its place is refused by its fence.
    fn take_place(&mut self) {
        self.line.retain(|name| !self.no_claims.contains(name));
        let is_own = |name: &str| name.starts_with(&self.prefix) && !self.foreign.contains(name);
        let Some(place) = self.line.iter().position(|name| is_own(name)) else {
            // The claim was removed or never made: create one at the end of the line.
            self.step_down();
            self.phase = ElectionPhase::InLine;
            self.own = None;
            self.create();
            return;
        };
        let claim = self.line[place].clone();
        if self.own.as_ref() != Some(&claim) {
            let generation = self.ask();
            self.actions
                .push_back(ElectionAction::Inspect { generation, claim });
            return;
        }
        let extra = self.line[place + 1..].iter().filter(|name| is_own(name));
        let extra = extra.map(|claim| ElectionAction::Remove {
            claim: claim.clone(),
        });
        self.actions.extend(extra);
        let Some(before) = place.checked_sub(1) else {
            self.lead(claim);
            return;
        };
        if !self.follows {
            self.follows = true;
            self.actions.push_back(ElectionAction::Follow);
        }
        let claim = self.line[before].clone();
        let generation = self.ask();
        // The removed claim was not the master's.
        self.deposed_as = None;
        self.actions
            .push_back(ElectionAction::Listen { generation, claim });
    }

    /// This member is first in line but must not lead yet: the claim `other` of the current master still
    /// exists, or, if it is `None`, the line or the master has changed in the meantime.
    pub fn contested(&mut self, other: Option<String>) {
        if self.phase != ElectionPhase::Leading {
            return;
        }
        self.phase = ElectionPhase::InLine;
        match (other, &self.own) {
            (Some(claim), Some(own)) => {
                let own = own.clone();
                let generation = self.ask();
                self.actions.push_back(ElectionAction::Depose {
                    generation,
                    own,
                    claim,
                    version: None,
                    cause: None,
                });
            }
            _ => self.list(true),
        }
    }

    /// The holder of a claim before this member's claim, whose version was read last, is dead. Returns whether it is
    /// deposed: not while the member does not know its place.
    pub fn silent(
        &mut self,
        generation: u64,
        (claim, version): (String, i32),
        cause: DeathCause,
    ) -> bool {
        let is_in_line = self.is_current(generation);
        if let (true, Some(own)) = (is_in_line, &self.own) {
            // If the other claim is spared, the answer to [`ElectionAction::Listen`] still counts.
            self.actions.push_back(ElectionAction::Depose {
                generation,
                own: own.clone(),
                claim,
                version: Some(version),
                cause: Some(cause),
            });
        }
        is_in_line && self.own.is_some()
    }

    /// The result of removing another member's claim.
    pub fn deposed_as(
        &mut self,
        generation: u64,
        ousting: DeposeOutcome,
        (went, cause): (EndReason, Option<DeathCause>),
    ) {
        // This holds even if the removal was noticed first or another member removed the claim: before a
        // dedicated master joined the line, another member stood next to the same claim.
        let gone = matches!(ousting, DeposeOutcome::Done | DeposeOutcome::Gone);
        if gone && self.phase == ElectionPhase::InLine {
            self.deposed_as = Some((went, cause));
        }
        if !self.is_current(generation) {
            return;
        }
        match ousting {
            DeposeOutcome::Done | DeposeOutcome::Gone => self.list(false),
            DeposeOutcome::Spared => {}
            DeposeOutcome::Void => {
                self.own = None;
                self.list(false);
            }
        }
    }

    /// The session that owns this member's claim; `None` if the claim does not exist.
    pub fn inspected(&mut self, generation: u64, claim: String, owner: Option<i64>) {
        if !self.is_current(generation) {
            return;
        }
        self.own = None;
        let Some(owner) = owner else {
            return self.list(false);
        };
        self.know_owner(claim, owner);
        self.take_place();
    }

    /// Takes a claim whose name begins with this member's prefix for what it is.
    fn know_owner(&mut self, claim: String, owner: i64) {
        if owner == self.session {
            self.own = Some(claim);
        } else if owner == 0 {
            self.no_claims.insert(claim);
        } else {
            self.foreign.insert(claim);
        }
    }

    /// The znode `claim` in the line is not a claim: no member will ever act on it.
    pub fn no_claim(&mut self, generation: u64, claim: String) {
        // Bounded by the line itself: each list drops those that are gone.
        self.no_claims.insert(claim);
        if self.is_current(generation) {
            self.take_place();
        }
    }

    /// The znodes in the line that are known not to be claims.
    pub fn no_claims(&self) -> &BTreeSet<String> {
        &self.no_claims
    }

    /// The watched claim is gone, or was gone before it could be watched.
    pub fn predecessor_gone(&mut self, generation: u64) {
        if self.is_current(generation) {
            self.list(false);
        }
    }

    /// This member's claim probably no longer exists: a fenced write was refused, or the member was declared
    /// dead.
    pub fn deposed(&mut self) {
        if matches!(self.phase, ElectionPhase::Leading | ElectionPhase::InLine) {
            self.step_down();
            self.phase = ElectionPhase::InLine;
            self.own = None;
            self.list(false);
        }
    }

    /// Leaves the line for good; the driver removes the claim.
    pub fn release(&mut self) {
        self.phase = ElectionPhase::Released;
        self.generation += 1;
        self.actions.clear();
    }

    fn is_current(&self, generation: u64) -> bool {
        self.phase != ElectionPhase::Released && generation == self.generation
    }

    /// Starts a new request: answers to earlier ones no longer count.
    fn ask(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    fn create(&mut self) {
        self.attempted = true;
        let generation = self.ask();
        self.actions
            .push_back(ElectionAction::Create { generation });
    }

    fn list(&mut self, fresh: bool) {
        let generation = self.ask();
        self.actions
            .push_back(ElectionAction::List { generation, fresh });
    }

    fn lead(&mut self, claim: String) {
        if self.phase != ElectionPhase::Leading {
            self.phase = ElectionPhase::Leading;
            self.follows = false;
            let deposed = self.deposed_as.take();
            self.actions.push_back(ElectionAction::Lead(Elected {
                claim,
                deposed_as: deposed.map(|(went, _)| went),
                cause: deposed.and_then(|(_, cause)| cause),
            }));
        }
    }

    fn step_down(&mut self) {
        if self.phase == ElectionPhase::Leading {
            self.actions.push_back(ElectionAction::StepDown);
        }
    }
}

#[cfg(test)]
mod tests;
