//! Where a watcher's lines go, and in which format.

use std::io::{self, Write};

use chrono::Utc;

use heartline_core::protocol::{Event, EventKind};
use heartline_core::text;
use heartline_process::stdio;

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// Messages for people.
    Text,
    /// One JSON object per line.
    Json,
}

impl OutputFormat {
    /// The format that an option `--json` asks for.
    pub fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// Writes events to stdout without buffering, because somebody is watching.
#[derive(Debug)]
pub(super) struct EventWriter {
    format: OutputFormat,
    connected: Option<bool>,
}

impl EventWriter {
    pub(super) fn new(format: OutputFormat) -> Self {
        Self {
            format,
            connected: None,
        }
    }

    /// Writes an event in either format; as text, an event without a message is not shown.
    pub(super) fn event(&self, event: &Event) -> io::Result<()> {
        match self.format {
            OutputFormat::Text => self.text(&in_lines(event).message().unwrap_or_default()),
            OutputFormat::Json => self.json(event),
        }
    }

    /// Writes an event as JSON only: people see it in another form, or not at all.
    pub(super) fn json(&self, event: &Event) -> io::Result<()> {
        if self.format == OutputFormat::Text {
            return Ok(());
        }
        write_out(&format!("{}\n", text::json(event)?))
    }

    /// Writes whole lines of other programs' text, for people.
    pub(super) fn text(&self, lines: &str) -> io::Result<()> {
        if self.format == OutputFormat::Json || lines.is_empty() {
            return Ok(());
        }
        write_out(&text::lines(lines))
    }

    /// Writes that ZooKeeper is available or unavailable, unless that was written last. Returns the line.
    pub(super) fn connection(&mut self, connected: bool) -> io::Result<Option<&'static str>> {
        if self.connected == Some(connected) {
            return Ok(None);
        }
        self.connected = Some(connected);
        let (event, line) = if connected {
            (EventKind::Connected, "zookeeper: CONNECTED\n")
        } else {
            (EventKind::Disconnected, "zookeeper: UNCONNECTED\n")
        };
        self.text(line)?;
        self.json(&Event::of_watcher(Utc::now(), event))?;
        Ok(Some(line))
    }
}

/// The event with one-line names, so that no name can begin a line of its own.
fn in_lines(event: &Event) -> Event {
    let mut event = event.clone();
    let clean = |name: &mut String| *name = text::line(name).into_owned();
    event.node.iter_mut().for_each(clean);
    event
        .previous
        .iter_mut()
        .for_each(|previous| clean(&mut previous.node));
    event
}

fn write_out(lines: &str) -> io::Result<()> {
    stdio::out().write_all(lines.as_bytes())
}
