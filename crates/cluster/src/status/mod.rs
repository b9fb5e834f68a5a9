//! `heartline cluster status`: a whole cluster on one screen.
//!
//! - `gather` queries all parts at once, over HTTP and ZooKeeper, each within a time limit;
//! - the answers are plain data (`overview`);
//! - `rows` judges them, and determines the table and the exit status.

pub mod fuzzing;
mod gather;
mod hdfs;
mod kafka;
mod listing;
mod matching;
mod overview;
mod row;
mod rows;
#[cfg(test)]
mod sample;
mod ticket;
mod webhdfs;
mod yarn;

use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde::Serialize;

use super::input::{FileArgs, PROGRAM, ending};
use super::model::{Cluster, HostKind};
use gather::gather;
use heartline_cli::{self as cli, duration};
use heartline_cli::{Column, Screen, paint, table, write_line};
use heartline_core::text;
use heartline_zookeeper::Namespace;
use overview::Overview;
use row::Row;
use rows::rows;
use ticket::why_no_ticket;

const HELP: &str = "\
Examples:
  heartline cluster status cluster.toml
  watch -n 5 -d heartline cluster status cluster.toml
  heartline cluster status cluster.toml --json | jq .troubles

All parts are queried at the same time; if one does not answer within 2s, its row says so.

Exit status: 0 if all is well; 1 if there is a trouble, shown in red and listed in JSON's
\"troubles\": a part that is described and does not answer, an ensemble without a quorum, no
active NameNode or ResourceManager or more than one, an active NameNode in safe mode, missing
blocks, a DataNode that is dead or not registered, a NodeManager that is not RUNNING, no
controller of Kafka, partitions without enough copies or a leader, a dead or stalled member of
heartline; 2 on wrong usage. What is behind or on its way is shown, and is no trouble: a standby
NameNode reads edits minutes later.";

/// The columns of the table.
const COLUMNS: [Column; 4] = [
    ("PART", false),
    ("HOST", false),
    ("STATE", false),
    ("DETAILS", false),
];

/// Show the state of a whole cluster: ensemble, HDFS, YARN, Kafka, heartline's members, and the files in HDFS's /
#[derive(Args, Clone, Debug)]
#[command(after_long_help = HELP)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    file: FileArgs,

    /// Kind of the hosts [default: the kind it was started with, or loopback]
    #[arg(long, value_enum)]
    hosts: Option<HostKind>,

    /// Write one JSON object per line
    #[arg(long)]
    json: bool,

    /// Refresh the screen until stopped; on a terminal, in place
    #[arg(long)]
    watch: bool,

    /// Interval between two refreshes
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration, requires = "watch")]
    every: Duration,

    /// Namespace of heartline's members
    #[arg(
        long,
        value_name = "PATH",
        env = "HEARTLINE_NAMESPACE",
        default_value = "/"
    )]
    namespace: Namespace,
}

impl StatusArgs {
    pub(super) fn run(&self) -> ExitCode {
        let cluster = match self.file.described(self.hosts) {
            Ok(described) => described.cluster,
            Err(error) => return ending(Err(error)),
        };
        let why_no_ticket = why_no_ticket(&cluster);
        cli::run(PROGRAM, async {
            let mut screen = Screen::new(self.watch);
            loop {
                let next = Instant::now() + self.every;
                let well = self.show(&cluster, why_no_ticket.as_deref(), &mut screen)?;
                if !self.watch {
                    return Ok(if well {
                        ExitCode::SUCCESS
                    } else {
                        ExitCode::FAILURE
                    });
                }
                sleep(next.saturating_duration_since(Instant::now()));
            }
        })
    }

    /// Shows the state once. Returns whether all is well.
    fn show(
        &self,
        cluster: &Cluster,
        why_no_ticket: Option<&str>,
        screen: &mut Screen,
    ) -> anyhow::Result<bool> {
        let overview = gather(cluster, &self.namespace, why_no_ticket);
        let rows = rows(&overview);
        if self.json {
            write_line(&json(&overview, &rows)?)?;
        } else {
            screen.show(&lines(&overview, &rows))?;
        }
        Ok(rows.iter().all(|row| row.well))
    }
}

/// The whole state as one line of JSON.
fn json(overview: &Overview, rows: &[Row]) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct All<'a> {
        healthy: bool,
        quorum: bool,
        #[serde(rename = "troubles")]
        problems: Vec<String>,
        #[serde(flatten)]
        overview: &'a Overview,
    }
    let problems = rows.iter().filter(|row| !row.well);
    let problems: Vec<String> = problems.map(Row::problem).collect();
    text::json(&All {
        healthy: problems.is_empty(),
        quorum: overview.has_quorum(),
        problems,
        overview,
    })
}

/// The lines of the screen: a header, a row for each part, and the listing of HDFS's root.
fn lines(overview: &Overview, rows: &[Row]) -> Vec<String> {
    let problems = rows.iter().filter(|row| !row.well).count();
    let head = match problems {
        0 => "all is well".to_owned(),
        1 => "1 trouble".to_owned(),
        many => format!("{many} troubles"),
    };
    let bad = AnsiColor::Red.on_default();
    let style = |well: bool| if well { Style::new() } else { bad };
    let head = paint(
        &format!("{}: {head}", overview.cluster),
        style(problems == 0).bold(),
    );
    let rows = rows.iter().map(|row| {
        let words = [&row.part, &row.host, &row.state, &row.details];
        (style(row.well), words.map(ToOwned::to_owned).to_vec())
    });
    let mut lines = vec![head];
    lines.extend(table(&COLUMNS, rows.collect()));
    if let Some(entries) = overview.root.as_ref().and_then(|root| root.known()) {
        let listing = listing::lines(entries);
        if !listing.is_empty() {
            lines.push(String::new());
            lines.extend(listing.iter().map(|line| text::line(line).into_owned()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(overview: &Overview) -> String {
        let lines = lines(overview, &rows(overview));
        anstream::adapter::strip_str(&lines.join("\n")).to_string()
    }

    #[test]
    fn a_healthy_cluster_is_shown_whole() {
        let screen = screen(&sample::overview());
        let lines: Vec<&str> = screen.lines().collect();
        assert_eq!(lines[0], "mycluster: all is well");
        assert!(lines[1].starts_with("PART"), "{screen}");
        assert!(screen.contains("\nnamenode nn1 "), "{screen}");
        assert!(
            screen.ends_with("\n\nFound 1 items\ndrwxr-xr-x   - root supergroup          0 1970-01-01 00:00 /user")
                || screen.contains("\n\nFound 1 items\ndrwxr-xr-x   - root supergroup          0 "),
            "{screen}"
        );
    }

    #[test]
    fn json_names_what_is_wrong() {
        let mut overview = sample::overview();
        overview.namenodes[1].reply = overview::Probed::unknown("nothing listens there");
        let json = json(&overview, &rows(&overview)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["healthy"], false);
        assert_eq!(
            json["troubles"][0],
            "namenode nn2 on h2: nothing listens there"
        );
        assert_eq!(json["namenodes"][0]["state"], "active");
        assert_eq!(json["namenodes"][1]["trouble"], "nothing listens there");
        assert_eq!(json["ensemble"][0]["mode"], "leader");
        assert_eq!(json["datanodes"][0]["listed"]["live"], true);
        assert_eq!(json["heartline"]["master"], "map1");
    }
}
