//! Verdicts: removes overdue followers and reports them together, as many as one transaction holds.

use std::collections::BTreeSet;
use std::time::Duration;

use super::followers::ZnodeReads;
use super::limits::MOST_REMOVED;
use super::{Death, EventLog, MasterState, Pending};
use crate::clock::Now;
use crate::detect::DeathCause;
use crate::master::transaction::{Outcome, RemovedFollower, Write};
use crate::protocol::{Event, EventKind, Identity};

/// Bytes of a path beside the name: the namespace, which is short, and the request around it.
const PATH: usize = 64;

/// The pause between two searches for overdue followers, for each follower. A search takes a tenth of it or less
/// (measured on two cores of a virtual machine).
const SEARCH_PAUSE: Duration = Duration::from_micros(1);

/// A transaction that removes followers, while it is under way.
#[derive(Debug)]
pub(super) struct RemovalBatch {
    /// Number of waiting events that it reports.
    reported: usize,
    verdicts: Vec<Verdict>,
    nodes: BTreeSet<String>,
    /// Those of its followers whose znodes vanished in the meantime: this transaction removed them, unless it
    /// fails.
    vanished: Vec<String>,
}

#[derive(Debug)]
struct Verdict {
    node: String,
    /// The version of its znode that was read last.
    version: i32,
    event: Event,
    identity: Identity,
}

impl RemovalBatch {
    /// A follower's znode vanished. Returns whether this transaction removes it.
    pub(super) fn vanished(&mut self, node: &str) -> bool {
        let is_one = self.nodes.contains(node);
        if is_one {
            self.vanished.push(node.to_owned());
        }
        is_one
    }
}

impl MasterState {
    /// Finds the overdue followers, once per echo. It finds none while members return from an outage: servers
    /// and machines are busy with it, and a member that beats may fall silent again.
    ///
    /// Those whose processes are proved to have ended come first, whatever the detector says.
    pub(super) fn find_overdue(&mut self, now: Now) {
        self.searched = now.elapsed;
        self.overdue = Vec::new();
        if self.grace.is_some() {
            return;
        }
        let ended = self.connections.all_ended();
        let ended = ended.filter(|node| self.ended(node).is_some());
        self.overdue = ended.map(str::to_owned).collect();
        if self.detector.may_be_doubtful() {
            self.doubt(now);
        }
        if self.detector.may_be_overdue() {
            let ended = self.overdue.len();
            let silent = self.detector.overdue();
            let silent = silent.filter(|node| !self.overdue[..ended].iter().any(|one| one == node));
            let silent: Vec<String> = silent.map(str::to_owned).collect();
            self.overdue.extend(silent);
        }
    }

    /// Finds the overdue followers before the next echo, unless that was done so lately that it would cost too much:
    /// with thousands of followers in doubt there is a reason for it thousands of times a second.
    pub(super) fn find_overdue_early(&mut self, now: Now) {
        let followers = u32::try_from(self.followers.len()).unwrap_or(u32::MAX);
        if now.elapsed.saturating_sub(self.searched) >= SEARCH_PAUSE * followers {
            self.find_overdue(now);
        }
    }

    /// If the process of a follower is proved to have ended, it is overdue, before all that are only silent.
    pub(super) fn found_ended(&mut self, node: &str) {
        if self.grace.is_some() || self.ended(node).is_none() {
            return;
        }
        if !self.overdue.iter().any(|one| one == node) {
            self.overdue.insert(0, node.to_owned());
        }
    }

    /// Why a follower is dead, if it is.
    fn cause(&self, node: &str, company: u32) -> Option<DeathCause> {
        let follower = self.followers.get(node)?;
        let is_silent = || {
            // It may beat in ZooKeeper alone: that is being read.
            let is_unknown = follower.reads == ZnodeReads::Resumed;
            !is_unknown && self.detector.is_overdue(node, company)
        };
        self.ended(node)
            .or_else(|| is_silent().then_some(DeathCause::Silent))
    }

