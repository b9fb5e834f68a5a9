//! A member's place in the line: the election's answers, and the predecessor watch.

use std::time::Duration;

use super::MemberSession;
use crate::line_watch::{self, MOST_AHEAD};
use crate::session_event::ElectionReply;
use heartline_core::master::election::ElectionAction;
use heartline_core::master::predecessor::PredecessorWatch;

/// How long to wait for other members after an outage: normally all are back within a second.
const GRACE: Duration = Duration::from_secs(2);

/// Maximum number of removed claim owners to remember: the master, and all that may be deposed with it.
const MOST_REMOVED: usize = 1 + MOST_AHEAD;

impl MemberSession<'_> {
    pub(super) fn answered(&mut self, answer: ElectionReply) {
        match answer {
            ElectionReply::Created(generation, name, owner) => {
                self.election.created(generation, name, owner);
            }
            ElectionReply::Listed(generation, names) => self.election.listed(generation, &names),
            ElectionReply::Inspected(generation, claim, owner) => {
                if owner == Some(0) {
                    self.note_no_claim(&claim);
                }
                self.election.inspected(generation, claim, owner);
            }
            ElectionReply::PredecessorSeen(generation, view) => {
                let now = self.context.environment.now().elapsed;
                if let Some(predecessor_watch) = self.predecessor_watch_of(generation) {
                    predecessor_watch.seen(now, view);
                }
                self.judge_predecessor();
            }
            ElectionReply::PredecessorStirred(generation) => {
                let now = self.context.environment.now().elapsed;
                if let Some(predecessor_watch) = self.predecessor_watch_of(generation) {
                    predecessor_watch.changed(now);
                }
            }
            ElectionReply::LineSeen(seen) => {
                let now = self.context.environment.now().elapsed;
                if let Some(predecessor_watch) = &mut self.predecessor_watch {
                    predecessor_watch.looked(now, seen);
                }
            }
            ElectionReply::NoClaim(generation, claim) => {
                self.note_no_claim(&claim);
                self.end_predecessor();
                self.election.no_claim(generation, claim);
            }
            ElectionReply::PredecessorGone(generation) => {
                self.end_predecessor();
                self.election.predecessor_gone(generation);
            }
            ElectionReply::Ousted(generation, ousting, went, removed) => {
                self.removed.extend(removed);
                let surplus = self.removed.len().saturating_sub(MOST_REMOVED);
                self.removed.drain(..surplus);
                self.election.deposed_as(generation, ousting, went);
            }
        }
        let claim = self.election.claim();
        let known = &mut self.context.config.identity.claim;
        if known.as_deref() != claim {
            *known = claim.map(str::to_owned);
            if let Some(listener) = &mut self.context.listener {
                listener.hold(claim);
            }
        }
    }

    fn note_no_claim(&mut self, claim: &str) {
        let path = self.session.paths().claim(claim);
        self.context
            .note(&path, "no session owns it, so it is not a member's claim");
    }

    /// Starts the predecessor watch if the action asks for it. Returns whether it did.
    pub(super) fn watch_predecessor(&mut self, action: &ElectionAction) -> bool {
        let ElectionAction::Listen { generation, claim } = action else {
            return false;
        };
        let (generation, grace) = (*generation, self.grace());
        let mut terms = self.context.config.pace.detection;
        // Deposing a master that is only late costs more than a late takeover.
        terms.timeout *= 2;
        let mut watch = PredecessorWatch::begin(generation, claim.clone(), terms, !grace.is_zero());
        if let Some(before) = self.predecessor_watch.take() {
            let now = self.context.environment.now().elapsed;
            watch = watch.continuing(now, before);
        }
        self.predecessor_watch = Some(watch);
        self.inform_watch();
        let own = self.election.claim().unwrap_or_default().to_owned();
        let looking = self.looking.as_ref();
        if looking.is_some_and(|(of, task)| *of == own && !task.is_finished()) {
            return true;
        }
        let look = line_watch::look_ahead(
            self.session.clone(),
            own.clone(),
            grace,
            self.outside.clone(),
        );
        self.end_look();
        self.looking = Some((own, self.tasks.spawn(look)));
        true
    }

    /// The predecessor is gone; the election says what comes next.
    fn end_predecessor(&mut self) {
        if let Some(predecessor_watch) = &mut self.predecessor_watch {
            predecessor_watch.gone();
        }
    }

    /// Ends the predecessor watch.
    pub(super) fn end_predecessor_watch(&mut self) {
        self.predecessor_watch = None;
        self.end_look();
    }

    fn end_look(&mut self) {
        if let Some((_, looking)) = self.looking.take() {
            looking.abort();
        }
    }

    /// The member's own beat was acknowledged, which proves that it could hear those before it in the line.
    pub(super) fn echo(&mut self) {
        let now = self.context.environment.now().elapsed;
        let base = self.context.config.pace.interval;
        let slower = self.zookeeper_interval().saturating_sub(base);
        if let Some(predecessor_watch) = &mut self.predecessor_watch {
            predecessor_watch.beat_every(self.context.config.pace.detection.longest_gap + slower);
            predecessor_watch.echo(now);
        }
        self.ask_holder();
        self.judge_predecessor();
    }

    /// Deposes those before this member in the line who are dead.
    pub(super) fn judge_predecessor(&mut self) {
        if let Some(predecessor_watch) = &mut self.predecessor_watch {
            let generation = predecessor_watch.generation();
            while let Some((silent, cause)) = predecessor_watch.silent() {
                if !self.election.silent(generation, silent.clone(), cause) {
                    break;
                }
                predecessor_watch.said(silent);
            }
        }
    }

    /// How long to wait for other members: some time if this member was disconnected a moment ago, since they
    /// may not be back yet.
    pub(super) fn grace(&self) -> Duration {
        let now = self.context.environment.now().elapsed;
        let back = self
            .back
            .is_some_and(|back| now.saturating_sub(back) < GRACE);
        if back { GRACE } else { Duration::ZERO }
    }

    fn predecessor_watch_of(&mut self, generation: u64) -> Option<&mut PredecessorWatch> {
        let predecessor_watch = self.predecessor_watch.as_mut();
        predecessor_watch.filter(|predecessor_watch| predecessor_watch.generation() == generation)
    }
}
