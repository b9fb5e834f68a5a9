//! `heartline status`: shows all members of a namespace once, or one of them.
//!
//! It only reads, and reads everything twice: the difference between the two looks gives the rates. The age of a beat
//! is measured on the server's clock, of which a reader knows only when each znode was written: the latest of all
//! these times counts as now. If no member writes, now is that time at the first look plus the time passed since.

mod connection;
mod details;
mod finder;
#[doc(hidden)]
pub mod fuzzing;
mod gather;
mod json;
mod overview;
mod reader;
mod row;
#[cfg(test)]
mod sample;
mod summary;
mod table;
mod text;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{anyhow, bail};
use chrono::Utc;
use clap::Args;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::setup;
pub use connection::Unavailable;
pub use finder::JobFinder;
pub use gather::Unreadable;
use heartline_cli::{self as cli, Screen, ZooKeeperOptions, duration, write_line};
use heartline_core::clock::SystemClock;
use heartline_core::text::line;
use heartline_process::say::say;
use heartline_zookeeper::{Failure, Session, can_be_looked_up};
pub use json::member_json;
pub use overview::{CurrentMaster, MasterTerm, Overview};
pub use reader::JobReader;
pub use row::{MemberRole, MemberVerdict, Row};
pub use summary::GroupSummary;
pub use text::{UNKNOWN, age, bytes};

use connection::StatusConnection;
use gather::{Node, look};

const PROGRAM: &str = "heartline status";
/// How long all answers may take for a single look.
const ANSWERS: Duration = Duration::from_secs(5);
/// How long answers may take with `--watch` before the screen says that there are none.
const HICCUP: Duration = Duration::from_secs(2);
/// How long before the limit to give up on a server that throttles, so that there is time to report it.
const LAST: Duration = Duration::from_millis(200);
/// How long closing the session may take.
const CLOSE: Duration = Duration::from_secs(1);

/// Show all members: which one is master, how fast each works, and which are late, stalled or dead
///
/// Exits with status 1 if a member is dead or stalled, or if ZooKeeper cannot be reached. Members that died in the
/// last ten minutes are shown as long as the master reports them.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// Show everything about one member, given by its name or attempt id
    #[arg(value_name = "NODE", value_parser = target)]
    node: Option<String>,

    /// Write one JSON object per line
    #[arg(long)]
    json: bool,

    /// Show the table repeatedly, on a terminal in the same place, until stopped
    #[arg(long, conflicts_with = "node")]
    watch: bool,

    /// Time between two tables
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration, requires = "watch")]
    every: Duration,

    /// Time over which rates of records and bytes are measured
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration)]
    over: Duration,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

fn target(text: &str) -> Result<String, String> {
    let is_name = !matches!(text, "" | "." | "..")
        && !text
            .chars()
            .any(|c| c == '/' || c.is_whitespace() || c.is_control());
    is_name
        .then(|| text.to_owned())
        .ok_or_else(|| "write a member's name or an attempt's id, in one word".to_owned())
}

impl StatusArgs {
    /// Shows the requested view; the exit status says whether all is well.
    pub fn run(&self) -> ExitCode {
        cli::run(PROGRAM, async {
            match &self.node {
                Some(target) => self.one(target).await,
                None if self.watch => self.again_and_again().await,
                None => self.once().await,
            }
        })
    }

    /// Shows all members once.
    async fn once(&self) -> anyhow::Result<ExitCode> {
        let mut link = self.link();
        let session = link.session_when_up().await?;
        let limit = self.over + ANSWERS;
        let overview = link.bounded(limit, self.overview(&session, limit)).await;
        self.say_open(&session).await;
        drop(session);
        link.close(CLOSE).await;
        let overview = overview.map_err(|problem| anyhow!("{problem}"))?;
        self.show(&mut Screen::new(false), &overview)?;
        Ok(status(overview.is_bad()))
    }

    /// Says which znodes everybody may write, to who has an identity. Says nothing if ZooKeeper does not answer in time:
    /// the look at the members tells that.
    async fn say_open(&self, session: &Session) {
        if !self.zookeeper.settings().security.closes_orders() {
            return;
        }
        let open = timeout(HICCUP, session.open_to_everybody(&[])).await;
        let open = open.ok().and_then(Result::ok).unwrap_or_default();
        if !open.is_empty() {
            say(PROGRAM, setup::tree_is_open(&open));
        }
    }

