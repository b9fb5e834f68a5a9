//! `heartline nodes list` and `heartline nodes forget`: the operator's requests to the server.

use std::convert::Infallible;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::bail;
use serde::Deserialize;
use tokio::time::{Instant, interval_at, sleep, timeout};

use super::PROGRAM;
use super::credentials::Credentials;
use super::fields::HostName;
use super::link::{Link, reconnect_backoff};
use super::message::{ListedNode, Raw, ReplyHeader, Truth};
use super::options::Servers;
use heartline_cli::{Column, Screen, table, write_line};
use heartline_core::text;
use heartline_process::say::say;

/// How long the server's answer may take.
const LIMIT: Duration = Duration::from_secs(5);
/// The interval at which a watching client repeats its request, well before the server closes the connection as idle.
const AGAIN: Duration = Duration::from_secs(20);
const COLUMNS: [Column; 6] = [
    ("ROLE", false),
    ("NODE", false),
    ("ADDRESS", false),
    ("USER", false),
    ("VERDICT", false),
    ("AGE", true),
];

#[derive(Debug, Deserialize)]
struct Nodes {
    nodes: Vec<ListedNode>,
}

/// Shows all nodes, once, or again on each change.
pub(super) async fn list(
    servers: &Servers,
    credentials: &Credentials,
    json: bool,
    watch: bool,
) -> anyhow::Result<()> {
    let ask = Raw {
        watch: watch.then_some(Truth::True),
        ..Raw::operator("list")
    };
    let (mut link, mut last) = ask_any(servers, credentials, &ask, "nodes").await?;
    let mut screen = Screen::new(watch);
    show(&mut screen, &last, json)?;
    if !watch {
        return Ok(());
    }
    let mut backoff = reconnect_backoff();
    loop {
        // A closed output is not the server's fault.
        let mut unshown = None;
        let Err(why) = follow(&mut link, &ask, |message| {
            if message != last {
                unshown = show(&mut screen, &message, json).err();
                last = message;
            }
            unshown.is_none()
        })
        .await;
        if let Some(unshown) = unshown {
            return Err(unshown);
        }
        say(PROGRAM, format_args!("{why:#}; trying again"));
        link = loop {
            sleep(backoff.next_wait()).await;
            if let Ok((link, _)) = ask_any(servers, credentials, &ask, "nodes").await {
                break link;
            }
        };
        backoff.reset();
    }
}

/// Shows each list that arrives, while the connection works and the output accepts it.
async fn follow(
    link: &mut Link,
    ask: &Raw,
    mut take: impl FnMut(Vec<u8>) -> bool,
) -> anyhow::Result<Infallible> {
    let mut asks = interval_at(Instant::now() + AGAIN, AGAIN);
    loop {
        tokio::select! {
            _ = asks.tick() => link.send_message(ask).await?,
            message = answer(link, "nodes") => if !take(message?) {
                bail!("the list cannot be shown");
            },
        }
    }
}

/// Asks the server to forget a node.
pub(super) async fn forget(
    servers: &Servers,
    credentials: &Credentials,
    name: &HostName,
    force: bool,
) -> anyhow::Result<()> {
    let ask = Raw {
        hostname: Some(name.to_string()),
        force: force.then_some(Truth::True),
        ..Raw::operator("forget")
    };
    ask_any(servers, credentials, &ask, "ack").await?;
    Ok(())
}

/// Asks the active server. Returns its answer and the connection.
async fn ask_any(
    servers: &Servers,
    credentials: &Credentials,
    ask: &Raw,
    kind: &str,
) -> anyhow::Result<(Link, Vec<u8>)> {
    let mut failures = Vec::new();
    for turn in 0..servers.count() {
        let server = servers.at(turn);
        let asked = async {
            let mut link = Link::connect(server, credentials).await?;
            link.send_message(ask).await?;
            let message = answer(&mut link, kind).await?;
            anyhow::Ok((link, message))
        };
        match timeout(LIMIT, asked).await {
            Ok(Ok(answered)) => return Ok(answered),
            Ok(Err(why)) => failures.push(format!("server {server}: {why:#}")),
            Err(_) => failures.push(format!("server {server} does not answer")),
        }
    }
    bail!("{}", failures.join("; "))
}

/// The next answer of this kind.
async fn answer(link: &mut Link, kind: &str) -> anyhow::Result<Vec<u8>> {
    loop {
        let message = link.next().await?;
        let glance: ReplyHeader = serde_json::from_slice(&message)?;
        match glance.kind.as_deref() {
            Some(this) if this == kind => return Ok(message),
            Some("refused") => {
                bail!("the server refuses: {}", glance.why());
            }
            _ => {}
        }
    }
}

fn show(screen: &mut Screen, message: &[u8], json: bool) -> anyhow::Result<()> {
    if json {
        let message = String::from_utf8_lossy(message);
        return Ok(write_line(&text::escaped(&message))?);
    }
    let nodes: Nodes = serde_json::from_slice(message)?;
    if nodes.nodes.is_empty() {
        return Ok(screen.show(&["no nodes".to_owned()])?);
    }
    let rows = nodes.nodes.into_iter().map(row).collect();
    Ok(screen.show(&table(&COLUMNS, rows))?)
}

fn row(node: ListedNode) -> (Style, Vec<String>) {
    let unknown = || "-".to_owned();
    let style = match node.verdict.as_str() {
        "dead" => AnsiColor::Red.on_default().bold(),
        "late" | "unwell" => AnsiColor::Yellow.on_default(),
        _ => Style::new(),
    };
    let age = node.age_ms.map(Duration::from_millis);
    let age = age.map_or_else(unknown, |age| format!("{:.1}s", age.as_secs_f64()));
    let ip = node.ip.unwrap_or_else(unknown);
    let words = [
        node.role,
        node.hostname,
        ip,
        node.username,
        node.verdict,
        age,
    ];
    (style, words.into())
}
