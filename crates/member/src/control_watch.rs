//! Reads the master's instructions to all members: the control znode, in the current epoch only.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::retry::may_watch_again;
use super::session_event::SessionEvent;
use heartline_core::protocol::control::Control;
use heartline_core::protocol::{Report, claim};
use heartline_zookeeper::{ExaminedAccess, Failure, Session};

/// What a member without the control znode goes without; it keeps beating.
const COSTS: &str = "the master's orders, and the interval that it sets, do not reach this member";

/// Pause until the own znode may be there.
const NO_ZNODE_PAUSE: Duration = Duration::from_millis(100);

/// Reports the content of the control znode, now and after each change, until the session is lost.
pub(super) async fn watch_control(session: Session, outside: Sender<SessionEvent>) {
    let path = session.paths().control();
    while may_watch_again(watch(&session, &outside).await, &outside, path, COSTS).await {}
}

async fn watch(session: &Session, outside: &Sender<SessionEvent>) -> Result<(), Failure> {
    let (control, master) = (session.paths().control(), session.paths().master());
    let mut examined = ExaminedAccess::default();
    loop {
        let (value, change) = match session.read_order(control, &mut examined).await {
            Err(Failure::NoNode) => {
                session.appeared(control).await?;
                if session.closes_orders() {
                    // Or this member has no znode of its own yet, which would tell who it is.
                    sleep(NO_ZNODE_PAUSE).await;
                }
                continue;
            }
            read => read?,
        };
        let received = Control::parse(&value.bytes);
        if received.epoch.is_some() {
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
