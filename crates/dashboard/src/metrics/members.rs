//! Figures of each member, if they are asked for: one series for each name, so that a label may be what others wrote.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::strip::{STATES, state};
use heartline_core::text;
use heartline_observe::status::{Overview, Row};

/// Maximum number of members of a job that have series of their own; the others are counted.
pub(crate) const MOST_MEMBERS: usize = 2000;

/// What is told of one member.
#[derive(Clone, Debug)]
struct Figures {
    node: String,
    host: String,
    state: &'static str,
    age: f64,
    beats: Option<f64>,
    records: Option<f64>,
    memory: Option<f64>,
}

impl Figures {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a figure is shown in as many digits as a float has"
    )]
    fn of(row: &Row) -> Self {
        let code = state(row.verdict);
        let named = STATES.iter().find(|(one, _)| *one == code);
        let status = row.status();
        Self {
            node: text::cell(&row.node).into_owned(),
            host: text::cell(&row.identity.host).into_owned(),
            state: named.map_or("unknown", |(_, name)| name),
            age: row.age.as_secs_f64(),
            beats: row.beats_per_second,
            records: row.records_per_second,
            memory: status
                .and_then(|status| status.memory)
                .map(|memory| memory as f64),
        }
    }
}

/// The figures of the last reading of each job.
#[derive(Debug, Default)]
pub(crate) struct MemberCollector {
    jobs: Mutex<BTreeMap<String, Vec<Figures>>>,
}

impl MemberCollector {
    /// Takes a reading of a job. Members that are gone have no series any more.
    pub(crate) fn read(&self, namespace: &str, overview: &Overview) {
        let rows = overview.rows.iter().take(MOST_MEMBERS);
        let figures = rows.map(Figures::of).collect();
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.insert(namespace.to_owned(), figures);
    }
}

/// A metric: its name, its help, and its value for a member.
type MemberMetric = (&'static str, &'static str, fn(&Figures) -> Option<f64>);

const METRICS: [MemberMetric; 4] = [
    (
        "member_beat_age_seconds",
        "Age of the member's last beat in ZooKeeper",
        |one| Some(one.age),
    ),
    (
        "member_beats_per_second",
        "Beats of the member in ZooKeeper",
        |one| one.beats,
    ),
    (
        "member_records_per_second",
        "Input records of the member",
        |one| one.records,
    ),
    (
        "member_memory_bytes",
        "Resident memory of the member's processes",
        |one| one.memory,
    ),
];

impl Collector for MemberCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let all = || {
            jobs.iter().flat_map(|(namespace, members)| {
                members.iter().map(move |member| (&**namespace, member))
            })
        };
        let help = "The state of the member, always 1";
        let mut family =
            encoder.encode_descriptor("member_state", help, None, MetricType::Gauge)?;
        for (namespace, member) in all() {
            let labels = [
                ("namespace", namespace),
                ("node", &member.node),
                ("host", &member.host),
                ("state", member.state),
            ];
            sample(&mut family, &labels, 1.0)?;
        }
        for (name, help, value) in METRICS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (namespace, member) in all() {
                let labels = [("namespace", namespace), ("node", &member.node)];
                if let Some(value) = value(member) {
                    sample(&mut family, &labels, value)?;
                }
            }
        }
        Ok(())
    }
}

fn sample<const N: usize>(
    family: &mut MetricEncoder,
    labels: &[(&str, &str); N],
    value: f64,
) -> Result<(), fmt::Error> {
    ConstGauge::new(value).encode(family.encode_family(labels)?)
}
