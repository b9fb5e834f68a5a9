//! Events as lines: the time, the kind, the node, and what belongs to the kind. Pure.

use chrono::{DateTime, FixedOffset, Utc};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::palette::Palette;
use super::text::shown;
use crate::event_log::EventLog;

/// How lines are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineStyle {
    pub(super) palette: Palette,
    /// The local time of the one who looks.
    pub(super) offset: FixedOffset,
}

impl LineStyle {
    /// The local time of day: `21:56:25`.
    pub(super) fn clock(self, time: DateTime<Utc>) -> String {
        let local = time.with_timezone(&self.offset);
        local.format("%H:%M:%S").to_string()
    }

    /// The same with the day, and with milliseconds.
    fn moment(self, time: DateTime<Utc>) -> String {
        let local = time.with_timezone(&self.offset);
        local.format("%m-%d %H:%M:%S%.3f").to_string()
    }

    /// A time of day with its day.
    pub(super) fn day(self, time: DateTime<Utc>) -> String {
        let local = time.with_timezone(&self.offset);
        local.format("%Y-%m-%d %H:%M:%S").to_string()
    }
}

/// The last events as lines, the newest first; only those of one node, if it is given.
pub(super) fn lines(
    log: &EventLog,
    node: Option<&str>,
    most: usize,
    style: LineStyle,
) -> Vec<Line<'static>> {
    let since = log.since(0);
    let newest_first = since.events.iter().rev();
    let parsed = newest_first.filter_map(|(_, json)| serde_json::from_str::<Value>(json).ok());
    let wanted = parsed.filter(|event| node.is_none_or(|node| event["node"] == node));
    wanted.take(most).map(|event| line(&event, style)).collect()
}

fn line(event: &Value, style: LineStyle) -> Line<'static> {
    let text = |key: &str| shown(event[key].as_str().unwrap_or_default());
    let kind = text("event");
    let time: Option<DateTime<Utc>> = event["time"].as_str().and_then(|time| time.parse().ok());
    let time = time.map_or_else(String::new, |time| style.moment(time));
    Line::from(vec![
        Span::styled(format!("{time}  "), Palette::QUIET),
        Span::styled(format!("{kind:<13}"), tone(&kind, style.palette)),
        Span::raw(text("node")),
        Span::styled(more(event), Palette::QUIET),
    ])
}

/// What belongs to the kind of the event.
fn more(event: &Value) -> String {
    let text = |of: &Value| shown(of.as_str().unwrap_or_default());
    let previous = &event["previous"];
    if previous.is_object() {
        let (node, went) = (text(&previous["node"]), text(&previous["went"]));
        let cause = text(&previous["cause"]);
        let cause = if cause.is_empty() {
            cause
        } else {
            format!(" ({cause})")
        };
        return format!("  is master; {node} went: {went}{cause}");
    }
    for key in ["cause", "condition", "ending"] {
        if let Some(word) = event[key].as_str() {
            return format!("  {}", shown(word));
        }
    }
    match event["count"].as_u64() {
        Some(count) => format!("  {count} events are missing here"),
        None if event["snapshot"].is_string() => "  its stacks are in its details".to_owned(),
        None => String::new(),
    }
}

fn tone(kind: &str, palette: Palette) -> Style {
    match kind {
        "died" | "disconnected" => palette.state('d'),
        "failed" => palette.state('e'),
        "stalled" | "lost" => palette.state('x'),
        "returned" => palette.state('r'),
        "claimed" | "released" => Palette::STRONG,
        "recovered" | "joined" | "connected" => palette.state('w'),
        _ => Style::new(),
    }
}
