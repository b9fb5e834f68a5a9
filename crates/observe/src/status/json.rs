//! The same content as JSON, for programs: one object per line.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::gather::{Node, Unreadable};
use super::overview::{CurrentMaster, Overview};
use super::row::{MemberRole, MemberVerdict, Row};
use heartline_core::detect::DeathCause;
use heartline_core::protocol::{Ending, Identity, Status};
use heartline_core::protocol::{rfc3339, stamp};
use heartline_core::text;

#[derive(Serialize)]
struct All<'a> {
    #[serde(serialize_with = "rfc3339")]
    time: DateTime<Utc>,
    master: Option<&'a CurrentMaster>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_ms: Option<f64>,
    members: Vec<Member<'a>>,
    #[serde(skip_serializing_if = "<[Unreadable]>::is_empty")]
    unreadable: &'a [Unreadable],
}

#[derive(Serialize)]
struct Member<'a> {
    role: MemberRole,
    node: &'a str,
    verdict: MemberVerdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<DeathCause>,
    last: Option<String>,
    age_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<String>,
    beats_per_second: Option<f64>,
    records_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_ms: Option<f64>,
    /// Why the member cannot be read.
    #[serde(rename = "trouble", skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Ending>,
    /// The attempt of a dead member, of which nothing else is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<&'a str>,
    #[serde(flatten)]
    identity: Option<&'a Identity>,
    #[serde(flatten)]
    status: Option<&'a Status>,
}

#[derive(Serialize)]
struct Detailed<'a> {
    #[serde(serialize_with = "rfc3339")]
    time: DateTime<Utc>,
    #[serde(flatten)]
    member: Option<Member<'a>>,
    snapshot: Option<Snapshot>,
}

#[derive(Serialize)]
struct Snapshot {
    #[serde(serialize_with = "rfc3339")]
    written: DateTime<Utc>,
    text: String,
}

#[derive(Serialize)]
struct Away<'a> {
    #[serde(serialize_with = "rfc3339")]
    time: DateTime<Utc>,
    error: &'a str,
}

/// The whole overview as JSON, in one line.
pub(super) fn line(overview: &Overview) -> serde_json::Result<String> {
    text::json(&All {
        time: overview.now,
        master: overview.master.as_ref(),
        interval_ms: overview.interval.map(millis),
        members: overview.rows.iter().map(member).collect(),
        unreadable: &overview.unreadable,
    })
}

/// One member with its snapshot, or a snapshot alone, in one line.
pub(super) fn details(
    now: DateTime<Utc>,
    row: Option<&Row>,
    snapshot: Option<&Node>,
) -> serde_json::Result<String> {
    text::json(&Detailed {
        time: now,
        member: row.map(member),
        snapshot: snapshot.map(|node| Snapshot {
            written: node.value.stat.written,
            text: String::from_utf8_lossy(&node.value.bytes).into_owned(),
        }),
    })
}

/// One member as a JSON object, as `heartline status --json` has it.
pub fn member_json(row: &Row) -> serde_json::Result<serde_json::Value> {
    serde_json::to_value(member(row))
}

/// Why there is nothing to report at the moment.
pub(super) fn away(time: DateTime<Utc>, error: &str) -> serde_json::Result<String> {
    text::json(&Away { time, error })
}

fn member(row: &Row) -> Member<'_> {
    let beat = row.beat.as_ref();
    let status = row.status();
    let interval = status.map(|status| status.interval);
    Member {
        role: row.role,
        node: &row.node,
        verdict: row.verdict,
        cause: row.cause,
        last: row.known_age().map(|_| stamp(row.last)),
        age_ms: row.known_age().map(millis),
        joined: row.joined.map(stamp),
        beats_per_second: row.beats_per_second.map(tenths),
        records_per_second: row.records_per_second.map(tenths),
        interval_ms: interval.filter(|interval| !interval.is_zero()).map(millis),
        problem: row.problem.as_deref(),
        ended: beat.and_then(|beat| beat.ending),
        attempt: match beat {
            Some(_) => None,
            None => row.identity.attempt.as_deref(),
        },
        identity: beat.map(|beat| &beat.identity),
        status,
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn tenths(rate: f64) -> f64 {
    (rate * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn everything_that_is_known_is_in_the_json() {
        let line = line(&sample::overview()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["master"]["node"], "map1");
        assert_eq!(value["master"]["epoch"], 9);
        assert_eq!(value["interval_ms"], 5.0);
        let [master, dead, late] = &value["members"].as_array().unwrap()[..] else {
            panic!("{line}");
        };
        assert_eq!(master["role"], "master");
        assert_eq!(master["verdict"], "working");
        assert_eq!(master["host"], "hd1");
        assert_eq!(master["pid"], 42);
        assert_eq!(master["records_in"], 700);
        assert_eq!(master["progress"], 41.5);
        assert_eq!(master["age_ms"], 4.0);
        assert_eq!(master["beats_per_second"], 200.0);
        assert_eq!(dead["verdict"], "dead");
        assert_eq!(dead["cause"], "closed");
        assert_eq!(dead["attempt"], "attempt_1");
        assert!(dead.get("records_in").is_none() && dead["beats_per_second"].is_null());
        assert_eq!(late["node"], "map2");
    }

    #[test]
    fn without_a_master_it_is_null() {
        let overview = Overview {
            master: None,
            ..sample::overview()
        };
        assert!(line(&overview).unwrap().contains("\"master\":null"));
    }
}
