//! Figures of all jobs for Prometheus, in the `OpenMetrics` text format.
//!
//! Labels come from small sets: the namespaces of the command line, states, kinds of events, causes. Members are counted,
//! not listed, unless that is asked for: see `members`.

mod members;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use heartline_core::protocol::{Event, EventKind};
use heartline_exporter::process::ProcessCollector;
use heartline_exporter::server::metrics_text;
use heartline_observe::status::Overview;
use members::MemberCollector;

const PREFIX: &str = "heartline";

/// The bounds of the age of beats, in seconds: each twice the one before, as native histograms have them.
const AGE_SECONDS: [f64; 14] = [
    0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096,
    8.192,
];

/// The bounds of the times of readings, in seconds.
const READING_SECONDS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0];

/// The bounds of silences before a death or a takeover, in seconds: from a connection that is found closed within a
/// millisecond to a session that expires. Each is twice the one before.
const SILENCE_SECONDS: [f64; 17] = [
    0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096,
    8.192, 16.384, 32.768, 65.536,
];

/// The bounds of round trips to ZooKeeper, in seconds; each is twice the one before.
const ROUND_TRIP_SECONDS: [f64; 14] = [
    0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024,
    2.048,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfJob {
    namespace: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfState {
    namespace: String,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfEvent {
    namespace: String,
    event: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfDeath {
    namespace: String,
    cause: String,
}

type JobHistogram = Family<OfJob, Histogram, fn() -> Histogram>;
type DeathHistogram = Family<OfDeath, Histogram, fn() -> Histogram>;
type JobGauge = Family<OfJob, Gauge<f64, AtomicU64>>;
type JobCounter = Family<OfJob, Counter>;

/// The figures of all jobs.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    connected: JobGauge,
    members: Family<OfState, Gauge>,
    has_master: JobGauge,
    master_since: JobGauge,
    epoch: JobGauge,
    interval: JobGauge,
    beats: JobCounter,
    records: JobCounter,
    events: Family<OfEvent, Counter>,
    deaths: Family<OfDeath, Counter>,
    ages: JobHistogram,
    readings: JobHistogram,
    round_trips: JobHistogram,
    detections: DeathHistogram,
    successions: JobHistogram,
    beat_budget: JobGauge,
    failures: JobCounter,
    /// The figures of each member, if they are asked for.
    each: Option<Arc<MemberCollector>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Metrics {
    /// No figures yet; `is_per_member` asks for series of each member.
    pub(crate) fn new(is_per_member: bool) -> Self {
        let of_readings: fn() -> Histogram = || Histogram::new(READING_SECONDS);
        let of_ages: fn() -> Histogram = || Histogram::new(AGE_SECONDS);
        let of_silences: fn() -> Histogram = || Histogram::new(SILENCE_SECONDS);
        let of_round_trips: fn() -> Histogram = || Histogram::new(ROUND_TRIP_SECONDS);
        let mut metrics = Self {
            registry: Registry::default(),
            connected: Family::default(),
            members: Family::default(),
            has_master: Family::default(),
            master_since: Family::default(),
            epoch: Family::default(),
            interval: Family::default(),
            beats: Family::default(),
            records: Family::default(),
            events: Family::default(),
            deaths: Family::default(),
            ages: Family::new_with_constructor(of_ages),
            readings: Family::new_with_constructor(of_readings),
            round_trips: Family::new_with_constructor(of_round_trips),
            detections: Family::new_with_constructor(of_silences),
            successions: Family::new_with_constructor(of_silences),
            beat_budget: Family::default(),
            failures: Family::default(),
            each: is_per_member.then(Arc::default),
        };
        metrics.register();
        if let Some(each) = &metrics.each {
            let each = Box::new(Arc::clone(each));
            let registry = metrics.registry.sub_registry_with_prefix(PREFIX);
            registry.register_collector(each);
        }
        let process = Box::new(ProcessCollector);
        metrics.registry.register_collector(process);
        metrics
    }

    #[expect(clippy::too_many_lines, reason = "a list of metrics")]
    fn register(&mut self) {
        let registry = self.registry.sub_registry_with_prefix(PREFIX);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of heartline", version);
        registry.register(
            "zookeeper_connected",
            "Whether the job's znodes could be read last (1) or not (0)",
            self.connected.clone(),
        );
        registry.register(
            "members",
            "Number of members by state",
            self.members.clone(),
        );
        registry.register(
            "master",
            "Whether there is a master (1) or not (0)",
            self.has_master.clone(),
        );
        registry.register_with_unit(
            "master_start_time",
            "When the master took over, since 1970 by its own clock",
            Unit::Seconds,
            self.master_since.clone(),
        );
        registry.register(
            "master_epoch",
            "The epoch of the master; grows with each master",
            self.epoch.clone(),
        );
        registry.register_with_unit(
            "interval",
            "The interval between two beats of a member in ZooKeeper",
            Unit::Seconds,
            self.interval.clone(),
        );
        registry.register(
            "beats",
            "Beats of all members in ZooKeeper, each one write, as far as readings show",
            self.beats.clone(),
        );
        registry.register(
            "records_in",
            "Input records of all members, as far as readings show",
            self.records.clone(),
        );
        registry.register(
            "events",
            "Events by kind; returned: members declared dead that lived",
            self.events.clone(),
        );
        registry.register(
            "deaths",
            "Deaths by cause: closed and refused are facts, silent is a judgement",
            self.deaths.clone(),
        );
        registry.register_with_unit(
            "beat_age",
            "Age of the last beat of each member in ZooKeeper, at each reading",
            Unit::Seconds,
            self.ages.clone(),
        );
        registry.register_with_unit(
            "reading_duration",
            "How long it took to read all members once",
            Unit::Seconds,
            self.readings.clone(),
        );
        registry.register_with_unit(
            "zookeeper_round_trip",
            "How long ZooKeeper took to answer with the master's report, at each reading",
            Unit::Seconds,
            self.round_trips.clone(),
        );
        registry.register_with_unit(
            "detection_duration",
            "Time from the last sign of life of a dead member to the verdict, by the cause of the death",
            Unit::Seconds,
            self.detections.clone(),
        );
        registry.register_with_unit(
            "succession_duration",
            "Time from the last beat of a dead master to the takeover of its successor",
            Unit::Seconds,
            self.successions.clone(),
        );
        registry.register(
            "beat_budget",
            "Beats a second in ZooKeeper that the master allows all members together",
            self.beat_budget.clone(),
        );
        registry.register(
            "reading_failures",
            "Readings that failed",
            self.failures.clone(),
        );
    }

    /// All figures in the `OpenMetrics` text format.
    pub(crate) fn text(&self) -> String {
        metrics_text(&self.registry)
    }
}

/// The figures of one job.
#[derive(Debug)]
pub(crate) struct JobMetrics<'a> {
    pub(crate) metrics: &'a Metrics,
    pub(crate) namespace: &'a str,
}

impl JobMetrics<'_> {
    fn job(&self) -> OfJob {
        OfJob {
            namespace: self.namespace.to_owned(),
        }
    }

    /// A reading was made, `since` the one before, and took that long. `counts` are the members by state.
    pub(crate) fn read(
        &self,
        since: Duration,
        took: Duration,
        overview: &Overview,
        counts: &BTreeMap<&'static str, i64>,
    ) {
        let (all, job) = (self.metrics, self.job());
        all.connected.get_or_create(&job).set(1.0);
        all.readings.get_or_create(&job).observe(took.as_secs_f64());
        if let Some(round_trip) = overview.round_trip {
            let round_trips = all.round_trips.get_or_create(&job);
            round_trips.observe(round_trip.as_secs_f64());
        }
        if let Some(each) = &all.each {
            each.read(self.namespace, overview);
        }
        let ages = all.ages.get_or_create(&job);
        let (mut beats, mut records) = (0.0, 0.0);
        for row in &overview.rows {
            if row.beat.is_some() {
                ages.observe(row.age.as_secs_f64());
            }
            beats += row.beats_per_second.unwrap_or_default();
            records += row.records_per_second.unwrap_or_default();
        }
        for (state, count) in counts {
            let label = OfState {
                namespace: job.namespace.clone(),
                state,
            };
            all.members.get_or_create(&label).set(*count);
        }
        drop(ages);
        all.beats.get_or_create(&job).inc_by(whole(beats, since));
        all.records
            .get_or_create(&job)
            .inc_by(whole(records, since));
        let seconds = overview
            .interval
            .map_or(0.0, |interval| interval.as_secs_f64());
        all.interval.get_or_create(&job).set(seconds);
        let term = overview
            .master
            .as_ref()
            .and_then(|master| master.term.as_ref());
        let is_led = f64::from(u8::from(overview.master.is_some()));
        all.has_master.get_or_create(&job).set(is_led);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a zxid and a time are shown in as many digits as a float has"
        )]
        if let Some(term) = term {
            let since = term.since.timestamp_micros() as f64 / 1e6;
            all.master_since.get_or_create(&job).set(since);
            let epoch = term.epoch.unwrap_or_default() as f64;
            all.epoch.get_or_create(&job).set(epoch);
            if let Some(budget) = term.beat_budget {
                all.beat_budget.get_or_create(&job).set(budget.into());
            }
        }
    }

    /// A reading has failed.
    pub(crate) fn unavailable(&self) {
        self.metrics.connected.get_or_create(&self.job()).set(0.0);
        self.metrics.failures.get_or_create(&self.job()).inc();
    }

    /// Something has happened.
    pub(crate) fn event(&self, event: &Event) {
        let label = OfEvent {
            namespace: self.namespace.to_owned(),
            event: event.event.to_string(),
        };
        self.metrics.events.get_or_create(&label).inc();
        if event.event == EventKind::Died {
            let cause = event
                .cause
                .map_or("unknown".to_owned(), |one| one.to_string());
            let namespace = label.namespace;
            let label = OfDeath { namespace, cause };
            self.metrics.deaths.get_or_create(&label).inc();
            if let Some(silence) = event.silence {
                let detections = self.metrics.detections.get_or_create(&label);
                detections.observe(silence.as_secs_f64());
            }
        }
        if let Some(silence) = event.previous.as_ref().and_then(|one| one.silence) {
            let successions = self.metrics.successions.get_or_create(&self.job());
            successions.observe(silence.as_secs_f64());
        }
    }
}

/// A rate over a time, as a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are not negative, and a float that is too large becomes the largest number"
)]
fn whole(rate: f64, time: Duration) -> u64 {
    (rate * time.as_secs_f64()).round() as u64
}
