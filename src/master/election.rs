//! Who is master: the line of claims below `/heart_beat_master`.
//!
//! Each member puts one ephemeral, sequential znode into the line; whoever's is first is master, and
//! each of the others watches only the one before it, so that an end wakes one member and not all.
//! The machine holds one session's part in the line: events go in by the methods, what is to be
//! done comes out of [`Election::poll_action`]. Rules that other recipes learned the hard way:
//!
//! - each request carries a generation, and the answer to an older one is dropped (CURATOR-504, 644);
//! - nobody leads on a znode of another session, even if the name is its own (CURATOR-696);
//! - one's own znode that vanished starts the claim anew (CURATOR-724);
//! - a create whose answer was lost is looked for by its unique id before it is tried again;
//! - disconnected means stepped down at once; the fence guards what was already on its way.
//!
//! A standing master's claim comes before those of members that work, however late it was made: it is
//! first in line while another still leads. So to be first is not enough: see
//! [`takeover`](super::accession).

use std::collections::{BTreeSet, VecDeque};

use crate::protocol::EndReason;
use crate::protocol::claim::{in_order, prefix};

/// How many znodes are remembered that are no claims.
const MOST_NO_CLAIMS: usize = 1024;

/// What the driver is to do next. Answers go back with the same `generation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElectionAction {
    /// Create the own claim at the end of the line: [`Election::created`].
    Create {
        /// To be handed back.
        generation: u64,
    },
    /// List the line, after a `sync` if `fresh`: [`Election::listed`].
    List {
        /// To be handed back.
        generation: u64,
        /// Whether the answer must include what another server has already acknowledged.
        fresh: bool,
    },
    /// Look at the own claim's owner: [`Election::inspected`].
    Inspect {
        /// To be handed back.
        generation: u64,
        /// The claim's name in the line.
        claim: String,
    },
    /// Listen to the claim before the own one until it goes: [`Election::predecessor_gone`].
    Listen {
        /// To be handed back.
        generation: u64,
        /// The predecessor's name in the line.
        claim: String,
    },
    /// Remove another's claim if the own one stands, and its version is `version`:
    /// [`Election::ousted`].
    Depose {
        /// To be handed back.
        generation: u64,
        /// The own claim.
        own: String,
        /// The other's claim.
        claim: String,
        /// The version that was read last; `None` for any.
        version: Option<i32>,
    },
    /// Remove a claim of one's own that is one too many.
    Remove {
        /// Its name in the line.
        claim: String,
    },
    /// Be a follower: another is master.
    Follow,
    /// Be master, until [`ElectionAction::StepDown`].
    Lead(Elected),
    /// Stop at once to act as master.
    StepDown,
}

/// What makes a member master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elected {
    /// The claim's name in the line: every write of the master checks that it still stands.
    pub claim: String,
    /// Why the master before went, if this member made it go.
    pub deposed_as: Option<EndReason>,
}

/// What came of an [`ElectionAction::Depose`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeposeOutcome {
    /// The other's claim is removed.
    Done,
    /// The other's claim was gone already.
    Gone,
    /// The other has beaten meanwhile: nothing was done.
    Spared,
    /// The own claim does not stand: nothing was done.
    Void,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ElectionPhase {
    /// No connection, nothing under way.
    Away,
    /// Waiting for an answer, or for the predecessor to go.
    InLine,
    Leading,
    /// Left for good.
    Released,
}

/// One session's part in the line of claims.
#[derive(Debug)]
pub struct Election {
    /// What the own claims' names begin with.
    prefix: String,
    session: i64,
    phase: ElectionPhase,
    generation: u64,
    /// Whether a create was ever sent: it may have been made although its answer was lost.
    attempted: bool,
    /// The own claim's name in the line, and the session that owns it.
    own: Option<(String, i64)>,
    /// Why the master before went, if this member made it go.
    deposed_as: Option<EndReason>,
    /// Znodes in the line that are no claims, whatever their names say: no session owns them.
    no_claims: BTreeSet<String>,
    follows: bool,
    actions: VecDeque<ElectionAction>,
}

impl Election {
    /// A part that has not begun: `session` is the session that all claims will belong to, `id` a
    /// unique id for the names of its claims, `standing` whether it comes before all who work.
    pub fn new(session: i64, id: &str, standing: bool) -> Self {
        Self {
            prefix: prefix(id, standing),
            session,
            phase: ElectionPhase::Away,
            generation: 0,
            attempted: false,
            own: None,
            deposed_as: None,
            no_claims: BTreeSet::new(),
            follows: false,
            actions: VecDeque::new(),
        }
    }

    /// What the own claims' names begin with; the server appends the sequence number.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The own claim's name in the line, if it is there as far as is known.
    pub fn claim(&self) -> Option<&str> {
        self.own.as_ref().map(|(claim, _)| claim.as_str())
    }

    /// The next thing to do, if any.
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