    /// Removes the overdue followers, if the report has room for them.
    #[expect(
        clippy::too_many_lines,
        reason = "one step: who is overdue, who of them fits, and the report about it"
    )]
    pub(super) fn remove_overdue(&mut self, now: Now) -> Option<Write> {
        if self.overdue.is_empty() || self.grace.is_some() {
            return None;
        }
        // A follower that was heard since the echo is no longer overdue.
        let company = self.detector.company();
        let mut overdue = std::mem::take(&mut self.overdue);
        overdue.retain(|node| self.cause(node, company).is_some());
        self.overdue = overdue;
        let mut fresh = self.news.next(&self.room);
        let reported = fresh.len();
        let mut sequence = self.news.sequence_after(reported);
        if self.news.waiting() > reported {
            // Earlier events must be reported first.
            return None;
        }
        let costs = fresh.iter().map(EventLog::cost);
        let (lines, messages) = costs.fold((0, 0), |sum, cost| (sum.0 + cost.0, sum.1 + cost.1));
        let mut lines = self.news.room_left(&self.room).saturating_sub(lines);
        let mut messages = self.room.messages.saturating_sub(messages);
        let mut path_bytes = self.room.removed;
        let (mut removed, mut verdicts) = (Vec::new(), Vec::new());
        for node in self.overdue.iter().take(self.batch) {
            // The detector knows only followers that were read; a wrong version spares a follower.
            let Some(follower) = self.followers.get(node) else {
                continue;
            };
            let claim = follower.identity.claim.clone();
            let event = Event {
                cause: self.cause(node, company),
                silence: self.silence(now, node),
                ..self.event(now.wall, EventKind::Died, node)
            };
            let (line, message) = EventLog::cost(&event);
            let paths = node.len() + PATH + claim.as_ref().map_or(0, |claim| claim.len() + PATH);
            let fits = line <= lines && message <= messages && paths <= path_bytes;
            // A single follower always fits into an empty report; otherwise it would stay for good.
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
            let version = follower.version.unwrap_or(0);
            removed.push(RemovedFollower {
                node: node.clone(),
                version,
                owner: follower.owner,
                claim,
                claim_version: follower.claim_version,
            });
            fresh.push(event.clone());
            verdicts.push(Verdict {
                node: node.clone(),
                version,
                event,
                identity: follower.identity.clone(),
            });
        }
        if verdicts.is_empty() {
            return None;
        }
        let report = self.report(now, &fresh, reported, &[]);
        self.budget.spend(now.elapsed, report.len());
        self.pending = Some(Pending::RemoveDead(RemovalBatch {
            reported,
            nodes: verdicts.iter().map(|one| one.node.clone()).collect(),
            verdicts,
            vanished: Vec::new(),
        }));
        Some(Write::RemoveDead { removed, report })
    }

    /// Handles the outcome of the transaction.
    pub(super) fn batch_answered(
        &mut self,
        now: Now,
        batch_under_way: RemovalBatch,
        outcome: Outcome,
    ) {
        let node = |at: usize| batch_under_way.verdicts.get(at).map(|one| one.node.clone());
        match outcome {
            // Such a batch writes no control.
            Outcome::Done | Outcome::ControlRefused(_) => {
                self.news
                    .mark_reported(now.elapsed, batch_under_way.reported);
                let mut reported = Vec::with_capacity(batch_under_way.verdicts.len());
                for Verdict {
                    node,
                    event,
                    identity,
                    ..
                } in batch_under_way.verdicts
                {
                    // A read that was under way, or one of a server that lags behind, still finds the znode.
                    if !batch_under_way.vanished.contains(&node)
                        && let Some(follower) = self.followers.get(&node)
                    {
                        self.removed.insert(node.clone(), follower.created);
                    }
                    let cause = event.cause.unwrap_or(DeathCause::Silent);
                    self.remember_dead(now, &node, cause);
                    self.detector.left(now.elapsed, &node);
                    reported.push((event, self.death(&node, identity)));
                }
                self.news.mark_verdicts_reported(now.elapsed, reported);
                self.batch = (self.batch * 2).min(MOST_REMOVED);
                return;
            }
            Outcome::Spared(at) => {
                if let Some(node) = node(at) {
                    self.detector.heard(now.elapsed, &node);
                    // Its newer value was read in the meantime, or is on its way.
                    if let Some(follower) = self.followers.get_mut(&node) {
                        let verdict = batch_under_way.verdicts.get(at);
                        follower.spared = verdict.map(|verdict| verdict.version);
                    }
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
            // The epoch of an overtaken master is over.
            Outcome::Overtaken => return,
        }
        // Nothing was written. Try the others again, fewer at once, so that some of them are removed.
        self.batch = (self.batch / 2).max(1);
        self.batch_not_written(now, &batch_under_way);
    }

    /// The transaction was not made: a follower that vanished in the meantime left on its own.
    pub(super) fn batch_not_written(&mut self, now: Now, batch_under_way: &RemovalBatch) {
        for node in &batch_under_way.vanished {
            self.vanished(now, node);
        }
    }

    /// The death of a follower.
    pub(super) fn death(&self, node: &str, identity: Identity) -> Death {
        Death {
            node: node.to_owned(),
            identity,
            epoch: self.epoch,
        }
    }
}
