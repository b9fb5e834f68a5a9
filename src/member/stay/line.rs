//! A member's place in the line: the election's answers, and the vigil over the one before it.

use super::Stay;
use crate::master::election::Action;
use crate::master::vigil::Vigil;
use crate::member::candidate::Answer;

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
            Answer::PredecessorGone(generation) => {
                self.vigil = None;
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

    /// Begins to judge the one before in the line, if that is what is asked for.
    pub(super) fn begin_vigil(&mut self, action: &Action) -> bool {
        let Action::Listen {
            generation, first, ..
        } = action
        else {
            return false;
        };
        // Half a session is sooner than ZooKeeper would remove the claim, and later than the owner of
        // a session that lives is back after an outage.
        let patience = first.then(|| self.session.timeout() / 2);
        let terms = self.life.config.pace.detection;
        self.vigil = Some(Vigil::begin(*generation, terms, patience));
        true
    }

    /// The own beat came back: proof that the one before in the line could be heard.
    pub(super) fn echo(&mut self) {
        let now = self.life.surroundings.now().elapsed;
        if let Some(vigil) = &mut self.vigil {
            vigil.echo(now);
            if let Some(version) = vigil.silent() {
                self.election.silent(vigil.generation(), version);
            }
        }
    }

    fn vigil_of(&mut self, generation: u64) -> Option<&mut Vigil> {
        let vigil = self.vigil.as_mut();
        vigil.filter(|vigil| vigil.generation() == generation)
    }
}
