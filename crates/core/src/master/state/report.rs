//! The content of one report.

use std::collections::BTreeSet;

use super::MasterState;
use super::followers::Follower;
use super::limits::fitting;
use crate::clock::Now;
use crate::protocol::escape::Word;
use crate::protocol::report::Draft;
use crate::protocol::{Event, EventKind};

impl MasterState {
    /// The next report, if one is due, and the number of waiting events in it.
    pub(super) fn next_report(&mut self, now: Now) -> Option<(usize, String)> {
        if !self.budget.allows(now.elapsed) {
            return None;
        }
        let fresh = self.news.next(&self.room);
        let told = self.news.position_after(fresh.len());
        let is_due = self.called.is_some() || self.is_report_due(now);
        let alive = if is_due && self.budget.allows_routine(now.elapsed) {
            self.take_heard(told)
        } else {
            Vec::new()
        };
        if fresh.is_empty() && alive.is_empty() {
            return None;
        }
        let report = self.report(now, &fresh, fresh.len(), &alive);
        if !alive.is_empty() {
            self.last_report = Some(now.elapsed);
            self.budget.spend_routine(now.elapsed, report.len());
        }
        self.budget.spend(now.elapsed, report.len());
        Some((fresh.len(), report))
    }

    /// The followers that were heard since they were last listed as alive: as many as one report has room
    /// for. The next reports list the others. A new master takes each of them for one whose join was reported: the
    /// report tells the events up to the position `told`.
    fn take_heard(&mut self, told: u64) -> Vec<String> {
        let from = self.called.take();
        let rest = self.followers.range_mut::<str, _>((
            from.as_deref()
                .map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded),
            std::ops::Bound::Unbounded,
        ));
        let (mut alive, mut left) = (Vec::new(), self.room.alive);
        let detector = &self.detector;
        let is_heard = |node: &str, one: &Follower| one.heard || detector.is_heard_by_group(node);
        for (node, follower) in rest.filter(|(node, one)| one.is_told(told) && is_heard(node, one))
        {
            let bytes = message(node);
            if bytes > left && !alive.is_empty() {
                self.called = alive.last().cloned();
                break;
            }
            left = left.saturating_sub(bytes);
            follower.heard = false;
            alive.push(node.clone());
        }
        alive
    }

    fn is_report_due(&self, now: Now) -> bool {
        // Allow half an interval early: otherwise a tick that comes a moment too soon would wait a whole
        // interval.
        self.last_report.is_none_or(|last| {
            let every = self.pace.detection.timeout.max(self.given_interval());
            now.elapsed.saturating_sub(last) + self.pace.interval / 2 >= every
        })
    }

    /// A report with the new events `fresh`, of which the first `reported` have waited.
    pub(super) fn report(
        &self,
        now: Now,
        fresh: &[Event],
        reported: usize,
        alive: &[String],
    ) -> String {
        // A new master takes each named follower for a live one, so leave the dead out: otherwise it would not
        // report their return or any other event of them.
        let leaves = |event: &&Event| event.event == EventKind::Died;
        let died = fresh.iter().filter(leaves);
        let died: BTreeSet<&str> = died.filter_map(|event| event.node.as_deref()).collect();
        let named = self.named(self.news.position_after(reported), &died, alive);
        let last = fresh.last().and_then(|event| event.sequence);
        let dead = self.dead.values().rev();
        let sizes = dead.clone().map(|dead| dead.to_string().len() + 1);
        let listed = fitting(sizes, self.room.dead);
        let dead: Vec<_> = dead.take(listed).collect();
        Draft {
            at: now.wall,
            epoch: self.epoch,
            master_info: &self.master_info,
            sequence: last.unwrap_or(self.news.sequence_after(0)),
            fresh,
            recent: self.news.recent().chain(fresh).collect(),
            alive: alive.iter().map(String::as_str).collect(),
            followers: named.names,
            fingerprints: named.fingerprints,
            others: named.others,
            more_dead: self.dead.len() - dead.len(),
            dead,
        }
        .compose()
    }
}

/// The length in bytes of the message of a live follower; it begins with a time of 24 characters.
fn message(node: &str) -> usize {
    24 + ": follower  still alive\n".len() + Word(node).to_string().len()
}
