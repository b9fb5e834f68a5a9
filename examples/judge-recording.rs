//! Judges a recording of `heartline master --record` again, with every rule and many timeouts, and
//! prints the quality of service of each as one JSON object per line.
//!
//! The figures are those of Chen, Toueg and Aguilera ("On the Quality of Service of Failure Detectors",
//! IEEE Transactions on Computers 51(5), 2002): how soon a crash is detected, how often and for how long
//! a live member is suspected, and the share of time without a suspicion. A crash is simulated after every
//! n-th beat of each member, at a moment between that beat and the next.
//!
//! The recorded master must have a long timeout, so that its own verdicts did not remove the members that are
//! judged here.
//!
//! With `--deaths` the recorded master has its usual timeout, and each death that it declared is broken down: the
//! time since the last beat that was heard, and its parts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use heartline::detect::{Detector, DetectorConfig, Observation, Rule, Sign};

/// Judge a recording of "heartline master --record" by many rules
#[derive(Parser)]
struct Options {
    /// The recording
    file: PathBuf,

    /// Leave out the first part, in which members are still starting
    #[arg(long, default_value = "2s", value_parser = humantime::parse_duration)]
    skip: Duration,

    /// The members' interval
    #[arg(long, default_value = "5ms", value_parser = humantime::parse_duration)]
    interval: Duration,

    /// Break down the deaths that the master itself has declared by this timeout
    #[arg(long, value_name = "TIMEOUT", value_parser = humantime::parse_duration)]
    deaths: Option<Duration>,

    /// The timeouts to try, in milliseconds
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "8,10,12,14,16,18,20,22,25,30,40,50,70,100,150,200"
    )]
    timeouts: Vec<u64>,
}

/// One of this many beats is followed by a simulated crash.
const EVERY: usize = 7;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let recording = read(&options)?;
    let mut stdout = io::stdout().lock();
    if let Some(timeout) = options.deaths {
        let terms = DetectorConfig {
            rule: Rule::Adaptive,
            timeout,
            longest_gap: options.interval * 2,
        };
        for death in deaths(&recording, terms) {
            writeln!(stdout, "{}", death.json())?;
        }
        return Ok(());
    }
    for rule in [Rule::Fixed, Rule::Adaptive] {
        for timeout in options.timeouts.iter().copied().map(Duration::from_millis) {
            let terms = DetectorConfig {
                rule,
                timeout,
                longest_gap: options.interval * 2,
            };
            let quality = judge(&recording, terms, options.interval);
            writeln!(stdout, "{}", quality.json(terms))?;
        }
    }
    Ok(())
}

fn read(options: &Options) -> anyhow::Result<Vec<Observation>> {
    let name = options.file.display();
    let file = File::open(&options.file).with_context(|| format!("cannot read {name}"))?;
    let mut recording = Vec::new();
    for line in BufReader::new(file).lines() {
        // The last line may be cut off, when the master was killed.
        recording.extend(line?.parse::<Observation>());
    }
    let begin = recording.first().map_or(Duration::ZERO, |first| first.at) + options.skip;
    recording.retain(|seen| seen.at >= begin);
    anyhow::ensure!(!recording.is_empty(), "{name} has no observations");
    Ok(recording)
}

/// From the last beat that was heard of a member until the answer to the verdict.
struct Death {
    member: String,
    silence: Duration,
    /// Of that, time that did not count, since the master did not hear its own beats.
    deaf: Duration,
    /// Allowance beyond the timeout because its beats were irregular.
    irregular: Duration,
    /// Allowance because others were silent at the same time.
    company: Duration,
    /// From the verdict to its answer.
    written: Duration,
}

impl Death {
    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "member": self.member,
            "silence_ms": millis(self.silence),
            "deaf_ms": millis(self.deaf),
            "irregular_ms": millis(self.irregular),
            "company_ms": millis(self.company),
            "written_ms": millis(self.written),
        })
    }
}

#[expect(clippy::too_many_lines, reason = "one loop with its bookkeeping")]
fn deaths(recording: &[Observation], terms: DetectorConfig) -> Vec<Death> {
    struct Silent {
        since: Duration,
        heard: Duration,
        /// When it would have been overdue by the timeout alone, and by its own allowance.
        timeout: Option<Duration>,
        alone: Option<Duration>,
        overdue: Option<Duration>,
    }
    let mut detector = Detector::new(terms);
    let mut silent: BTreeMap<&str, Silent> = BTreeMap::new();
    let mut deaths = Vec::new();
    for seen in recording {
        detector.tell(seen);
        let now = detector.echo_clock().elapsed();
        match seen.sign {
            Sign::Heard => {
                let one = Silent {
                    since: seen.at,
                    heard: detector.echo_clock().at(seen.at),
                    timeout: None,
                    alone: None,
                    overdue: None,
                };
                silent.insert(&seen.member, one);
            }
            // The removal of one that is overdue is noticed as a change too.
            Sign::Expect(_) | Sign::Exists | Sign::Unknown => {}
            Sign::Reading => {
                let member = seen.member.as_str();
                if silent.get(member).is_some_and(|one| one.overdue.is_none()) {
                    silent.remove(member);
                }
            }
            Sign::Echo => {
                let company = detector.company();
                for (member, one) in &mut silent {
                    let silence = now.saturating_sub(one.heard);
                    let allowance = detector.allowance(member).unwrap_or_default();
                    if silence >= terms.timeout {
                        one.timeout.get_or_insert(seen.at);
                    }
                    if silence >= allowance {
                        one.alone.get_or_insert(seen.at);
                    }
                    if detector.is_overdue(member, company) {
                        one.overdue.get_or_insert(seen.at);
                    }
                }
            }
            Sign::Left => {
                let one = silent.remove(seen.member.as_str());
                let Some(one) = one else { continue };
                // One that finished was not overdue.
                if let (Some(timeout), Some(alone), Some(overdue)) =
                    (one.timeout, one.alone, one.overdue)
                {
                    let silence = seen.at.saturating_sub(one.since);
                    deaths.push(Death {
                        member: seen.member.clone(),
                        silence,
                        deaf: silence.saturating_sub(now.saturating_sub(one.heard)),
                        irregular: alone.saturating_sub(timeout),
                        company: overdue.saturating_sub(alone),
                        written: seen.at.saturating_sub(overdue),
                    });
                }
            }
        }
    }
    deaths
}

