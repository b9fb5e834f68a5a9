//! The master's ears: one task for the list of followers, one for each follower on it.

use tokio::sync::mpsc::Sender;

use crate::coordination::{Failure, Session};
use crate::master::tenure::Reading;
use crate::protocol::Beat;

use super::happening::Happening;

/// What a listener noticed.
#[derive(Debug)]
pub(super) enum Noticed {
    /// The followers' znodes that stand.
    Members(Vec<String>),
    /// A follower's value, with its next change being watched.
    Heard(String, Reading),
    /// A follower's value has changed.
    Stirred(String),
    /// A follower's znode is gone.
    Vanished(String),
}

/// Tells the list of followers, now and whenever it changes, until the session is lost.
pub(super) async fn watch_members(session: Session, inbox: Sender<Happening>) {
    loop {
        let (names, watch) = match session.members().await {
            Ok(found) => found,
            // `/heart_beat` was removed by somebody: make it again, as at the start.
            Err(Failure::NoNode) => match session.prepare().await {
                Ok(()) => continue,
                Err(failure) => return refuse(&inbox, failure).await,
            },
            Err(failure) => return refuse(&inbox, failure).await,
        };
        if !tell(&inbox, Noticed::Members(names)).await || watch.changed().await.is_err() {
            return;
        }
    }
}

/// Listens to one follower until its znode goes or the session is lost.
pub(super) async fn listen(session: Session, node: String, inbox: Sender<Happening>) {
    let path = session.paths().member(&node);
    loop {
        let (value, watch) = match session.read(&path).await {
            Ok(read) => read,
            Err(Failure::NoNode) => break,
            Err(failure) => return refuse(&inbox, failure).await,
        };
        let reading = Reading {
            version: value.version,
            written: value.written,
            beat: Beat::parse(&value.bytes),
        };
        if !tell(&inbox, Noticed::Heard(node.clone(), reading)).await {
            return;
        }
        match watch.changed().await {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => return,
        }
        if !tell(&inbox, Noticed::Stirred(node.clone())).await {
            return;
        }
    }
    tell(&inbox, Noticed::Vanished(node)).await;
}

/// Whether anybody still wants to know.
async fn tell(inbox: &Sender<Happening>, noticed: Noticed) -> bool {
    inbox.send(Happening::Noticed(noticed)).await.is_ok()
}

async fn refuse(inbox: &Sender<Happening>, failure: Failure) {
    if failure != Failure::Lost {
        // The life may have ended meanwhile.
        let _ = inbox.send(Happening::Refused(failure)).await;
    }
}
