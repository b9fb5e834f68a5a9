//! The help: what each key does, and what each state means. Pure.

use ratatui::text::{Line, Span};

use super::events::LineStyle;
use super::states::{KINDS, letter};

const KEYS: [(&str, &str); 14] = [
    ("↑ ↓ j k", "choose the member above or below; scroll"),
    ("PgUp PgDn", "a page up or down"),
    ("Home End", "the first, the last"),
    ("Enter", "everything that is known of the member"),
    ("Esc", "back to the table; there: no filter any more"),
    (
        "/  F4",
        "filter: several words must all match, -word must not",
    ),
    ("s >  F6, <", "sort by the next, the previous column"),
    ("I", "invert the order"),
    ("e", "the last events"),
    (
        "K  F9",
        "ask the master to end the member; Hadoop tries again",
    ),
    ("p  space", "pause the picture; nothing is missed"),
    ("h ?  F1", "this help"),
    ("Ctrl-Z", "stop; fg continues"),
    ("q  F10", "quit, as Ctrl-C"),
];

/// The lines of the help.
pub(super) fn lines(style: LineStyle) -> Vec<Line<'static>> {
    let palette = style.palette;
    let mut lines: Vec<Line<'static>> = KEYS
        .iter()
        .map(|(key, meaning)| {
            Line::from(vec![
                Span::styled(format!(" {key:<13}"), palette.key()),
                Span::raw(*meaning),
            ])
        })
        .collect();
    lines.push(Line::default());
    lines.extend(KINDS.iter().map(|kind| {
        let word = format!(" {} {:<15}", letter(kind.code), kind.word);
        Line::from(vec![
            Span::styled(word, palette.state(kind.code)),
            Span::raw(kind.meaning),
        ])
    }));
    lines.push(Line::default());
    lines.extend(
        [
            " Before a name: * leads, + is a dedicated master that waits.",
            " A strip is as high as the share of the expected beats that came; a gap",
            " is a time in which none came. A letter stands where a state begins.",
        ]
        .map(Line::raw),
    );
    lines
}
