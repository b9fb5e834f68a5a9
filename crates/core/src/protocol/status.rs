//! The progress and the condition of a member's work: part of each beat, below its first line.

use std::time::Duration;

use serde::Serialize;

use super::time::micros;
use crate::condition::Condition;

const INTERVAL: &str = "interval";
const RECORDS_IN: &str = "records-in";
const RECORDS_OUT: &str = "records-out";
const BYTES_IN: &str = "bytes-in";
const BYTES_OUT: &str = "bytes-out";
const PROGRESS: &str = "progress";
const CONDITION: &str = "condition";
const STALLED: &str = "stalled-ms";
const CPU: &str = "cpu-ms";
const MEMORY: &str = "memory";

/// The known status of a member's work at the time of a beat.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// The interval to the member's next beat: the master judges its silences by it. Zero in a value of
    /// another program.
    #[serde(skip)]
    pub interval: Duration,
    /// Number of input records read.
    pub records_in: u64,
    /// Number of output records written.
    pub records_out: u64,
    /// Number of input bytes read.
    pub bytes_in: u64,
    /// Number of output bytes that the reader has accepted.
    pub bytes_out: u64,
    /// Percentage of its input split that was read, if the split's length is known.
    pub progress: Option<f64>,
    /// What the work is doing, if it is watched.
    pub condition: Option<Condition>,
    /// How long the work has stalled by its own fault, in milliseconds, once that exceeds the stall timeout.
    pub stalled_ms: Option<u64>,
    /// CPU time of all its processes, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Resident memory of all its processes, in bytes.
    pub memory: Option<u64>,
}

impl Status {
    /// Formats the status as lines.
    pub(super) fn lines(&self) -> String {
        use std::fmt::Write;

        let mut lines = String::with_capacity(160);
        let mut say = |key: &str, word: &dyn std::fmt::Display| {
            // Writing to a string fails only without memory, and then it panics.
            let _ = writeln!(lines, "{key}: {word}");
        };
        say(INTERVAL, &format_args!("{}us", self.interval.as_micros()));
        say(RECORDS_IN, &self.records_in);
        say(RECORDS_OUT, &self.records_out);
        say(BYTES_IN, &self.bytes_in);
        say(BYTES_OUT, &self.bytes_out);
        if let Some(percent) = self.progress {
            say(PROGRESS, &format_args!("{percent:.1}"));
        }
        if let Some(condition) = self.condition {
            say(CONDITION, &condition);
        }
        let numbers = [
            (STALLED, self.stalled_ms),
            (CPU, self.cpu_ms),
            (MEMORY, self.memory),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                say(key, &number);
            }
        }
        lines
    }

    /// Reads the value of one line, if the key belongs to the status.
    pub(super) fn take(&mut self, key: &str, word: &str) {
        match key {
            INTERVAL => {
                self.interval = micros(word).unwrap_or_default();
            }
            RECORDS_IN => self.records_in = word.parse().unwrap_or_default(),
            RECORDS_OUT => self.records_out = word.parse().unwrap_or_default(),
            BYTES_IN => self.bytes_in = word.parse().unwrap_or_default(),
            BYTES_OUT => self.bytes_out = word.parse().unwrap_or_default(),
            PROGRESS => {
                let percent: Option<f64> = word.parse().ok();
                self.progress = percent.filter(|percent| percent.is_finite());
            }
            CONDITION => self.condition = word.parse().ok(),
            STALLED => self.stalled_ms = word.parse().ok(),
            CPU => self.cpu_ms = word.parse().ok(),
            MEMORY => self.memory = word.parse().ok(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let status = Status {
            interval: Duration::from_micros(7500),
            records_in: 1,
            records_out: 2,
            bytes_in: 3,
            bytes_out: 4,
            progress: Some(41.5),
            condition: Some(Condition::BackPressured),
            stalled_ms: Some(10_200),
            cpu_ms: Some(5),
            memory: Some(6),
        };
        for wanted in [status, Status::default()] {
            let mut read = Status::default();
            for line in wanted.lines().lines() {
                let (key, word) = line.split_once(": ").unwrap();
                read.take(key, word);
            }
            assert_eq!(read, wanted);
        }
    }

    #[test]
    fn what_makes_no_sense_is_not_known() {
        let mut status = Status::default();
        for (key, word) in [
            (INTERVAL, "soon"),
            (PROGRESS, "NaN"),
            (CONDITION, "tired"),
            (MEMORY, "-1"),
        ] {
            status.take(key, word);
        }
        assert_eq!(status, Status::default());
    }
}
