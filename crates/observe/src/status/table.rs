//! The table for people: one line above it, and one for each member. It contains colours as escape sequences,
//! which the output removes where they do not belong.

use anstyle::{AnsiColor, Style};

use super::overview::{CurrentMaster, Overview};
use super::row::{MemberVerdict, Row};
use super::text::{UNKNOWN, age, bytes, moment, percent, rate};
use heartline_cli::{Column, paint, table};
use heartline_core::text::{cell, line};

/// The columns, and whether they hold numbers.
const COLUMNS: [Column; 10] = [
    ("ROLE", false),
    ("NODE", false),
    ("ATTEMPT", false),
    ("HOST", false),
    ("VERDICT", false),
    ("AGE", true),
    ("BEATS/S", true),
    ("PROGRESS", true),
    ("RECORDS/S", true),
    ("MEMORY", true),
];

/// Why the master has no row.
const PRIVATE_CLAIMS: &str =
    "the master's claim may be read by the job's own identity alone, so it has no row here";

/// The most unreadable znodes that are named.
const MOST_NAMED: usize = 10;

/// The lines of the whole table; the first member is in the third. The namespace is named if there are no members.
pub(super) fn lines(overview: &Overview, namespace: &str) -> Vec<String> {
    if overview.rows.is_empty() {
        let nobody = format!("no members below '{namespace}/'");
        return [vec![nobody], unreadable(overview)].concat();
    }
    let rows = overview.rows.iter();
    let rows = rows.map(|row| (style(row.verdict), words(row).to_vec()));
    let rows = table(&COLUMNS, rows.collect());
    let lines = std::iter::once(headline(overview)).chain(rows);
    let private = overview
        .has_private_claims
        .then(|| PRIVATE_CLAIMS.to_owned());
    lines.chain(private).chain(unreadable(overview)).collect()
}

/// One line for each znode that could not be read, and the number of those beyond the limit.
fn unreadable(overview: &Overview) -> Vec<String> {
    let style = AnsiColor::Yellow.on_default();
    let all = &overview.unreadable;
    let named = all.iter().take(MOST_NAMED);
    let mut lines: Vec<String> = named
        .map(|it| paint(&line(&it.to_string()), style))
        .collect();
    if all.len() > MOST_NAMED {
        let more = all.len() - MOST_NAMED;
        lines.push(paint(
            &format!("… and {more} more that cannot be read"),
            style,
        ));
    }
    lines
}

fn words(row: &Row) -> [String; COLUMNS.len()] {
    let known = |text: &str| match text {
        "" => UNKNOWN.to_owned(),
        text => text.to_owned(),
    };
    let status = row.status();
    let memory = status.and_then(|status| status.memory);
    [
        row.role.to_string(),
        known(&row.node),
        known(row.identity.attempt.as_deref().unwrap_or_default()),
        known(&row.identity.host),
        row.verdict_and_cause(),
        row.known_age().map_or_else(|| UNKNOWN.to_owned(), age),
        rate(row.beats_per_second),
        percent(status.and_then(|status| status.progress)),
        rate(row.records_per_second),
        memory.map_or_else(|| UNKNOWN.to_owned(), bytes),
    ]
}

/// `master NAME since … (3m 20s), epoch 30459, interval 5ms`.
fn headline(overview: &Overview) -> String {
    let mut line = match &overview.master {
        None => "no master".to_owned(),
        Some(CurrentMaster { node, term, .. }) => {
            let node = cell(node);
            let master_for = overview.master_for().map(age).unwrap_or_default();
            match term {
                None => format!("master {node}, which has not reported yet"),
                Some(term) => {
                    let since = moment(term.since);
                    let epoch = term.epoch.unwrap_or_default();
                    format!("master {node} since {since} ({master_for}), epoch {epoch}")
                }
            }
        }
    };
    if let Some(interval) = overview.interval {
        let interval = humantime::format_duration(interval);
        line = format!("{line}, interval {interval}");
    }
    line
}

fn style(verdict: MemberVerdict) -> Style {
    match verdict {
        MemberVerdict::Dead => AnsiColor::Red.on_default().bold(),
        MemberVerdict::Stalled(_) => AnsiColor::Red.on_default(),
        MemberVerdict::Late | MemberVerdict::Returned(_) | MemberVerdict::Unreadable => {
            AnsiColor::Yellow.on_default()
        }
        MemberVerdict::Ended(_) => Style::new().dimmed(),
        MemberVerdict::Doing(_) | MemberVerdict::Alive => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn stripped(overview: &Overview) -> Vec<String> {
        let lines = lines(overview, "/jobs/one");
        let lines = lines.iter().map(|line| anstream::adapter::strip_str(line));
        lines.map(|line| line.to_string()).collect()
    }

    #[test]
    fn a_table_has_a_line_for_each_member() {
        let lines = stripped(&sample::overview());
        assert!(lines[0].starts_with("master map1 since "), "{}", lines[0]);
        assert!(
            lines[0].ends_with(" (3m 20s), epoch 9, interval 5ms"),
            "{}",
            lines[0]
        );
        let words = |line: &str| {
            let words = line.split("  ").map(|word| word.trim().to_owned());
            words.filter(|word| !word.is_empty()).collect::<Vec<_>>()
        };
        assert_eq!(words(&lines[1]), COLUMNS.map(|(name, _)| name));
        assert_eq!(
            words(&lines[2]),
            [
                "master", "map1", "-", "hd1", "working", "4ms", "200", "41.5%", "1000", "12.3MiB"
            ]
        );
        assert_eq!(
            words(&lines[3]),
            [
                "follower",
                "map3",
                "attempt_1",
                "-",
                "dead: closed",
                "1m",
                "-",
                "-",
                "-",
                "-"
            ]
        );
        assert_eq!(words(&lines[4])[..2], ["follower", "map2"]);
        assert_eq!(lines.len(), 5);
        // Numbers are aligned at their last digit.
        let end = |line: &str, word: &str| line.find(word).unwrap() + word.len();
        assert_eq!(end(&lines[1], "BEATS/S"), end(&lines[2], " 200"));
    }

    #[test]
    fn the_dead_are_red_and_the_late_yellow() {
        let lines = lines(&sample::overview(), "");
        assert!(
            lines[3].starts_with("\u{1b}[1m\u{1b}[31m"),
            "{:?}",
            lines[3]
        );
        assert!(lines[4].starts_with("\u{1b}[33m"), "{:?}", lines[4]);
        assert!(!lines[2].contains('\u{1b}'), "{:?}", lines[2]);
    }

    #[test]
    fn nobody_is_said_in_words() {
        let nobody = Overview {
            rows: Vec::new(),
            ..sample::overview()
        };
        assert_eq!(
            lines(&nobody, "/jobs/one"),
            ["no members below '/jobs/one/'"]
        );
    }
}
