//! Where a watcher's lines go, and in which form.

use std::io::{self, Write};

use chrono::Utc;

use crate::protocol::{Event, EventKind};
use crate::{stdio, text};

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// The messages, for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Writes to stdout, at once: somebody is watching.
#[derive(Debug)]
pub(super) struct EventWriter {
    form: OutputFormat,
    connected: Option<bool>,
}

impl EventWriter {
    pub(super) fn new(form: OutputFormat) -> Self {
        Self {
            form,
            connected: None,
        }
    }

    /// An event in either form; in text, one without a message is not shown.
    pub(super) fn event(&self, event: &Event) -> io::Result<()> {
        match self.form {
            OutputFormat::Text => self.text(&in_lines(event).message().unwrap_or_default()),
            OutputFormat::Json => self.json(event),
        }
    }

    /// An event that people are told in another way, or not at all.
    pub(super) fn json(&self, event: &Event) -> io::Result<()> {
        if self.form == OutputFormat::Text {
            return Ok(());
        }
        write_out(&format!("{}\n", text::json(event)?))
    }

    /// Whole lines for people, in words of others.
    pub(super) fn text(&self, lines: &str) -> io::Result<()> {
        if self.form == OutputFormat::Json || lines.is_empty() {
            return Ok(());
        }
        write_out(&text::lines(lines))
    }

    /// Tells that ZooKeeper came or went; nothing when that was told last. Returns the line.
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

/// An event whose names are of one line each, so that none begins a line of its own.
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
