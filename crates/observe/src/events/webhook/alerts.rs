//! Alerts of Alertmanager: which events fire one, and which resolve it. Pure.
//!
//! An alert is known by its labels, so that these are the same when it fires and when it is resolved: what differs is in
//! annotations.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::body::{BodyAbout, word};
use heartline_core::protocol::stamp;
use heartline_core::text;

const DIED: &str = "HeartlineMemberDied";
const STALLED: &str = "HeartlineMemberStalled";
const AWAY: &str = "HeartlineZooKeeperAway";

/// How long the alert of a death stands: nothing resolves it if Hadoop tries again by another name. Reports name the dead
/// as long.
const DEATH_STANDS: TimeDelta = TimeDelta::minutes(10);
/// How long others stand at most, in case that what resolves them is lost.
const OTHER_STANDS: TimeDelta = TimeDelta::days(1);

/// The alerts of one event, as objects for `POST /api/v2/alerts`.
pub(super) fn of(about: &BodyAbout, event: &Value) -> Vec<Value> {
    let time: Option<DateTime<Utc>> = event["time"].as_str().and_then(|time| time.parse().ok());
    let Some(time) = time else {
        return Vec::new();
    };
    let node = word(event, "node");
    let fire = |name, node: &str, summary: String, stands| {
        let mut alert = alert(about, name, node);
        alert["startsAt"] = stamp(time).into();
        alert["endsAt"] = stamp(time.checked_add_signed(stands).unwrap_or(time)).into();
        alert["annotations"] = json!({ "summary": summary });
        alert
    };
    let resolve = |name| {
        let mut alert = alert(about, name, &node);
        alert["endsAt"] = stamp(time).into();
        alert
    };
    match word(event, "event").as_str() {
        "died" => {
            let cause = word(event, "cause");
            let summary = format!("{node} was declared dead: {cause}");
            vec![resolve(STALLED), fire(DIED, &node, summary, DEATH_STANDS)]
        }
        // A master that died is named by the one after it.
        "claimed" if word(&event["previous"], "went") == "dead" => {
            let dead = word(&event["previous"], "node");
            let summary = format!("the master {dead} died; {node} is master now");
            vec![fire(DIED, &dead, summary, DEATH_STANDS)]
        }
        "stalled" => {
            let condition = word(event, "condition");
            let summary = format!("{node} is stalled: {condition}");
            vec![fire(STALLED, &node, summary, OTHER_STANDS)]
        }
        "returned" => vec![resolve(DIED), resolve(STALLED)],
        "recovered" | "finished" | "failed" => vec![resolve(STALLED)],
        "disconnected" => {
            let summary = "heartline events cannot reach ZooKeeper".to_owned();
            vec![fire(AWAY, "", summary, OTHER_STANDS)]
        }
        "connected" => vec![resolve(AWAY)],
        _ => Vec::new(),
    }
}

fn alert(about: &BodyAbout, name: &str, node: &str) -> Value {
    let namespace = text::cell(&about.namespace);
    let mut labels = json!({ "alertname": name, "namespace": namespace });
    if !node.is_empty() {
        labels["node"] = node.into();
    }
    let mut alert = json!({ "labels": labels });
    if let Some(link) = &about.link {
        alert["generatorURL"] = link.as_str().into();
    }
    alert
}
