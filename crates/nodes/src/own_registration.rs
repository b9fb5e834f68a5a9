//! What a node says of itself on one connection, signed with its key.

use anyhow::Context;

use super::agent::AgentConfig;
use super::fields::{NodeAddress, PublicKey};
use super::link::Link;
use super::message::Registration;
use heartline_process::off_thread::off_thread;

/// The registration of this node on this connection. A `SshAgentError` if its key is held by an `ssh-agent` that does
/// not sign.
pub(super) async fn registration(
    plan: &AgentConfig,
    link: &Link,
    host_key: Option<PublicKey>,
) -> anyhow::Result<Registration> {
    let own = link.local()?;
    let address = NodeAddress::new(plan.ip.unwrap_or(own), own.is_loopback())?;
    let mut registration = Registration {
        role: plan.role,
        is_well: true,
        name: plan.name.clone(),
        address,
        key: plan.key.public.clone(),
        host_key,
        signature: None,
        is_proven: false,
        user: plan.place.account.name.clone(),
        keeps_connection: true,
    };
    if let Some(binding) = link.binding(&registration) {
        let key = plan.key.clone();
        // An ssh-agent may keep it waiting.
        let signed = off_thread(move || key.sign(&binding)).await;
        registration.signature = signed.context("too many threads wait for others")??;
    }
    Ok(registration)
}
