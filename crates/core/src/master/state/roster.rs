//! Which followers a report names, and what a new master learns from it about those that it does not name.
//!
//! A new master has to know whose joins were reported, and how many followers left between both masters. A report names
//! all followers while their names take little room. Otherwise it counts those whose znodes were created up to a
//! watermark, and names only the others, which joined a moment ago. The new master finds the counted ones by their
//! znodes: so the report does not grow with the job.
//!
//! The watermark is right because of the list of followers: up to the zxid of the list's last change, no znode is missing
//! from it. A znode of the list whose join is not reported yet was created after the list before it, in which it was
//! missing; the watermark stays below that.

use std::collections::{BTreeMap, BTreeSet};

use super::followers::{Follower, Presence};
use super::limits::fitting;
use super::{FollowerReading, MasterState, PriorState};
use crate::clock::Now;
use crate::protocol::EventKind;
use crate::protocol::escape::Word;
use crate::protocol::report::{Others, fingerprint};

/// The length of a fingerprint in bytes, with the blank before it.
const FINGERPRINT: usize = 13;

/// What is known of followers that reports do not name.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// The zxid of the last change of the list of followers.
    listed: i64,
    /// The dead on the last list, each with a zxid before the creation of its znode: they may have returned.
    returning: BTreeMap<String, i64>,
    /// The fingerprints in the previous master's report, until the first list.
    fingerprints: BTreeSet<u64>,
    /// Number of followers that the previous master counted and this one has not found yet.
    missing: u32,
    /// The previous master's watermark, until it is known who is missing.
    inherited: i64,
    /// The members whose end the previous master's last events tell. If such a name is listed, it is that of a new znode,
    /// which may have been created before the report.
    ended: BTreeSet<String>,
    /// Number of followers on the first list of which it is not known whether the previous master counted them.
    undecided: usize,
    /// The followers that the previous master named and that were not on the first list, too long after its report to tell
    /// whether they have finished: one that has joined before and comes back was among them.
    unsettled: BTreeSet<String>,
    /// Whether those that are missing in the end are reported as a gap in the event numbers.
    is_gap: bool,
}

/// The followers as one report has them.
pub(super) struct Named<'a> {
    pub(super) names: Vec<&'a str>,
    pub(super) fingerprints: Vec<u64>,
    pub(super) others: Option<Others>,
}

impl Roster {
    /// What the previous master's report says to the new master `name`.
    pub(super) fn inherited(name: &str, prior: &PriorState) -> Self {
        let report = &prior.report;
        // A watermark that is not in the past is no master's.
        let others = report.others;
        let others = others.filter(|others| (1..prior.zxid).contains(&others.created));
        let (mut missing, inherited) = others.map_or((0, 0), |one| (one.count, one.created));
        let mut fingerprints = report.fingerprints.clone();
        let mut ended = BTreeSet::new();
        for event in &report.events {
            let Some(node) = &event.node else { continue };
            match event.event {
                EventKind::Died | EventKind::Finished | EventKind::Failed => {
                    ended.insert(node.clone());
                }
                EventKind::Joined | EventKind::Returned => {
                    ended.remove(node);
                }
                _ => {}
            }
        }
        // The new master was a follower itself.
        let is_counted = (1..=inherited).contains(&prior.own_created) && !ended.contains(name);
        if is_counted && !report.followers().any(|node| node == name) {
            missing = missing.saturating_sub(1);
        }
        fingerprints.remove(&fingerprint(name));
        Self {
            fingerprints,
            missing,
            inherited,
            ended,
            ..Self::default()
        }
    }

    /// Number of followers that the previous master did not name.
    pub(super) fn len(&self) -> usize {
        self.fingerprints.len() + usize::try_from(self.missing).unwrap_or(usize::MAX)
    }

    /// A member's znode is gone, or it is none of a member.
    pub(super) fn left(&mut self, node: &str) {
        self.returning.remove(node);
    }
}

impl MasterState {
    /// Takes the list of followers whose znodes exist, and the zxid of the list's last change. A follower that the
    /// previous master knew and that left between the two masters was noticed by neither; its absence is noticed here.
    pub fn listed(&mut self, now: Now, nodes: &BTreeSet<String>, zxid: i64) {
        // Bounded by the list itself.
        self.passed_over.retain(|node| nodes.contains(node));
        let roster = &mut self.roster;
        roster.returning.retain(|node, _| nodes.contains(node));
        let before = roster.listed;
        roster.listed = before.max(zxid);
        let is_first = self.standing.is_none();
        for node in nodes {
            if *node == self.master_info.node
                || self.passed_over.contains(node)
                || self.followers.contains_key(node)
            {
                continue;
            }
            // A dead follower is back only when it is heard: the list may be older than its removal.
            if self.dead.contains_key(node) {
                roster.returning.entry(node.clone()).or_insert(before);
                continue;
            }
            let follower = self.followers.entry(node.clone()).or_default();
            follower.created_after = before;
            if !roster.fingerprints.is_empty() && roster.fingerprints.remove(&fingerprint(node)) {
                follower.introduced = Some(0);
            } else if is_first && roster.inherited > 0 && !roster.ended.contains(node) {
                follower.is_undecided = true;
                roster.undecided += 1;
            }
        }
        if is_first {
            self.standing = Some(nodes.clone());
            self.find_missing(now, nodes);
        }
    }

