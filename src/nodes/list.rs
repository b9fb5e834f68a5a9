//! `heartline nodes list` and `heartline nodes forget`: what people ask of the server.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, bail};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Deserialize;
use tokio::time::{interval, timeout};

use super::fields::HostName;
use super::link::Link;
use super::message::{Glance, Raw, Truth};
use super::refusal::quoted;
use super::seal::Secret;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(5);
/// Who watches says so again, well before the server takes him for gone.
const AGAIN: Duration = Duration::from_secs(20);
const COLUMNS: [&str; 6] = ["ROLE", "NODE", "ADDRESS", "USER", "VERDICT", "AGE"];

#[derive(Debug, Deserialize)]
struct Nodes {
    nodes: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    hostname: String,
    ip: Option<String>,
    role: String,
    username: String,
    verdict: String,
    age_ms: Option<u64>,
}

/// Shows all nodes, once or again on each change.
pub(super) async fn list(
    server: &str,
    secret: Option<&Secret>,
    json: bool,
    watch: bool,
) -> anyhow::Result<()> {
    let mut link = connect(server, secret).await?;
    let ask = Raw {
        watch: watch.then_some(Truth::True),
        ..Raw::operator("list")
    };
    if !watch {
        link.send_message(&ask).await?;
        let message = timeout(LIMIT, answer(&mut link, "nodes")).await;
        return show(&message.context("the server does not answer")??, json);
    }
    let mut asks = interval(AGAIN);
    let mut last = Vec::new();
    loop {
        tokio::select! {
            _ = asks.tick() => link.send_message(&ask).await?,
            message = answer(&mut link, "nodes") => {
                let message = message?;
                if message != last {
                    show(&message, json)?;
                    last = message;
                }
            }
        }
    }
}

/// Has a node forgotten.
pub(super) async fn forget(
    server: &str,
    secret: Option<&Secret>,
    name: &HostName,
) -> anyhow::Result<()> {
    let mut link = connect(server, secret).await?;
    let ask = Raw {
        hostname: Some(name.to_string()),
        ..Raw::operator("forget")
    };
    link.send_message(&ask).await?;
    let message = timeout(LIMIT, answer(&mut link, "ack")).await;
    message.context("the server does not answer")??;
    Ok(())
}

async fn connect(server: &str, secret: Option<&Secret>) -> anyhow::Result<Link> {
    let link = Link::connect(server, secret).await;
    link.with_context(|| format!("server {server}"))
}

/// The next answer of this kind.
async fn answer(link: &mut Link, kind: &str) -> anyhow::Result<Vec<u8>> {
    loop {
        let message = link.next().await?;
        let glance: Glance = serde_json::from_slice(&message)?;
        match glance.kind.as_deref() {
            Some(this) if this == kind => return Ok(message),
            Some("refused") => {
                bail!(
                    "the server refuses: {}",
                    quoted(glance.reason.as_deref().unwrap_or_default())
                );
            }
            _ => {}
        }
    }
}

fn show(message: &[u8], json: bool) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    if json {
        stdout.write_all(message)?;
        stdout.write_all(b"\n")?;
    } else {
        let nodes: Nodes = serde_json::from_slice(message)?;
        writeln!(stdout, "{}", table(&nodes))?;
    }
    stdout.flush()?;
    Ok(())
}

fn table(nodes: &Nodes) -> String {
    if nodes.nodes.is_empty() {
        return "no nodes".to_owned();
    }
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(COLUMNS.map(str::to_owned));
    for row in &nodes.nodes {
        let age = row.age_ms.map(Duration::from_millis);
        let age = age.map_or_else(
            || "-".to_owned(),
            |age| format!("{:.1}s", age.as_secs_f64()),
        );
        let ip = row.ip.as_deref().unwrap_or("-");
        let cells = [
            &row.role,
            &row.hostname,
            ip,
            &row.username,
            &row.verdict,
            &age,
        ];
        // A server may say anything; a terminal obeys.
        table.add_row(cells.map(|cell| cell.escape_debug().to_string()));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}
