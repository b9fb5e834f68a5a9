//! Everything known about one member, as `key: value` lines for people, then its snapshot.

use std::fmt::{Display, Write};
use std::time::Duration;

use super::gather::Node;
use super::overview::Overview;
use super::row::Row;
use super::text::{age, bytes, moment, percent, rate};
use heartline_core::protocol::Status;
use heartline_core::protocol::claim::is_standing;
use heartline_core::text;

/// The lines about one member, followed by its snapshot if there is one.
pub(super) fn lines(row: &Row, snapshot: Option<&Node>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |key: &str, word: &dyn Display| {
        lines.push(format!("{key}: {}", text::line(&word.to_string())));
    };
    say("node", &row.node);
    say("role", &row.role);
    say("verdict", &row.verdict_and_cause());
    let last = format!("{} ({} ago)", moment(row.last), age(row.age));
    if let Some(problem) = &row.problem {
        say("cannot be read", problem);
        if row.known_age().is_some() {
            say("last beat", &last);
            say("beats per second", &rate(row.beats_per_second));
        }
        return [lines, shown(snapshot)].concat();
    }
    let Some(beat) = &row.beat else {
        say("declared dead", &last);
        if let Some(attempt) = &row.identity.attempt {
            say("attempt", attempt);
        }
        return [lines, shown(snapshot)].concat();
    };
    say("last beat", &last);
    say("beats per second", &rate(row.beats_per_second));
    let identity = &beat.identity;
    let words: [(_, Option<&dyn Display>); 5] = [
        ("attempt", identity.attempt.as_ref().map(|word| word as _)),
        ("job", identity.job.as_ref().map(|word| word as _)),
        ("phase", identity.phase.as_ref().map(|word| word as _)),
        ("split", identity.split.as_ref().map(|word| word as _)),
        ("claim", identity.claim.as_ref().map(|word| word as _)),
    ];
    for (key, word) in words {
        if let Some(word) = word {
            say(key, word);
        }
    }
    if !identity.host.is_empty() {
        say("host", &identity.host);
    }
    if identity.pid > 0 {
        say("pid", &identity.pid);
    }
    if identity.returns > 0 {
        say("returned", &format_args!("{} times", identity.returns));
    }
    // A dedicated master has no work.
    let is_idle = identity.claim.as_deref().is_some_and(is_standing);
    if !is_idle {
        records(&beat.status, row.records_per_second, &mut say);
    }
    state(&beat.status, &mut say);
    [lines, shown(snapshot)].concat()
}

/// Appends how far the work has come.
fn records(status: &Status, per_second: Option<f64>, say: &mut impl FnMut(&str, &dyn Display)) {
    // A beat of another program does not count records.
    if !status.interval.is_zero() {
        say("records in", &status.records_in);
        say("records out", &status.records_out);
        say("bytes in", &bytes(status.bytes_in));
        say("bytes out", &bytes(status.bytes_out));
        say("records per second", &rate(per_second));
    }
    if status.progress.is_some() {
        say("progress", &percent(status.progress));
    }
}

/// Appends the state of the work.
fn state(status: &Status, say: &mut impl FnMut(&str, &dyn Display)) {
    let millis = |millis: u64| age(Duration::from_millis(millis));
    if !status.interval.is_zero() {
        say("interval", &humantime::format_duration(status.interval));
    }
    if let Some(condition) = status.condition {
        say("condition", &condition);
    }
    if let Some(stalled) = status.stalled_ms {
        say("stalled for", &millis(stalled));
    }
    if let Some(cpu) = status.cpu_ms {
        say("cpu time", &millis(cpu));
    }
    if let Some(memory) = status.memory {
        say("memory", &bytes(memory));
    }
}

/// The lines of a snapshot, unchanged.
fn shown(snapshot: Option<&Node>) -> Vec<String> {
    let Some(snapshot) = snapshot else {
        return Vec::new();
    };
    let written = moment(snapshot.value.stat.written);
    let snapshot = String::from_utf8_lossy(&snapshot.value.bytes);
    let mut lines = vec![String::new(), format!("snapshot, written {written}:")];
    // Tabs indent its lines; they do not control the terminal.
    lines.extend(text::lines(&snapshot).lines().map(str::to_owned));
    lines
}

/// The snapshot of a node that is no longer a member.
pub(super) fn gone(target: &str, snapshot: Option<&Node>) -> Vec<String> {
    let mut lines = vec![
        format!("node: {target}"),
        "verdict: no member any more".to_owned(),
    ];
    lines.extend(shown(snapshot));
    lines
}

/// The message when no member has the name `target`.
pub(super) fn unknown(target: &str, overview: &Overview, namespace: &str) -> String {
    let mut reason = format!(
        "no member is called '{target}' or runs an attempt of this id below '{namespace}/'"
    );
    let count = overview.rows.len();
    let _ = match count {
        0 => write!(reason, "; there are none"),
        1 => write!(reason, "; heartline status shows the one there is"),
        _ => write!(reason, "; heartline status shows all {count}"),
    };
    reason
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn all_that_a_beat_says_is_shown() {
        let overview = sample::overview();
        let snapshot = sample::node("map1", "stack:\n\tmain \u{1b}[2J\n", 3, 5000, 0);
        let lines = lines(&overview.rows[0], Some(&snapshot));
        for line in [
            "node: map1",
            "role: master",
            "verdict: working",
            "beats per second: 200",
            "host: hd1",
            "pid: 42",
            "interval: 5ms",
            "records in: 700",
            "records per second: 1000",
            "progress: 41.5%",
            "memory: 12.3MiB",
            "\tmain \u{fffd}[2J",
        ] {
            assert!(
                lines.iter().any(|printed| printed == line),
                "{line}: {lines:#?}"
            );
        }
        let has_line = |key: &str| lines.iter().any(|line| line.starts_with(key));
        assert!(
            has_line("last beat: ") && has_line("snapshot, written ") && !has_line("stalled for")
        );
    }

    #[test]
    fn of_the_dead_is_shown_what_the_report_says() {
        let overview = sample::overview();
        let lines = lines(&overview.rows[1], None);
        assert_eq!(
            lines[..3],
            ["node: map3", "role: follower", "verdict: dead: closed"]
        );
        assert!(lines[3].starts_with("declared dead: ") && lines[3].ends_with("(1m ago)"));
        assert_eq!(lines[4..], ["attempt: attempt_1"]);
    }

    #[test]
    fn the_error_about_an_unknown_member_says_how_to_see_all() {
        let overview = sample::overview();
        let reason = unknown("map9", &overview, "/jobs");
        assert!(reason.contains("'map9'") && reason.contains("heartline status shows all 3"));
    }
}
