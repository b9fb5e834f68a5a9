//! A member's place in the line: the election's answers, and the vigil over the one before it.

use std::time::Duration;

use super::Stay;
use crate::master::election::Action;
use crate::master::vigil::Vigil;
use crate::member::candidate::{self, Answer};

/// How long after an outage the others are waited for: as a rule all are back within a second.
pub(super) const GRACE: Duration = Duration::from_secs(2);

impl Stay<'_> {
    pub(super) fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Created(generation, name, stat) => {
                self.election.created(generation, name, stat);
            }
            Answer::Listed(generation, names) => self.election.listed(generation, &names),
            Answer::Inspected(generation, claim, stat) => {
                self.election.inspected(generation, claim, stat);
            }
            Answer::PredecessorSeen(generation, sight) => {
                let now = self.life.surroundings.now().elapsed;
                if let Some(vigil) = self.vigil_of(generation) {
                    vigil.seen(now, sight);
                }
            }
            Answer::PredecessorStirred(generation) => {
                let now = self.life.surroundings.now().elapsed;
                if let Some(vigil) = self.vigil_of(generation) {
                    vigil.stirred(now);
                }
            }
            Answer::FirstSeen(generation, claim, sight) => {
                let now = self.life.surroundings.now().elapsed;
                if let Some(vigil) = self.vigil_of(generation) {
                    vigil.looked(now, claim, sight);
                }
            }
            Answer::PredecessorGone(generation) => {
                self.end_vigil();
                self.election.predecessor_gone(generation);
            }
            Answer::Ousted(generation, ousting, went) => {
                self.election.ousted(generation, ousting, went);
            }
        }
        let claim = self.election.claim();
        let known = &mut self.life.config.identity.claim;
        if known.as_deref() != claim {
            *known = claim.map(str::to_owned);
        }
    }

    /// Begins to judge those before in the line, if that is what is asked for.
    pub(super) fn begin_vigil(&mut self, action: &Action) -> bool {
        let Action::Listen { generation, claim } = action else {
            return false;
        };
        let (generation, back) = (*generation, self.is_lately_back());
        let mut terms = self.life.config.pace.detection;
        // To depose a master that is only late costs more than to be late oneself.
        terms.timeout *= 2;
        self.vigil = Some(Vigil::begin(generation, claim.clone(), terms, back));
        let grace = if back { GRACE } else { Duration::ZERO };
        let look = candidate::look_at_first(
            self.session.clone(),
            generation,
            grace,
            self.outside.clone(),
        );
        self.end_look();
        self.looking = Some(self.tasks.spawn(look));
        true
    }

    /// Ceases to judge those before in the line.
    pub(super) fn end_vigil(&mut self) {
        self.vigil = None;
        self.end_look();
    }

    fn end_look(&mut self) {
        if let Some(looking) = self.looking.take() {
            looking.abort();
        }
    }

    /// The own beat came back: proof that those before in the line could be heard.
    pub(super) fn echo(&mut self) {
        let now = self.life.surroundings.now().elapsed;
        if let Some(vigil) = &mut self.vigil {
            vigil.echo(now);
            if let Some((claim, version)) = vigil.silent() {
                self.election.silent(vigil.generation(), claim, version);
            }
        }
    }

    /// Whether this member was cut off a moment ago, so that others may not be back yet.
    pub(super) fn is_lately_back(&self) -> bool {
        let now = self.life.surroundings.now().elapsed;
        self.back
            .is_some_and(|back| now.saturating_sub(back) < GRACE)
    }

    fn vigil_of(&mut self, generation: u64) -> Option<&mut Vigil> {
        let vigil = self.vigil.as_mut();
        vigil.filter(|vigil| vigil.generation() == generation)
    }
}
