//! `watch-slave`: writes what each follower reports to a file of its own.
//!
//! A follower's znode shows that it joins, beats and returns; the master reports how it ended.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::Utc;

use super::complaints::Complaints;
use super::files::Files;
use super::history::EventHistory;
use super::output::{EventWriter, OutputFormat};
use super::remembered::Remembered;
use super::session::{Feed, WatchEvent, WatchSession};
use heartline_core::protocol::{Beat, Event, EventKind, Report};
use heartline_core::text;
use heartline_process::files::{Links, create};
use heartline_zookeeper::{Connector, Settings, Value};

/// The number of followers that are remembered after they are gone.
const MOST_GONE: usize = 100_000;

/// Shows each change below `/heart_beat`, for ever: a file `follower_<node>.txt` in `folder` for
/// each follower.
pub async fn watch_slave(
    settings: &Settings,
    format: OutputFormat,
    folder: &Path,
) -> anyhow::Result<()> {
    let mut watcher = Watcher {
        complaints: Complaints::new(Some("watch-slave")),
        writer: EventWriter::new(format),
        files: Files::of(folder),
        followers: BTreeMap::new(),
        seen: Remembered::new(MOST_GONE),
        history: EventHistory::default(),
        epoch: None,
    };
    let mut connector = Connector::new(settings.clone()).lengthening();
    loop {
        let session = connector.connect(|why| {
            if watcher.connection(false)? {
                watcher.complaints.say(why);
            }
            anyhow::Ok(())
        });
        let mut link = WatchSession::from(session.await?);
        watcher.watch_session(&mut link).await?;
        link.stop_feeds().await;
    }
}

struct Watcher {
    complaints: Complaints,
    writer: EventWriter,
    files: Files,
    /// Followers with a znode: the zxid of the znode's creation and the version of the value read last.
    followers: BTreeMap<String, Option<(i64, i32)>>,
    /// The followers with a znode, and the latest of those that are gone: the master may report how they ended.
    seen: Remembered,
    history: EventHistory,
    epoch: Option<i64>,
}

impl Watcher {
    /// Watches until the session ends.
    async fn watch_session(&mut self, link: &mut WatchSession) -> anyhow::Result<()> {
        self.begin(link)?;
        loop {
            match link.next().await {
                WatchEvent::Connected => {
                    link.stop_feeds().await;
                    self.begin(link)?;
                }
                WatchEvent::Disconnected => {
                    self.connection(false)?;
                }
                WatchEvent::Ended => {
                    self.connection(false)?;
                    return Ok(());
                }
                WatchEvent::Names(names) => self.names(link, names),
                WatchEvent::Value(Feed::Master, value) => self.report(&value)?,
                WatchEvent::Value(Feed::Node(node), value) => self.value(&node, &value)?,
                WatchEvent::Missing(Feed::Master) => self.history.begins_anew(Utc::now()),
                WatchEvent::Missing(Feed::Node(node)) => {
                    self.gone(node);
                }
                WatchEvent::Unreadable(path, failure) => {
                    self.complaints.unreadable(&path, &failure);
                }
            }
        }
    }

    /// Starts all feeds. Known followers get a feed again; those that have gone meanwhile are found
    /// missing.
    fn begin(&mut self, link: &mut WatchSession) -> anyhow::Result<()> {
        self.connection(true)?;
        let path = link.session().paths().master().to_owned();
        link.feed_value(Feed::Master, path, true);
        link.feed_members();
        for node in self.followers.keys() {
            feed(link, node);
        }
        Ok(())
    }

    /// Writes to stdout and to the files that ZooKeeper is available or unavailable.
    fn connection(&mut self, connected: bool) -> anyhow::Result<bool> {
        let Some(line) = self.writer.connection(connected)? else {
            return Ok(false);
        };
        for node in self.followers.keys() {
            self.files.write(node, line, &mut self.complaints);
        }
        Ok(true)
    }

    /// Begins a new file for a new follower; a returning follower's file continues.
    fn names(&mut self, link: &mut WatchSession, names: Vec<String>) {
        for node in names {
            if self.followers.contains_key(&node) {
                continue;
            }
            if self.seen.exists(&node) {
                Files::announce(&node, &mut self.complaints);
                self.files.write(&node, "", &mut self.complaints);
            }
            feed(link, &node);
            self.followers.insert(node, None);
        }
    }

    fn gone(&mut self, node: String) {
        if self.followers.remove(&node).is_none() {
            return;
        }
        self.files.close(&node);
        if let Some(forgotten) = self.seen.is_gone(node) {
            self.files.forget(&forgotten);
        }
    }

    /// Processes the master's report of how followers ended.
    fn report(&mut self, value: &Value) -> anyhow::Result<()> {
        let report = Report::parse(&value.bytes);
        self.epoch = report.epoch.or(self.epoch);
        for event in &self.history.new_events(&report, &value.stat) {
            let seen = |node: &String| self.seen.contains(node);
            let is_shown = match event.event {
                EventKind::Died | EventKind::Finished | EventKind::Failed => {
                    event.node.as_ref().is_some_and(seen)
                }
                // Such events may be among those lost.
                EventKind::Lost => true,
                _ => false,
            };
            if is_shown {
                self.writer.json(event)?;
            }
        }
        Ok(())
    }

    fn value(&mut self, node: &str, value: &Value) -> anyhow::Result<()> {
        let Some(last) = self.followers.get_mut(node) else {
            return Ok(());
        };
        let version = (value.stat.created, value.stat.version);
        if *last == Some(version) {
            return Ok(());
        }
        let beat = Beat::parse(&value.bytes);
        let kind = match last {
            None if beat.identity.returns > 0 => EventKind::Returned,
            None => EventKind::Joined,
            Some(_) => EventKind::Alive,
        };
        *last = Some(version);
        let (name, line) = (text::line(node), text::line(&beat.line));
        let line = format!("set value of node /heart_beat/follower_{name} as {line}!\n");
        self.files.write(node, &line, &mut self.complaints);
        self.write_event(kind, node)
    }

    fn write_event(&self, event: EventKind, node: &str) -> anyhow::Result<()> {
        Ok(self
            .writer
            .json(&Event::of(Utc::now(), event, node, self.epoch))?)
    }
}

fn feed(link: &mut WatchSession, node: &str) {
    let path = link.session().paths().member(node);
    link.feed_value(Feed::Node(node.to_owned()), path, false);
}

/// Creates `folder` if it is missing, and checks that files can be created in it.
pub fn prepare_folder(folder: &Path) -> Result<(), String> {
    let probe = folder.join(format!(".watch-slave.{}", std::process::id()));
    let made = std::fs::create_dir_all(folder)
        .and_then(|()| create(&probe, Links::Refused))
        .and_then(|_| std::fs::remove_file(&probe));
    made.map_err(|error| {
        let folder = folder.display();
        format!("cannot write to the folder '{folder}': {error}; give --output-dir another one")
    })
}
