//! `watch-master`: who is master, and what it says.

use std::fmt::Display;

use super::link::{self, Link, News};
use super::tell::{Form, Teller};
use super::told::Told;
use crate::coordination::{Failure, Session, Settings, Value};
use crate::protocol::{Event, EventKind, Report};
use crate::say::say;
use anyhow::bail;

/// Shows each change of `/heart_beat_master`, for ever. What is off with ZooKeeper is said in the name
/// of `program`, unless somebody else says it.
pub async fn watch_master(
    settings: &Settings,
    form: Form,
    program: Option<&'static str>,
) -> anyhow::Result<()> {
    let mut watcher = Watcher {
        program,
        teller: Teller::new(form),
        told: Told::default(),
        read: None,
        warned: false,
    };
    loop {
        let mut link = link::open(settings, |why| {
            if watcher.teller.connection(false)?.is_some() {
                watcher.say(why);
            }
            anyhow::Ok(())
        })
        .await?;
        watcher.visit(&mut link).await?;
        link.hush().await;
    }
}

struct Watcher {
    program: Option<&'static str>,
    teller: Teller,
    told: Told,
    /// Which value was read last: the zxid of the znode's creation, and the version.
    read: Option<(i64, i32)>,
    warned: bool,
}

impl Watcher {
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
                    self.teller.connection(false)?;
                }
                News::Ended => {
                    self.teller.connection(false)?;
                    return Ok(());
                }
                News::Value(_, value) => self.value(&value)?,
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
        self.teller.connection(true)?;
        let path = link.session().paths().master().to_owned();
        match in_office(link.session()).await {
            Ok(Some(claimed)) => {
                // Its claim may have been told too long ago for the reports to repeat it.
                self.told.see(claimed.epoch);
                if self.told.is_new_master(&claimed) {
                    self.teller.event(&claimed)?;
                }
            }
            Ok(None) | Err(Failure::Lost) => {}
            Err(failure) => bail!("ZooKeeper refuses: {failure}"),
        }
        link.feed_value(path.clone(), path, true);
        Ok(())
    }

    fn value(&mut self, value: &Value) -> anyhow::Result<()> {
        // After a reconnection the same value is read again.
        let version = (value.stat.created, value.stat.version);
        if self.read.replace(version) == Some(version) {
            return Ok(());
        }
        let report = Report::parse(&value.bytes);
        self.told.see(report.epoch);
        for event in &report.events {
            if self.told.is_new(event) {
                self.teller.event(event)?;
            }
        }
        for node in report.alive() {
            self.teller.json(&Event::of(
                value.stat.written,
                EventKind::Alive,
                node,
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
        Ok(self.teller.text(&lines)?)
    }
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
