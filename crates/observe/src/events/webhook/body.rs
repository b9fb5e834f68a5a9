//! The bodies of requests: what a receiver gets for events. Pure.

use chrono::{DateTime, Utc};
use clap::ValueEnum;
use serde_json::{Value, json};

use super::alerts;
use crate::events::message::Message;
use heartline_core::text;

/// The longest body of several events, in bytes; a single one may be longer.
const MOST_BYTES: usize = 512 * 1024;
/// The longest text of several events for Slack, in bytes: it shows 4000 characters well.
const MOST_OF_TEXT: usize = 3000;

/// The form of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::events) enum WebhookFormat {
    /// A JSON array of events as this program writes them
    #[default]
    Heartline,
    /// Alerts of Alertmanager's POST /api/v2/alerts: deaths, stalls, an unreachable ZooKeeper
    Alertmanager,
    /// {"text": …}: messages for Slack and what takes the same
    Slack,
}

/// What bodies say besides the events.
#[derive(Clone, Debug)]
pub(in crate::events) struct BodyAbout {
    pub(in crate::events) format: WebhookFormat,
    /// The path above all znodes of the job.
    pub(in crate::events) namespace: String,
    /// The page that alerts lead to.
    pub(in crate::events) link: Option<String>,
}

/// The body for the first messages, and how many those are; no body if none of them is anything to tell.
pub(super) fn next(about: &BodyAbout, messages: &[Message]) -> (usize, Option<String>) {
    let limit = match about.format {
        WebhookFormat::Slack => MOST_OF_TEXT,
        WebhookFormat::Heartline | WebhookFormat::Alertmanager => MOST_BYTES,
    };
    let mut parts: Vec<String> = Vec::new();
    let mut length = 0;
    let mut count = 0;
    for message in messages {
        let part = part(about, message);
        let more: usize = part.iter().map(|part| part.len() + 1).sum();
        if length + more > limit && count > 0 {
            break;
        }
        length += more;
        count += 1;
        parts.extend(part);
    }
    if parts.is_empty() {
        return (count, None);
    }
    let body = match about.format {
        WebhookFormat::Heartline | WebhookFormat::Alertmanager => format!("[{}]", parts.join(",")),
        // A text can always be written.
        WebhookFormat::Slack => {
            text::json(&json!({ "text": parts.join("\n") })).unwrap_or_default()
        }
    };
    (count, Some(body))
}

/// What one event adds.
fn part(about: &BodyAbout, message: &Message) -> Vec<String> {
    if about.format == WebhookFormat::Heartline {
        return vec![message.json.clone()];
    }
    let Ok(event) = serde_json::from_str::<Value>(&message.json) else {
        return Vec::new();
    };
    if about.format == WebhookFormat::Slack {
        return vec![line(about, &event)];
    }
    let alerts = alerts::of(about, &event).into_iter();
    // A map of texts can always be written.
    alerts.filter_map(|alert| text::json(&alert).ok()).collect()
}

/// A field as a clean text.
pub(super) fn word(event: &Value, key: &str) -> String {
    text::cell(event[key].as_str().unwrap_or_default()).into_owned()
}

/// One line about an event: `*died* map1 (closed) in /jobs/one at 2026-…`.
fn line(about: &BodyAbout, event: &Value) -> String {
    let mut line = format!("*{}*", word(event, "event"));
    let node = word(event, "node");
    if !node.is_empty() {
        line = format!("{line} {}", escaped(&node));
    }
    for key in ["cause", "condition"] {
        let word = word(event, key);
        if !word.is_empty() {
            line = format!("{line} ({})", escaped(&word));
        }
    }
    if event["previous"].is_object() {
        let (node, went) = (
            word(&event["previous"], "node"),
            word(&event["previous"], "went"),
        );
        line = format!("{line}, master before: {} ({went})", escaped(&node));
    }
    if let Some(count) = event["count"].as_u64() {
        line = format!("{line}: {count} events are missing");
    }
    let namespace = escaped(&text::cell(&about.namespace));
    let time: Option<DateTime<Utc>> = event["time"].as_str().and_then(|time| time.parse().ok());
    let time = time.map_or_else(String::new, |time| {
        time.format(" at %Y-%m-%d %H:%M:%SZ").to_string()
    });
    format!("{line} in {namespace}{time}")
}

/// What Slack takes as a text: these three letters begin its own marks.
fn escaped(text: &str) -> String {
    let amp = text.replace('&', "&amp;");
    amp.replace('<', "&lt;").replace('>', "&gt;")
}
