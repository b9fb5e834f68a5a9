//! What Hadoop passes to a streaming task in its environment, and how the task answers on stderr.
//!
//! Streaming exports the whole job configuration with dots as underscores. A line on stderr that
//! begins with `reporter:` is a counter or a status (Hadoop Streaming, "How do I update counters" and
//! "How do I update status"; the prefix is `stream.stderr.reporter.prefix`). Any other line goes to
//! the task's log. Every line, of whatever kind, counts as progress for Hadoop, so none is
//! written because of a heartbeat alone.

use std::io::{self, Write};
use std::time::Duration;

use heartline_core::protocol::{Phase, Split};
use heartline_core::text::line;

/// The counters' group.
const GROUP: &str = "heartline";

/// How late Hadoop's report of a task may be.
const REPORT_SLACK: Duration = Duration::from_secs(2);

/// The longest wait for such a report: with a very long `mapreduce.task.timeout`, reports are very rare.
const REPORT_LIMIT: Duration = Duration::from_secs(20);

/// The Hadoop task that this process is, if Hadoop started it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// The task attempt's id; `None` outside Hadoop.
    pub attempt: Option<String>,
    /// The job's id.
    pub job: Option<String>,
    /// Whether it maps or reduces.
    pub phase: Option<Phase>,
    /// The part of the input that the task reads.
    pub split: Option<Split>,
    /// Which of its streams are of a binary format (`-io typedbytes`), where an end of line ends no record.
    pub binary: BinaryStreams,
    /// How often Hadoop collects what the task reports of itself.
    report: Option<Duration>,
    /// The prefix of a line for Hadoop.
    prefix: String,
}

/// The streams of a task that hold no lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BinaryStreams {
    /// Its input.
    pub input: bool,
    /// Its output.
    pub output: bool,
}

impl BinaryStreams {
    /// Streaming's names of formats, which `-io` and the properties `stream.map.input` and the like set.
    fn of(phase: Option<Phase>, set: impl Fn(&str) -> Option<String>) -> Self {
        let step = match phase {
            Some(Phase::Map) => "map",
            Some(Phase::Reduce) => "reduce",
            None => return Self::default(),
        };
        let is_binary = |stream: &str| {
            let format = set(&format!("stream_{step}_{stream}"));
            format.is_some_and(|format| !format.eq_ignore_ascii_case("text"))
        };
        Self {
            input: is_binary("input"),
            output: is_binary("output"),
        }
    }
}

