//! A member's place in the line: the election's answers, and the vigil over the one before it.

use std::time::Duration;

use super::MemberSession;
use crate::master::election::ElectionAction;
use crate::master::predecessor::PredecessorWatch;
use crate::member::candidate::{self, ElectionReply};

/// How long after an outage the others are waited for: as a rule all are back within a second.
const GRACE: Duration = Duration::from_secs(2);

/// How many that fell are remembered: several may have died at once.
const MOST_FALLEN: usize = 8;

impl MemberSession<'_> {
    pub(super) fn answered(&mut self, answer: ElectionReply) {
        match answer {
            ElectionReply::Created(generation, name, owner) => {
                self.election.created(generation, name, owner);
            }
            ElectionReply::Listed(generation, names) => self.election.listed(generation, &names),
            ElectionReply::Inspected(generation, claim, owner) => {
                self.election.inspected(generation, claim, owner);
            }
            ElectionReply::PredecessorSeen(generation, sight) => {
                let now = self.life.surroundings.now().elapsed;
                if let Some(vigil) = self.vigil_of(generation) {
                    vigil.seen(now, sight);
                }
            }
            ElectionReply::PredecessorStirred(generation) => {
                let now = self.life.surroundings.now().elapsed;
                if let Some(vigil) = self.vigil_of(generation) {
                    vigil.stirred(now);
                }
            }
            ElectionReply::FirstSeen(generation, claim, sight) => {
                let now = self.life.surroundings.now().elapsed;
                if let Some(vigil) = self.vigil_of(generation) {
                    vigil.looked(now, claim, sight);
                }
            }
            ElectionReply::NoClaim(generation, claim) => {
                let path = self.session.paths().claim(&claim);
                self.life
                    .note(&path, "it is no member's claim, since no session owns it");
                self.end_vigil();
                self.election.no_claim(generation, claim);
            }
            ElectionReply::PredecessorGone(generation) => {
                self.end_vigil();
                self.election.predecessor_gone(generation);
            }
            ElectionReply::Ousted(generation, ousting, went, fallen) => {
                self.fallen.extend(fallen);
                let surplus = self.fallen.len().saturating_sub(MOST_FALLEN);
                self.fallen.drain(..surplus);
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
    pub(super) fn begin_vigil(&mut self, action: &ElectionAction) -> bool {
        let ElectionAction::Listen { generation, claim } = action else {
            return false;
        };
        let (generation, grace) = (*generation, self.grace());
        let mut terms = self.life.config.pace.detection;
        // To depose a master that is only late costs more than to be late oneself.
        terms.timeout *= 2;
        self.vigil = Some(PredecessorWatch::begin(
            generation,
            claim.clone(),
            terms,
            !grace.is_zero(),
        ));
        let own = self.election.claim().unwrap_or_default().to_owned();
        let look = candidate::look_at_first(
            self.session.clone(),
            own,
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
        let base = self.life.config.pace.interval;
        let slower = self.interval().saturating_sub(base);
        if let Some(vigil) = &mut self.vigil {
            vigil.beat_every(self.life.config.pace.detection.longest_gap + slower);
            vigil.echo(now);
            if let Some((claim, version)) = vigil.silent() {
                self.election.silent(vigil.generation(), claim, version);
            }
        }
    }

    /// How long others are to be waited for: some time if this member was cut off a moment ago, as they
    /// may not be back yet.
    pub(super) fn grace(&self) -> Duration {
        let now = self.life.surroundings.now().elapsed;
        let back = self
            .back
            .is_some_and(|back| now.saturating_sub(back) < GRACE);
        if back { GRACE } else { Duration::ZERO }
    }

    fn vigil_of(&mut self, generation: u64) -> Option<&mut PredecessorWatch> {
        let vigil = self.vigil.as_mut();
        vigil.filter(|vigil| vigil.generation() == generation)
    }
}
