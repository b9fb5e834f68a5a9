//! The table of `--wide`.

use anstyle::{AnsiColor, Style};

use super::Row;
use crate::status::UNKNOWN;
use heartline_cli::{Column, table};

const COLUMNS: [Column; 12] = [
    ("HOST", false),
    ("MODE", false),
    ("VERSION", false),
    ("ZXID", true),
    ("MIN", true),
    ("AVG", true),
    ("MAX", true),
    ("CONNECTIONS", true),
    ("OUTSTANDING", true),
    ("ZNODES", true),
    ("WATCHES", true),
    ("EPHEMERALS", true),
];

/// The lines of the table; latencies are in ms.
pub(super) fn lines(rows: &[Row]) -> Vec<String> {
    let painted = rows.iter().map(|row| (style(row), words(row).to_vec()));
    table(&COLUMNS, painted.collect())
}

fn words(row: &Row) -> [String; COLUMNS.len()] {
    fn known<T: ToString>(fact: Option<&T>) -> String {
        fact.map_or_else(|| UNKNOWN.to_owned(), T::to_string)
    }
    let facts = &row.facts;
    [
        row.host.clone(),
        facts.mode.clone().unwrap_or_else(|| "NULL".to_owned()),
        known(facts.version.as_ref()),
        known(facts.zxid.as_ref()),
        known(facts.latency_min.as_ref()),
        known(facts.latency_avg.as_ref()),
        known(facts.latency_max.as_ref()),
        known(facts.connections.as_ref()),
        known(facts.outstanding.as_ref()),
        known(facts.znodes.as_ref()),
        known(facts.watches.as_ref()),
        known(facts.ephemerals.as_ref()),
    ]
}

fn style(row: &Row) -> Style {
    match row.facts.mode.as_deref() {
        Some("leader" | "standalone") => Style::new().bold(),
        _ if row.facts.is_serving() => Style::new(),
        _ => AnsiColor::Red.on_default(),
    }
}
