//! A recording that is read: its jobs, their blocks and events.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::block;
use super::file::{BlockPlace, blocks, read_block};
use heartline_core::text;
use heartline_process::files::{self, Links};

/// Maximum number of events of a job that are listed; further ones are counted.
const MOST_EVENTS: usize = 20_000;

/// A recording.
#[derive(Debug)]
pub(crate) struct JobRecording {
    file: File,
    jobs: Vec<RecordedJob>,
    /// What is wrong with the file.
    problem: Option<String>,
}

#[derive(Debug)]
struct RecordedJob {
    namespace: String,
    blocks: Vec<BlockPlace>,
    /// The events with their times, as JSON.
    events: Vec<(u64, Box<str>)>,
    unlisted: u64,
    known: HashSet<Box<str>>,
}

/// The first line of a block.
#[derive(Debug, Deserialize)]
pub(super) struct FirstLine {
    pub(super) namespace: String,
}

/// Another line of a block.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    at: u64,
    kind: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Debug, Deserialize)]
struct ToldEvent<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
}

#[derive(Debug, Deserialize)]
struct ToldEvents<'a> {
    #[serde(borrow, default)]
    events: Vec<ToldEvent<'a>>,
}

/// The first line of a block's text.
pub(super) fn first_line(text: &str) -> serde_json::Result<FirstLine> {
    serde_json::from_str(text.lines().next().unwrap_or_default())
}

impl JobRecording {
    /// Opens a recording. An error says what to do; a file that was cut is read up to the cut.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = files::open(path, Links::Followed).with_context(|| {
            format!("{shown} cannot be read; heartline record makes such files")
        })?;
        Self::of(file).with_context(|| format!("{shown} cannot be shown"))
    }

    /// The recording in a file.
    pub(crate) fn of(file: File) -> anyhow::Result<Self> {
        let found = blocks(&file)?;
        if found.places.is_empty() {
            bail!("it is empty: heartline record writes its first block after some seconds");
        }
        let mut recording = Self {
            file,
            jobs: Vec::new(),
            problem: None,
        };
        if found.rest > 0 {
            let (rest, length) = (found.rest, found.length);
            let problem = format!(
                "the last {rest} bytes are no whole block; {length} bytes before are shown"
            );
            recording.problem = Some(problem);
        }
        for place in found.places {
            recording.add(place)?;
        }
        Ok(recording)
    }

    fn add(&mut self, place: BlockPlace) -> anyhow::Result<()> {
        let number = usize::from(place.header.job);
        if number > self.jobs.len() {
            bail!("job {number} of the recording has no name: the file is damaged");
        }
        let is_new = number == self.jobs.len();
        if is_new || place.header.has_events {
            let text = read_block(&self.file, &place).and_then(|bytes| block::decode(&bytes));
            match text {
                Ok(text) => self.read(number, &text)?,
                Err(error) if is_new => return Err(error).context("the first block is damaged"),
                Err(error) => {
                    let at = place.offset;
                    let problem = format!("the block at byte {at} is damaged: {error}");
                    self.problem.get_or_insert(problem);
                }
            }
        }
        self.jobs[number].blocks.push(place);
        Ok(())
    }

    /// Reads the name of a new job, and the events of a block.
    fn read(&mut self, number: usize, text: &str) -> anyhow::Result<()> {
        if number == self.jobs.len() {
            let first = first_line(text).context("the first block has no name")?;
            self.jobs.push(RecordedJob {
                namespace: first.namespace,
                blocks: Vec::new(),
                events: Vec::new(),
                unlisted: 0,
                known: HashSet::new(),
            });
        }
        let job = &mut self.jobs[number];
        for line in text.lines().skip(1) {
            let Ok(line) = serde_json::from_str::<Line>(line) else {
                continue;
            };
            let data = line.data.get();
            match line.kind {
                "event" => {
                    let told = serde_json::from_str::<ToldEvent>(data);
                    if let Ok(told) = told
                        && !job.event(line.at, told.event.get())
                    {
                        job.unlisted += 1;
                    }
                }
                // Only the first one has events that are told by no message.
                "snapshot" => {
                    let told = serde_json::from_str::<ToldEvents>(data);
                    for told in told.map(|told| told.events).unwrap_or_default() {
                        job.event(line.at, told.event.get());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The names of the jobs.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.jobs.iter().map(|job| &*job.namespace)
    }

    /// What is wrong with the file.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Number of blocks of a job; `None` if there is no such job.
    pub(crate) fn blocks(&self, job: usize) -> Option<usize> {
        Some(self.jobs.get(job)?.blocks.len())
    }

    /// What a player needs to know of a job, as JSON; `None` if there is no such job.
    pub(crate) fn about(&self, job: usize) -> Option<String> {
        let job = self.jobs.get(job)?;
        let blocks = job.blocks.iter().enumerate();
        let blocks: Vec<Value> = blocks
            .map(|(number, place)| {
                let header = place.header;
                json!({ "number": number, "from": header.from, "to": header.to, "is_key": header.is_key })
            })
            .collect();
        let about = json!({
            "from": job.blocks.iter().map(|place| place.header.from).min(),
            "to": job.blocks.iter().map(|place| place.header.to).max(),
            "blocks": blocks,
            "unlisted_events": job.unlisted,
            "problem": self.problem,
        });
        let events = job.events.iter();
        let events: Vec<String> = events
            .map(|(at, event)| format!("{{\"at\":{at},\"event\":{event}}}"))
            .collect();
        // The events are JSON already.
        let mut about = text::json(&about).unwrap_or_default();
        about.pop();
        about.push_str(",\"events\":[");
        about.push_str(&events.join(","));
        about.push_str("]}");
        Some(about)
    }

    /// A block of a job, compressed; `None` if there is no such block.
    pub(crate) fn block(&self, job: usize, number: usize) -> Option<io::Result<Vec<u8>>> {
        let place = self.jobs.get(job)?.blocks.get(number)?;
        Some(read_block(&self.file, place))
    }

    /// The text of a block of a job; `None` if there is no such block.
    pub(crate) fn text(&self, job: usize, number: usize) -> Option<io::Result<String>> {
        let block = self.block(job, number)?;
        Some(block.and_then(|bytes| block::decode(&bytes)))
    }
}

impl RecordedJob {
    /// Lists an event, which is told once, and again in the snapshots that follow. Returns whether there was room.
    fn event(&mut self, told: u64, event: &str) -> bool {
        if self.known.contains(event) {
            return true;
        }
        if self.known.len() == MOST_EVENTS {
            return false;
        }
        self.known.insert(event.into());
        // It can have been long before the recording began.
        let value: Option<Value> = serde_json::from_str(event).ok();
        let time = value.as_ref().and_then(|value| value["time"].as_str());
        let time = time.and_then(|time| time.parse::<chrono::DateTime<chrono::Utc>>().ok());
        let at = time.and_then(|time| u64::try_from(time.timestamp_millis()).ok());
        let at = at.map_or(told, |at| at.min(told));
        self.events.push((at, event.into()));
        true
    }
}
