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
    Heard(String, Box<Reading>),
    /// A follower's value has changed.
    Stirred(String),
    /// A follower's znode is gone.
    Vanished(String),
}

/// Where the ears of one epoch's master tell what they notice.
#[derive(Clone)]
pub(super) struct Ear {
    pub(super) session: Session,
    pub(super) epoch: i64,
    pub(super) outside: Sender<Happening>,
}

impl Ear {
    /// Whether anybody still wants to know.
    async fn tell(&self, noticed: Noticed) -> bool {
        let happening = Happening::Noticed(self.epoch, noticed);
        self.outside.send(happening).await.is_ok()
    }
}

/// Tells the list of followers, now and whenever it changes, until the session is lost.
pub(super) async fn watch_members(ear: Ear) {
    loop {
        let failure = match ear.session.members().await {
            Ok((names, watch)) => {
                if !ear.tell(Noticed::Members(names)).await || watch.await.is_err() {
                    return;
                }
                continue;
            }
            // `/heart_beat` was removed by somebody: make it again, as at the start.
            Err(Failure::NoNode) => match ear.session.prepare().await {
                Ok(()) => continue,
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        if failure != Failure::Lost {
            // The life may have ended meanwhile.
            let _ = ear.outside.send(Happening::Failed(failure)).await;
        }
        return;
    }
}

/// Listens to one follower until its znode goes or the session is lost.
pub(super) async fn listen(ear: Ear, node: String) {
    let path = ear.session.paths().member(&node);
    loop {
        let (value, watch) = match ear.session.read(&path).await {
            Ok(read) => read,
            Err(Failure::NoNode) => break,
            // Nobody else would listen to this one.
            Err(failure @ Failure::Odd(_)) => {
                let _ = ear.outside.send(Happening::Failed(failure)).await;
                return;
            }
            // Lost, or a znode that is not ours to read, and so no follower.
            Err(_) => return,
        };
        let reading = Reading {
            version: value.stat.version,
            written: value.stat.written,
            beat: Beat::parse(&value.bytes),
        };
        if !ear
            .tell(Noticed::Heard(node.clone(), Box::new(reading)))
            .await
        {
            return;
        }
        // Also after its removal it is read again: a member that comes back in a new session
        // replaces the znode of the old one in one step.
        if watch.await.is_err() || !ear.tell(Noticed::Stirred(node.clone())).await {
            return;
        }
    }
    ear.tell(Noticed::Vanished(node)).await;
}
