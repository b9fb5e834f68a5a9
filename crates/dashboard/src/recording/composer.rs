//! Composes the blocks of one job's recording from what is told of the job. Pure.

use serde_json::{Value, json};

use super::block::{BlockHeader, VERSION};
use super::delta::RowDeltas;
use crate::subscriber::{Message, MessageKind};
use heartline_core::text;

/// A block is written after this time, in milliseconds: what a kill can lose.
pub(crate) const BLOCK_MS: u64 = 5000;
/// A block is written when its text has this length.
const BLOCK_TEXT: usize = 1024 * 1024;
/// How often a block begins with a snapshot, in milliseconds.
const KEY_MS: u64 = 60_000;

/// The text of a block and its header, without the length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ComposedBlock {
    pub(crate) header: BlockHeader,
    pub(crate) text: String,
}

/// Composes the blocks of one job.
#[derive(Debug)]
pub(crate) struct Composer {
    job: u16,
    namespace: String,
    period_ms: f64,
    deltas: RowDeltas,
    block: Option<ComposedBlock>,
    /// The time of the last snapshot.
    key: Option<u64>,
    /// The time of the last message: times never go back.
    last: u64,
}

impl Composer {
    /// Composes the blocks of the job with this number.
    pub(crate) fn new(job: u16, namespace: String, period_ms: f64) -> Self {
        Self {
            job,
            namespace,
            period_ms,
            deltas: RowDeltas::default(),
            block: None,
            key: None,
            last: 0,
        }
    }

    /// Whether the next message should be a snapshot, for those who do not read from the beginning.
    pub(crate) fn needs_snapshot(&self, now: u64) -> bool {
        self.key.is_none_or(|key| now.saturating_sub(key) >= KEY_MS)
    }

    /// Adds a message that was told at `now`, in milliseconds since 1970. Returns a block that is whole.
    pub(crate) fn push(&mut self, now: u64, message: &Message) -> Option<ComposedBlock> {
        let now = now.max(self.last);
        self.last = now;
        let is_snapshot = message.kind == MessageKind::Snapshot;
        // A snapshot begins a block.
        let whole = if is_snapshot { self.block.take() } else { None };
        let data = self.data(now, message);
        let line = json!({ "at": now, "kind": message.kind.name() });
        let mut line = line.to_string();
        line.pop();
        let mut block = self
            .block
            .take()
            .unwrap_or_else(|| self.begin(now, is_snapshot));
        block.text.push_str(&line);
        block.text.push_str(",\"data\":");
        block.text.push_str(&data);
        block.text.push_str("}\n");
        block.header.to = now;
        block.header.has_events |= is_snapshot || message.kind == MessageKind::Event;
        self.block = Some(block);
        whole.or_else(|| self.due(now))
    }

    /// The block that is due at `now`, if one is.
    pub(crate) fn due(&mut self, now: u64) -> Option<ComposedBlock> {
        self.block.take_if(|block| {
            now.saturating_sub(block.header.from) >= BLOCK_MS || block.text.len() >= BLOCK_TEXT
        })
    }

    /// The last block.
    pub(crate) fn end(&mut self) -> Option<ComposedBlock> {
        self.block.take()
    }

    /// A block was lost: what follows must not need it.
    pub(crate) fn lost(&mut self) {
        self.block = None;
        self.key = None;
    }

    fn begin(&self, now: u64, is_key: bool) -> ComposedBlock {
        let first = json!({
            "heartline_recording": VERSION,
            "job": self.job,
            "namespace": self.namespace,
            "period_ms": self.period_ms,
            "is_key": is_key,
        });
        let header = BlockHeader {
            job: self.job,
            is_key,
            has_events: false,
            from: now,
            to: now,
            length: 0,
        };
        // A map of texts and numbers can always be written.
        let mut text = text::json(&first).unwrap_or_default();
        text.push('\n');
        ComposedBlock { header, text }
    }

    fn data(&mut self, now: u64, message: &Message) -> String {
        if !matches!(message.kind, MessageKind::Snapshot | MessageKind::Tick) {
            return message.data.to_string();
        }
        let Ok(mut data) = serde_json::from_str::<Value>(&message.data) else {
            return message.data.to_string();
        };
        if message.kind == MessageKind::Snapshot {
            self.key = Some(now);
            self.deltas.snapshot(&data);
            return message.data.to_string();
        }
        self.deltas.tick(&mut data);
        text::json(&data).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: MessageKind, data: &str) -> Message {
        Message {
            kind,
            data: data.into(),
        }
    }

    fn composer() -> Composer {
        Composer::new(3, "/a".to_owned(), 250.0)
    }

    #[test]
    fn a_block_is_written_after_some_seconds_and_before_each_snapshot() {
        let mut composer = composer();
        assert!(composer.needs_snapshot(1000));
        let snapshot = told(MessageKind::Snapshot, r#"{"members":[]}"#);
        assert_eq!(composer.push(1000, &snapshot), None);
        assert!(!composer.needs_snapshot(60_999) && composer.needs_snapshot(61_000));
        let tick = told(MessageKind::Tick, r#"{"states":""}"#);
        assert_eq!(composer.push(5999, &tick), None);
        let block = composer.push(6000, &tick).unwrap();
        assert_eq!((block.header.from, block.header.to), (1000, 6000));
        assert!(block.header.is_key && block.header.has_events);
        let lines: Vec<Value> = block
            .text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0]["namespace"], "/a");
        assert_eq!(lines[1]["kind"], "snapshot");
        assert_eq!(
            (&lines[3]["at"], &lines[3]["data"]),
            (&json!(6000), &json!({"states": ""}))
        );
        assert_eq!(composer.push(7000, &tick), None);
        let block = composer.push(7001, &snapshot).unwrap();
        assert!(!block.header.is_key && !block.header.has_events);
        assert!(composer.end().unwrap().header.is_key);
        assert_eq!(composer.end(), None);
    }

    #[test]
    fn times_never_go_back_and_long_blocks_are_written_early() {
        let mut composer = composer();
        composer.push(1000, &told(MessageKind::Away, "{}"));
        let long = format!("{{\"event\":\"{}\"}}", "x".repeat(BLOCK_TEXT));
        let block = composer
            .push(900, &told(MessageKind::Event, &long))
            .unwrap();
        assert_eq!((block.header.from, block.header.to), (1000, 1000));
        assert!(block.header.has_events);
        composer.push(1000, &told(MessageKind::Away, "{}"));
        assert_eq!(composer.due(5999), None);
        assert!(composer.due(6000).is_some());
    }

    #[test]
    fn rows_are_told_as_differences() {
        let mut composer = composer();
        let snapshot = r#"{"members":[{"index":0,"node":"n","a":1}]}"#;
        composer.push(0, &told(MessageKind::Snapshot, snapshot));
        let tick = r#"{"rows":[{"index":0,"node":"n","a":2}]}"#;
        composer.push(1, &told(MessageKind::Tick, tick));
        let block = composer.end().unwrap();
        assert!(
            block.text.ends_with(
                "{\"at\":1,\"kind\":\"tick\",\"data\":{\"rows\":[{\"a\":2,\"index\":0}]}}\n"
            ),
            "{}",
            block.text
        );
    }
}
