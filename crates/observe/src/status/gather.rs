//! Reads everything in a namespace once: plain reads without watches, many at once.
//!
//! What cannot be read is reported, and the rest is shown. A server that throttles is asked again until the time is up.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::DateTime;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use tokio::time::Instant;

use heartline_core::clock::SystemClock;
use heartline_core::protocol::Report;
use heartline_core::protocol::claim::in_order;
use heartline_zookeeper::{Failure, Session, Stat, Value, unthrottled};

/// The number of concurrent requests.
const AT_ONCE: usize = 512;

/// Stands in for data that ZooKeeper does not return: as if written at the beginning of time.
const UNKNOWN: Stat = Stat {
    acl_version: 0,
    created: 0,
    modified: 0,
    version: 0,
    owner: 0,
    children: 0,
    children_changed: 0,
    made: DateTime::UNIX_EPOCH,
    written: DateTime::UNIX_EPOCH,
};

/// A znode as it was read.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The name, without the path.
    pub(super) name: String,
    /// The value, and the znode's metadata.
    pub(super) value: Value,
    /// When the answer came, on the reader's monotonic clock.
    pub(super) read: Duration,
    /// Why the value could not be read; then it is empty.
    pub(super) problem: Option<String>,
}

/// A znode that could not be read, and that has no row of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// The path of the znode.
    pub path: String,
    /// The reason.
    pub why: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: {}", self.path, self.why)
    }
}

/// All znodes, read at about the same time.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    /// The followers' znodes.
    pub(super) members: Vec<Node>,
    /// The claims, in the order of the line.
    pub(super) line: Vec<Node>,
    /// The master's report.
    pub(super) report: Option<Node>,
    /// The instructions for all members.
    pub(super) control: Option<Node>,
    /// Whether only the job's own identity may read the claims, and this is another.
    pub(super) has_private_claims: bool,
    /// Everything that could not be read, except the followers' znodes.
    pub(super) unreadable: Vec<Unreadable>,
    /// When the look began, on the reader's monotonic clock.
    pub(super) began: Duration,
    /// When the look ended, on the same clock.
    pub(super) ended: Duration,
}

impl Look {
    /// The master's report.
    pub(super) fn report(&self) -> Report {
        parsed(self.report.as_ref())
    }

    /// How long the answer with the report took: one of four requests that are sent before all others.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        let report = self.report.as_ref()?;
        Some(report.read.saturating_sub(self.began))
    }

    /// Every znode of the look.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        let lists = self.members.iter().chain(&self.line);
        lists.chain(&self.report).chain(&self.control)
    }
}

/// Reads everything once, if the server throttles until `end` at most. A missing znode does not exist yet, or is
/// just being removed: neither is a failure.
pub(super) async fn look(
    session: &Session,
    clock: SystemClock,
    end: Instant,
) -> Result<Look, Failure> {
    let began = clock.now().elapsed;
    let paths = session.paths();
    let reader = Reader::new(session, clock, end);
    let (names, claims, report, control) = tokio::try_join!(
        reader.children(paths.members()),
        reader.children(paths.master()),
        reader.node(String::new(), paths.master().to_owned()),
        reader.node(String::new(), paths.control().to_owned()),
    )?;
    let line = in_order(&claims).into_iter().cloned();
    let line = line.map(|name| (paths.claim(&name), name)).collect();
    let members = names.into_iter();
    let members = members.map(|name| (paths.member(&name), name)).collect();
    let (members, line) = tokio::try_join!(reader.nodes(members), reader.nodes(line))?;
    let single = [
        (paths.master().to_owned(), &report),
        (paths.control().to_owned(), &control),
    ];
    for (path, node) in single {
        reader.complain(path, node.as_ref());
    }
    let has_private_claims = is_private(&line, report.as_ref());
    if !has_private_claims {
        for node in &line {
            reader.complain(paths.claim(&node.name), Some(node));
        }
    }
    Ok(Look {
        members,
        line,
        report,
        control,
        has_private_claims,
        unreadable: reader.unreadable(),
        began,
        ended: clock.now().elapsed,
    })
}

