//! The picture: what fills the screen below the header and above the last line. Pure.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::braille::{StripMark, StripSpan, marks};
use super::columns::{ColumnKind, Columns, SizedColumn};
use super::events::{self, LineStyle};
use super::footer;
use super::header;
use super::listing::TopSort;
use super::model::Model;
use super::palette::Palette;
use super::state::{Dialog, TopState, View};
use super::states::{kind_of, letter};
use super::text::{cut, fit, width};
use super::{details, help};
use crate::event_log::MOST_EVENTS;
use crate::history::KnownMember;
use heartline_core::clock::Now;

/// The least size of a terminal.
const LEAST: (u16, u16) = (40, 8);

/// Draws everything.
pub(super) fn draw(state: &mut TopState, buffer: &mut Buffer, now: Now, style: LineStyle) {
    let area = buffer.area;
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let (least_width, least_height) = LEAST;
        let why = format!("the terminal is too small: it needs {least_width}x{least_height}");
        buffer.set_stringn(area.x, area.y, why, area.width.into(), Style::new());
        return;
    }
    let header = header::lines(state, area, now, style);
    let mut y = area.y;
    for line in &header {
        buffer.set_line(area.x, y, line, area.width);
        y += 1;
    }
    let body = Rect {
        y,
        height: area.bottom() - y - 1,
        ..area
    };
    body_of(state, buffer, body, style);
    if state.away().is_some() && state.dialog != Some(Dialog::Help) {
        // The last picture stays, and says that it is old.
        buffer.set_style(body, Palette::QUIET);
    }
    let footer = footer::line(state, area.width, now, style);
    buffer.set_line(area.x, area.bottom() - 1, &footer, area.width);
}

fn body_of(state: &mut TopState, buffer: &mut Buffer, body: Rect, style: LineStyle) {
    if state.dialog == Some(Dialog::Help) {
        return text(state, buffer, body, "keys and states", &help::lines(style));
    }
    match state.view.clone() {
        View::Table => table(state, buffer, body, style),
        View::Events => {
            let log = &state.model().log;
            let lines = events::lines(log, None, MOST_EVENTS, style);
            let title = format!("events, the newest first ({})", lines.len());
            text(state, buffer, body, &title, &lines);
        }
        View::Details(node) => {
            let model = state.model();
            let title = details::title(model, &node);
            let mut lines = details::lines(model, &node, &state.snapshot, style);
            if let Some(member) = model.member(&node) {
                let strip = strip(model, member, usize::from(body.width), style);
                lines.splice(0..0, [strip, Line::default()]);
            }
            text(state, buffer, body, &title, &lines);
        }
    }
}

/// Lines below a title, moved by what was scrolled.
fn text(state: &mut TopState, buffer: &mut Buffer, body: Rect, title: &str, lines: &[Line<'_>]) {
    let page = usize::from(body.height.saturating_sub(1));
    let most = lines.len().saturating_sub(page);
    state.page = page.max(1);
    state.scroll = state.scroll.min(most);
    let title = fit(title, usize::from(body.width) / 2);
    let last = (state.scroll + page).min(lines.len());
    let place = format!("lines {}-{last} of {}", state.scroll + 1, lines.len());
    let place = if most == 0 { String::new() } else { place };
    let gap = usize::from(body.width).saturating_sub(width(&title) + width(&place) + 2);
    let heading = format!(" {title}{:gap$}{place} ", "");
    buffer.set_stringn(
        body.x,
        body.y,
        heading,
        body.width.into(),
        Palette::REVERSED,
    );
    let shown = lines.iter().skip(state.scroll).take(page);
    for (y, line) in (body.y + 1..).zip(shown) {
        buffer.set_line(body.x, y, line, body.width);
    }
}

fn table(state: &mut TopState, buffer: &mut Buffer, body: Rect, style: LineStyle) {
    state.listed();
    let page = usize::from(body.height.saturating_sub(1));
    state.scroll_to_chosen(page);
    let (first, place, sort) = (state.first, state.place, state.wish.sort);
    let is_inverted = state.wish.is_inverted;
    let listed = state.listed().to_vec();
    let model = state.model();
    let columns = Columns::of(model, &listed, usize::from(body.width));
    let heading = heading(model, &columns, (sort, is_inverted));
    let heading = format!("{heading:<width$}", width = usize::from(body.width));
    buffer.set_stringn(
        body.x,
        body.y,
        heading,
        body.width.into(),
        Palette::REVERSED,
    );
    if listed.is_empty() {
        let why = nobody(state);
        buffer.set_stringn(body.x, body.y + 1, why, body.width.into(), Palette::QUIET);
        return;
    }
    let rows = listed.iter().enumerate().skip(first).take(page);
    for (y, (row, index)) in (body.y + 1..).zip(rows) {
        let Some(member) = model.history.known(*index) else {
            continue;
        };
        let line = row_of(model, member, &columns, style);
        buffer.set_line(body.x, y, &line, body.width);
        if row == place {
            // The strip keeps its colours; dimmed letters are hard to read in the rest.
            let width: usize = columns.columns.iter().map(|(_, size)| size + 1).sum();
            let width = u16::try_from(width).unwrap_or(u16::MAX).min(body.width);
            let area = Rect {
                y,
                height: 1,
                width,
                ..body
            };
            let chosen = Palette::REVERSED
                .fg(Color::Reset)
                .remove_modifier(Modifier::DIM);
            buffer.set_style(area, chosen);
        }
    }
}

/// Why the table is empty.
fn nobody(state: &TopState) -> &'static str {
    if state.model().read.is_none() {
        "nothing has been read yet"
    } else if state.wish.filter.is_empty() {
        "no members; those of a job appear when they join"
    } else {
        "no member matches the filter; Esc clears it"
    }
}

