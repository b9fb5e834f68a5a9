//! The reference: `docs/reference/events.schema.json` holds for the events of a real job, and knows all kinds;
//! `docs/reference/metrics.md` has the metrics of one.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;

use chrono::DateTime;
use heartline::condition::Condition;
use heartline::detect::DeathCause;
use heartline::protocol::{EndReason, Ending, EventKind};
use rustix::process::Signal;
use serde_json::Value;
use strum::IntoEnumIterator;

use crate::support::{Dashboard, Mapper, Parts, SOON, Watcher, ZooKeeper, wait_until};

fn schema() -> Value {
    let path = Parts::root().join("docs/reference/events.schema.json");
    let text = fs::read_to_string(path).expect("the schema");
    serde_json::from_str(&text).expect("JSON")
}

/// Whether a value has a type of JSON Schema.
fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("the schema has the type {other}, which this test does not know"),
    }
}

/// What the schema says against the value; nothing if it holds. Knows the keywords that the schema has, and no others.
fn against(value: &Value, schema: &Value, place: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (keyword, rule) in schema.as_object().expect("a schema") {
        let holds = match keyword.as_str() {
            "type" => match rule {
                Value::Array(names) => names
                    .iter()
                    .any(|name| is_of(value, name.as_str().expect("a name"))),
                name => is_of(value, name.as_str().expect("a name")),
            },
            "enum" => rule.as_array().expect("values").contains(value),
            "minimum" => value.as_f64() >= rule.as_f64(),
            "format" => DateTime::parse_from_rfc3339(value.as_str().expect("a text")).is_ok(),
            "required" => {
                let mut names = rule.as_array().expect("names").iter();
                names.all(|name| value.get(name.as_str().expect("a name")).is_some())
            }
            "properties" => {
                for (name, schema) in rule.as_object().expect("properties") {
                    if let Some(value) = value.get(name) {
                        wrong.extend(against(value, schema, &format!("{place}.{name}")));
                    }
                }
                true
            }
            "additionalProperties" => {
                let mut names = value.as_object().expect("an object").keys();
                names.all(|name| schema["properties"].get(name).is_some())
            }
            "$schema" | "title" | "description" => true,
            other => panic!("the schema has the keyword {other}, which this test does not know"),
        };
        if !holds {
            wrong.push(format!("{place}: {keyword} {rule}: {value}"));
        }
    }
    wrong
}

/// A job whose follower and whose master were killed: the mapper `map3` that is left, and leads.
fn after_a_death_and_a_succession(zookeeper: &ZooKeeper, watcher: &Watcher) -> Mapper {
    let first = Mapper::start(zookeeper, "map1");
    watcher.wait_for_event("claimed", "map1");
    let second = Mapper::start(zookeeper, "map2");
    watcher.wait_for_event("joined", "map2");
    let third = Mapper::start(zookeeper, "map3");
    watcher.wait_for_event("joined", "map3");
    second.signal(Signal::KILL);
    watcher.wait_for_event("died", "map2");
    zookeeper.wait_until_in_line("map3");
    first.signal(Signal::KILL);
    watcher.wait_for_event("claimed", "map3");
    third
}

#[test]
fn events_of_a_real_job_are_as_the_schema_says() {
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let last = after_a_death_and_a_succession(&zookeeper, &watcher);
    last.finish();
    watcher.wait_for_event("released", "map3");
    let schema = schema();
    let mut kinds = BTreeSet::new();
    for line in watcher.lines() {
        let event: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(against(&event, &schema, "event"), [""; 0], "{line}");
        kinds.insert(event["event"].as_str().expect("a kind").to_owned());
    }
    for kind in ["connected", "claimed", "joined", "died", "released"] {
        assert!(kinds.contains(kind), "{kinds:?}");
    }
}

/// Checks that the schema names these values, and no others.
fn assert_names<T: Display>(schema: &Value, values: impl Iterator<Item = T>) {
    let names = schema["enum"].as_array().expect("values").iter();
    let names: BTreeSet<String> = names
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(names, values.map(|value| value.to_string()).collect());
}

