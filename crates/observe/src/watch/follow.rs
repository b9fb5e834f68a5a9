//! Follows the master: passes each change of `/heart_beat_master` to an event handler.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::complaints::Complaints;
use super::history::EventHistory;
use super::session::{Feed, WatchEvent, WatchSession};
use heartline_core::protocol::{Event, EventKind, Report};
use heartline_zookeeper::{
    Connector, Failure, Session, Settings, Value, can_be_looked_up, unthrottled,
};

/// The most stalled followers that have gone and whose snapshot is still awaited.
const MOST_STALLED: usize = 64;
/// The most stalled followers whose snapshot is awaited at all: ZooKeeper keeps fewer.
const MOST_WAITED_FOR: usize = 256;
/// How long to retry reading the master's claim from a server that throttles; after that, its report has to do.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);
/// How much earlier than the report of the stall its snapshot may be dated, by another machine's clock.
const EARLIER: TimeDelta = TimeDelta::seconds(60);

/// Receives the master's events. A call must return quickly: what ZooKeeper holds is lost if it changes
/// faster than it is read.
pub trait EventHandler {
    /// ZooKeeper became available or unavailable; returns whether that is new.
    fn connection(&mut self, connected: bool) -> anyhow::Result<bool>;
    /// An event that the master reports once.
    fn event(&mut self, event: &Event) -> anyhow::Result<()>;
    /// A follower that is alive, which every report repeats.
    fn alive(&mut self, event: &Event) -> anyhow::Result<()>;
    /// Other text for people: whole lines.
    fn text(&mut self, _lines: &str) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Whether ZooKeeper is there, for an event at each change.
#[derive(Debug, Default)]
pub struct ConnectionChanges {
    connected: Option<bool>,
}

impl ConnectionChanges {
    /// The event of a change; `None` if it is as it was.
    pub fn event(&mut self, connected: bool) -> Option<Event> {
        if self.connected.replace(connected) == Some(connected) {
            return None;
        }
        let kind = if connected {
            EventKind::Connected
        } else {
            EventKind::Disconnected
        };
        Some(Event::of_watcher(Utc::now(), kind))
    }
}

/// Passes each change to `handler`, for ever, except what is in `history`. Reports problems with ZooKeeper
/// in the name of `program`, unless it is `None`.
pub async fn follow(
    settings: &Settings,
    handler: impl EventHandler,
    history: EventHistory,
    program: Option<&'static str>,
) -> anyhow::Result<()> {
    let mut follower = Follower {
        complaints: Complaints::new(program),
        handler,
        history,
        read: None,
        warned: false,
        stalled: BTreeMap::new(),
    };
    let mut connector = Connector::new(settings.clone()).lengthening();
    loop {
        let session = connector.connect(|why| {
            if follower.handler.connection(false)? {
                follower.complaints.say(why);
            }
            anyhow::Ok(())
        });
        let mut link = WatchSession::from(session.await?);
        follower.watch_session(&mut link).await?;
        link.stop_feeds().await;
    }
}

struct Follower<A> {
    complaints: Complaints,
    handler: A,
    history: EventHistory,
    /// The value read last: the zxid of the znode's creation, and the version.
    read: Option<(i64, i32)>,
    warned: bool,
    /// The stalled followers whose snapshots are awaited.
    stalled: BTreeMap<String, Stall>,
}

impl<A: EventHandler> Follower<A> {
    /// Watches until the session ends.
    async fn watch_session(&mut self, link: &mut WatchSession) -> anyhow::Result<()> {
        self.begin(link).await?;
        loop {
            match link.next().await {
                WatchEvent::Connected => {
                    link.stop_feeds().await;
                    self.begin(link).await?;
                }
                WatchEvent::Disconnected => {
                    self.handler.connection(false)?;
                }
                WatchEvent::Ended => {
                    self.handler.connection(false)?;
                    return Ok(());
                }
                WatchEvent::Value(Feed::Node(node), value) => self.snapshot(&node, &value)?,
                WatchEvent::Value(Feed::Master, value) => {
                    self.complaints.well(link.session().paths().master());
                    self.value(link, &value)?;
                }
                WatchEvent::Missing(Feed::Master) => {
                    self.history.begins_anew(Utc::now());
                    if !self.warned {
                        self.warned = true;
                        let path = link.session().paths().master();
                        self.complaints.say(format_args!(
                            "waiting for {path}: run setup-zookeeper or a mapper"
                        ));
                    }
                }
                WatchEvent::Missing(Feed::Node(_)) | WatchEvent::Names(_) => {}
                WatchEvent::Unreadable(path, failure) => {
                    self.complaints.unreadable(&path, &failure);
                }
            }
        }
    }

    async fn begin(&mut self, link: &mut WatchSession) -> anyhow::Result<()> {
        self.handler.connection(true)?;
        let path = link.session().paths().master().to_owned();
        match current_claim(link.session()).await {
            Ok(Some(claimed)) => {
                // Its claim may have been reported too long ago for the reports to repeat it.
                self.history.see(claimed.epoch);
                if self.history.is_new_master(&claimed) {
                    self.handler.event(&claimed)?;
                }
            }
            Ok(None) | Err(Failure::Lost) => {}
            Err(failure) => self.complaints.unreadable(&path, &failure),
        }
        link.feed_value(Feed::Master, path, true);
        for (node, stall) in &mut self.stalled {
            stall.feed = Some(feed_snapshot(link, node));
        }
        Ok(())
    }