#[derive(Default)]
struct Quality {
    beats: usize,
    members: usize,
    span: Duration,
    mistakes: Vec<Duration>,
    detections: Vec<Duration>,
}

/// One run of the recording through a detector.
fn judge(recording: &[Observation], terms: DetectorConfig, interval: Duration) -> Quality {
    let echoes = echoes(recording, terms);
    let mut detector = Detector::new(terms);
    let mut quality = Quality::default();
    let mut suspected: BTreeMap<String, Duration> = BTreeMap::new();
    let mut members = BTreeSet::new();
    for seen in recording {
        detector.tell(seen);
        match seen.sign {
            Sign::Echo => {
                for member in detector.overdue() {
                    suspected.entry(member.to_owned()).or_insert(seen.at);
                }
            }
            Sign::Reading | Sign::Heard => {
                if let Some(since) = suspected.remove(&seen.member) {
                    quality.mistakes.push(seen.at.saturating_sub(since));
                }
            }
            // A member that is suspected when it leaves counts as crashed.
            Sign::Left => drop(suspected.remove(&seen.member)),
            Sign::Expect(_) | Sign::Exists | Sign::Unknown => {}
        }
        if seen.sign == Sign::Heard {
            members.insert(&seen.member);
            quality.beats += 1;
            let allowance = detector.allowance(&seen.member).unwrap_or_default();
            if quality.beats.is_multiple_of(EVERY) {
                let place = u32::try_from(quality.beats / EVERY % 100).unwrap_or(0);
                let crash = seen.at + interval * place / 100;
                let began = detector.echo_clock().at(seen.at);
                let first = echoes.partition_point(|echo| echo.heard < began + allowance);
                let mut later = echoes[first..].iter();
                let detected = later.find(|echo| echo.heard >= began + allowance * echo.company);
                let detected = detected.map(|echo| echo.at.saturating_sub(crash));
                quality.detections.extend(detected);
            }
        }
    }
    quality.members = members.len();
    let (first, last) = (recording.first(), recording.last());
    quality.span = last.zip(first).map_or(Duration::ZERO, |(last, first)| {
        last.at.saturating_sub(first.at)
    });
    quality.detections.sort();
    quality
}

/// An echo: its time, the echo clock at that time, and the factor of the allowance because of other members
/// that were silent at that time.
struct Echo {
    at: Duration,
    heard: Duration,
    company: u32,
}

fn echoes(recording: &[Observation], terms: DetectorConfig) -> Vec<Echo> {
    let mut detector = Detector::new(terms);
    let mut echoes = Vec::new();
    for seen in recording {
        detector.tell(seen);
        if seen.sign == Sign::Echo {
            echoes.push(Echo {
                at: seen.at,
                heard: detector.echo_clock().elapsed(),
                company: match terms.rule {
                    Rule::Fixed => 1,
                    Rule::Adaptive => (detector.company() + 1).min(10),
                },
            });
        }
    }
    echoes
}

impl Quality {
    fn json(&self, terms: DetectorConfig) -> serde_json::Value {
        let wrong: Duration = self.mistakes.iter().sum();
        let mistakes = u32::try_from(self.mistakes.len()).unwrap_or(u32::MAX);
        // Seconds in which any member was watched.
        let watched = self.span.as_secs_f64() * f64::from(u32::try_from(self.members).unwrap_or(0));
        serde_json::json!({
            "rule": terms.rule.to_string(),
            "timeout_ms": millis(terms.timeout),
            "members": self.members,
            "beats": self.beats,
            "seconds": self.span.as_secs_f64(),
            "mistakes": mistakes,
            "mistake_recurrence_s": (mistakes > 0).then(|| watched / f64::from(mistakes)),
            "mistake_duration_ms": (mistakes > 0).then(|| millis(wrong / mistakes)),
            "query_accuracy": 1.0 - wrong.as_secs_f64() / watched,
            "detection_median_ms": self.detection(50).map(millis),
            "detection_p99_ms": self.detection(99).map(millis),
        })
    }

    fn detection(&self, percent: usize) -> Option<Duration> {
        let place = self.detections.len() * percent / 100;
        self.detections.get(place).copied()
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
