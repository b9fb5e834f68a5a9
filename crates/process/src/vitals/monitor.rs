//! Samples a command on its own thread, and reports when the command stalls and when it goes on.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::ends::{Ends, FlowSource};
use super::sampler::{Reading, SampleTarget, Sampler};
use super::snapshot::{self, Occasion};
use heartline_core::condition::{Classifier, Condition, ConditionChange, StallTimeout};

/// The current state of a command; the heartbeat can read it at any time at no cost.
#[derive(Debug, Default)]
pub struct Vitals {
    condition: AtomicU8,
    /// Milliseconds without progress, plus one; zero if the command is not stalled.
    stalled: AtomicU64,
    cpu_micros: AtomicU64,
    memory: AtomicU64,
    processes: AtomicU64,
}

impl Vitals {
    /// What the command is doing.
    pub fn condition(&self) -> Condition {
        Condition::from_repr(self.condition.load(Relaxed)).unwrap_or_default()
    }

    /// How long the command has made no progress by its own fault; `None` if it is not stalled.
    pub fn stalled(&self) -> Option<Duration> {
        let millis = self.stalled.load(Relaxed).checked_sub(1)?;
        Some(Duration::from_millis(millis))
    }

    /// CPU time of all the command's processes so far.
    pub fn cpu(&self) -> Duration {
        Duration::from_micros(self.cpu_micros.load(Relaxed))
    }

    /// Bytes of memory that the command's processes use.
    pub fn memory(&self) -> u64 {
        self.memory.load(Relaxed)
    }

    /// The number of the command's processes.
    pub fn processes(&self) -> u64 {
        self.processes.load(Relaxed)
    }

    fn set(&self, classifier: &Classifier, reading: &Reading) {
        self.condition.store(classifier.condition() as u8, Relaxed);
        let stalled = classifier.stalled().map_or(0, |still| millis(still) + 1);
        self.stalled.store(stalled, Relaxed);
        self.measured(reading);
    }

    fn end(&self, reading: &Reading) {
        self.stalled.store(0, Relaxed);
        self.measured(reading);
    }

    fn measured(&self, reading: &Reading) {
        let micros = u64::try_from(reading.cpu.as_micros()).unwrap_or(u64::MAX);
        self.cpu_micros.store(micros, Relaxed);
        self.memory.store(reading.memory, Relaxed);
        self.processes.store(reading.processes as u64, Relaxed);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX - 1)
}

/// What happens to a monitored command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MonitorEvent {
    /// The command has stalled.
    Stalled {
        /// What the command was doing: `Spinning` or `Blocked`.
        condition: Condition,
        /// How long the command has made no progress.
        still: Duration,
    },
    /// The snapshot of the stalled command; comes some seconds later, even if it has recovered since.
    Snapshot(String),
    /// The command goes on, or waits for another program.
    Recovered,
}

/// What is monitored, and how.
#[derive(Clone, Copy, Debug)]
pub struct MonitorSettings {
    /// The processes or the thread to sample.
    pub target: SampleTarget,
    /// The command's stdin and stdout.
    pub ends: Ends,
    /// When the command counts as stalled.
    pub stall_timeout: StallTimeout,
    /// Time between two samples.
    pub interval: Duration,
    /// Whether debuggers may read stacks when the command stalls. They stop its processes for
    /// a moment, and a waiting system call may return with `EINTR`.
    pub debuggers: bool,
}

impl MonitorSettings {
    /// The default interval: five samples a second.
    pub const INTERVAL: Duration = Duration::from_millis(200);
}

