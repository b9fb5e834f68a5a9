//! `watch-master`: shows who is master, and what the master reports.

use super::follow::{EventHandler, follow};
use super::history::EventHistory;
use super::output::{EventWriter, OutputFormat};
use heartline_core::protocol::Event;
use heartline_zookeeper::Settings;

/// Shows each change of `/heart_beat_master`, for ever. Reports problems with ZooKeeper in the name
/// of `program`, unless it is `None`.
pub async fn watch_master(
    settings: &Settings,
    format: OutputFormat,
    program: Option<&'static str>,
) -> anyhow::Result<()> {
    follow(
        settings,
        EventWriter::new(format),
        EventHistory::default(),
        program,
    )
    .await
}

impl EventHandler for EventWriter {
    fn connection(&mut self, connected: bool) -> anyhow::Result<bool> {
        Ok(EventWriter::connection(self, connected)?.is_some())
    }

    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        Ok(EventWriter::event(self, event)?)
    }

    fn alive(&mut self, event: &Event) -> anyhow::Result<()> {
        Ok(self.json(event)?)
    }

    fn text(&mut self, lines: &str) -> anyhow::Result<()> {
        Ok(EventWriter::text(self, lines)?)
    }
}
