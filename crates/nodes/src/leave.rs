//! `heartline nodes leave`: a node leaves its cluster for good.

use std::time::Duration;

use anyhow::{anyhow, bail};
use tokio::time::timeout;

use super::agent::AgentConfig;
use super::link::Link;
use super::message::ReplyHeader;
use super::own_registration::registration;
use super::writer::Writer;
use super::writer::log_written;

/// How long a leave waits for the server's answer.
const LEAVE: Duration = Duration::from_secs(5);

/// Makes this node leave: removes its blocks from its files, and its name from the cluster.
pub(super) async fn leave(plan: AgentConfig) -> anyhow::Result<()> {
    // The server comes first: it stops a running agent, which then writes no more.
    let informed = timeout(LEAVE, send_to_any(&plan)).await;
    let written = Writer::new(plan.place.clone()).clear().await?;
    log_written(&written);
    match informed {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => bail!("{}", not_informed(&plan, &format!("{why:#}"))),
        Err(_) => bail!("{}", not_informed(&plan, "it did not answer within 5 s")),
    }
}

/// The message for the case that the files are cleaned but the server does not know of the leave.
fn not_informed(plan: &AgentConfig, why: &str) -> String {
    format!(
        "the node's blocks were removed from {}, but the server was not informed: {why}; stop the agent and \
         run leave again, or run: heartline nodes forget {}",
        plan.place, plan.name
    )
}

/// Sends the leave to the first server that accepts it.
async fn send_to_any(plan: &AgentConfig) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    for turn in 0..plan.servers.count() {
        let server = plan.servers.at(turn);
        outcome = send_leave(plan, server).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

async fn send_leave(plan: &AgentConfig, server: &str) -> anyhow::Result<()> {
    let mut link = Link::connect(server, &plan.credentials).await?;
    let registration = registration(plan, &link, None).await?;
    link.send_message(&registration.leave()).await?;
    loop {
        let message = link.next().await?;
        let glance: ReplyHeader = serde_json::from_slice(&message)?;
        match glance.kind.as_deref() {
            Some("ack") if glance.of.as_deref() == Some("leave") => return Ok(()),
            Some("refused") => {
                return Err(anyhow!("{}", glance.why()));
            }
            _ => {}
        }
    }
}
