//! Reads the master's instructions to all members: the control znode, in the current epoch only.

use tokio::sync::mpsc::Sender;

use super::name::Name;
use super::retry::may_watch_again;
use super::session_event::SessionEvent;
use heartline_core::protocol::control::Control;
use heartline_core::protocol::{Report, claim};
use heartline_zookeeper::{Failure, Session};

/// What a member without the control znode goes without; it keeps beating.
const COSTS: &str = "the master's orders do not reach this member";

/// Reports the content of the control znode, now and after each change, until the session is lost.
///
/// `name` is this member's: the ACL of its own znode names the identities whose orders it obeys.
pub(super) async fn watch_control(session: Session, name: Name, outside: Sender<SessionEvent>) {
    let path = session.paths().control();
    let own = session.paths().member(name.as_ref());
    while may_watch_again(watch(&session, &own, &outside).await, &outside, path, COSTS).await {}
}

async fn watch(
    session: &Session,
    own: &str,
    outside: &Sender<SessionEvent>,
) -> Result<(), Failure> {
    let (control, master) = (session.paths().control(), session.paths().master());
    // The creation and the version of the ACL for which nobody else was found to give orders.
    let mut closed = None;
    loop {
        let (value, change) = match session.read(control).await {
            Err(Failure::NoNode) => {
                session.appeared(control).await?;
                continue;
            }
            read => read?,
        };
        let received = Control::parse(&value.bytes);
        if received.epoch.is_some() {
            let access = (value.stat.created, value.stat.acl_version);
            if closed != Some(access) {
                match session.refuse_open(control, own).await {
                    // This member is no follower yet: its znode tells who it is.
                    Err(Failure::NoNode) => {
                        session.appeared(own).await?;
                        continue;
                    }
                    refused => refused?,
                }
                closed = Some(access);
            }
            let mut endpoint = None;
            let is_current = if let Some(claim) = &received.claim {
                // The report of a large job is large, and all members read at the same time: check the claim
                // instead.
                session.client().sync(control).await?;
                let holder = session.read_claim(claim).await?;
                let is_own = holder.as_ref().filter(|holder| holder.stat.is_ephemeral());
                let text = is_own.and_then(|holder| claim::endpoint(&holder.bytes));
                endpoint = text.and_then(|text| text.parse().ok());
                holder.is_some()
            } else {
                // One transaction writes both znodes when an epoch begins. If the control znode is older than
                // the report, its master was replaced, or it has no master.
                let report = session.read_fresh(master).await?;
                received.epoch == Report::parse(&report.bytes).epoch
            };
            if is_current
                && outside
                    .send(SessionEvent::Control(received, endpoint))
                    .await
                    .is_err()
            {
                return Ok(());
            }
        }
        change.await?;
    }
}
