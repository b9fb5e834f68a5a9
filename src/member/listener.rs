//! The master's ears: one task for the list of followers, one for each follower on it.

use std::collections::BTreeSet;

use tokio::sync::mpsc::Sender;

use crate::coordination::{Failure, Session};
use crate::master::tenure::Reading;
use crate::protocol::Beat;
use crate::protocol::request::Request;

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
    /// An operator asks for something, by a znode of this name.
    Asked(String, Request),
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

/// Tells what operators ask for, until the session is lost.
pub(super) async fn watch_requests(ear: Ear) {
    // Without it there is a master all the same.
    let _ = tell_requests(&ear).await;
}

async fn tell_requests(ear: &Ear) -> Result<(), Failure> {
    let mut known = BTreeSet::new();
    loop {
        let (names, change) = match ear.session.requests().await {
            Err(Failure::NoNode) => {
                ear.session.prepare_control().await?;
                continue;
            }
            requests => requests?,
        };
        known.retain(|name| names.contains(name));
        for name in names {
            if !known.insert(name.clone()) {
                continue;
            }
            let path = ear.session.paths().request(&name);
            let text = match ear.session.read_fresh(&path).await {
                Err(Failure::Lost) => return Err(Failure::Lost),
                // Gone, or not ours to read.
                Err(_) => continue,
                Ok(value) => value.bytes,
            };
            // What was answered already, and what is no request, is nobody's to answer.
            if let Ok(request) = String::from_utf8_lossy(&text).parse()
                && !ear.tell(Noticed::Asked(name, request)).await
            {
                return Ok(());
            }
        }
        change.await?;
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
