//! `watch-master`: who is master, and what it says.

use anyhow::bail;
use chrono::Utc;

use super::link::{self, Link, News};
use super::tell::{Form, Teller};
use crate::coordination::{Failure, Settings};
use crate::protocol::{Event, EventKind, Report};

/// Shows each change of `/heart_beat_master`, for ever.
pub async fn watch_master(settings: &Settings, form: Form) -> anyhow::Result<()> {
    let mut watcher = Watcher {
        teller: Teller::new(form),
        told: Told::default(),
        warned: false,
    };
    loop {
        let mut link = link::open(settings, |why| {
            if watcher.teller.connection(false)?.is_some() {
                eprintln!("watch-master: {why}");
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
    told: Told,
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
                News::Value(_, value) => self.value(&value.bytes)?,
                News::Missing(path) if !self.warned => {
                    self.warned = true;
                    eprintln!("watch-master: waiting for {path}: run setup-zookeeper or a mapper");
                }
                News::Missing(_) | News::Names(_) => {}
                News::Refused(failure) => bail!("ZooKeeper refuses: {failure}"),
            }
        }
    }

    async fn begin(&mut self, link: &mut Link) -> anyhow::Result<()> {
        self.teller.connection(true)?;
        let path = link.session().paths().master().to_owned();
        match link.session().first_claim().await {
            Ok(Some(claim)) => {
                // Its claim may have been told too long ago for the reports to repeat it.
                let text = String::from_utf8_lossy(&claim.bytes);
                let claimed = Event {
                    time: claim.made,
                    event: EventKind::Claimed,
                    node: text.lines().next().map(str::to_owned),
                    epoch: Some(claim.created),
                    sequence: None,
                };
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

    fn value(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let report = Report::parse(bytes);
        for event in &report.events {
            if self.told.is_new(event) {
                self.teller.event(event)?;
            }
        }
        for node in report.alive() {
            self.teller.json(&Event {
                time: Utc::now(),
                event: EventKind::Alive,
                node: Some(node.to_owned()),
                epoch: report.epoch,
                sequence: None,
            })?;
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

/// What was told already.
#[derive(Debug, Default)]
struct Told {
    /// Epoch and number of the last event.
    last: (i64, u64),
    /// The epoch whose master was told.
    epoch: i64,
}

impl Told {
    fn is_new(&mut self, event: &Event) -> bool {
        let number = (event.epoch.unwrap_or(0), event.sequence.unwrap_or(0));
        if number <= self.last {
            return false;
        }
        self.last = number;
        event.event != EventKind::Claimed || self.is_new_master(event)
    }

    fn is_new_master(&mut self, claimed: &Event) -> bool {
        let epoch = claimed.epoch.unwrap_or(0);
        let new = epoch > self.epoch;
        self.epoch = self.epoch.max(epoch);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(epoch: i64, sequence: u64, event: EventKind) -> Event {
        let (time, node) = (Utc::now(), Some("map1.0".to_owned()));
        let (epoch, sequence) = (Some(epoch), Some(sequence));
        Event {
            time,
            event,
            node,
            epoch,
            sequence,
        }
    }

    #[test]
    fn what_reports_repeat_is_told_once() {
        let mut told = Told::default();
        assert!(told.is_new(&event(5, 1, EventKind::Claimed)));
        assert!(told.is_new(&event(5, 2, EventKind::Joined)));
        assert!(!told.is_new(&event(5, 1, EventKind::Claimed)));
        assert!(!told.is_new(&event(5, 2, EventKind::Joined)));
        // A reset begins to count anew, in a later epoch.
        assert!(told.is_new(&event(9, 1, EventKind::Claimed)));
        assert!(!told.is_new(&event(5, 3, EventKind::Died)));
    }

    #[test]
    fn a_master_found_in_office_is_told_once() {
        let mut told = Told::default();
        assert!(told.is_new_master(&event(5, 0, EventKind::Claimed)));
        assert!(!told.is_new(&event(5, 1, EventKind::Claimed)));
        assert!(told.is_new(&event(5, 2, EventKind::Joined)));
    }
}