#[test]
fn the_schema_knows_all_kinds_and_reasons() {
    let schema = schema();
    let of = &schema["properties"];
    assert_names(&of["event"], EventKind::iter());
    assert_names(&of["cause"], DeathCause::iter());
    let before = &of["previous"]["properties"];
    assert_names(&before["cause"], DeathCause::iter());
    assert_names(&before["went"], EndReason::iter());
    assert_names(
        &of["ending"],
        [Ending::Finished, Ending::Failed].into_iter(),
    );
    assert_names(&of["condition"], Condition::iter());
}

#[test]
fn a_wrong_event_is_told() {
    let schema = schema();
    let event = |text: &str| against(&serde_json::from_str(text).expect("JSON"), &schema, "event");
    let good = r#"{"time":"2026-11-21T11:31:29.676208Z","event":"died","node":"m","epoch":3,"silence_ms":1.2}"#;
    assert_eq!(event(good), [""; 0]);
    for (right, wrong) in [
        ("\"died\"", "\"gone\""),
        ("2026-11-21T", "21 November "),
        ("\"epoch\":3", "\"epoch\":\"3\""),
        ("\"epoch\":3,", ""),
        ("1.2", "-1.2"),
        ("silence_ms", "silence"),
    ] {
        assert_eq!(event(&good.replace(right, wrong)).len(), 1, "{wrong}");
    }
}

/// The page of the metrics.
const METRICS: &str = "docs/reference/metrics.md";
/// A figure that is not shown before a reading has failed.
const WHERE_READINGS_FAIL: &str = "`heartline_reading_failures`";

/// The rows of the metrics in a scrape: name, type, unit, help.
fn rows(scrape: &str) -> BTreeSet<String> {
    let about = |keyword: &str, name: &str| {
        let begin = format!("# {keyword} {name} ");
        let mut lines = scrape.lines();
        lines.find_map(|line| line.strip_prefix(&begin))
    };
    let helps = scrape
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP "));
    helps
        .filter_map(|line| line.split_once(' '))
        .map(|(name, help)| {
            let kind = about("TYPE", name).expect("a type");
            let unit = about("UNIT", name).unwrap_or_default();
            format!("| `{name}` | {kind} | {unit} | {help} |")
        })
        .collect()
}

#[test]
fn the_page_of_metrics_has_those_of_a_real_job() {
    let zookeeper = ZooKeeper::start();
    let dashboard = Dashboard::start(&zookeeper.address(), &["--per-member"]);
    let watcher = Watcher::events(&zookeeper);
    let last = after_a_death_and_a_succession(&zookeeper, &watcher);
    let url = format!("http://{}/metrics", dashboard.address());
    let scrape = || {
        let answer = ureq::get(&url).call();
        answer.and_then(|mut answer| answer.body_mut().read_to_string())
    };
    let page = fs::read_to_string(Parts::root().join(METRICS)).unwrap_or_default();
    // Those of nodes are another exporter's: `tests/nodes/metrics.rs`.
    let documented: BTreeSet<String> = page
        .lines()
        .filter(|line| line.starts_with("| `heartline_") && !line.starts_with("| `heartline_nodes"))
        .map(str::to_owned)
        .collect();
    assert!(documented.len() > 15, "{documented:#?}");
    // Figures without a value are not shown: it takes a death and a succession, and some go with the master.
    let mut told = BTreeSet::new();
    wait_until("all figures are there", SOON, || {
        let rows = rows(&scrape().unwrap_or_default());
        told.extend(
            rows.into_iter()
                .filter(|row| row.starts_with("| `heartline_")),
        );
        let missing = documented
            .difference(&told)
            .find(|row| !row.contains(WHERE_READINGS_FAIL));
        if let Some(missing) = missing {
            eprintln!("no figure is as {METRICS} says: {missing}");
        }
        missing.is_none()
    });
    let missing: Vec<&String> = told.difference(&documented).collect();
    assert!(
        missing.is_empty(),
        "these rows are missing in {METRICS}: {missing:#?}"
    );
    drop(last);
}
