//! The lines above the table: the job, its master, its members by state, its rates, and the time. Pure.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::events::LineStyle;
use super::model::Model;
use super::palette::Palette;
use super::state::TopState;
use super::states::{KINDS, letter};
use super::text::{fit, short, short_age, shown, width};
use heartline_core::clock::Now;
use heartline_observe::status::CurrentMaster;

/// From this height of the terminal on, the header has all its lines.
const HIGH: u16 = 14;

/// The lines: four, or the two that matter most.
pub(super) fn lines(
    state: &TopState,
    area: Rect,
    now: Now,
    style: LineStyle,
) -> Vec<Line<'static>> {
    let model = state.model();
    let title = title(state, usize::from(area.width), now, style);
    let last = match state.away() {
        Some((since, why)) => {
            let since = style.clock(*since);
            let why = format!(" ZooKeeper away since {since}: {} ", shown(why));
            Line::styled(why, style.palette.warning())
        }
        None => rates(model),
    };
    if area.height < HIGH {
        let members = members(model, usize::from(area.width), style);
        let second = if state.away().is_some() {
            last
        } else {
            members
        };
        return vec![title, second];
    }
    let members = members(model, usize::from(area.width), style);
    vec![title, master(model, style), members, last]
}

fn title(state: &TopState, room: usize, now: Now, style: LineStyle) -> Line<'static> {
    let clock = style.clock(now.wall);
    let paused = if state.is_paused() { " PAUSED " } else { "" };
    let name = "heartline top ";
    let used = width(name) + width(paused) + width(&clock) + 2;
    let namespace = fit(&shown(&state.namespace), room.saturating_sub(used));
    let gap = room.saturating_sub(used + width(&namespace));
    Line::from(vec![
        Span::styled(name, Palette::STRONG),
        Span::raw(namespace),
        Span::raw(format!("{:gap$} ", "")),
        Span::styled(paused, style.palette.warning()),
        Span::raw(format!(" {clock}")),
    ])
}

/// Who leads since when, and why the one before went.
fn master(model: &Model, style: LineStyle) -> Line<'static> {
    let palette = style.palette;
    let Some(CurrentMaster { node, term, .. }) = &model.master else {
        let words = match model.read {
            Some(_) => "no master",
            None => "connecting to ZooKeeper …",
        };
        return Line::styled(words, palette.warning());
    };
    let mut spans = vec![
        Span::styled("master ", Palette::QUIET),
        Span::styled(fit(&shown(node), 30), Palette::STRONG),
    ];
    let Some(term) = term else {
        spans.push(Span::raw(", which has not reported yet"));
        return Line::from(spans);
    };
    let leads = model
        .read
        .and_then(|read| (read.wall - term.since).to_std().ok());
    let since = style.clock(term.since);
    spans.push(Span::raw(format!(" since {since} ({})", short_age(leads))));
    if let Some(epoch) = term.epoch {
        spans.push(Span::raw(format!(", epoch {epoch}")));
    }
    if let Some(previous) = &term.previous {
        let cause = previous.cause.map(|cause| format!(" ({cause})"));
        let cause = cause.unwrap_or_default();
        let node = fit(&shown(&previous.node), 30);
        let words = format!("; before it {node}: {}{cause}", previous.went);
        spans.push(Span::styled(words, Palette::QUIET));
    }
    Line::from(spans)
}

/// Members by state, the worst first.
fn members(model: &Model, room: usize, style: LineStyle) -> Line<'static> {
    let all = model.history.members().len();
    let words = if all == 1 { "member" } else { "members" };
    let mut spans = vec![
        Span::styled(all.to_string(), Palette::STRONG),
        Span::styled(format!(" {words}"), Palette::QUIET),
    ];
    let mut used: usize = spans.iter().map(Span::width).sum();
    for (rank, count) in model.counts() {
        let kind = KINDS[rank];
        let words = format!("  {} {count} {}", letter(kind.code), kind.word);
        used += width(&words);
        if used > room {
            break;
        }
        spans.push(Span::styled(words, style.palette.state(kind.code)));
    }
    Line::from(spans)
}

/// Beats and records a second, the interval, and what is missing.
fn rates(model: &Model) -> Line<'static> {
    let mut spans = Vec::new();
    let mut say = |number: String, unit: &'static str| {
        spans.push(Span::styled(number, Palette::STRONG));
        spans.push(Span::styled(unit, Palette::QUIET));
    };
    if model.read.is_some() {
        say(short(Some(model.beats_per_second)), " beats/s  ");
        if model.records_per_second.is_some() {
            say(short(model.records_per_second), " records/s  ");
        }
    }
    if let Some(interval) = model.interval {
        say(short_age(Some(interval)), " interval  ");
    }
    if model.unreadable > 0 {
        say(model.unreadable.to_string(), " cannot be read  ");
    }
    if model.history.unshown() > 0 {
        say(model.history.unshown().to_string(), " more members  ");
    }
    Line::from(spans)
}
