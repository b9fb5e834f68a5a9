//! What a check has found, and how it is shown.

use std::io;

use anstyle::{AnsiColor, Style};
use heartline_cli::{Column, Screen, table};
use heartline_core::text;
use serde::Serialize;
use strum::Display;

const COLUMNS: [Column; 3] = [("RESULT", false), ("CHECK", false), ("FINDING", false)];

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Display, Serialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(super) enum Level {
    /// As it should be, or nothing to worry about.
    Ok,
    /// The job runs, but something is missing or at risk.
    Warning,
    /// It would break the job, or its heartbeat.
    Error,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What was looked at, as `clock`.
    pub(super) check: String,
    /// What is so.
    pub(super) found: String,
    /// What to do; `None` if nothing has to be done.
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            level: Level::Ok,
            check: check.into(),
            found: found.into(),
            advice: None,
        }
    }

    pub(super) fn warning(
        check: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Warning,
            advice: Some(advice.into()),
            ..Self::ok(check, found)
        }
    }

    pub(super) fn error(
        check: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Error,
            ..Self::warning(check, found, advice)
        }
    }

    fn row(&self) -> (Style, Vec<String>) {
        let style = match self.level {
            Level::Ok => Style::new(),
            Level::Warning => AnsiColor::Yellow.on_default(),
            Level::Error => AnsiColor::Red.on_default().bold(),
        };
        let said = match &self.advice {
            Some(advice) => format!("{}; {advice}", self.found),
            None => self.found.clone(),
        };
        (
            style,
            vec![self.level.to_string(), self.check.clone(), said],
        )
    }
}

#[derive(Serialize)]
struct Report<'a> {
    result: Level,
    findings: &'a [Finding],
}

/// The findings as one JSON object, with the worst level as its result.
pub(super) fn json(findings: &[Finding]) -> serde_json::Result<String> {
    let worst = findings.iter().map(|one| one.level).max();
    text::json(&Report {
        result: worst.unwrap_or(Level::Ok),
        findings,
    })
}

/// Shows the findings as a table.
pub(super) fn show(findings: &[Finding]) -> io::Result<()> {
    Screen::new(false).show(&table(
        &COLUMNS,
        findings.iter().map(Finding::row).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_is_the_worst_finding() {
        let findings = [
            Finding::ok("a", "well"),
            Finding::warning("b", "odd", "look"),
        ];
        let json: serde_json::Value = serde_json::from_str(&json(&findings).unwrap()).unwrap();
        assert_eq!(json["result"], "warning");
        assert_eq!(json["findings"][1]["advice"], "look");
        assert_eq!(json["findings"][0]["advice"], serde_json::Value::Null);
    }
}
