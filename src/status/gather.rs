//! One look at all that a namespace holds: plain reads without watches, all at once.

use std::time::Duration;

use futures_util::future::try_join_all;

use crate::clock::SystemClock;
use crate::coordination::{Failure, Session, Value};
use crate::protocol::claim::in_order;

/// A znode as it was read.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its name, without the path.
    pub(super) name: String,
    /// What it says, and what ZooKeeper knows of it.
    pub(super) value: Value,
    /// When the answer came, by the reader's monotonic clock.
    pub(super) read: Duration,
}

/// All znodes, read at about the same time.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    /// The followers' znodes.
    pub(super) members: Vec<Node>,
    /// The claims, first in line first.
    pub(super) line: Vec<Node>,
    /// What the master says.
    pub(super) report: Option<Node>,
    /// What the members are told.
    pub(super) control: Option<Node>,
    /// When the look began, by the reader's monotonic clock.
    pub(super) began: Duration,
    /// When it was over.
    pub(super) ended: Duration,
}

impl Look {
    /// Every znode of the look.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        let lists = self.members.iter().chain(&self.line);
        lists.chain(&self.report).chain(&self.control)
    }
}

/// Looks once. What is missing is not there yet, or goes in this moment: neither is a failure.
pub(super) async fn look(session: &Session, clock: SystemClock) -> Result<Look, Failure> {
    let began = clock.now().elapsed;
    let paths = session.paths();
    let (names, claims, report, control) = tokio::try_join!(
        children(session, paths.members()),
        children(session, paths.master()),
        node(session, clock, String::new(), paths.master().to_owned()),
        node(session, clock, String::new(), paths.control().to_owned()),
    )?;
    let line = in_order(&claims).into_iter();
    let claims = line.map(|name| node(session, clock, name.clone(), paths.claim(name)));
    let members = names
        .iter()
        .map(|name| node(session, clock, name.clone(), paths.member(name)));
    let (members, line) = tokio::try_join!(try_join_all(members), try_join_all(claims))?;
    Ok(Look {
        members: members.into_iter().flatten().collect(),
        line: line.into_iter().flatten().collect(),
        report,
        control,
        began,
        ended: clock.now().elapsed,
    })
}

/// The snapshots of these members, as far as there are any.
pub(super) async fn snapshots(
    session: &Session,
    clock: SystemClock,
    names: &[&str],
) -> Result<Vec<Node>, Failure> {
    let read = names.iter().map(|name| {
        let path = session.paths().snapshot(name);
        node(session, clock, (*name).to_owned(), path)
    });
    Ok(try_join_all(read).await?.into_iter().flatten().collect())
}

async fn children(session: &Session, path: &str) -> Result<Vec<String>, Failure> {
    match session.client().children(path).await {
        Err(Failure::NoNode) => Ok(Vec::new()),
        names => names,
    }
}

async fn node(
    session: &Session,
    clock: SystemClock,
    name: String,
    path: String,
) -> Result<Option<Node>, Failure> {
    let found = session.find(&path).await?;
    Ok(found.map(|value| Node {
        name,
        value,
        read: clock.now().elapsed,
    }))
}
