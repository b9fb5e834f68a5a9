//! `watch-slave`: what each follower writes, in a file of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::Utc;

use super::link::{self, Link, News};
use super::tell::{Form, Teller};
use crate::coordination::{Failure, Settings, Value};
use crate::protocol::{Beat, Ending, Event, EventKind, Report};

/// The feed of the master's value, by a name that no follower's znode can have.
const MASTER: &str = "/";

/// Shows each change below `/heart_beat`, for ever: a file `follower_<node>.txt` in `folder` for
/// each follower.
pub async fn watch_slave(settings: &Settings, form: Form, folder: &Path) -> anyhow::Result<()> {
    let mut watcher = Watcher {
        teller: Teller::new(form),
        folder: folder.to_owned(),
        followers: BTreeMap::new(),
        files: BTreeMap::new(),
        deaths: BTreeMap::new(),
        epoch: None,
    };
    loop {
        let mut link = link::open(settings, |why| {
            if watcher.connection(false)? {
                eprintln!("watch-slave: {why}");
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
    /// Those whose znodes stand, with the zxid and version read last.
    followers: BTreeMap<String, Follower>,
    /// One for each follower ever seen.
    files: BTreeMap<String, File>,
    /// Epoch and number of the last death told of each follower that died.
    deaths: BTreeMap<String, (Option<i64>, Option<u64>)>,
    epoch: Option<i64>,
}

#[derive(Debug, Default)]
struct Follower {
    last: Option<(i64, i32)>,
    ending: Option<Ending>,
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
                News::Value(name, value) if name == MASTER => {
                    self.epoch = Report::parse(&value.bytes).epoch.or(self.epoch);
                }
                News::Value(node, value) => self.value(&node, &value)?,
                News::Missing(name) if name == MASTER => {}
                News::Missing(node) => self.gone(link, &node).await?,
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
        for (node, file) in &mut self.files {
            file.write_all(line.as_bytes())
                .with_context(|| cannot_write(&self.folder, node))?;
        }
        Ok(true)
    }

    fn names(&mut self, link: &mut Link, names: Vec<String>) -> anyhow::Result<()> {
        for node in names {
            if self.followers.contains_key(&node) {
                continue;
            }
            self.open(&node)
                .with_context(|| cannot_write(&self.folder, &node))?;
            link.feed_value(node.clone(), link.session().paths().member(&node), false);
            self.followers.insert(node, Follower::default());
        }
        Ok(())
    }

    fn open(&mut self, node: &str) -> io::Result<()> {
        if !self.files.contains_key(node) {
            let mut file = File::create(path_of(&self.folder, node))?;
            let head = format!("this is follower node {node}\nzookeeper: CONNECTED\n");
            file.write_all(head.as_bytes())?;
            self.files.insert(node.to_owned(), file);
        }
        Ok(())
    }

    fn value(&mut self, node: &str, value: &Value) -> anyhow::Result<()> {
        let Some(follower) = self.followers.get_mut(node) else {
            return Ok(());
        };
        let version = (value.created, value.version);
        if follower.last == Some(version) {
            return Ok(());
        }
        let beat = Beat::parse(&value.bytes);
        let kind = match follower.last {
            None if beat.returns > 0 => EventKind::Returned,
            None => EventKind::Joined,
            Some((created, _)) if created != value.created => EventKind::Returned,
            Some(_) => EventKind::Alive,
        };
        follower.last = Some(version);
        follower.ending = beat.ending;
        if let Some(file) = self.files.get_mut(node) {
            let line = &beat.line;
            let line = format!("set value of node /heart_beat/follower_{node} as {line}!\n");
            file.write_all(line.as_bytes())
                .with_context(|| cannot_write(&self.folder, node))?;
        }
        self.tell(kind, node)
    }

    /// A follower's znode is gone: its own last word says how it ended, or else the master's report,
    /// which is written in the same transaction that removes a dead one's.
    async fn gone(&mut self, link: &mut Link, node: &str) -> anyhow::Result<()> {
        let Some(follower) = self.followers.remove(node) else {
            return Ok(());
        };
        let path = link.session().paths().master();
        let report = match link.session().read(path).await {
            Ok((value, _)) => Report::parse(&value.bytes),
            Err(Failure::Lost | Failure::NoNode) => Report::default(),
            Err(failure) => bail!("ZooKeeper refuses: {failure}"),
        };
        self.epoch = report.epoch.or(self.epoch);
        // A death is told once: the report repeats it for a while, and the dead may return meanwhile.
        let death = report
            .events
            .iter()
            .rfind(|event| event.event == EventKind::Died && event.node.as_deref() == Some(node));
        let death = death.map(|event| (event.epoch, event.sequence));
        let died = death.is_some() && self.deaths.get(node).copied() < death;
        if let Some(number) = death {
            self.deaths.insert(node.to_owned(), number);
        }
        let kind = match follower.ending {
            Some(Ending::Failed) => EventKind::Failed,
            None if died => EventKind::Died,
            Some(Ending::Finished) | None => EventKind::Finished,
        };
        self.tell(kind, node)
    }

    fn tell(&self, event: EventKind, node: &str) -> anyhow::Result<()> {
        Ok(self.teller.json(&Event {
            time: Utc::now(),
            event,
            node: Some(node.to_owned()),
            epoch: self.epoch,
            sequence: None,
        })?)
    }
}

/// Makes `folder` if it is missing, and sees whether files can be made in it.
pub fn prepare_folder(folder: &Path) -> Result<(), String> {
    let probe = folder.join(format!(".watch-slave.{}", std::process::id()));
    let made = std::fs::create_dir_all(folder)
        .and_then(|()| File::create(&probe))
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
