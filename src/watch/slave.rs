//! `watch-slave`: what each follower writes, in a file of its own.
//!
//! That one joins, beats and returns is seen on its znode; how it ended is the master's to say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::Utc;

use super::link::{self, Link, News};
use super::tell::{Form, Teller};
use super::told::Told;
use crate::coordination::{Settings, Value};
use crate::files::{Links, append, create};
use crate::protocol::{Beat, Event, EventKind, Report};
use crate::say::say;

/// The feed of the master's value, by a name that no follower's znode can have.
const MASTER: &str = "/";

/// Shows each change below `/heart_beat`, for ever: a file `follower_<node>.txt` in `folder` for
/// each follower.
pub async fn watch_slave(settings: &Settings, form: Form, folder: &Path) -> anyhow::Result<()> {
    let mut watcher = Watcher {
        teller: Teller::new(form),
        folder: folder.to_owned(),
        followers: BTreeMap::new(),
        seen: BTreeSet::new(),
        told: Told::default(),
        epoch: None,
    };
    loop {
        let mut link = link::open(settings, |why| {
            if watcher.connection(false)? {
                say("watch-slave", why);
            }
            anyhow::Ok(())
        })
        .await?;
        watcher.visit(&mut link).await?;
        link.hush().await;
    }
}

struct Watcher {
    teller: Teller,
    folder: PathBuf,
    /// Those whose znodes stand.
    followers: BTreeMap<String, Follower>,
    /// All that were ever seen.
    seen: BTreeSet<String>,
    told: Told,
    epoch: Option<i64>,
}

struct Follower {
    file: File,
    /// The zxid of the znode's creation and the version of the value read last.
    last: Option<(i64, i32)>,
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
                News::Names(names) => self.names(link, names)?,
                News::Value(name, value) if name == MASTER => self.report(&value.bytes)?,
                News::Value(node, value) => self.value(&node, &value)?,
                News::Missing(node) => drop(self.followers.remove(&node)),
                News::Refused(failure) => bail!("ZooKeeper refuses: {failure}"),
            }
        }
    }

    /// Starts all feeds. Followers known from before are fed again; those gone meanwhile are found
    /// missing.
    fn begin(&mut self, link: &mut Link) -> anyhow::Result<()> {
        self.connection(true)?;
        link.feed_value(
            MASTER.to_owned(),
            link.session().paths().master().to_owned(),
            true,
        );
        link.feed_members();
        for node in self.followers.keys() {
            link.feed_value(node.clone(), link.session().paths().member(node), false);
        }
        Ok(())
    }

    /// Tells everybody who watches, here and in the files, that ZooKeeper came or went.
    fn connection(&mut self, connected: bool) -> anyhow::Result<bool> {
        let Some(line) = self.teller.connection(connected)? else {
            return Ok(false);
        };
        for (node, follower) in &mut self.followers {
            let written = follower.file.write_all(line.as_bytes());
            written.with_context(|| cannot_write(&self.folder, node))?;
        }
        Ok(true)
    }

    fn names(&mut self, link: &mut Link, names: Vec<String>) -> anyhow::Result<()> {
        for node in names {
            if self.followers.contains_key(&node) {
                continue;
            }
            let file = self
                .open(&node)
                .with_context(|| cannot_write(&self.folder, &node))?;
            link.feed_value(node.clone(), link.session().paths().member(&node), false);
            self.followers.insert(node, Follower { file, last: None });
        }
        Ok(())
    }

    /// A new file for a new follower; that of one that returns goes on.
    fn open(&mut self, node: &str) -> io::Result<File> {
        let path = path_of(&self.folder, node);
        if !self.seen.insert(node.to_owned()) {
            return append(&path, Links::OfUsOrRoot);
        }
        // In a folder that others may write, nothing that they have put in its place is followed or waited for.
        let mut file = create(&path, Links::OfUsOrRoot)?;
        let head = format!("this is follower node {node}\nzookeeper: CONNECTED\n");
        file.write_all(head.as_bytes())?;
        Ok(file)
    }

    /// What the master says of how followers ended.
    fn report(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let report = Report::parse(bytes);
        self.told.see(report.epoch);
        self.epoch = report.epoch.or(self.epoch);
        for event in &report.events {
            let seen = event
                .node
                .as_ref()
                .is_some_and(|node| self.seen.contains(node));
            let end = matches!(
                event.event,
                EventKind::Died | EventKind::Finished | EventKind::Failed
            );
            if self.told.is_new(event) && end && seen {
                self.teller.json(event)?;
            }
        }
        Ok(())
    }

    fn value(&mut self, node: &str, value: &Value) -> anyhow::Result<()> {
        let Some(follower) = self.followers.get_mut(node) else {
            return Ok(());
        };
        let version = (value.stat.created, value.stat.version);
        if follower.last == Some(version) {
            return Ok(());
        }
        let beat = Beat::parse(&value.bytes);
        let kind = match follower.last {
            None if beat.identity.returns > 0 => EventKind::Returned,
            None => EventKind::Joined,
            Some(_) => EventKind::Alive,
        };
        follower.last = Some(version);
        let line = &beat.line;
        let line = format!("set value of node /heart_beat/follower_{node} as {line}!\n");
        let written = follower.file.write_all(line.as_bytes());
        written.with_context(|| cannot_write(&self.folder, node))?;
        self.tell(kind, node)
    }

    fn tell(&self, event: EventKind, node: &str) -> anyhow::Result<()> {
        Ok(self
            .teller
            .json(&Event::of(Utc::now(), event, node, self.epoch))?)
    }
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

fn path_of(folder: &Path, node: &str) -> PathBuf {
    folder.join(format!("follower_{node}.txt"))
}

fn cannot_write(folder: &Path, node: &str) -> String {
    format!("cannot write {}", path_of(folder, node).display())
}
