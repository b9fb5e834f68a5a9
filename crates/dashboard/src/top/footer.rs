//! The last line: a question, the filter, a message, or the keys. Pure.

use ratatui::text::{Line, Span};

use super::events::LineStyle;
use super::palette::Palette;
use super::state::{Dialog, TopState, View};
use super::text::{fit, shown, width};
use heartline_core::clock::Now;

/// The keys of the table.
const TABLE: [(&str, &str); 9] = [
    ("F1", "Help"),
    ("/", "Filter"),
    ("s", "Sort"),
    ("I", "Invert"),
    ("⏎", "Member"),
    ("e", "Events"),
    ("p", "Pause"),
    ("K", "Kill"),
    ("q", "Quit"),
];

/// The keys of the other views.
const TEXT: [(&str, &str); 5] = [
    ("Esc", "Back"),
    ("↑↓", "Scroll"),
    ("p", "Pause"),
    ("F1", "Help"),
    ("q", "Quit"),
];
/// The keys of the details.
const DETAILS: [(&str, &str); 6] = [
    ("Esc", "Back"),
    ("↑↓", "Scroll"),
    ("p", "Pause"),
    ("K", "Kill"),
    ("F1", "Help"),
    ("q", "Quit"),
];

/// The line, of `room` columns at most.
pub(super) fn line(state: &mut TopState, room: u16, now: Now, style: LineStyle) -> Line<'static> {
    let room = usize::from(room);
    match &state.dialog {
        Some(Dialog::Filter(_)) => return filter(state, room, style),
        Some(Dialog::Kill(node)) => return question(state, node, room, style),
        Some(Dialog::Help) | None => {}
    }
    if let Some(notice) = state.notice(now) {
        // The answer of a master is a text of another.
        return Line::styled(fit(&shown(notice), room), Palette::STRONG);
    }
    let is_table = state.view == View::Table && state.dialog.is_none();
    let place = if is_table {
        place(state)
    } else {
        String::new()
    };
    let keys: &[(&str, &str)] = match (&state.dialog, &state.view) {
        (None, View::Table) => &TABLE,
        (None, View::Details(_)) => &DETAILS,
        _ => &TEXT,
    };
    let room = room.saturating_sub(width(&place));
    let mut spans = Vec::new();
    let mut used = 0;
    for (key, word) in keys {
        used += width(key) + width(word) + 2;
        if used > room {
            used -= width(key) + width(word) + 2;
            break;
        }
        spans.push(Span::styled((*key).to_owned(), style.palette.key()));
        spans.push(Span::raw(format!(" {word} ")));
    }
    let gap = room - used;
    spans.push(Span::raw(format!("{:gap$}{place}", "")));
    Line::from(spans)
}

/// Which row is chosen, of how many, and by which filter.
fn place(state: &mut TopState) -> String {
    let listed = state.listed().len();
    let row = if listed == 0 { 0 } else { state.place + 1 };
    let filter = &state.wish.filter;
    if filter.is_empty() {
        return format!("{row}/{listed}");
    }
    let all = state.model().history.members().len();
    format!("'{}' {row}/{listed} of {all}", fit(&shown(filter), 16))
}

fn filter(state: &TopState, room: usize, style: LineStyle) -> Line<'static> {
    let hint = "  all words match, -word does not; Enter keeps it, Esc undoes it";
    let word = fit(&shown(&state.wish.filter), room.saturating_sub(10));
    let left = room.saturating_sub(width("filter: ") + width(&word) + 1);
    Line::from(vec![
        Span::styled("filter: ", style.palette.key()),
        Span::raw(word),
        Span::styled(" ", Palette::REVERSED),
        Span::styled(fit(hint, left), Palette::QUIET),
    ])
}

fn question(state: &TopState, node: &str, room: usize, style: LineStyle) -> Line<'static> {
    let member = state.model().member(node);
    let attempt = member.map_or("", |member| member.text("attempt"));
    let what = if attempt.is_empty() {
        format!("member {}", shown(node))
    } else {
        format!("attempt {} of {}", shown(attempt), shown(node))
    };
    let what = fit(&what, room.saturating_sub(12));
    Line::styled(format!(" Kill {what}? y/N "), style.palette.warning())
}
