//! The content of one report.

use super::MasterState;
use super::limits::fitting;
use crate::clock::Now;
use crate::protocol::escape::Word;
use crate::protocol::report::{Draft, fingerprint};
use crate::protocol::{Event, EventKind};

impl MasterState {
    /// The next report, if one is due, and the number of waiting events in it.
    pub(super) fn next_report(&mut self, now: Now) -> Option<(usize, String)> {
        if !self.budget.allows(now.elapsed) {
            return None;
        }
        let alive = if self.called.is_some() || self.is_report_due(now) {
            self.take_heard()
        } else {
            Vec::new()
        };
        let fresh = self.news.next(&self.room);
        if fresh.is_empty() && alive.is_empty() {
            return None;
        }
        if !alive.is_empty() {
            self.last_report = Some(now.elapsed);
        }
        let sequence = self.news.sequence_after(fresh.len());
        let report = self.report(now, &fresh, &alive, sequence);
        self.budget.spend(now.elapsed, report.len());
        Some((fresh.len(), report))
    }

    /// The followers that were heard since they were last listed as alive: as many as one report has room
    /// for. The next reports list the others.
    fn take_heard(&mut self) -> Vec<String> {
        let from = self.called.take();
        let rest = self.followers.range_mut::<str, _>((
            from.as_deref()
                .map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded),
            std::ops::Bound::Unbounded,
        ));
        let (mut alive, mut left) = (Vec::new(), self.room.alive);
        for (node, follower) in rest.filter(|(_, follower)| follower.heard) {
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

    /// A report with the new events `fresh`; the last of them has the number `sequence`.
    pub(super) fn report(
        &self,
        now: Now,
        fresh: &[Event],
        alive: &[String],
        sequence: u64,
    ) -> String {
        // Name only followers whose join was reported: a new master reports the join of all others. A new
        // master takes each named follower for a live one, so leave the dead out: otherwise it would not
        // report their return or any other event of them.
        let leaves = |event: &&Event| event.event == EventKind::Died;
        let died = fresh.iter().filter(leaves);
        let died: std::collections::BTreeSet<&str> =
            died.filter_map(|event| event.node.as_deref()).collect();
        let followers = self.followers.iter();
        let introduced = followers.filter(|(_, follower)| follower.introduced);
        let introduced = introduced.map(|(node, _)| node.as_str());
        let introduced: Vec<&str> = introduced.filter(|node| !died.contains(node)).collect();
        let (mut named, mut fingerprints) = (Vec::new(), Vec::new());
        // A report that lists all followers as alive already names them.
        if alive.len() < introduced.len() {
            let (mut left, mut others) = (self.room.names, self.room.fingerprints);
            for node in introduced {
                let bytes = Word(node).to_string().len() + 1;
                if bytes <= left {
                    left -= bytes;
                    named.push(node);
                } else if others >= FINGERPRINT {
                    others -= FINGERPRINT;
                    fingerprints.push(fingerprint(node));
                }
            }
        }
        let dead = self.dead.values().rev();
        let sizes = dead.clone().map(|dead| dead.to_string().len() + 1);
        let listed = fitting(sizes, self.room.dead);
        let dead: Vec<_> = dead.take(listed).collect();
        Draft {
            at: now.wall,
            epoch: self.epoch,
            master_info: &self.master_info,
            sequence,
            fresh,
            recent: self.news.recent().chain(fresh).collect(),
            alive: alive.iter().map(String::as_str).collect(),
            followers: named,
            fingerprints,
            more_dead: self.dead.len() - dead.len(),
            dead,
        }
        .compose()
    }
}

/// The length of a fingerprint in bytes, with the blank before it.
const FINGERPRINT: usize = 13;

/// The length in bytes of the message of a live follower; it begins with a time of 24 characters.
fn message(node: &str) -> usize {
    24 + ": follower  still alive\n".len() + Word(node).to_string().len()
}
