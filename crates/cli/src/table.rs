//! Tables: words in aligned columns, with a style for each row.

use anstyle::Style;
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};

use heartline_core::text;

/// A column's heading, and whether the column holds numbers.
pub type Column = (&'static str, bool);

/// The lines of a table, the heading first. They contain colours as escape sequences.
pub fn table(columns: &[Column], rows: Vec<(Style, Vec<String>)>) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|(name, number)| cell(name, *number)));
    let mut styles = vec![Style::new().bold()];
    for (style, words) in rows {
        styles.push(style);
        let cells = words.into_iter().zip(columns);
        table.add_row(cells.map(|(word, (_, number))| cell(&word, *number)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let rows = table.lines().zip(styles);
    rows.map(|(line, style)| paint(line.trim_end(), style))
        .collect()
}

fn cell(word: &str, number: bool) -> Cell {
    let side = if number {
        CellAlignment::Right
    } else {
        CellAlignment::Left
    };
    // Most words come from other programs.
    Cell::new_owned(text::cell(word).into_owned()).set_alignment(side)
}

/// The line with the escape sequences of a style.
pub fn paint(line: &str, style: Style) -> String {
    format!("{style}{line}{style:#}")
}
