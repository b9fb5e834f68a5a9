//! What a member hears of its master: the control znode, in the current epoch only.

use tokio::sync::mpsc::Sender;

use super::happening::Happening;
use crate::coordination::{Failure, Session};
use crate::protocol::Report;
use crate::protocol::control::Control;

/// Tells what the control znode says, now and whenever it changes, until the session is lost.
pub(super) async fn watch_control(session: Session, outside: Sender<Happening>) {
    // Whoever waits for nothing else has the loop's ear.
    let _ = watch(&session, &outside).await;
}

async fn watch(session: &Session, outside: &Sender<Happening>) -> Result<(), Failure> {
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
            // Both are written in one transaction when an epoch begins: an older control than the
            // report's is that of a master that was replaced, or of nobody.
            let report = session.read_fresh(master).await?;
            let current = Report::parse(&report.bytes).epoch;
            if told.epoch == current && outside.send(Happening::Told(told)).await.is_err() {
                return Ok(());
            }
        }
        change.await?;
    }
}
