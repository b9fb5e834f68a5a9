//! Verdicts: those who are overdue, removed and told of together, as many as one transaction holds.

use std::collections::BTreeSet;

use super::limits::MOST_REMOVED;
use super::{Death, EventLog, MasterState, Pending};
use crate::clock::Now;
use crate::master::transaction::{Outcome, RemovedFollower, Write};
use crate::protocol::{Event, EventKind, Identity};

/// What a path takes up beside the name in it: the namespace, which is short, and the request around it.
const PATH: usize = 64;

/// A transaction that removes followers, on its way.
#[derive(Debug)]
pub(super) struct RemovalBatch {
    /// How many of the events that waited are told with it.
    told: usize,
    verdicts: Vec<Verdict>,
    nodes: BTreeSet<String>,
    /// Those of them whose znodes were seen to go meanwhile: by this transaction, unless it is not made.
    vanished: Vec<String>,
}

#[derive(Debug)]
struct Verdict {
    node: String,
    event: Event,
    identity: Identity,
}

impl RemovalBatch {
    /// A follower's znode went. Returns whether it is one of those that this transaction removes.
    pub(super) fn vanished(&mut self, node: &str) -> bool {
        let is_one = self.nodes.contains(node);
        if is_one {
            self.vanished.push(node.to_owned());
        }
        is_one
    }
}

impl MasterState {
    /// Looks who is overdue, once for each echo. Nobody is while members come back from an outage: servers and
    /// machines are busy with it, and who beats may fall silent once more.
    pub(super) fn find_overdue(&mut self) {
        self.overdue.clear();
        if self.grace.is_none() && self.detector.may_be_overdue() {
            self.overdue
                .extend(self.detector.overdue().map(str::to_owned));
        }
    }

    /// Removes those who are overdue, if there is room to tell it.
    pub(super) fn remove_overdue(&mut self, now: Now) -> Option<Write> {
        if self.overdue.is_empty() || self.grace.is_some() {
            return None;
        }
        // One that was heard since the echo is not overdue any more.
        let detector = &self.detector;
        let company = detector.company();
        self.overdue
            .retain(|node| detector.is_overdue(node, company));
        let mut fresh = self.news.next(&self.room);
        let told = fresh.len();
        let mut sequence = self.news.sequence_after(told);
        if self.news.waiting() > told {
            // What happened before is told before.
            return None;
        }
        let costs = fresh.iter().map(EventLog::cost);
        let (lines, messages) = costs.fold((0, 0), |sum, cost| (sum.0 + cost.0, sum.1 + cost.1));
        let mut lines = self.news.room_left(&self.room).saturating_sub(lines);
        let mut messages = self.room.messages.saturating_sub(messages);
        let mut path_bytes = self.room.removed;
        let (mut removed, mut verdicts) = (Vec::new(), Vec::new());
        for node in self.overdue.iter().take(self.batch) {
            // Only who was read is in the detector; a version that never was spares a node by mistake.
            let Some(follower) = self.followers.get(node) else {
                continue;
            };
            let claim = follower.identity.claim.clone();
            let event = self.event(now.wall, EventKind::Died, node);
            let (line, message) = EventLog::cost(&event);
            let paths = node.len() + PATH + claim.as_ref().map_or(0, |claim| claim.len() + PATH);
            let fits = line <= lines && message <= messages && paths <= path_bytes;
            // One that is alone in its report fits, or it would stay for good.
            let is_alone = fresh.is_empty() && self.news.recent().next().is_none();
            if !fits && !is_alone {
                break;
            }
            lines = lines.saturating_sub(line);
            messages = messages.saturating_sub(message);
            path_bytes = path_bytes.saturating_sub(paths);
            sequence += 1;
            let event = Event {
                sequence: Some(sequence),
                ..event
            };
            removed.push(RemovedFollower {
                node: node.clone(),
                version: follower.version.unwrap_or(0),
                owner: follower.owner,
                claim,
            });
            fresh.push(event.clone());
            verdicts.push(Verdict {
                node: node.clone(),
                event,
                identity: follower.identity.clone(),
            });
        }
        if verdicts.is_empty() {
            return None;
        }
        let report = self.report(now, &fresh, &[], sequence);
        self.budget.spend(now.elapsed, report.len());
        self.pending = Some(Pending::RemoveDead(RemovalBatch {
            told,
            nodes: verdicts.iter().map(|one| one.node.clone()).collect(),
            verdicts,
            vanished: Vec::new(),
        }));
        Some(Write::RemoveDead { removed, report })
    }

    /// What came of it.
    pub(super) fn batch_answered(
        &mut self,
        now: Now,
        batch_under_way: RemovalBatch,
        outcome: Outcome,
    ) {
        let node = |at: usize| batch_under_way.verdicts.get(at).map(|one| one.node.clone());
        match outcome {
            Outcome::Done => {
                self.news.have_told(now.elapsed, batch_under_way.told);
                let mut told = Vec::with_capacity(batch_under_way.verdicts.len());
                for Verdict {
                    node,
                    event,
                    identity,
                } in batch_under_way.verdicts
                {
                    self.remember_dead(now, &node);
                    self.detector.left(now.elapsed, &node);
                    told.push((event, self.death(&node, identity)));
                }
                self.news.have_told_verdicts(now.elapsed, told);
                self.batch = (self.batch * 2).min(MOST_REMOVED);
                return;
            }
            Outcome::Spared(at) => {
                if let Some(node) = node(at) {
                    self.detector.heard(now.elapsed, &node);
                }
            }
            Outcome::Gone(at) => {
                if let Some(node) = node(at) {
                    self.vanished(now, &node);
                }
            }
            Outcome::Refused(at, why) => {
                if let Some(node) = node(at) {
                    self.pass_over(now, &node, why);
                }
            }
            // One that was overtaken is over.
            Outcome::Overtaken => return,
        }
        // Nothing of it was made: the others are tried again, fewer at once, so that some of them are removed.
        self.batch = (self.batch / 2).max(1);
        self.batch_not_written(now, &batch_under_way);
    }

    /// A transaction was not made: whoever went meanwhile did so by itself.
    pub(super) fn batch_not_written(&mut self, now: Now, batch_under_way: &RemovalBatch) {
        for node in &batch_under_way.vanished {
            self.vanished(now, node);
        }
    }

    /// A follower that was judged to be dead.
    pub(super) fn death(&self, node: &str, identity: Identity) -> Death {
        Death {
            node: node.to_owned(),
            identity,
            epoch: self.epoch,
        }
    }
}