    fn value(&mut self, link: &mut WatchSession, value: &Value) -> anyhow::Result<()> {
        // After a reconnection the same value is read again.
        let version = (value.stat.created, value.stat.version);
        if self.read.replace(version) == Some(version) {
            return Ok(());
        }
        let report = Report::parse(&value.bytes);
        for event in &self.history.new_events(&report, &value.stat) {
            self.handler.event(event)?;
            self.look_after(link, event);
        }
        for node in report.alive() {
            self.handler.alive(&Event::of(
                value.stat.written,
                EventKind::Alive,
                &node,
                report.epoch,
            ))?;
        }
        // Passes on the lines about living followers, a free znode and the text of other programs, unchanged; the rest
        // was reported as events.
        let whole = report.epoch.is_none();
        let lines = report
            .messages
            .iter()
            .filter(|line| whole || report.is_free() || line.ends_with(" still alive"));
        let lines: String = lines.flat_map(|line| [line, "\n"]).collect();
        self.handler.text(&lines)
    }
}

impl<A: EventHandler> Follower<A> {
    /// Waits for the snapshot of a stalled follower, as long as that exists.
    fn look_after(&mut self, link: &mut WatchSession, event: &Event) {
        let Some(node) = &event.node else { return };
        match event.event {
            // No member can have this name: a look-up would read some other znode.
            EventKind::Stalled if !can_be_looked_up(node) => self.complaints.once(
                node,
                format_args!("skipping a report of '{node}', which is not a valid member name"),
            ),
            EventKind::Stalled => {
                if self.stalled.len() >= MOST_WAITED_FOR && !self.stalled.contains_key(node) {
                    self.forget_oldest();
                }
                let stall = self.stalled.entry(node.clone()).or_default();
                stall.began = Some(event.time);
                stall.epoch = event.epoch;
                if stall.feed.is_none() {
                    stall.feed = Some(feed_snapshot(link, node));
                }
            }
            // A snapshot taken while the follower was ended may still come; with very many of them, none is awaited.
            EventKind::Died | EventKind::Finished | EventKind::Failed
                if self.stalled.len() > MOST_STALLED =>
            {
                self.forget(&node.clone());
            }
            _ => {}
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.stalled.iter().min_by_key(|(_, stall)| stall.began);
        if let Some(node) = oldest.map(|(node, _)| node.clone()) {
            self.forget(&node);
        }
    }

    /// Stops waiting for a follower's snapshot.
    fn forget(&mut self, node: &str) {
        let feed = self.stalled.remove(node).and_then(|stall| stall.feed);
        if let Some(feed) = feed {
            feed.abort();
        }
    }

    fn snapshot(&mut self, node: &str, value: &Value) -> anyhow::Result<()> {
        let stat = &value.stat;
        let Some(stall) = self.stalled.get_mut(node) else {
            return Ok(());
        };
        // Ignore the snapshot of an earlier stall. The two times come from two machines' clocks.
        let is_of_this = stall
            .began
            .is_some_and(|began| stat.written - began > -EARLIER);
        let version = (stat.created, stat.version);
        if !is_of_this || stall.passed_on.replace(version) == Some(version) {
            return Ok(());
        }
        let event = Event::of(stat.written, EventKind::Snapshot, node, stall.epoch);
        let snapshot = String::from_utf8_lossy(&value.bytes).into_owned();
        self.handler.event(&Event {
            snapshot: Some(snapshot),
            ..event
        })
    }
}

/// A follower that has stalled.
#[derive(Debug, Default)]
struct Stall {
    began: Option<DateTime<Utc>>,
    epoch: Option<i64>,
    /// The snapshot passed on last: the zxid of the znode's creation, and the version.
    passed_on: Option<(i64, i32)>,
    /// The feed that the snapshot comes from.
    feed: Option<AbortHandle>,
}

fn feed_snapshot(link: &mut WatchSession, node: &str) -> AbortHandle {
    let path = link.session().paths().snapshot(node);
    link.feed_value(Feed::Node(node.to_owned()), path, true)
}

/// How the current master took over, according to its reports; `None` if there is no master.
async fn current_claim(session: &Session) -> Result<Option<Event>, Failure> {
    let end = Instant::now() + CLAIM_TIMEOUT;
    let line = unthrottled(end, async || session.line(false).await).await?;
    let master = session.paths().master();
    let Some(value) = unthrottled(end, async || session.find(master).await).await? else {
        return Ok(None);
    };
    let report = Report::parse(&value.bytes);
    let master_info = report
        .master_info
        .filter(|master_info| line.contains(&master_info.claim));
    Ok(master_info.map(|master_info| Event {
        previous: master_info.previous,
        ..Event::of(
            master_info.since,
            EventKind::Claimed,
            &master_info.node,
            report.epoch,
        )
    }))
}
