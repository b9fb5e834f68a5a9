//! `watch-slave`: what each follower writes, in a file of its own.
//!
//! That one joins, beats and returns is seen on its znode; how it ended is the master's to say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::Utc;

use super::complaints::Complaints;
use super::files::Files;
use super::link::{self, Feed, Link, News};
use super::tell::{Form, Teller};
use super::told::Told;
use crate::coordination::{Settings, Value};
use crate::files::{Links, create};
use crate::protocol::{Beat, Event, EventKind, Report};
use crate::text;

/// Shows each change below `/heart_beat`, for ever: a file `follower_<node>.txt` in `folder` for
/// each follower.
pub async fn watch_slave(settings: &Settings, form: Form, folder: &Path) -> anyhow::Result<()> {
    let mut watcher = Watcher {
        complaints: Complaints::new(Some("watch-slave")),
        teller: Teller::new(form),
        files: Files::of(folder),
        followers: BTreeMap::new(),
        seen: BTreeSet::new(),
        told: Told::default(),
        epoch: None,
    };
    loop {
        let mut link = link::open(settings, |why| {
            if watcher.connection(false)? {
                watcher.complaints.say(why);
            }
            anyhow::Ok(())
        })
        .await?;
        watcher.visit(&mut link).await?;
        link.hush().await;
    }
}

struct Watcher {
    complaints: Complaints,
    teller: Teller,
    files: Files,
    /// Those whose znodes stand: the zxid of the znode's creation and the version of the value read last.
    followers: BTreeMap<String, Option<(i64, i32)>>,
    /// All that were ever seen.
    seen: BTreeSet<String>,
    told: Told,
    epoch: Option<i64>,
}

impl Watcher {
    /// Watches until the session is over.
    async fn visit(&mut self, link: &mut Link) -> anyhow::Result<()> {
        self.begin(link)?;
        loop {
            match link.next().await {
                News::Connected => {
                    link.hush().await;
                    self.begin(link)?;
                }
                News::Disconnected => {
                    self.connection(false)?;
                }
                News::Ended => {
                    self.connection(false)?;
                    return Ok(());
                }
                News::Names(names) => self.names(link, names),
                News::Value(Feed::Master, value) => self.report(&value)?,
                News::Value(Feed::Node(node), value) => self.value(&node, &value)?,
                News::Missing(Feed::Master) => self.told.begins_anew(Utc::now()),
                News::Missing(Feed::Node(node)) => {
                    self.followers.remove(&node);
                    self.files.close(&node);
                }
                News::Unreadable(path, failure) => self.complaints.unreadable(&path, &failure),
            }
        }
    }

    /// Starts all feeds. Followers known from before are fed again; those gone meanwhile are found
    /// missing.
    fn begin(&mut self, link: &mut Link) -> anyhow::Result<()> {
        self.connection(true)?;
        let path = link.session().paths().master().to_owned();
        link.feed_value(Feed::Master, path, true);
        link.feed_members();
        for node in self.followers.keys() {
            feed(link, node);
        }
        Ok(())
    }

    /// Tells everybody who watches, here and in the files, that ZooKeeper came or went.
    fn connection(&mut self, connected: bool) -> anyhow::Result<bool> {
        let Some(line) = self.teller.connection(connected)? else {
            return Ok(false);
        };
        for node in self.followers.keys() {
            self.files.write(node, line, &mut self.complaints);
        }
        Ok(true)
    }

    /// A new file for a new follower; that of one that returns goes on.
    fn names(&mut self, link: &mut Link, names: Vec<String>) {
        for node in names {
            if self.followers.contains_key(&node) {
                continue;
            }
            if self.seen.insert(node.clone()) {
                Files::announce(&node, &mut self.complaints);
                self.files.write(&node, "", &mut self.complaints);
            }
            feed(link, &node);
            self.followers.insert(node, None);
        }
    }

    /// What the master says of how followers ended.
    fn report(&mut self, value: &Value) -> anyhow::Result<()> {
        let report = Report::parse(&value.bytes);
        self.epoch = report.epoch.or(self.epoch);
        for event in &self.told.news(&report, &value.stat) {
            let seen = |node| self.seen.contains(node);
            let is_told = match event.event {
                EventKind::Died | EventKind::Finished | EventKind::Failed => {
                    event.node.as_ref().is_some_and(seen)
                }
                // There may have been such among them.
                EventKind::Lost => true,
                _ => false,
            };
            if is_told {
                self.teller.json(event)?;
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
        self.tell(kind, node)
    }

    fn tell(&self, event: EventKind, node: &str) -> anyhow::Result<()> {
        Ok(self
            .teller
            .json(&Event::of(Utc::now(), event, node, self.epoch))?)
    }
}

fn feed(link: &mut Link, node: &str) {
    let path = link.session().paths().member(node);
    link.feed_value(Feed::Node(node.to_owned()), path, false);
}

/// Makes `folder` if it is missing, and sees whether files can be made in it.
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
