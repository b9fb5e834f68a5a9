//! One member as lines: everything that is known of it, its attempts, its events, what was seen when it stalled. Pure.

use std::time::Duration;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::events::{self, LineStyle};
use super::model::Model;
use super::palette::Palette;
use super::state::StallSnapshot;
use super::states::{kind_of, letter};
use super::text::{millis, short, short_age, shown};
use crate::history::KnownMember;
use heartline_core::text;
use heartline_observe::status::{age, bytes};

/// Maximum number of events of the member that are shown.
const MOST_EVENTS: usize = 50;
/// Maximum number of other attempts that are shown.
const MOST_ATTEMPTS: usize = 50;
/// Maximum number of lines of a snapshot.
const MOST_LINES: usize = 10_000;
/// Where the values begin.
const LABEL: usize = 18;

/// The lines about the member with this name.
pub(super) fn lines(
    model: &Model,
    node: &str,
    snapshot: &StallSnapshot,
    style: LineStyle,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    match model.member(node) {
        Some(member) => {
            facts(model, member, style, &mut lines);
            attempts(model, member, style, &mut lines);
        }
        None => lines.push(Line::raw("not known any more")),
    }
    let events = events::lines(&model.log, Some(node), MOST_EVENTS, style);
    if !events.is_empty() {
        lines.push(heading("events, the newest first"));
        lines.extend(events);
    }
    stacks(snapshot, &mut lines);
    lines
}

fn heading(title: &str) -> Line<'static> {
    Line::styled(format!("── {title} "), Palette::STRONG)
}

fn fact(label: &str, value: String, of_label: Style, of_value: Style) -> Line<'static> {
    Line::from(vec![
        Span::styled(format!("{label:<LABEL$}"), of_label),
        Span::styled(value, of_value),
    ])
}

/// The fields with names; what is not known is left out.
fn facts(model: &Model, member: KnownMember<'_>, style: LineStyle, lines: &mut Vec<Line<'static>>) {
    let quiet = Palette::QUIET;
    let state = member.state();
    let verdict = shown(member.text("verdict"));
    let state_and_word = format!("{} {}", letter(state), kind_of(state).word);
    let whole = if verdict == kind_of(state).word || verdict.is_empty() {
        state_and_word
    } else {
        format!("{state_and_word} ({verdict})")
    };
    lines.push(fact("state", whole, quiet, style.palette.state(state)));
    for (label, value) in known_facts(model, member, style) {
        if !value.is_empty() {
            lines.push(fact(label, value, quiet, Style::new()));
        }
    }
}

fn known_facts(
    model: &Model,
    member: KnownMember<'_>,
    style: LineStyle,
) -> Vec<(&'static str, String)> {
    let word = |key: &str| shown(member.text(key));
    let number = |key: &str, of: fn(f64) -> String| member.number(key).map_or_else(String::new, of);
    let time = |key: &str| {
        let time = member.time(key);
        time.map_or_else(String::new, |time| style.day(time))
    };
    let ago = |duration: Option<Duration>| {
        duration.map_or_else(String::new, |ago| format!(", {} ago", age(ago)))
    };
    let joined = time("joined");
    let joined = if joined.is_empty() {
        joined
    } else {
        format!("{joined}{}", ago(model.age(member)))
    };
    let cpu = model.cpu.percent(member.name());
    vec![
        ("role", member.role().to_owned()),
        ("cause", word("cause")),
        ("cannot be read", word("trouble")),
        ("condition", word("condition")),
        ("without progress", number("stalled_ms", duration)),
        (
            "last beat",
            format!("{}{}", time("last"), ago(model.lag(member))),
        ),
        ("joined", joined),
        ("beats", number("beats_per_second", rate)),
        ("interval", number("interval_ms", duration)),
        ("records", number("records_per_second", rate)),
        ("records in", number("records_in", whole)),
        ("records out", number("records_out", whole)),
        ("bytes in", number("bytes_in", size)),
        ("bytes out", number("bytes_out", size)),
        (
            "progress",
            number("progress", |percent| format!("{percent:.1}%")),
        ),
        (
            "processor",
            cpu.map_or_else(String::new, |cpu| format!("{cpu:.0}%")),
        ),
        ("processor time", number("cpu_ms", duration)),
        ("memory", number("memory", size)),
        ("host", word("host")),
        ("process", number("pid", whole)),
        ("address", word("address")),
        ("job", word("job")),
        ("attempt", word("attempt")),
        ("phase", word("phase")),
        ("split", split(member)),
        ("returned", number("returns", times)),
        ("claim", word("claim")),
    ]
}

fn duration(of: f64) -> String {
    age(millis(of))
}

fn rate(per_second: f64) -> String {
    format!("{}/s", short(Some(per_second)))
}

fn whole(number: f64) -> String {
    format!("{number:.0}")
}

fn times(number: f64) -> String {
    if number > 0.0 {
        format!("{number:.0} times")
    } else {
        String::new()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of bytes is shown in a few digits, and a float that is too large becomes the largest number"
)]
fn size(of: f64) -> String {
    bytes(of as u64)
}

fn split(member: KnownMember<'_>) -> String {
    let split = member.details.get("split");
    let Some(split) = split.filter(|split| split.is_object()) else {
        return String::new();
    };
    let file = shown(split["file"].as_str().unwrap_or_default());
    let number = |key: &str| split[key].as_u64().unwrap_or_default();
    let (start, length) = (bytes(number("start")), bytes(number("length")));
    format!("{length} of {file} from {start}")
}

/// The other attempts at the same task.
fn attempts(
    model: &Model,
    member: KnownMember<'_>,
    style: LineStyle,
    lines: &mut Vec<Line<'static>>,
) {
    let Some(task) = task(member.text("attempt")) else {
        return;
    };
    let others = model.history.members().filter(|other| {
        other.name() != member.name() && self::task(other.text("attempt")) == Some(task)
    });
    let others: Vec<Line<'static>> = others
        .take(MOST_ATTEMPTS)
        .map(|other| {
            let state = other.state();
            let word = format!("{} {}", letter(state), kind_of(state).word);
            Line::from(vec![
                Span::styled(format!("{word:<LABEL$}"), style.palette.state(state)),
                Span::raw(shown(other.text("attempt"))),
                Span::styled(format!("  {}", shown(other.name())), Palette::QUIET),
            ])
        })
        .collect();
    if !others.is_empty() {
        lines.push(heading("other attempts at this task"));
        lines.extend(others);
    }
}

/// The task of an attempt: what is before its last number.
fn task(attempt: &str) -> Option<&str> {
    let (task, number) = attempt.rsplit_once('_')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && task.starts_with("attempt_")).then_some(task)
}

fn stacks(snapshot: &StallSnapshot, lines: &mut Vec<Line<'static>>) {
    let text = match snapshot {
        StallSnapshot::Missing => return,
        StallSnapshot::Asked => "reading what was seen when it stalled …",
        StallSnapshot::Failed(why) => why,
        StallSnapshot::Text(text) => {
            lines.push(heading("seen when it stalled"));
            text
        }
    };
    let clean = text::lines(text);
    let shown = clean.lines().take(MOST_LINES);
    // A tab has no width of its own.
    lines.extend(shown.map(|line| Line::raw(line.replace('\t', "    "))));
}

/// The title of the view.
pub(super) fn title(model: &Model, node: &str) -> String {
    let lag = model.member(node).and_then(|member| model.lag(member));
    format!("{}   lag {}", shown(node), short_age(lag))
}
