//! What has happened in a run, transaction by transaction, and what of it broke a rule.

use std::collections::{BTreeMap, BTreeSet};

use heartline::protocol::claim::in_order;
use heartline::protocol::{Event, EventKind};

use crate::checks;
use crate::ensemble::Transaction;
use crate::ensemble::tree::Change;
use crate::world::Millis;
use crate::world::process::Health;

pub(crate) const MASTER: &str = "/heart_beat_master";
pub(crate) const CLAIMS: &str = "/heart_beat_master/";
pub(crate) const MEMBERS: &str = "/heart_beat/";
pub(crate) const REQUESTS: &str = "/heart_beat_requests/";

/// A claim or a follower's znode that stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) owner: i64,
    /// When it was set last.
    pub(crate) written: Millis,
    /// When its owner has sent that, as its value says; the write may have been on its way for long.
    pub(crate) sent: Millis,
}

/// The longest way of a write, with a part of the network that is slow.
const LONGEST_WAY: Millis = 600;

/// When a beat was sent that was written at `written`. A wall clock that is far off says nothing.
fn sent(value: &[u8], written: Millis) -> Millis {
    let value = String::from_utf8_lossy(value);
    let seconds = value.split_once("alive at ").and_then(|(_, rest)| {
        let (time, _) = rest.split_once('!')?;
        let (seconds, micros) = time.split_once('.')?;
        let millis = micros.get(..3)?.parse::<i64>().ok()?;
        let begin = crate::world::wall(0).timestamp_millis();
        let sent = seconds.parse::<i64>().ok()? * 1000 + millis - begin;
        Millis::try_from(sent).ok()
    });
    let sent = seconds.filter(|sent| *sent <= written && written - sent <= LONGEST_WAY);
    sent.unwrap_or(written)
}

/// One master's time.
#[derive(Clone, Debug)]
pub(crate) struct MasterLease {
    pub(crate) epoch: i64,
    pub(crate) session: i64,
    /// When it wrote last.
    pub(crate) last: Millis,
}

/// A follower that was killed while its znode stood.
#[derive(Clone, Debug)]
pub(crate) struct Crash {
    pub(crate) node: String,
    pub(crate) at: Millis,
    /// The epoch in which it was.
    pub(crate) epoch: Option<i64>,
    /// When its znode went.
    gone: Option<Millis>,
    /// Whether the master of that epoch was there from the crash until it must have reported it.
    pub(crate) is_reported: Option<bool>,
    /// Whether the master knows it at once, by a direct connection.
    pub(crate) is_known: bool,
}

/// All that the checks look at.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The followers' timeout.
    pub(crate) timeout: Millis,
    /// Whether beats also come by direct connections.
    pub(crate) is_direct: bool,
    /// Whether to print what happens.
    pub(crate) verbose: bool,
    seen: usize,
    /// What broke a rule, first come first.
    pub(crate) broken: Vec<String>,
    /// The claims that stand, with their owners.
    pub(crate) claims: BTreeMap<String, Standing>,
    pub(crate) members: BTreeMap<String, Standing>,
    /// Which process each session is of.
    processes: BTreeMap<i64, usize>,
    pub(crate) reigns: Vec<MasterLease>,
    /// Each reported event, by its number.
    pub(crate) reported: BTreeMap<u64, Event>,
    /// The followers that were reported to have joined, each with its session at that time.
    pub(crate) joined: BTreeSet<(String, i64)>,
    /// The last event reported of each follower.
    pub(crate) last_reported: BTreeMap<String, EventKind>,
    pub(crate) crashes: Vec<Crash>,
    /// Processes that were asked to leave.
    pub(crate) leaving: Vec<usize>,
    /// Which process each name is of.
    pub(crate) names: BTreeMap<String, usize>,
    /// Processes whose goodbye has come to another one.
    pub(crate) goodbyes: BTreeSet<usize>,
    /// Number of deaths that were reported by each cause.
    pub(crate) causes: BTreeMap<String, usize>,
    /// How long it took until crashes were reported that the master knows at once.
    pub(crate) found: Vec<Millis>,
    /// Number of removed followers.
    pub(crate) removals: usize,
    /// How many requests of operators were answered.
    pub(crate) answers: usize,
    /// When each claim was written.
    pub(crate) beats: BTreeMap<String, Vec<Millis>>,
}

impl History {
    pub(crate) fn new(timeout: Millis, verbose: bool) -> Self {
        Self {
            timeout,
            verbose,
            ..Self::default()
        }
    }

    pub(crate) fn trace(&self, now: Millis, line: impl FnOnce() -> String) {
        if self.verbose {
            println!("{now:>8} {}", line());
        }
    }

    pub(crate) fn belongs(&mut self, session: i64, process: usize) {
        self.processes.insert(session, process);
    }