    /// Shows all members until a signal ends the process or the reader has gone.
    async fn again_and_again(&self) -> anyhow::Result<ExitCode> {
        let mut link = self.link();
        let mut screen = Screen::new(true);
        loop {
            let next = Instant::now() + self.every;
            let overview = match link.session().await {
                Ok(session) => {
                    let limit = self.over + HICCUP;
                    link.bounded(limit, self.overview(&session, limit)).await
                }
                Err(problem) => Err(problem),
            };
            match overview {
                Ok(overview) => self.show(&mut screen, &overview)?,
                Err(why) if self.json => {
                    write_line(&json::away(Utc::now(), &why.to_string())?)?;
                }
                Err(why) => screen.show(&[line(&why.to_string()).into_owned()])?,
            }
            sleep_until(next).await;
        }
    }

    fn show(&self, screen: &mut Screen, overview: &Overview) -> anyhow::Result<()> {
        if self.json {
            return Ok(write_line(&json::line(overview)?)?);
        }
        Ok(screen.show(&table::lines(overview, &self.namespace()))?)
    }

    /// Shows one member with its snapshot.
    async fn one(&self, target: &str) -> anyhow::Result<ExitCode> {
        let mut link = self.link();
        let session = link.session_when_up().await?;
        let limit = self.over + ANSWERS;
        let found = link
            .bounded(limit, self.find(&session, target, limit))
            .await;
        drop(session);
        link.close(CLOSE).await;
        let (overview, snapshots) = found.map_err(|problem| anyhow!("{problem}"))?;
        for unreadable in &overview.unreadable {
            say(PROGRAM, unreadable);
        }
        let rows: Vec<&Row> = overview.rows.iter().filter(|row| row.is(target)).collect();
        let mut screen = Screen::new(false);
        let mut show = |row: Option<&Row>, snapshot: Option<&Node>| {
            if self.json {
                return anyhow::Ok(write_line(&json::details(overview.now, row, snapshot)?)?);
            }
            let lines = match row {
                Some(row) => details::lines(row, snapshot),
                None => details::gone(target, snapshot),
            };
            Ok(screen.show(&lines)?)
        };
        if rows.is_empty() {
            let Some(snapshot) = snapshots.first() else {
                bail!("{}", details::unknown(target, &overview, &self.namespace()));
            };
            show(None, Some(snapshot))?;
        }
        for row in &rows {
            let snapshot = snapshots.iter().find(|snapshot| snapshot.name == row.node);
            show(Some(row), snapshot)?;
        }
        Ok(status(rows.iter().any(|row| row.verdict.is_bad())))
    }

    async fn overview(&self, session: &Session, limit: Duration) -> Result<Overview, Failure> {
        let clock = SystemClock::start();
        let end = Instant::now() + limit.saturating_sub(LAST);
        let first = look(session, clock, end).await?;
        sleep(self.over).await;
        let second = look(session, clock, end).await?;
        Ok(Overview::of(&first, &second, Utc::now()))
    }

    /// Reads all members, and the snapshots of those called `target`, even if that is no longer a member.
    async fn find(
        &self,
        session: &Session,
        target: &str,
        limit: Duration,
    ) -> Result<(Overview, Vec<Node>), Failure> {
        let end = Instant::now() + limit.saturating_sub(LAST);
        let mut overview = self.overview(session, limit).await?;
        let rows = overview.rows.iter().filter(|row| row.is(target));
        let mut names: Vec<&str> = rows.map(|row| row.node.as_str()).collect();
        if names.is_empty() {
            names.push(target);
        }
        // A report and a claim may contain any name.
        names.retain(|name| can_be_looked_up(name));
        let clock = SystemClock::start();
        let (snapshots, unreadable) = gather::snapshots(session, clock, &names, end).await?;
        overview.unreadable.extend(unreadable);
        Ok((overview, snapshots))
    }

    fn link(&self) -> StatusConnection {
        StatusConnection::new(self.zookeeper.settings())
    }

    /// The path that contains all znodes, including the chroot.
    fn namespace(&self) -> String {
        let settings = self.zookeeper.settings();
        settings
            .namespace
            .below(settings.address.chroot())
            .to_string()
    }
}

fn status(bad: bool) -> ExitCode {
    if bad {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert!(
            target("map1609240709.574485").is_ok() && target("attempt_1_0001_m_000000_0").is_ok()
        );
        for wrong in ["", ".", "..", "a/b", "a b", "a\nb"] {
            assert!(target(wrong).is_err(), "{wrong:?}");
        }
    }
}
