//! What other commands of this program know, live: `heartline cluster status` and `heartline nodes list`.
//!
//! Each runs in a process of its own, and writes one line of JSON: what it waits for delays nobody here, and whatever ends it
//! does not end the page.

use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use heartline_core::protocol::stamp;
use heartline_core::text;

/// Maximum length of a line: ten thousand nodes have two megabytes.
const MOST_LINE: u64 = 16 * 1024 * 1024;
/// Maximum length of what a command says.
const MOST_SAID: u64 = 64 * 1024;
/// The pause between two reports.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The last report of a command.
#[derive(Debug, Default)]
pub(crate) struct Report {
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    read: Option<String>,
    status: Option<Box<RawValue>>,
    problem: Option<String>,
}

impl Report {
    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line of the command; whatever is no JSON is a problem.
    fn line(&self, line: &str) {
        let parsed = serde_json::from_str::<Box<RawValue>>(line);
        let mut last = self.last();
        match parsed {
            Ok(status) => {
                last.read = Some(stamp(Utc::now()));
                last.status = Some(status);
                last.problem = None;
            }
            Err(error) => last.problem = Some(format!("its answer is no JSON: {error}")),
        }
    }

    fn problem(&self, problem: String) {
        self.last().problem = Some(problem);
    }

    /// The last report and what is wrong now, as JSON.
    pub(crate) fn json(&self) -> String {
        let last = self.last();
        // Texts can always be written.
        let read = text::json(&last.read).unwrap_or_default();
        let problem = text::json(&last.problem).unwrap_or_default();
        let status = last.status.as_ref().map_or("null", |status| status.get());
        format!("{{\"read\":{read},\"problem\":{problem},\"status\":{status}}}")
    }
}

/// Which reports there are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports {
    /// Of a whole cluster.
    pub(crate) cluster: Option<Arc<Report>>,
    /// Of a node control server.
    pub(crate) nodes: Option<Arc<Report>>,
}

/// Asks a command of this program again and again, for ever, and keeps its reports.
pub(crate) async fn follow(report: Arc<Report>, arguments: Vec<String>) {
    loop {
        match timeout(LIMIT, ask(&arguments)).await {
            Ok(Ok((line, _))) if !line.trim().is_empty() => report.line(&line),
            Ok(Ok((_, said))) => report.problem(last_line(&said)),
            Ok(Err(error)) => report.problem(error.to_string()),
            Err(_) => report.problem(format!("no answer within {} s", LIMIT.as_secs())),
        }
        sleep(PAUSE).await;
    }
}

/// What a command writes, and what it says. It is ended when the future is dropped.
async fn ask(arguments: &[String]) -> io::Result<(String, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (line, said) = tokio::join!(read(stdout, MOST_LINE), read(stderr, MOST_SAID));
    // Both ends are closed, or it writes too much: it is of no use any more.
    child.start_kill()?;
    child.wait().await?;
    Ok((line?, said?))
}

/// Reads a stream to its end, or to the limit.
async fn read(stream: Option<impl AsyncRead + Unpin>, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(most).read_to_end(&mut bytes).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last line of what a command says.
fn last_line(said: &str) -> String {
    let mut lines = said.lines().map(str::trim);
    let last = lines.rfind(|line| !line.is_empty());
    text::line(last.unwrap_or("the command says nothing")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_report_stays_beside_a_problem() {
        let report = Report::default();
        assert_eq!(
            report.json(),
            r#"{"read":null,"problem":null,"status":null}"#
        );
        report.line("{\"troubles\": []}\n");
        assert!(
            report
                .json()
                .ends_with(r#""problem":null,"status":{"troubles": []}}"#)
        );
        report.problem("no \u{1b}[2J server".to_owned());
        let json = report.json();
        assert!(
            json.contains(r#""problem":"no \u001b[2J server""#),
            "{json}"
        );
        assert!(json.contains("troubles"));
        report.line("{");
        assert!(report.json().contains("is no JSON"));
    }

    #[tokio::test]
    async fn what_is_written_is_bounded_and_the_last_line_is_kept() {
        let read = read(Some(b"0123456789".as_slice()), 4).await;
        assert_eq!(read.unwrap(), "0123");
        assert_eq!(
            last_line("first\n\nlast: \u{1b}[2J\n\n"),
            "last: \u{fffd}[2J"
        );
        assert_eq!(last_line(""), "the command says nothing");
    }
}
