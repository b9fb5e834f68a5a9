//! Following the master: each change of `/heart_beat_master`, for whoever wants to hear of it.

use std::collections::BTreeMap;
use std::fmt::Display;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};

use super::link::{self, Link, News};
use super::told::Told;
use crate::coordination::{Failure, Session, Settings, Value};
use crate::protocol::{Event, EventKind, Report};
use crate::say::say;

/// Of how many that have stalled, and are gone, a snapshot is still waited for.
const MOST_STALLED: usize = 64;
/// How much earlier than the stall was told its snapshot may have been written, by another clock.
const EARLIER: TimeDelta = TimeDelta::seconds(60);

/// Who is told. Each is told at once, and must not wait: what is said of a ZooKeeper that changes
/// faster than it is read is lost.
pub(crate) trait Audience {
    /// ZooKeeper came or went; whether that is news.
    fn connection(&mut self, connected: bool) -> anyhow::Result<bool>;
    /// Something that the master tells once.
    fn event(&mut self, event: &Event) -> anyhow::Result<()>;
    /// One that is alive, as each report tells again.
    fn alive(&mut self, event: &Event) -> anyhow::Result<()>;
    /// What people are shown besides: whole lines.
    fn text(&mut self, _lines: &str) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Tells `audience` each change, for ever, but for what was `told` before. What is off with ZooKeeper
/// is said in the name of `program`, unless somebody else says it.
pub(crate) async fn follow(
    settings: &Settings,
    audience: impl Audience,
    told: Told,
    program: Option<&'static str>,
) -> anyhow::Result<()> {
    let mut follower = Follower {
        program,
        audience,
        told,
        read: None,
        warned: false,
        stalled: BTreeMap::new(),
    };
    loop {
        let mut link = link::open(settings, |why| {
            if follower.audience.connection(false)? {
                follower.say(why);
            }
            anyhow::Ok(())
        })
        .await?;
        follower.visit(&mut link).await?;
        link.hush().await;
    }
}

struct Follower<A> {
    program: Option<&'static str>,
    audience: A,
    told: Told,
    /// Which value was read last: the zxid of the znode's creation, and the version.
    read: Option<(i64, i32)>,
    warned: bool,
    /// Whose snapshots are waited for.
    stalled: BTreeMap<String, Stall>,
}

impl<A: Audience> Follower<A> {
    /// Watches until the session is over.
    async fn visit(&mut self, link: &mut Link) -> anyhow::Result<()> {
        self.begin(link).await?;
        loop {
            match link.next().await {
                News::Connected => {
                    link.hush().await;
                    self.begin(link).await?;
                }
                News::Disconnected => {
                    self.audience.connection(false)?;
                }
                News::Ended => {
                    self.audience.connection(false)?;
                    return Ok(());
                }
                News::Value(node, value) if self.stalled.contains_key(&node) => {
                    self.snapshot(&node, &value)?;
                }
                News::Value(_, value) => self.value(link, &value)?,
                News::Missing(node) if self.stalled.contains_key(&node) => {}
                News::Missing(path) if !self.warned => {
                    self.warned = true;
                    self.say(format!(
                        "waiting for {path}: run setup-zookeeper or a mapper"
                    ));
                }
                News::Missing(_) | News::Names(_) => {}
                News::Refused(failure) => bail!("ZooKeeper refuses: {failure}"),
            }
        }
    }

    fn say(&self, what: impl Display) {
        if let Some(program) = self.program {
            say(program, what);
        }
    }

    async fn begin(&mut self, link: &mut Link) -> anyhow::Result<()> {
        self.audience.connection(true)?;
        let path = link.session().paths().master().to_owned();
        match in_office(link.session()).await {
            Ok(Some(claimed)) => {
                // Its claim may have been told too long ago for the reports to repeat it.
                self.told.see(claimed.epoch);
                if self.told.is_new_master(&claimed) {
                    self.audience.event(&claimed)?;
                }
            }
            Ok(None) | Err(Failure::Lost) => {}
            Err(failure) => bail!("ZooKeeper refuses: {failure}"),
        }
        link.feed_value(path.clone(), path, true);
        for node in self.stalled.keys() {
            feed_snapshot(link, node);
        }
        Ok(())
    }

    fn value(&mut self, link: &mut Link, value: &Value) -> anyhow::Result<()> {
        // After a reconnection the same value is read again.
        let version = (value.stat.created, value.stat.version);
        if self.read.replace(version) == Some(version) {
            return Ok(());
        }
        let report = Report::parse(&value.bytes);
        self.told.see(report.epoch);
        for event in &report.events {
            if self.told.is_new(event) {
                self.audience.event(event)?;
                self.look_after(link, event);
            }
        }
        for node in report.alive() {
            self.audience.alive(&Event::of(
                value.stat.written,
                EventKind::Alive,
                &node,
                report.epoch,
            ))?;
        }
        // What is alive, what is free, and all that other programs wrote, as it stands; the rest was
        // told with the events.
        let whole = report.epoch.is_none();
        let lines = report
            .messages
            .iter()
            .filter(|line| whole || report.is_free() || line.ends_with(" still alive"));
        let lines: String = lines.flat_map(|line| [line, "\n"]).collect();
        self.audience.text(&lines)
    }
}

impl<A: Audience> Follower<A> {
    /// Waits for the snapshot of a follower that stalls, as long as it is there.
    fn look_after(&mut self, link: &mut Link, event: &Event) {
        let Some(node) = &event.node else { return };
        match event.event {
            EventKind::Stalled => {
                let is_new = !self.stalled.contains_key(node);
                let stall = self.stalled.entry(node.clone()).or_default();
                stall.began = Some(event.time);
                stall.epoch = event.epoch;
                if is_new {
                    feed_snapshot(link, node);
                }
            }
            // One that was taken while the follower was ended may still come; for very many nobody waits.
            EventKind::Died | EventKind::Finished | EventKind::Failed
                if self.stalled.len() > MOST_STALLED =>
            {
                self.stalled.remove(node);
            }
            _ => {}
        }
    }

    fn snapshot(&mut self, node: &str, value: &Value) -> anyhow::Result<()> {
        let stat = &value.stat;
        let Some(stall) = self.stalled.get_mut(node) else {
            return Ok(());
        };
        // One of an earlier stall is another story. Two machines' clocks tell the times.
        let is_of_this = stall
            .began
            .is_some_and(|began| stat.written > began - EARLIER);
        let version = (stat.created, stat.version);
        if !is_of_this || stall.told.replace(version) == Some(version) {
            return Ok(());
        }
        let event = Event::of(stat.written, EventKind::Snapshot, node, stall.epoch);
        let snapshot = String::from_utf8_lossy(&value.bytes).into_owned();
        self.audience.event(&Event {
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
    /// Which snapshot was told: the zxid of the znode's creation, and the version.
    told: Option<(i64, i32)>,
}

fn feed_snapshot(link: &mut Link, node: &str) {
    let path = link.session().paths().snapshot(node);
    link.feed_value(node.to_owned(), path, true);
}

/// How the master that stands became it, as its reports tell; `None` if none stands.
async fn in_office(session: &Session) -> Result<Option<Event>, Failure> {
    let Some((claim, _)) = session.first_claim(false).await? else {
        return Ok(None);
    };
    let report = match session.read(session.paths().master()).await {
        Err(Failure::NoNode) => return Ok(None),
        read => Report::parse(&read?.0.bytes),
    };
    let office = report.office.filter(|office| office.claim == claim);
    Ok(office.map(|office| Event {
        previous: office.previous,
        ..Event::of(office.since, EventKind::Claimed, &office.node, report.epoch)
    }))
}
