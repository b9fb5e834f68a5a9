//! The master's follower watcher: one task watches the list of followers, and one task watches each follower
//! on it.
//!
//! The number of concurrent reads is limited, even if many followers join at once, so the master's own beats
//! wait behind few reads. The watcher skips a znode that it cannot read and reports its name; it asks an
//! overloaded server again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc::Sender;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep};

use heartline_core::master::state::{FollowerReading, ReadMode};
use heartline_core::protocol::Beat;
use heartline_core::protocol::escape::LONGEST_NAME;
use heartline_core::protocol::request::{Request, Response};
use heartline_zookeeper::client::{Change, Stat};
use heartline_zookeeper::{Failure, Session, Value, unless_throttled};

use super::retry::{ODD_PAUSE, may_watch_again};
use super::session_event::{FollowerEvent, SessionEvent};

/// Maximum number of concurrent reads of followers.
const READS: usize = 64;
/// Maximum number of operator requests that are read but not answered yet.
const REQUESTS: usize = 64;
/// Maximum number of concurrent reads of operator requests.
const REQUESTS_AT_ONCE: usize = 16;
/// What a master without the list of requests goes without.
const COSTS: &str = "operators' requests are not read";
/// Longest pause between two listings of the followers.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// Prefix of heartline's own znodes: such a name in the list of followers belongs to another job that uses
/// this job's list as its namespace.
const OWN: &str = "heart_beat";

/// The context of the watcher's tasks, for one epoch of a master.
#[derive(Clone)]
pub(super) struct FollowerWatcher {
    pub(super) session: Session,
    pub(super) epoch: i64,
    pub(super) outside: Sender<SessionEvent>,
    reads: Arc<Semaphore>,
    /// Permits for operator requests: a permit is given back when its request is answered.
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

    /// Reports an event. Returns whether the session still accepts events.
    async fn tell(&self, noticed: FollowerEvent) -> bool {
        let event = SessionEvent::FollowerEvent(self.epoch, noticed);
        self.outside.send(event).await.is_ok()
    }

    /// Reports a znode that is skipped. Returns whether the session still accepts events.
    async fn pass_over(&self, path: &str, why: String) -> bool {
        let event = SessionEvent::PassedOver(path.to_owned(), why);
        self.outside.send(event).await.is_ok()
    }
}

/// Why a znode of this name in the list of followers is not a follower, if its name shows it.
pub(super) fn is_no_member(name: &str) -> Option<&'static str> {
    if name.len() > LONGEST_NAME {
        Some("its name is longer than a member's name may be")
    } else if name.starts_with(OWN) {
        Some("it is a znode of another job, whose namespace is this job's list of members")
    } else {
        None
    }
}

/// Reports the list of followers, now and after each change, until the session is lost.
pub(super) async fn watch_members(watcher: FollowerWatcher) {
    loop {
        let began = Instant::now();
        let failure = match unless_throttled(|| watcher.session.members_as_of()).await {
            Ok((names, zxid, watch)) => {
                let took = began.elapsed();
                let names = names.into_iter().collect();
                let members = FollowerEvent::Members(names, zxid);
                if !watcher.tell(members).await || watch.await.is_err() {
                    return;
                }
                // Followers that join during the pause are on the next list. The longer a list takes to read,
                // the less often it is read.
                sleep(took.min(LONGEST_REST)).await;
                continue;
            }
            // An operator or another program removed `/heart_beat`: create it again, as at the start.
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
                // The runner may have ended in the meantime.
                let _ = watcher.outside.send(SessionEvent::Failed(failure)).await;
                return;
            }
        }
    }
}

