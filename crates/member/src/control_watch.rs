//! Reads the master's instructions to all members: the control znode, in the current epoch only.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::session_event::SessionEvent;
use heartline_core::protocol::Report;
use heartline_core::protocol::control::Control;
use heartline_zookeeper::{Failure, Session};

/// Pause between two attempts to read the control znode.
const PAUSE: Duration = Duration::from_millis(500);
/// The same pause if this member may not read it: its ACL may be corrected.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

/// Reports the content of the control znode, now and after each change, until the session is lost.
pub(super) async fn watch_control(session: Session, outside: Sender<SessionEvent>) {
    loop {
        let pause = match watch(&session, &outside).await {
            Ok(()) | Err(Failure::Lost) => return,
            // A member keeps beating even if it cannot read the control znode.
            Err(Failure::Refused(why)) => {
                let path = session.paths().control().to_owned();
                let what = format!("{why}; the master's orders do not reach this member");
                if outside
                    .send(SessionEvent::PassedOver(path, what))
                    .await
                    .is_err()
                {
                    return;
                }
                REFUSED_PAUSE
            }
            Err(_) => PAUSE,
        };
        sleep(pause).await;
    }
}

async fn watch(session: &Session, outside: &Sender<SessionEvent>) -> Result<(), Failure> {
    let (control, master) = (session.paths().control(), session.paths().master());
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
            let is_current = if let Some(claim) = &received.claim {
                // The report of a large job is large, and all members read at the same time: check the claim
                // instead.
                session.client().sync(control).await?;
                let owner = session.owner(&session.paths().claim(claim)).await?;
                owner.is_some()
            } else {
                // One transaction writes both znodes when an epoch begins. If the control znode is older than
                // the report, its master was replaced, or it has no master.
                let report = session.read_fresh(master).await?;
                received.epoch == Report::parse(&report.bytes).epoch
            };
            if is_current && outside.send(SessionEvent::Control(received)).await.is_err() {
                return Ok(());
            }
        }
        change.await?;
    }
}
