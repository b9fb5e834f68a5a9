//! What is known of a job: its members, its events, its master, and whether it can be read. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::cpu::CpuShares;
use super::states::rank;
use crate::event_log::EventLog;
use crate::history::{JobHistory, KnownMember};
use crate::strip::CELLS;
use heartline_core::clock::Now;
use heartline_core::protocol::Event;
use heartline_core::text;
use heartline_observe::status::{CurrentMaster, Overview};

/// The time that strips show, if their cells suffice.
const MINUTE: Duration = Duration::from_secs(60);

/// One job.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) history: JobHistory,
    pub(super) log: EventLog,
    pub(super) master: Option<CurrentMaster>,
    /// The interval set for all members.
    pub(super) interval: Option<Duration>,
    /// Number of znodes without a row that cannot be read.
    pub(super) unreadable: usize,
    /// Since when ZooKeeper cannot be read, and why.
    pub(super) away: Option<(DateTime<Utc>, String)>,
    /// The last reading, on the clock of the program and on that of the servers.
    pub(super) read: Option<Now>,
    /// Number of readings.
    pub(super) readings: usize,
    /// Sums over all members that beat.
    pub(super) beats_per_second: f64,
    pub(super) records_per_second: Option<f64>,
    pub(super) cpu: CpuShares,
    /// The time between two readings, as it was lately.
    period: Duration,
    /// The place of each member by name.
    ranks: Vec<usize>,
}

impl Model {
    /// A job of which nothing is known, read once in each `period`.
    pub(super) fn new(period: Duration) -> Self {
        Self {
            history: JobHistory::default(),
            log: EventLog::default(),
            master: None,
            interval: None,
            unreadable: 0,
            away: None,
            read: None,
            readings: 0,
            beats_per_second: 0.0,
            records_per_second: None,
            cpu: CpuShares::default(),
            period,
            ranks: Vec::new(),
        }
    }

    /// A reading that took `took` and ended at `now`.
    pub(super) fn take(&mut self, took: Duration, now: Duration, overview: &Overview) {
        if let Some(read) = self.read {
            // Smoothed; an outage is no period.
            let since = now.saturating_sub(read.elapsed).min(self.period * 4);
            self.period = (self.period * 7 + since) / 8;
        }
        self.away = None;
        self.read = Some(Now {
            elapsed: now,
            wall: overview.now,
        });
        self.readings += 1;
        let is_anew = self.history.read(now.saturating_sub(took), now, overview);
        self.master.clone_from(&overview.master);
        self.interval = overview.interval;
        self.unreadable = overview.unreadable.len();
        let beats = overview.rows.iter().filter_map(|row| row.beats_per_second);
        // The sum of no floats is negative zero.
        self.beats_per_second = beats.fold(0.0, |sum, one| sum + one);
        let records = overview
            .rows
            .iter()
            .filter_map(|row| row.records_per_second);
        self.records_per_second = records.fold(None, |sum, one| Some(sum.unwrap_or(0.0) + one));
        for row in &overview.rows {
            if let Some(cpu) = row.status().and_then(|status| status.cpu_ms) {
                let cpu = Duration::from_millis(cpu).as_secs_f64() * 1e3;
                self.cpu.take(&row.node, cpu, now);
            }
        }
        self.cpu.forget_others(now);
        if is_anew || self.ranks.len() != self.history.members().len() {
            self.rank();
        }
    }

    fn rank(&mut self) {
        let names: Vec<&str> = self.history.members().map(|one| one.name()).collect();
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by(|a, b| alphanumeric_sort::compare_str(names[*a], names[*b]));
        let mut ranks = vec![0; order.len()];
        for (rank, index) in order.into_iter().enumerate() {
            ranks[index] = rank;
        }
        self.ranks = ranks;
    }

    /// Something has happened at `now`.
    pub(super) fn event(&mut self, now: Duration, event: &Event) {
        // An event holds only texts and numbers, so it can always be written.
        let json = text::json(event).unwrap_or_default();
        self.history.event(now, event);
        self.log.push(json);
    }

    /// A reading has failed.
    pub(super) fn unavailable(&mut self, at: DateTime<Utc>, why: String) {
        let since = self.away.take().map_or(at, |(since, _)| since);
        self.away = Some((since, why));
    }

    /// The member with this name.
    pub(super) fn member(&self, node: &str) -> Option<KnownMember<'_>> {
        self.history.known(self.history.index(node)?)
    }

    /// The place of a member among all by name.
    pub(super) fn name_rank(&self, index: usize) -> usize {
        self.ranks.get(index).copied().unwrap_or(index)
    }

    /// The age of a member's last beat at the last reading.
    pub(super) fn lag(&self, member: KnownMember<'_>) -> Option<Duration> {
        member.lag(self.read?.elapsed)
    }

    /// The time since a member joined; `None` if it is not known.
    pub(super) fn age(&self, member: KnownMember<'_>) -> Option<Duration> {
        let joined = member.time("joined")?;
        let age = self.read?.wall - joined;
        age.to_std().ok()
    }

    /// Number of cells that a strip shows, and the time that they stand for.
    pub(super) fn span(&self) -> (usize, Duration) {
        let mut cells = 0;
        let mut time = Duration::ZERO;
        // Few additions instead of a division that needs casts.
        while cells < CELLS && time < MINUTE {
            cells += 1;
            time += self.period.max(Duration::from_millis(1));
        }
        (cells, time)
    }

    /// The time between two readings, as it was lately.
    pub(super) fn period(&self) -> Duration {
        self.period
    }

    /// Number of members in each state, by its rank: the worst first.
    pub(super) fn counts(&self) -> BTreeMap<usize, usize> {
        let mut counts = BTreeMap::new();
        for member in self.history.members() {
            *counts.entry(rank(member.state())).or_default() += 1;
        }
        counts
    }
}