/// Reports operator requests until the session is lost.
pub(super) async fn watch_requests(watcher: FollowerWatcher) {
    let path = watcher.session.paths().requests();
    let outside = &watcher.outside;
    while may_watch_again(tell_requests(&watcher).await, outside, path, COSTS).await {}
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
        if !names.is_empty() {
            let path = watcher.session.paths().requests();
            watcher.session.refuse_open(path).await?;
        }
        let names: BTreeSet<String> = names.into_iter().collect();
        let new: Vec<String> = names.difference(&known).cloned().collect();
        known = names;
        // Some at a time, and in order.
        let reads = new
            .into_iter()
            .map(|name| read_request(watcher.session.clone(), name));
        let mut reads = stream::iter(reads).buffered(REQUESTS_AT_ONCE);
        while let Some((name, read)) = reads.next().await {
            let request = match read {
                Err(Failure::Lost) => return Err(Failure::Lost),
                // The requester did not wait for the answer, or has it.
                Err(Failure::NoNode) | Ok(None) => continue,
                Ok(Some(request)) => request,
                Err(failure) => {
                    let path = watcher.session.paths().request(&name);
                    if !watcher.pass_over(&path, failure.to_string()).await {
                        return Ok(());
                    }
                    continue;
                }
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

/// Reads an operator's request; `None` if it was answered already.
async fn read_request(
    session: Session,
    name: String,
) -> (String, Result<Option<Request>, Failure>) {
    let path = session.paths().request(&name);
    let read = unless_throttled(|| session.read_fresh(&path)).await;
    let request = read.and_then(|value| {
        // A request that is left over would have to be answered by every new master.
        if !value.stat.is_ephemeral() {
            let why = "no session owns it, so nobody waits for its answer";
            return Err(Failure::Refused(why.to_owned()));
        }
        let text = String::from_utf8_lossy(&value.bytes);
        match text.parse() {
            Ok(request) => Ok(Some(request)),
            Err(()) if text.parse::<Response>().is_ok() => Ok(None),
            Err(()) => Err(Failure::Refused("its value is not a request".to_owned())),
        }
    });
    (name, request)
}

/// Reads one follower, in the way that `orders` say, until its znode is removed or the session is lost.
pub(super) async fn listen(
    watcher: FollowerWatcher,
    node: String,
    mut orders: watch::Receiver<ReadOrder>,
) {
    let path = watcher.session.paths().member(&node);
    let mut claim = None;
    loop {
        let ordered = orders.borrow_and_update().at_once;
        // If its connection has ended, it may have to be removed with its claim: both are read together.
        let reads = join(
            read(&watcher, &path),
            claim_stat(&watcher.session, claim.as_deref()),
        );
        let (read, claim_stat) = reads.await;
        let (value, change) = match read {
            Ok(read) => read,
            Err(Failure::NoNode) => break,
            Err(Failure::Lost) => return,
            Err(Failure::Odd(_)) => {
                sleep(ODD_PAUSE).await;
                continue;
            }
            // This member may not read the znode.
            Err(failure) => {
                let why = failure.to_string();
                watcher.tell(FollowerEvent::PassedOver(node, why)).await;
                return;
            }
        };
        if !value.stat.is_ephemeral() && value.stat.children > 0 {
            let why = "it has child znodes, so it is not a member's".to_owned();
            watcher.tell(FollowerEvent::PassedOver(node, why)).await;
            return;
        }
        let reading = reading(&value, claim_stat);
        claim.clone_from(&reading.beat.identity.claim);
        if !watcher
            .tell(FollowerEvent::Heard(node.clone(), Box::new(reading)))
            .await
        {
            return;
        }
        // Read it again even after a removal: a member that returns in a new session replaces its old znode
        // in one transaction.
        match until_needed(change, ordered, &mut orders).await {
            Some(ReadCause::Changed) => {
                // It is looked up for a reading that is ordered.
                claim = None;
                let changed = FollowerEvent::Changed(node.clone());
                if !watcher.tell(changed).await {
                    return;
                }
            }
            Some(ReadCause::Ordered) => {}
            None => return,
        }
    }
    watcher.tell(FollowerEvent::Vanished(node)).await;
}

/// A follower's znode as it was read, with its claim if that was looked up.
fn reading(value: &Value, claim: Option<Stat>) -> FollowerReading {
    let claim = claim.filter(|claim| claim.owner == value.stat.owner);
    FollowerReading {
        version: value.stat.version,
        created: value.stat.created,
        written: value.stat.written,
        owner: value.stat.owner,
        beat: Beat::parse(&value.bytes),
        claim_version: claim.map(|claim| claim.version),
    }
}

/// How a follower's znode is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReadOrder {
    pub(super) mode: ReadMode,
    /// How often it was ordered to read at once.
    pub(super) at_once: u64,
}

/// Why a znode is read again.
enum ReadCause {
    Changed,
    Ordered,
}

/// Waits until the znode is to be read again: until it has changed, or until there are more than `ordered` orders to read
/// it at once. `None` if the session is lost or nobody is interested any more.
async fn until_needed(
    change: Change,
    ordered: u64,
    orders: &mut watch::Receiver<ReadOrder>,
) -> Option<ReadCause> {
    let is_other = |order: &ReadOrder| order.mode == ReadMode::Paused || order.at_once != ordered;
    tokio::select! {
        biased;
        other = orders.wait_for(is_other) => drop(other.ok()?),
        changed = change => return changed.ok().map(|_| ReadCause::Changed),
    }
    let is_due = |order: &ReadOrder| order.mode == ReadMode::Watched || order.at_once != ordered;
    drop(orders.wait_for(is_due).await.ok()?);
    Some(ReadCause::Ordered)
}

/// The claim's metadata, if it is an ephemeral znode.
async fn claim_stat(session: &Session, claim: Option<&str>) -> Option<Stat> {
    let path = session.paths().claim(claim?);
    let stat = session.client().stat(&path).await.ok().flatten();
    stat.filter(Stat::is_ephemeral)
}

async fn read(watcher: &FollowerWatcher, path: &str) -> Result<(Value, Change), Failure> {
    // The semaphore is never closed.
    let _turn = watcher.reads.acquire().await.map_err(|_| Failure::Lost)?;
    unless_throttled(|| watcher.session.read(path)).await
}
