//! `heartline zkstats`: shows the role of each `ZooKeeper` server in its ensemble; asks all at once.

mod facts;
#[doc(hidden)]
pub mod fuzzing;
mod server;
mod table;

use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

pub use facts::Facts;
use server::PERHAPS_TLS;
pub use server::Server;

use crate::probe::{Pages, Pending, Silence, ask};
use heartline_cli::{self as cli, Screen, TlsOptions, duration, write_line};
use heartline_core::text;
use heartline_process::say::say;
use heartline_zookeeper::{TlsClient, server};

const PROGRAM: &str = "heartline zkstats";

/// What to name instead of an admin port without TLS.
const ADMIN: &str = "one with admin.portUnification=true in its zoo.cfg";

const HELP: &str = "\
Examples:
  heartline zkstats zk1 zk2 zk3:2182
  heartline zkstats --wide zk1 zk2 zk3

Each server gets the four-letter word srvr, which ZooKeeper 3.5 and later always answer, or else
stat. --wide also sends mntr; if the server's 4lw.commands.whitelist does not allow it, its admin
server's /commands/monitor is queried: by HTTPS with --zookeeper-tls, otherwise by HTTP.

Exit status: 0 if there is a quorum: at least one server leads, follows, observes or stands alone.
A server of an ensemble without a quorum does none of these, so one follower is enough proof.
1 if there is no quorum or no server answers; 2 on wrong usage. If a server fails while others
serve, it is shown as Mode:NULL with the reason on stderr, and the exit status stays 0.";

/// Show which ZooKeeper server leads, and which follow, observe, stand alone or do not answer
///
/// One line for each server, in the order given: the host as written, a tab, and 'Mode: leader', 'Mode: follower',
/// 'Mode: observer', 'Mode: standalone', or 'Mode:NULL' for a server that does not serve.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = HELP)]
pub struct ZkstatsArgs {
    /// Servers to ask; the default port is 2181
    #[arg(required = true, value_name = "HOST[:PORT]")]
    servers: Vec<Named>,

    /// Show version, zxid, latency, connections, outstanding requests, znodes, watches and ephemerals too
    #[arg(long)]
    wide: bool,

    /// Write one JSON object, with all that --wide shows
    #[arg(long, conflicts_with = "wide")]
    json: bool,

    /// Time limit for each server
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    timeout: Duration,

    /// Port of the admin servers, on each server's host; with --zookeeper-tls it must be for HTTPS
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 8080,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    admin_port: u16,

    #[command(flatten)]
    tls: TlsOptions,
}

/// A server as the user has written it.
#[derive(Clone, Debug)]
struct Named {
    written: String,
    host: String,
    port: u16,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "separate servers with blanks, as in zk1 zk2:2182";
        let (host, port) = server(text, 2181, wanted)?;
        Ok(Self {
            written: text.trim().to_owned(),
            host,
            port,
        })
    }
}

/// A server and its facts.
#[derive(Clone, Debug, Serialize)]
struct Row {
    host: String,
    #[serde(flatten)]
    facts: Facts,
}

#[derive(Serialize)]
struct All<'a> {
    quorum: bool,
    servers: &'a [Row],
}

impl ZkstatsArgs {
    /// Asks all servers, and shows their facts.
    pub fn run(&self) -> ExitCode {
        cli::run(PROGRAM, async {
            let tls = TlsClient::load(&self.tls.settings()).map_err(anyhow::Error::msg)?;
            let admin = tls.clone().map(|client| Pages::by(client.for_port(ADMIN)));
            let pages = admin.transpose().map_err(anyhow::Error::msg)?;
            self.show(&self.rows(tls.as_ref(), &pages.unwrap_or_default()))
        })
    }

    fn rows(&self, tls: Option<&TlsClient>, pages: &Pages) -> Vec<Row> {
        let end = Instant::now() + self.timeout;
        let wide = self.wide || self.json;
        let ask = |named: &Named| {
            let server = Server {
                host: named.host.clone(),
                port: named.port,
                admin_port: self.admin_port,
                tls: tls.cloned(),
                pages: pages.clone(),
            };
            ask(end, move || server.ask(wide, end))
        };
        let pending: Vec<Pending<Facts>> = self.servers.iter().map(ask).collect();
        let named = self.servers.iter().map(|named| named.written.clone());
        let rows = named.zip(pending).map(|(host, pending)| {
            let mut facts = pending.answer().unwrap_or_else(Facts::of_nobody);
            // A server that speaks TLS waits for more than a word.
            let is_silent = facts.problem.as_ref() == Some(&Silence::Slow.to_string());
            if tls.is_none() && is_silent {
                facts.problem = Some(format!("{}{PERHAPS_TLS}", Silence::Slow));
            }
            Row { host, facts }
        });
        rows.collect()
    }

    fn show(&self, rows: &[Row]) -> anyhow::Result<ExitCode> {
        let quorum = rows.iter().any(|row| row.facts.is_serving());
        if self.json {
            let all = All {
                quorum,
                servers: rows,
            };
            write_line(&text::json(&all)?)?;
        } else if self.wide {
            Screen::new(false).show(&table::lines(rows))?;
        } else {
            let lines: Vec<String> = rows.iter().map(line).collect();
            write_line(&lines.join("\n"))?;
        }
        if !self.json {
            for row in rows {
                if let Some(problem) = &row.facts.problem {
                    say(PROGRAM, format_args!("{}: {problem}", row.host));
                }
            }
        }
        Ok(if quorum {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// The line that scripts have read for years: `zk1<TAB>Mode: follower`.
fn line(row: &Row) -> String {
    match &row.facts.mode {
        Some(mode) => format!("{}\tMode: {}", row.host, text::cell(mode)),
        None => format!("{}\tMode:NULL", row.host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(host: &str, mode: Option<&str>) -> Row {
        Row {
            host: host.to_owned(),
            facts: Facts {
                mode: mode.map(str::to_owned),
                ..Facts::default()
            },
        }
    }

    #[test]
    fn a_line_is_that_of_the_old_script() {
        assert_eq!(line(&row("zk1", Some("leader"))), "zk1\tMode: leader");
        assert_eq!(line(&row("zk2:2182", None)), "zk2:2182\tMode:NULL");
    }

    #[test]
    fn servers_are_written_one_by_one() {
        let named: Named = "[::1]:2182".parse().unwrap();
        assert_eq!((named.host.as_str(), named.port), ("::1", 2182));
        assert_eq!("zk1".parse::<Named>().unwrap().port, 2181);
        for wrong in [
            "", "a,b", "a/b", "a/", "a:0", "a:b", "a b", "a:1:2", "zk://a", "::1",
        ] {
            let reason = wrong.parse::<Named>().unwrap_err();
            assert!(reason.contains("zk1 zk2:2182"), "{wrong}: {reason}");
        }
    }
}