/// Monitors a command until it is dropped.
#[derive(Debug)]
pub struct Monitor {
    vitals: Arc<Vitals>,
    ended: Arc<AtomicBool>,
    /// Disconnects when dropped, which ends the thread.
    hold: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Monitor {
    /// Starts to monitor. Two threads of the monitor call `report`, each one call at a time: the sampling
    /// thread, and another one for snapshots.
    pub fn start(
        settings: MonitorSettings,
        streams: impl FlowSource + 'static,
        report: impl Fn(MonitorEvent) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let vitals = Arc::new(Vitals::default());
        let ended = Arc::new(AtomicBool::new(false));
        let (hold, hung_up) = channel::<()>();
        let mut watch = MonitorThread {
            settings,
            sampler: Sampler::new(settings.target, settings.ends),
            classifier: Classifier::new(settings.stall_timeout, settings.interval),
            started: Instant::now(),
            streams,
            vitals: Arc::clone(&vitals),
            ended: Arc::clone(&ended),
            report: Arc::new(report),
            snapshot: None,
        };
        let run = move || {
            while hung_up.recv_timeout(settings.interval) == Err(RecvTimeoutError::Timeout) {
                watch.look();
            }
            watch.end();
        };
        let thread = thread::Builder::new()
            .name("vitals".to_owned())
            .spawn(run)?;
        Ok(Self {
            vitals,
            ended,
            hold: Some(hold),
            thread: Some(thread),
        })
    }

    /// The state of the command. It can still be read after the monitor is gone, but no longer changes.
    pub fn vitals(&self) -> Arc<Vitals> {
        Arc::clone(&self.vitals)
    }
}

impl Drop for Monitor {
    /// Waits for the thread, which ends at once; a running debugger is ended too.
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
        self.hold.take();
        if let Some(thread) = self.thread.take() {
            // The panic has already been printed, and the work does not depend on this thread.
            let _ = thread.join();
        }
    }
}

struct MonitorThread<S, T> {
    settings: MonitorSettings,
    sampler: Sampler,
    classifier: Classifier,
    started: Instant,
    streams: S,
    vitals: Arc<Vitals>,
    ended: Arc<AtomicBool>,
    report: Arc<T>,
    /// The thread of the last snapshot, which may still be running.
    snapshot: Option<JoinHandle<()>>,
}

impl<S: FlowSource, T: Fn(MonitorEvent) + Send + Sync + 'static> MonitorThread<S, T> {
    fn look(&mut self) {
        let flow = self.streams.flow();
        let reading = self.sampler.look(&flow);
        if reading.processes == 0 || self.has_ended() {
            // Output that is still on its way, or processes that it left behind, are not a stall.
            return self.vitals.end(&reading);
        }
        // The time when everything is known: a sampler that had to wait must not make a step shorter.
        let at = self.started.elapsed();
        let change = self.classifier.sampled(&reading.sample(at, &flow));
        self.vitals.set(&self.classifier, &reading);
        match change {
            Some(ConditionChange::Stalled) => {
                let condition = self.classifier.condition();
                let still = self.classifier.stalled().unwrap_or_default();
                (self.report)(MonitorEvent::Stalled { condition, still });
                let last_record = self.streams.last_record();
                self.take_snapshot(Occasion {
                    target: self.settings.target,
                    condition,
                    still,
                    flow,
                    reading,
                    last_record,
                    debuggers: self.settings.debuggers,
                });
            }
            Some(ConditionChange::Recovered) => (self.report)(MonitorEvent::Recovered),
            None => {}
        }
    }

    /// Whether the command itself is gone.
    fn has_ended(&self) -> bool {
        match self.settings.target {
            SampleTarget::Tree(root) => !Path::new(&format!("/proc/{root}")).exists(),
            SampleTarget::OwnThread(_) => false,
        }
    }

    /// Runs on its own thread: a snapshot takes seconds, and the next samples are due.
    fn take_snapshot(&mut self, occasion: Occasion) {
        if self.snapshot.as_ref().is_some_and(|one| !one.is_finished()) {
            // It stalled, went on and stalled again meanwhile: one snapshot is enough.
            return;
        }
        let (report, ended) = (Arc::clone(&self.report), Arc::clone(&self.ended));
        let take = move || report(MonitorEvent::Snapshot(snapshot::take(&occasion, &ended)));
        let started = thread::Builder::new()
            .name("snapshot".to_owned())
            .spawn(take);
        // Without a thread there is no snapshot, which does no harm.
        self.snapshot = started.ok();
    }

    fn end(&mut self) {
        // The receiver of a late snapshot sees by this that there is nothing left to end.
        self.vitals.stalled.store(0, Relaxed);
        if let Some(snapshot) = self.snapshot.take() {
            let _ = snapshot.join();
        }
    }
}
