//! `watch-master`: who is master, and what it says.

use super::follow::{Audience, follow};
use super::tell::{Form, Teller};
use super::told::Told;
use crate::coordination::Settings;
use crate::protocol::Event;

/// Shows each change of `/heart_beat_master`, for ever. What is off with ZooKeeper is said in the name
/// of `program`, unless somebody else says it.
pub async fn watch_master(
    settings: &Settings,
    form: Form,
    program: Option<&'static str>,
) -> anyhow::Result<()> {
    follow(settings, Teller::new(form), Told::default(), program).await
}

impl Audience for Teller {
    fn connection(&mut self, connected: bool) -> anyhow::Result<bool> {
        Ok(Teller::connection(self, connected)?.is_some())
    }

    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        Ok(Teller::event(self, event)?)
    }

    fn alive(&mut self, event: &Event) -> anyhow::Result<()> {
        Ok(self.json(event)?)
    }

    fn text(&mut self, lines: &str) -> anyhow::Result<()> {
        Ok(Teller::text(self, lines)?)
    }
}