impl Task {
    /// The task of this process.
    pub fn of_process() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        // A file name must not be able to start a new line in a heartbeat.
        let plain = |value: String| value.replace(char::is_control, "?");
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty()).map(plain);
        // The second name is that of Hadoop 1.
        let either = |new, old| set(new).or_else(|| set(old));
        let is_map = either("mapreduce_task_ismap", "mapred_task_is_map");
        let number = |new, old| either(new, old).and_then(|number| number.parse().ok());
        let phase = is_map.and_then(|is_map| match is_map.as_str() {
            "true" => Some(Phase::Map),
            "false" => Some(Phase::Reduce),
            _ => None,
        });
        Self {
            attempt: either("mapreduce_task_attempt_id", "mapred_task_id"),
            job: either("mapreduce_job_id", "mapred_job_id"),
            phase,
            binary: BinaryStreams::of(phase, set),
            split: either("mapreduce_map_input_file", "map_input_file").and_then(|file| {
                Some(Split {
                    file,
                    start: number("mapreduce_map_input_start", "map_input_start")?,
                    length: number("mapreduce_map_input_length", "map_input_length")?,
                })
            }),
            report: set("mapreduce_task_progress_report_interval")
                .and_then(|millis| millis.parse().ok())
                // As in Hadoop 3: 6 s at the default timeout of 600 s. Earlier versions report every 3 s.
                .or_else(|| {
                    let timeout: u64 = set("mapreduce_task_timeout")?.parse().ok()?;
                    Some(timeout / 100)
                })
                .map(Duration::from_millis),
            prefix: set("stream_stderr_reporter_prefix").unwrap_or_else(|| "reporter:".to_owned()),
        }
    }

    /// Adds to one of the task's counters. Does nothing outside Hadoop.
    pub fn count(&self, stderr: &mut impl Write, name: &str, amount: u64) -> io::Result<()> {
        if self.attempt.is_none() {
            return Ok(());
        }
        let name = line(name);
        let said = format!("{}counter:{GROUP},{name},{amount}\n", self.prefix);
        // In one write: a wrapped command may write to the same stderr.
        stderr.write_all(said.as_bytes())
    }

    /// Sets the task's status. Does nothing outside Hadoop.
    pub fn status(&self, stderr: &mut impl Write, text: &str) -> io::Result<()> {
        if self.attempt.is_none() {
            return Ok(());
        }
        let said = format!("{}status:{GROUP}: {}\n", self.prefix, line(text));
        stderr.write_all(said.as_bytes())
    }

    /// How long a failing task has to stay alive so that Hadoop collects its last report. The task's Java process
    /// sends reports from time to time, and not once more when its process has failed. Before it sleeps, it checks
    /// whether there will be something to send when it wakes, so two of its pauses may pass. Zero outside Hadoop.
    pub fn report_pause(&self) -> Duration {
        if self.attempt.is_none() {
            return Duration::ZERO;
        }
        self.report
            .map_or(REPORT_LIMIT, |every| {
                every.saturating_mul(2).saturating_add(REPORT_SLACK)
            })
            .min(REPORT_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(variables: &[(&str, &str)]) -> Task {
        Task::from_lookup(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn said(task: &Task) -> String {
        let mut stderr = Vec::new();
        task.count(&mut stderr, "beats sent", 7).unwrap();
        task.status(&mut stderr, "done").unwrap();
        String::from_utf8(stderr).unwrap()
    }

    #[test]
    fn nothing_is_said_outside_of_hadoop() {
        assert_eq!(said(&task(&[])), "");
    }

    #[test]
    fn hadoop_gets_lines_in_its_own_form() {
        let task = task(&[("mapreduce_task_attempt_id", "attempt_1_0001_m_000000_0")]);
        assert_eq!(
            said(&task),
            "reporter:counter:heartline,beats sent,7\nreporter:status:heartline: done\n"
        );
    }

    #[test]
    fn a_mapper_knows_its_split() {
        let split = task(&[
            ("mapreduce_task_ismap", "true"),
            ("mapreduce_map_input_file", "hdfs://nn:8020/in/a.txt"),
            ("mapreduce_map_input_start", "134217728"),
            ("mapreduce_map_input_length", "1000"),
        ]);
        assert_eq!(split.phase, Some(Phase::Map));
        let split = split.split.unwrap().to_string();
        assert_eq!(split, "hdfs://nn:8020/in/a.txt:134217728+1000");
        assert_eq!(task(&[("map_input_file", "a")]).split, None);
    }

    #[test]
    fn formats_without_lines_are_known_for_each_side() {
        let typed = |step: &str| {
            let binary = task(&[
                ("mapreduce_task_ismap", step),
                ("stream_map_input", "typedbytes"),
                ("stream_map_output", "text"),
                ("stream_reduce_output", "rawbytes"),
            ]);
            (binary.binary.input, binary.binary.output)
        };
        assert_eq!(typed("true"), (true, false));
        assert_eq!(typed("false"), (false, true));
        // Not a task of Hadoop's.
        assert_eq!(typed(""), (false, false));
    }

    #[test]
    fn the_last_word_waits_for_hadoops_next_report() {
        let attempt = ("mapreduce_task_attempt_id", "attempt_1_0001_m_000000_0");
        let timeout = ("mapreduce_task_timeout", "600000");
        let pause = |variables: &[_]| task(variables).report_pause().as_secs();
        assert_eq!(pause(&[timeout]), 0);
        assert_eq!(pause(&[attempt, timeout]), 14);
        let interval = ("mapreduce_task_progress_report_interval", "1000");
        assert_eq!(pause(&[attempt, timeout, interval]), 4);
        // An unlimited wait is too long, and so is a hundredth of an hour.
        let hour = ("mapreduce_task_timeout", "3600000");
        assert_eq!(pause(&[attempt, hour]), REPORT_LIMIT.as_secs());
        assert_eq!(pause(&[attempt]), REPORT_LIMIT.as_secs());
    }

    #[test]
    fn a_job_may_have_another_prefix() {
        let task = task(&[
            ("mapred_task_id", "attempt_1_0001_m_000000_0"),
            ("stream_stderr_reporter_prefix", "hadoop:"),
        ]);
        assert!(said(&task).starts_with("hadoop:counter:heartline,"));
    }
}
