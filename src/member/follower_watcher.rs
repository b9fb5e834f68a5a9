//! The master's ears: one task for the list of followers, one for each follower on it.
//!
//! However many followers come at once, only some are read at a time: the master's own beats wait behind no more
//! than that. What cannot be read is passed over by name; a server that is overloaded is asked again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep};

use crate::coordination::{Failure, Session, Value, unless_throttled};
use crate::master::state::FollowerReading;
use crate::protocol::Beat;
use crate::protocol::request::Request;

use super::session_event::SessionEvent;

/// How many reads of followers are under way at once.
const READS: usize = 64;
/// How many requests of operators are read and not answered yet.
const REQUESTS: usize = 64;
/// How long to wait after an answer that makes no sense.
const ODD_PAUSE: Duration = Duration::from_millis(500);
/// Between two listings of the followers at the most.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// The longest name of a follower; ZooKeeper takes names up to the size of a request.
const LONGEST_NAME: usize = 255;
/// What the names of heartline's own znodes begin with: those of another job, whose namespace is this job's list of
/// followers.
const OWN: &str = "heart_beat";

/// What a listener noticed.
#[derive(Debug)]
pub(super) enum FollowerEvent {
    /// The followers' znodes that stand.
    Members(BTreeSet<String>),
    /// A follower's value, with its next change being watched.
    Heard(String, Box<FollowerReading>),
    /// A follower's value has changed.
    Changed(String),
    /// A follower's znode is gone.
    Vanished(String),
    /// A znode among the followers' that is none, or cannot be read, and why.
    PassedOver(String, String),
    /// An operator asks for something, by a znode of this name.
    Asked(String, Request),
}

/// Where the ears of one epoch's master tell what they notice.
#[derive(Clone)]
pub(super) struct FollowerWatcher {
    pub(super) session: Session,
    pub(super) epoch: i64,
    pub(super) outside: Sender<SessionEvent>,
    reads: Arc<Semaphore>,
    /// Room for requests: given back when one is answered.
    pub(super) requests: Arc<Semaphore>,
}

impl FollowerWatcher {
    pub(super) fn new(session: Session, epoch: i64, outside: Sender<SessionEvent>) -> Self {
        Self {
            session,
            epoch,
            outside,
            reads: Arc::new(Semaphore::new(READS)),
            requests: Arc::new(Semaphore::new(REQUESTS)),
        }
    }

    /// Whether anybody still wants to know.
    async fn tell(&self, noticed: FollowerEvent) -> bool {
        let event = SessionEvent::FollowerEvent(self.epoch, noticed);
        self.outside.send(event).await.is_ok()
    }
}

/// Why a znode of this name among the followers' is none of them, if that can be told by the name.
pub(super) fn is_no_member(name: &str) -> Option<&'static str> {
    if name.len() > LONGEST_NAME {
        Some("its name is longer than a member's can be")
    } else if name.starts_with(OWN) {
        Some("it is a znode of another job, whose namespace is this job's list of members")
    } else {
        None
    }
}

/// Tells the list of followers, now and whenever it changes, until the session is lost.
pub(super) async fn watch_members(watcher: FollowerWatcher) {
    loop {
        let began = Instant::now();
        let failure = match unless_throttled(|| watcher.session.members()).await {
            Ok((names, watch)) => {
                let took = began.elapsed();
                let names = names.into_iter().collect();
                if !watcher.tell(FollowerEvent::Members(names)).await || watch.await.is_err() {
                    return;
                }
                // Those who come in the meantime are on the same list: a long one is read as often as it is
                // worth.
                sleep(took.min(LONGEST_REST)).await;
                continue;
            }
            // `/heart_beat` was removed by somebody: make it again, as at the start.
            Err(Failure::NoNode) => match unless_throttled(|| watcher.session.prepare()).await {
                Ok(()) => continue,
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        match failure {
            Failure::Lost => return,
            Failure::Odd(_) => sleep(ODD_PAUSE).await,
            failure => {
                // The life may have ended meanwhile.
                let _ = watcher.outside.send(SessionEvent::Failed(failure)).await;
                return;
            }
        }
    }
}

/// Tells what operators ask for, until the session is lost.
pub(super) async fn watch_requests(watcher: FollowerWatcher) {
    // Without it there is a master all the same.
    while let Err(Failure::Odd(_)) = tell_requests(&watcher).await {
        sleep(ODD_PAUSE).await;
    }
}

async fn tell_requests(watcher: &FollowerWatcher) -> Result<(), Failure> {
    let mut known = BTreeSet::new();
    loop {
        let (names, change) = match unless_throttled(|| watcher.session.requests()).await {
            Err(Failure::NoNode) => {
                unless_throttled(|| watcher.session.prepare_control()).await?;
                continue;
            }
            requests => requests?,
        };
        let names: BTreeSet<String> = names.into_iter().collect();
        known.retain(|name| names.contains(name));
        for name in names {
            if !known.insert(name.clone()) {
                continue;
            }
            let path = watcher.session.paths().request(&name);
            let text = match unless_throttled(|| watcher.session.read_fresh(&path)).await {
                Err(Failure::Lost) => return Err(Failure::Lost),
                // Gone, or not ours to read.
                Err(_) => continue,
                Ok(value) => value.bytes,
            };
            // What was answered already, and what is no request, is nobody's to answer.
            let Ok(request) = String::from_utf8_lossy(&text).parse() else {
                continue;
            };
            let Ok(room) = watcher.requests.acquire().await else {
                return Ok(());
            };
            room.forget();
            if !watcher.tell(FollowerEvent::Asked(name, request)).await {
                return Ok(());
            }
        }
        change.await?;
    }
}

/// Listens to one follower until its znode goes or the session is lost.
pub(super) async fn listen(watcher: FollowerWatcher, node: String) {
    let path = watcher.session.paths().member(&node);
    loop {
        let (value, watch) = match read(&watcher, &path).await {
            Ok(read) => read,
            Err(Failure::NoNode) => break,
            Err(Failure::Lost) => return,
            Err(Failure::Odd(_)) => {
                sleep(ODD_PAUSE).await;
                continue;
            }
            // A znode that is not ours to read.
            Err(failure) => {
                let why = failure.to_string();
                watcher.tell(FollowerEvent::PassedOver(node, why)).await;
                return;
            }
        };
        if value.stat.owner == 0 && value.stat.children > 0 {
            let why = "znodes are below it, so it is no member's".to_owned();
            watcher.tell(FollowerEvent::PassedOver(node, why)).await;
            return;
        }
        let reading = FollowerReading {
            version: value.stat.version,
            written: value.stat.written,
            owner: value.stat.owner,
            beat: Beat::parse(&value.bytes),
        };
        if !watcher
            .tell(FollowerEvent::Heard(node.clone(), Box::new(reading)))
            .await
        {
            return;
        }
        // Also after its removal it is read again: a member that comes back in a new session
        // replaces the znode of the old one in one step.
        if watch.await.is_err() || !watcher.tell(FollowerEvent::Changed(node.clone())).await {
            return;
        }
    }
    watcher.tell(FollowerEvent::Vanished(node)).await;
}

async fn read(
    watcher: &FollowerWatcher,
    path: &str,
) -> Result<(Value, crate::coordination::client::Change), Failure> {
    // Nobody closes it.
    let _turn = watcher.reads.acquire().await.map_err(|_| Failure::Lost)?;
    unless_throttled(|| watcher.session.read(path)).await
}
