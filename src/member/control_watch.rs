//! What a member hears of its master: the control znode, in the current epoch only.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::session_event::SessionEvent;
use crate::coordination::{Failure, Session};
use crate::protocol::Report;
use crate::protocol::control::Control;

/// Between two attempts to read it.
const PAUSE: Duration = Duration::from_millis(500);

/// Tells what the control znode says, now and whenever it changes, until the session is lost.
pub(super) async fn watch_control(session: Session, outside: Sender<SessionEvent>) {
    // A member beats all the same when it cannot read it.
    while let Err(Failure::Throttled | Failure::Odd(_)) = watch(&session, &outside).await {
        sleep(PAUSE).await;
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
        let told = Control::parse(&value.bytes);
        if told.epoch.is_some() {
            let is_current = if let Some(claim) = &told.claim {
                // The report of a large job is large, and all members look at the same time.
                session.client().sync(control).await?;
                let owner = session.owner(&session.paths().claim(claim)).await?;
                owner.is_some()
            } else {
                // Both are written in one transaction when an epoch begins: an older control than the
                // report's is that of a master that was replaced, or of nobody.
                let report = session.read_fresh(master).await?;
                told.epoch == Report::parse(&report.bytes).epoch
            };
            if is_current && outside.send(SessionEvent::Told(told)).await.is_err() {
                return Ok(());
            }
        }
        change.await?;
    }
}