/// Which column the table is sorted by.
fn is_sorted_by(kind: ColumnKind, sort: TopSort) -> bool {
    matches!(
        (kind, sort),
        (ColumnKind::State, TopSort::State)
            | (ColumnKind::Lag, TopSort::Lag)
            | (ColumnKind::Records, TopSort::Records)
            | (ColumnKind::Beats, TopSort::Beats)
            | (ColumnKind::Name, TopSort::Name)
            | (ColumnKind::Host, TopSort::Host)
            | (ColumnKind::Age, TopSort::Age)
    )
}

fn heading(model: &Model, columns: &Columns, (sort, is_inverted): (TopSort, bool)) -> String {
    let mut heading = String::new();
    for (kind, size) in &columns.columns {
        let mark = match (is_sorted_by(*kind, sort), is_inverted) {
            (false, _) => "",
            (true, false) => "▾",
            (true, true) => "▴",
        };
        heading.push_str(&padded(&format!("{}{mark}", kind.title()), (*kind, *size)));
        heading.push(' ');
    }
    let (_, time) = model.span();
    let last = match time.as_secs() {
        55..=65 if columns.strip >= 11 => "LAST MINUTE".to_owned(),
        seconds => format!("LAST {seconds} S"),
    };
    heading.push_str(&cut(&last, columns.strip));
    heading
}

/// A word in its column.
fn padded(word: &str, (kind, size): SizedColumn) -> String {
    let word = fit(word, size);
    let gap = size - width(&word).min(size);
    if kind.is_right() {
        format!("{:gap$}{word}", "")
    } else {
        format!("{word}{:gap$}", "")
    }
}

fn row_of(
    model: &Model,
    member: KnownMember<'_>,
    columns: &Columns,
    style: LineStyle,
) -> Line<'static> {
    let palette = style.palette;
    let state = member.state();
    let ended = if member.is_ended() {
        Palette::QUIET
    } else {
        Style::new()
    };
    let mut spans = Vec::new();
    for column @ (kind, size) in &columns.columns {
        let span = match kind {
            ColumnKind::State => {
                let word = cut(kind_of(state).word, size - 2);
                let word = format!("{} {word}", letter(state));
                Span::styled(padded(&word, *column), palette.state(state))
            }
            ColumnKind::Name if member.role() == "master" => {
                Span::styled(padded(&kind.value(model, member), *column), Palette::STRONG)
            }
            _ => Span::styled(padded(&kind.value(model, member), *column), ended),
        };
        spans.push(span);
        spans.push(Span::raw(" "));
    }
    spans.extend(strip(model, member, columns.strip, style).spans);
    Line::from(spans)
}

/// The strip of a member, coloured by its states.
fn strip(model: &Model, member: KnownMember<'_>, size: usize, style: LineStyle) -> Line<'static> {
    let (shown, _) = model.span();
    let span = StripSpan {
        readings: model.readings,
        shown,
        width: size,
    };
    let marks = marks(member.strip.cells(), span);
    let runs = marks.chunk_by(|one, other| one.state == other.state);
    let spans = runs.map(|run: &[StripMark]| {
        let glyphs: String = run.iter().map(|mark| mark.glyph).collect();
        let state = run.first().map_or('-', |mark| mark.state);
        Span::styled(glyphs, style.palette.state(state))
    });
    Line::from(spans.collect::<Vec<_>>())
}