    /// The process of a session; none for that of somebody who is no member.
    pub(crate) fn process(&self, session: i64) -> Option<usize> {
        self.processes.get(&session).copied()
    }

    pub(crate) fn has_seen(&self, decided: usize) -> bool {
        self.seen >= decided
    }

    pub(crate) fn break_rule(&mut self, now: Millis, what: &str) {
        self.trace(now, || format!("BROKEN: {what}"));
        self.broken.push(format!("at {now} ms: {what}"));
    }

    /// The path of the claim that is first in line.
    pub(crate) fn first_claim(&self) -> Option<String> {
        let names: Vec<String> = self
            .claims
            .keys()
            .map(|path| path[CLAIMS.len()..].to_owned())
            .collect();
        in_order(&names)
            .first()
            .map(|name| format!("{CLAIMS}{name}"))
    }

    /// Whose claim is first in line.
    pub(crate) fn first_in_line(&self) -> Option<i64> {
        let first = self.claims.get(&self.first_claim()?);
        first.map(|claim| claim.owner)
    }

    /// A transaction was decided: it is judged by what was before, and then what is follows.
    pub(crate) fn observe(
        &mut self,
        now: Millis,
        decided: usize,
        transaction: &Transaction,
        healths: &[Health],
    ) {
        self.seen = decided;
        if self.verbose {
            self.print(now, transaction);
        }
        checks::judge(self, now, transaction, healths);
        for change in &transaction.changes {
            let path = change.path();
            if path.starts_with(CLAIMS) {
                match change {
                    // What no session owns is no claim.
                    Change::Created { stat, .. } | Change::Set { stat, .. } if stat.owner == 0 => {}
                    Change::Created { stat, .. } | Change::Set { stat, .. } => {
                        let (owner, written) = (stat.owner, now);
                        self.beats.entry(path.to_owned()).or_default().push(now);
                        let standing = Standing {
                            owner,
                            written,
                            sent: written,
                        };
                        self.claims.insert(path.to_owned(), standing);
                    }
                    Change::Deleted { .. } => {
                        self.claims.remove(path);
                    }
                }
            } else if path.starts_with(REQUESTS) {
                self.answers += usize::from(matches!(change, Change::Set { .. }));
            } else if let Some(node) = path.strip_prefix(MEMBERS) {
                match change {
                    Change::Created { stat, .. } | Change::Set { stat, .. } if stat.owner == 0 => {}
                    Change::Created { stat, value, .. } | Change::Set { stat, value, .. } => {
                        let standing = Standing {
                            owner: stat.owner,
                            written: now,
                            sent: sent(value, now),
                        };
                        self.members.insert(path.to_owned(), standing);
                    }
                    Change::Deleted { .. } => {
                        self.members.remove(path);
                        for crash in self.crashes.iter_mut().filter(|crash| crash.node == node) {
                            crash.gone.get_or_insert(now);
                        }
                    }
                }
            }
        }
    }

    /// A master reports: it must have reported a follower that crashed by now, if its znode went a
    /// while ago and the master was there all the time.
    pub(crate) fn reported(&mut self, now: Millis, epoch: i64, health: &Health) {
        for crash in &mut self.crashes {
            let is_due = crash.gone.is_some_and(|gone| now > gone + self.timeout);
            if is_due && crash.is_reported.is_none() {
                crash.is_reported =
                    Some(crash.epoch == Some(epoch) && health.well_since <= crash.at);
            }
        }
    }

    /// A process is gone without a word.
    pub(crate) fn killed(&mut self, now: Millis, process: usize, is_known: bool) {
        let own = self
            .members
            .iter()
            .filter(|(_, standing)| self.process(standing.owner) == Some(process));
        let nodes: Vec<String> = own
            .map(|(path, _)| path[MEMBERS.len()..].to_owned())
            .collect();
        // One that has said its last word has not crashed.
        if self.leaving.contains(&process) {
            return;
        }
        let reign = self.reigns.last();
        let reign = reign.filter(|reign| self.first_in_line() == Some(reign.session));
        let epoch = reign.map(|reign| reign.epoch);
        self.crashes.extend(nodes.into_iter().map(|node| Crash {
            node,
            at: now,
            epoch,
            gone: None,
            is_reported: None,
            is_known,
        }));
    }

    fn print(&self, now: Millis, transaction: &Transaction) {
        let who = self
            .process(transaction.session)
            .map_or("-".to_owned(), |process| process.to_string());
        for change in &transaction.changes {
            let line = match change {
                Change::Created { path, .. } => format!("creates {path}"),
                Change::Deleted { path } => format!("deletes {path}"),
                Change::Set { path, value, .. } => {
                    let text = String::from_utf8_lossy(value);
                    let text = text.replace('\n', " | ");
                    format!("sets {path} {}", text.chars().take(90).collect::<String>())
                }
            };
            println!("{now:>8} [{who}] {:x} {line}", transaction.zxid);
        }
    }
}
