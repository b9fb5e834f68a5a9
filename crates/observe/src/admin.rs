//! `heartline kill`, `heartline reinit` and `heartline interval`: an operator's requests to the master.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;
use tokio::time::{Instant, timeout_at};

use heartline_cli::{self as cli, ZooKeeperOptions, duration};
use heartline_core::protocol::escape::unescape;
use heartline_core::protocol::request::{Request, Response};
use heartline_core::text;
use heartline_process::stdio;
use heartline_zookeeper::{Connector, Failure, Session, Settings, unthrottled};

/// How long to wait for a server that is just starting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for a master: a new one takes over within a second, unless there is no candidate.
const ANSWER: Duration = Duration::from_secs(10);
/// How long closing the session may take.
const CLOSE: Duration = Duration::from_secs(1);

/// End a task attempt, all attempts of a task, or a job: Hadoop tries failed attempts again
#[derive(Args, Clone, Debug)]
pub struct KillArgs {
    /// A member's name, or the id of an attempt, a task or a job
    #[arg(value_name = "TASK|NODE", value_parser = target)]
    target: String,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

/// Make a member leave and join again
#[derive(Args, Clone, Debug)]
pub struct ReinitArgs {
    /// A member's name, or the id of an attempt or a task
    #[arg(value_name = "TASK|NODE", value_parser = target)]
    target: String,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

/// Set the interval at which each follower beats
#[derive(Args, Clone, Debug)]
pub struct IntervalArgs {
    /// Time between two beats, such as 20ms; auto lets the master choose it by its --beat-budget
    #[arg(value_name = "DURATION|auto", value_parser = interval)]
    interval: Asked,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

#[derive(Clone, Copy, Debug)]
struct Asked(Option<Duration>);

fn target(text: &str) -> Result<String, String> {
    let is_word = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    // A blank in the name of a znode is escaped as in the values there.
    is_word.then(|| unescape(text)).ok_or_else(|| {
        "write a member's name or a Hadoop id as one word, with each space in a name as \\u{20}"
            .to_owned()
    })
}

fn interval(text: &str) -> Result<Asked, String> {
    if text == "auto" {
        return Ok(Asked(None));
    }
    let interval = duration(text).map_err(|wrong| format!("{wrong}, or auto"))?;
    Ok(Asked(Some(interval)))
}

impl KillArgs {
    /// Sends the request, and shows which members get it.
    pub fn run(&self) -> ExitCode {
        let request = Request::Kill(self.target.clone());
        cli::run("heartline kill", ask(self.zookeeper.clone(), request))
    }
}

impl ReinitArgs {
    /// Sends the request, and shows which members get it.
    pub fn run(&self) -> ExitCode {
        let request = Request::Reinit(self.target.clone());
        cli::run("heartline reinit", ask(self.zookeeper.clone(), request))
    }
}

impl IntervalArgs {
    /// Sends the request, and shows that all members get it.
    pub fn run(&self) -> ExitCode {
        let request = Request::Interval(self.interval.0);
        cli::run("heartline interval", ask(self.zookeeper.clone(), request))
    }
}

/// Sends the request to the master, and shows its answer.
async fn ask(zookeeper: ZooKeeperOptions, request: Request) -> anyhow::Result<()> {
    match ask_master(&zookeeper.settings(), &request).await? {
        Response::Done(text) => {
            let line = format!("{}\n", text::lines(&text));
            Ok(stdio::out().write_all(line.as_bytes())?)
        }
        Response::Refused(text) => bail!("{text}"),
    }
}

/// Sends a request to the master of a job, in a session of its own, and returns the answer: what was done, or why the
/// master refuses. Both are texts of the master; clean them before they are shown.
///
/// # Errors
/// If there is no session within 5 s, if no member runs below the namespace, or if no master answers within 10 s. The
/// error says which. After the last one the request may still be carried out, by a master that has read it; to ask again
/// does no harm.
///
/// # Cancel safety
/// When the future is dropped, the session ends by its timeout, and the request with it. A master that has read it before
/// carries it out.
pub async fn ask_master(settings: &Settings, request: &Request) -> anyhow::Result<Response> {
    let address = &settings.address;
    let session = Connector::new(settings.clone())
        .connect_within(CONNECT_TIMEOUT)
        .await
        .map_err(|why| anyhow!("no session with ZooKeeper at {address}: {why}"))?;
    let outcome = response(&session, request).await;
    // Without an answer the session ends by its timeout, and the request with it.
    let _ = session.close(CLOSE).await;
    outcome
}

async fn response(session: &Session, request: &Request) -> anyhow::Result<Response> {
    let namespace = session.paths().namespace();
    let nobody =
        || format!("no member runs below '{namespace}/'; check --zookeeper and --namespace");
    let deadline = Instant::now() + ANSWER;
    let first = unthrottled(deadline, async || session.first_claim(true).await);
    match first.await {
        // Somebody is there, whose claim this identity may not read.
        Ok(Some(_)) | Err(Failure::Refused(_)) => {}
        Ok(None) => bail!(nobody()),
        Err(failure) => return Err(failure.into()),
    }
    let request = request.to_string();
    let path = unthrottled(deadline, async || session.request(&request).await).await?;
    loop {
        let read = async {
            let read = unthrottled(deadline, async || session.read(&path).await);
            let (value, change) = read.await?;
            let response = String::from_utf8_lossy(&value.bytes).parse();
            if response.is_err() {
                change.await?;
            }
            Ok::<_, Failure>(response)
        };
        match timeout_at(deadline, read).await {
            Ok(Ok(Ok(response))) => return Ok(response),
            Ok(Ok(Err(()))) => {}
            Ok(Err(failure)) => return Err(failure.into()),
            Err(_) => bail!(
                "no master answered within {} s; heartline status shows whether there is one. A master with another identity \
                 cannot answer, and one that finds the znodes of requests open to others says so on its stderr",
                ANSWER.as_secs()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_one_word() {
        assert_eq!(
            target("attempt_1_0001_m_000000_0").as_deref(),
            Ok("attempt_1_0001_m_000000_0")
        );
        assert_eq!(target("m2\\u{20}x").as_deref(), Ok("m2 x"));
        assert!(target("").is_err() && target("a b").is_err() && target("a\nb").is_err());
        assert!(interval("auto").is_ok_and(|asked| asked.0.is_none()));
        assert!(interval("20ms").is_ok_and(|asked| asked.0 == Some(Duration::from_millis(20))));
        assert!(interval("fast").is_err() && interval("0ms").is_err());
    }
}