    /// The connection is lost: nothing asked before will be answered.
    pub fn disconnected(&mut self) {
        self.step_down();
        if self.phase != ElectionPhase::Released {
            self.phase = ElectionPhase::Away;
        }
        // To be said again: a join may have been lost with the connection.
        self.follows = false;
        // Meanwhile another may have led.
        self.deposed_as = None;
        self.generation += 1;
    }

    /// The claim is in the line.
    pub fn created(&mut self, generation: u64, name: String, owner: i64) {
        if self.is_current(generation) {
            self.own = Some((name, owner));
            self.list(false);
        }
    }

    /// The line, in any order.
    pub fn listed(&mut self, generation: u64, names: &[String]) {
        if !self.is_current(generation) {
            return;
        }
        let prefix = self.prefix.clone();
        let mut line = in_order(names);
        if !self.no_claims.is_empty() {
            let names: BTreeSet<&String> = names.iter().collect();
            self.no_claims.retain(|name| names.contains(name));
        }
        line.retain(|name| !self.no_claims.contains(*name));
        let Some(place) = line.iter().position(|name| name.starts_with(&prefix)) else {
            // Deposed, or never made: to the end of the line.
            self.step_down();
            self.phase = ElectionPhase::InLine;
            self.own = None;
            self.create();
            return;
        };
        for extra in line
            .iter()
            .skip(place + 1)
            .filter(|name| name.starts_with(&prefix))
        {
            self.actions.push_back(ElectionAction::Remove {
                claim: (*extra).clone(),
            });
        }
        let claim = line[place].clone();
        let known = self
            .own
            .as_ref()
            .filter(|(name, _)| *name == claim)
            .map(|(_, owner)| *owner);
        match known {
            None => {
                let generation = self.ask();
                self.actions
                    .push_back(ElectionAction::Inspect { generation, claim });
            }
            // A claim of this name that another session owns will go with that session.
            Some(owner) if place == 0 && owner != self.session => {}
            Some(_) if place == 0 => self.lead(claim),
            Some(_) => {
                if !self.follows {
                    self.follows = true;
                    self.actions.push_back(ElectionAction::Follow);
                }
                let claim = line[place - 1].clone();
                let generation = self.ask();
                // Whoever went was not the master.
                self.deposed_as = None;
                self.actions
                    .push_back(ElectionAction::Listen { generation, claim });
            }
        }
    }

    /// First in line, but not to lead yet: the claim `other` of the master in office still stands, or,
    /// if it is `None`, the line or the office has changed meanwhile.
    pub fn contested(&mut self, other: Option<String>) {
        if self.phase != ElectionPhase::Leading {
            return;
        }
        self.phase = ElectionPhase::InLine;
        match (other, &self.own) {
            (Some(claim), Some((own, _))) => {
                let own = own.clone();
                let generation = self.ask();
                self.actions.push_back(ElectionAction::Depose {
                    generation,
                    own,
                    claim,
                    version: None,
                });
            }
            _ => self.list(true),
        }
    }

    /// A claim before the own one, whose `version` was read last, has been silent for too long.
    pub fn silent(&mut self, generation: u64, claim: String, version: i32) {
        if let (true, Some((own, _))) = (self.is_current(generation), &self.own) {
            // The answer to the listening still counts, should the other be spared.
            self.actions.push_back(ElectionAction::Depose {
                generation,
                own: own.clone(),
                claim,
                version: Some(version),
            });
        }
    }

    /// What came of deposing another.
    pub fn deposed_as(&mut self, generation: u64, ousting: DeposeOutcome, went: EndReason) {
        // Also when the end of the other's claim was noticed first, or when a third one removed it: before
        // a standing master came into the line, another stood next to the same one.
        let gone = matches!(ousting, DeposeOutcome::Done | DeposeOutcome::Gone);
        if gone && self.phase == ElectionPhase::InLine {
            self.deposed_as = Some(went);
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

    /// The session that owns the own claim; `None` if it does not stand.
    pub fn inspected(&mut self, generation: u64, claim: String, owner: Option<i64>) {
        if self.is_current(generation) {
            self.own = owner.map(|owner| (claim, owner));
            self.list(false);
        }
    }

    /// What stands in the line is no claim: nobody will ever act on it.
    pub fn no_claim(&mut self, generation: u64, claim: String) {
        if self.no_claims.len() < MOST_NO_CLAIMS {
            self.no_claims.insert(claim);
        }
        if self.is_current(generation) {
            self.list(false);
        }
    }

    /// The znodes in the line that are no claims, as far as is known.
    pub fn no_claims(&self) -> &BTreeSet<String> {
        &self.no_claims
    }

    /// The watched claim is gone, or was before it could be watched.
    pub fn predecessor_gone(&mut self, generation: u64) {
        if self.is_current(generation) {
            self.list(false);
        }
    }

    /// The own claim no longer stands, as far as can be told: a fenced write was refused, or the
    /// member was declared dead.
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

    /// A new question: answers to earlier ones no longer count.
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
            let deposed_as = self.deposed_as.take();
            self.actions
                .push_back(ElectionAction::Lead(Elected { claim, deposed_as }));
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