/// Whether the master of this report holds a claim that may not be read: claims hold the key of the direct connections.
fn is_private(line: &[Node], report: Option<&Node>) -> bool {
    let Some(info) = parsed(report).master_info else {
        return false;
    };
    let mut unreadable = line.iter().filter(|node| node.problem.is_some());
    unreadable.any(|node| node.name == info.claim)
}

/// The master's report; an empty one without the znode.
fn parsed(report: Option<&Node>) -> Report {
    let report = report.map(|node| Report::parse(&node.value.bytes));
    report.unwrap_or_default()
}

/// The snapshots of these members, as far as they exist, and those that could not be read.
pub(super) async fn snapshots(
    session: &Session,
    clock: SystemClock,
    names: &[&str],
    end: Instant,
) -> Result<(Vec<Node>, Vec<Unreadable>), Failure> {
    let reader = Reader::new(session, clock, end);
    let place = |name: &&str| (session.paths().snapshot(name), (*name).to_owned());
    let mut found = reader.nodes(names.iter().map(place).collect()).await?;
    for node in &found {
        reader.complain(session.paths().snapshot(&node.name), Some(node));
    }
    found.retain(|node| node.problem.is_none());
    Ok((found, reader.unreadable()))
}

struct Reader<'a> {
    session: &'a Session,
    clock: SystemClock,
    end: Instant,
    unreadable: Mutex<Vec<Unreadable>>,
}

impl<'a> Reader<'a> {
    fn new(session: &'a Session, clock: SystemClock, end: Instant) -> Self {
        Self {
            session,
            clock,
            end,
            unreadable: Mutex::default(),
        }
    }

    async fn children(&self, path: &str) -> Result<Vec<String>, Failure> {
        let client = self.session.client();
        let names = unthrottled(self.end, async || client.children(path).await).await;
        match names {
            Err(Failure::NoNode) => Ok(Vec::new()),
            Err(failure) if !is_of_server(&failure) => {
                self.add(path.to_owned(), failure.to_string());
                Ok(Vec::new())
            }
            names => names,
        }
    }

    /// The znodes at these places (name and path), in this order.
    async fn nodes(&self, places: Vec<(String, String)>) -> Result<Vec<Node>, Failure> {
        let reads = places.into_iter().map(|(path, name)| self.node(name, path));
        let nodes: Vec<Option<Node>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(nodes.into_iter().flatten().collect())
    }

    /// A znode; its value is empty if it cannot be read. Newer servers then do not return its times either.
    async fn node(&self, name: String, path: String) -> Result<Option<Node>, Failure> {
        let found = unthrottled(self.end, async || self.session.find(&path).await).await;
        let (value, problem) = match found {
            Err(failure) if !is_of_server(&failure) => {
                let client = self.session.client();
                let stat = unthrottled(self.end, async || client.stat(&path).await).await;
                let stat = match stat {
                    Err(failure) if is_of_server(&failure) => return Err(failure),
                    Ok(None) => return Ok(None),
                    Ok(Some(stat)) => stat,
                    Err(_) => UNKNOWN,
                };
                let bytes = Vec::new();
                (Some(Value { bytes, stat }), Some(failure.to_string()))
            }
            found => (found?, None),
        };
        Ok(value.map(|value| Node {
            name,
            value,
            read: self.clock.now().elapsed,
            problem,
        }))
    }

    fn complain(&self, path: String, node: Option<&Node>) {
        if let Some(why) = node.and_then(|node| node.problem.clone()) {
            self.add(path, why);
        }
    }

    fn add(&self, path: String, why: String) {
        let unreadable = self.unreadable.lock();
        let mut unreadable = unreadable.unwrap_or_else(PoisonError::into_inner);
        unreadable.push(Unreadable { path, why });
    }

    fn unreadable(self) -> Vec<Unreadable> {
        let unreadable = self.unreadable.into_inner();
        unreadable.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a failure comes from the server or the connection, not from the requested znode.
fn is_of_server(failure: &Failure) -> bool {
    matches!(failure, Failure::Lost | Failure::Throttled)
}