    /// Handles those of the previous master's followers that are not on the first list.
    fn find_missing(&mut self, now: Now, nodes: &BTreeSet<String>) {
        let is_waiting = self.is_waiting(now);
        // After a longer time, a finished follower cannot be told from an expired session.
        let is_certain = !self.is_expired(now, self.inherited);
        let roster = &mut self.roster;
        // A follower with a fingerprint that is not on the first list has left; its name is unknown.
        let unnamed = std::mem::take(&mut roster.fingerprints).len();
        roster.missing += u32::try_from(unnamed).unwrap_or(0);
        roster.is_gap = is_waiting || is_certain;
        self.settle_roster(now);
        if is_waiting {
            for (node, follower) in &mut self.followers {
                if !nodes.contains(node) {
                    follower.presence = Presence::Absent;
                }
            }
            return;
        }
        let left = self.followers.keys().filter(|node| !nodes.contains(*node));
        let left: Vec<String> = left.cloned().collect();
        for node in left {
            self.followers.remove(&node);
            if is_certain {
                self.tell(now.wall, EventKind::Finished, &node);
            } else {
                self.roster.unsettled.insert(node);
            }
        }
    }

    /// A follower's znode was read: its join is reported, unless that was done before.
    pub(super) fn recognize(&mut self, now: Now, node: &str, reading: &FollowerReading) {
        self.roster.left(node);
        if self.roster.inherited > 0 || self.roster.missing > 0 {
            self.find(now, node, reading);
        }
        if self.roster.unsettled.remove(node) && reading.beat.identity.earlier_joins > 0 {
            let follower = self.followers.entry(node.to_owned()).or_default();
            follower.introduced = Some(0);
        }
        self.introduce(now, node, reading.beat.identity.returns);
    }

    /// Decides by a follower's znode whether the previous master has reported that it joined.
    fn find(&mut self, now: Now, node: &str, reading: &FollowerReading) {
        let is_waiting = self.is_waiting(now);
        let is_dead = self.dead.contains_key(node);
        let follower = self.followers.entry(node.to_owned()).or_default();
        let roster = &mut self.roster;
        let was_undecided = std::mem::take(&mut follower.is_undecided);
        roster.undecided -= usize::from(was_undecided);
        let is_counted = was_undecided && reading.created <= roster.inherited;
        // Its session has ended with the outage, or it led for a moment, and it has created a new znode.
        let is_back = reading.beat.identity.earlier_joins > 0 && roster.missing > 0;
        let is_back = is_back && is_waiting && !is_dead;
        if follower.introduced.is_none() && (is_counted || is_back) {
            follower.introduced = Some(0);
            roster.missing = roster.missing.saturating_sub(1);
        }
        self.settle_roster(now);
    }

    /// Forgets a follower that left before it was known whether the previous master had counted it. If so, it is missing.
    /// Returns whether it was such a follower.
    pub(super) fn left_undecided(&mut self, now: Now, node: &str) -> bool {
        let follower = self.followers.get(node);
        if !follower.is_some_and(|follower| follower.is_undecided) {
            return false;
        }
        self.followers.remove(node);
        self.roster.undecided -= 1;
        if let Some(standing) = &mut self.standing {
            standing.remove(node);
        }
        self.settle_roster(now);
        true
    }

    /// Once it is known which of the previous master's followers are left, those that are missing have left; their names
    /// are unknown.
    pub(super) fn settle_roster(&mut self, now: Now) {
        let is_open = self.standing.is_none() || self.is_waiting(now);
        let roster = &mut self.roster;
        if is_open || roster.undecided > 0 {
            return;
        }
        roster.inherited = 0;
        roster.ended = BTreeSet::new();
        let missing = std::mem::take(&mut roster.missing);
        if roster.is_gap {
            self.news.lose(missing.into());
        }
    }

    /// The watermark of a report that tells the events up to this position in the log.
    fn watermark(&self, told: u64) -> i64 {
        let followers = self.followers.values();
        let before = followers
            .filter(|follower| !follower.is_told(told))
            .map(Follower::before_creation);
        let returning = self.roster.returning.values().copied();
        let lowest = before.chain(returning).min();
        let lowest = lowest.map_or(self.roster.listed, |zxid| zxid.min(self.roster.listed));
        // Up to the previous master's watermark the joins of all are reported, except those whose end its report tells.
        lowest.max(self.roster.inherited)
    }

    /// The followers of a report that tells the events up to the position `told` in the log, and that these have `died`.
    /// A new master reports the joins of all others, so it has only followers whose joins are reported.
    pub(super) fn named(&self, told: u64, died: &BTreeSet<&str>, alive: &[String]) -> Named<'_> {
        let followers = self.followers.iter();
        let introduced =
            followers.filter(|(node, one)| one.is_told(told) && !died.contains(node.as_str()));
        let introduced: Vec<(&String, &Follower)> = introduced.collect();
        let roster = &self.roster;
        let mut room = self.room.fingerprints / FINGERPRINT;
        let mut named = Named {
            names: Vec::new(),
            fingerprints: roster.fingerprints.iter().copied().take(room).collect(),
            others: None,
        };
        room -= named.fingerprints.len();
        let created = self.watermark(told);
        let mut count = roster.missing;
        let bytes = |node: &str| Word(node).to_string().len() + 1;
        let sizes = introduced.iter().map(|(node, _)| bytes(node));
        // A report that lists all followers as alive already names them.
        let is_listed = alive.len() >= introduced.len();
        if !is_listed && fitting(sizes, self.room.names) == introduced.len() {
            named.names = introduced.iter().map(|(node, _)| node.as_str()).collect();
        } else if !is_listed {
            let mut left = self.room.names;
            let others = introduced.into_iter();
            for (node, follower) in others.filter(|(node, _)| alive.binary_search(node).is_err()) {
                let bytes = bytes(node);
                if (1..=created).contains(&follower.created) {
                    count += 1;
                } else if bytes <= left {
                    left -= bytes;
                    named.names.push(node);
                } else if room > 0 {
                    room -= 1;
                    named.fingerprints.push(fingerprint(node));
                }
            }
        }
        named.others = (count > 0).then_some(Others { count, created });
        named
    }
}
