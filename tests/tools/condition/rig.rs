//! A command between a feeder and a reader that the tests control, and a classifier that samples it.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use heartline::condition::{Classifier, Condition, ConditionChange, StallTimeout};
use heartline::vitals::{
    CommandFlow, Ends, FileIdentity, FlowSource, Reading, SampleTarget, Sampler,
};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::support::Guarded;

/// Time between two samples.
const INTERVAL: Duration = Duration::from_millis(100);

/// Even a busy machine shows within this time what a command does.
const LIMIT: Duration = Duration::from_secs(30);

/// How a command gets its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    /// The input stays open, and nothing arrives.
    Nothing,
    /// A line arrives again and again, with this pause.
    Slowly(Duration),
    /// Data arrives as fast as it is read.
    Plenty,
    /// The input ends at once.
    End,
}

/// Whether the command's output has a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drain {
    Reads,
    Rests,
}

/// Bytes moved, and whether the reader is reading.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    written: AtomicU64,
    read: AtomicU64,
    pub(crate) rests: AtomicBool,
}

/// Counts bytes only; the sampler finds in `/proc` how full the pipes are.
pub(crate) struct Counted(pub(crate) Arc<Pipes>);

impl FlowSource for Counted {
    fn flow(&mut self) -> CommandFlow {
        CommandFlow {
            bytes_in: self.0.written.load(Relaxed),
            bytes_out: self.0.read.load(Relaxed),
            ..CommandFlow::default()
        }
    }

    fn last_record(&mut self) -> Vec<u8> {
        b"a line\n".to_vec()
    }
}

/// The command and its pipes.
pub(crate) struct Fed {
    pub(crate) child: Guarded,
    pub(crate) ends: Ends,
    pub(crate) pipes: Arc<Pipes>,
}

impl Fed {
    pub(crate) fn start(words: &[&str], feed: Feed, drain: Drain) -> Self {
        let mut child = Guarded::spawn(
            Command::new(words[0])
                .args(&words[1..])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .process_group(0),
        );
        let (stdin, stdout) = (child.take_stdin().unwrap(), child.take_stdout().unwrap());
        let ends = Ends {
            input: FileIdentity::of(&stdin),
            output: FileIdentity::of(&stdout),
        };
        let pipes = Arc::new(Pipes::default());
        pipes.rests.store(drain == Drain::Rests, Relaxed);
        let (feeder, reader) = (Arc::clone(&pipes), Arc::clone(&pipes));
        thread::spawn(move || feeder.feed(feed, stdin));
        thread::spawn(move || reader.drain(stdout));
        Self { child, ends, pipes }
    }

    /// Sends a signal to the processes that the command has started.
    pub(crate) fn signal_children(&self, signal: &str) {
        let pid = self.child.id();
        let script = format!("kill -{signal} $(cat /proc/{pid}/task/{pid}/children)");
        let status = Command::new("sh").args(["-c", &script]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Fed {
    /// Also ends the processes that the command has started.
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    }
}

impl Pipes {
    /// Whether some output of the command was read.
    pub(crate) fn has_given(&self) -> bool {
        self.read.load(Relaxed) > 0
    }

    fn feed(&self, feed: Feed, mut stdin: ChildStdin) {
        let mut put = |bytes: &[u8]| {
            let done = stdin.write_all(bytes).is_ok();
            self.written.fetch_add(bytes.len() as u64, Relaxed);
            done
        };
        match feed {
            Feed::End => {}
            Feed::Nothing => loop {
                thread::park();
            },
            Feed::Slowly(pause) => {
                while put(b"a line\n") {
                    thread::sleep(pause);
                }
            }
            Feed::Plenty => while put(b"a line\n") {},
        }
    }

    fn drain(&self, mut stdout: ChildStdout) {
        let mut block = [0; 4096];
        loop {
            while self.rests.load(Relaxed) {
                thread::sleep(Duration::from_millis(5));
            }
            match stdout.read(&mut block) {
                Ok(count @ 1..) => self.read.fetch_add(count as u64, Relaxed),
                _ => return,
            };
        }
    }
}

/// A fed command with a classifier.
pub(crate) struct Rig {
    pub(crate) fed: Fed,
    sampler: Sampler,
    judge: Classifier,
    started: Instant,
    pub(crate) reading: Reading,
}

impl Rig {
    pub(crate) fn new(words: &[&str], input: Feed, output: Drain) -> Self {
        let fed = Fed::start(words, input, output);
        Self {
            sampler: Sampler::new(SampleTarget::Tree(fed.child.id()), fed.ends),
            judge: Classifier::new(StallTimeout::After(Duration::from_secs(2)), INTERVAL),
            started: Instant::now(),
            fed,
            reading: Reading::default(),
        }
    }

    /// Takes one sample.
    pub(crate) fn look(&mut self) -> (Condition, Option<ConditionChange>) {
        thread::sleep(INTERVAL);
        let flow = Counted(Arc::clone(&self.fed.pipes)).flow();
        self.reading = self.sampler.look(&flow);
        let sample = self.reading.sample(self.started.elapsed(), &flow);
        let change = self.judge.sampled(&sample);
        (self.judge.condition(), change)
    }

    /// Takes samples until the command is in this condition.
    pub(crate) fn comes_to(&mut self, expected: Condition) {
        let end = Instant::now() + LIMIT;
        while self.look().0 != expected {
            let found = (self.judge.condition(), self.reading);
            assert!(Instant::now() < end, "not {expected} but {found:?}");
        }
    }

    /// Takes samples for longer than the stall timeout: the command stays in one of the conditions, and never stalls.
    pub(crate) fn stays(&mut self, expected: &[Condition]) {
        for _ in 0..30 {
            let (condition, change) = self.look();
            assert!(
                expected.contains(&condition),
                "{condition}: {:?}",
                self.reading
            );
            assert_ne!(change, Some(ConditionChange::Stalled));
        }
    }

    /// Takes samples until the command is stalled in this condition.
    pub(crate) fn stalls(&mut self, expected: Condition) {
        let end = Instant::now() + LIMIT;
        while self.judge.stalled().is_none() {
            self.look();
            assert!(Instant::now() < end, "not stalled: {:?}", self.reading);
        }
        self.comes_to(expected);
    }
}
