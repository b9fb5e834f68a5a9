//! The status of a program's work: its progress, and what the monitor sees from outside.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::StatusSource;
use heartline_core::protocol::Status;
use heartline_process::progress::Progress;
use heartline_process::vitals::Vitals;
use heartline_streaming::BinaryStreams;

/// The status of work that can be watched.
#[derive(Debug)]
pub struct WorkStatus {
    progress: Arc<Progress>,
    binary: BinaryStreams,
    vitals: OnceLock<Arc<Vitals>>,
    snapshot: Mutex<Option<String>>,
    condemned: OnceLock<String>,
}

impl WorkStatus {
    /// Creates the status of work that is not watched yet. No records are counted in its binary streams.
    pub fn new(progress: Arc<Progress>, binary: BinaryStreams) -> Self {
        Self {
            progress,
            binary,
            vitals: OnceLock::new(),
            snapshot: Mutex::default(),
            condemned: OnceLock::new(),
        }
    }

    /// Marks the work as watched from now on.
    pub fn watch(&self, vitals: Arc<Vitals>) {
        // There is one monitor per work.
        let _ = self.vitals.set(vitals);
    }

    /// Stores the snapshot of stalled work.
    pub fn keep(&self, snapshot: String) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
    }

    /// Marks the work to be ended, for this reason; the first reason counts.
    pub fn condemn(&self, reason: &str) {
        let _ = self.condemned.set(reason.to_owned());
    }

    /// Why the work was ordered to end, if it was.
    pub fn condemned(&self) -> Option<&str> {
        self.condemned.get().map(String::as_str)
    }

    /// Whether the work stalls by its own fault for longer than allowed.
    pub fn is_stalled(&self) -> bool {
        self.vitals
            .get()
            .is_some_and(|vitals| vitals.stalled().is_some())
    }
}

impl StatusSource for WorkStatus {
    fn status(&self) -> Status {
        let mut status = self.progress.status();
        if self.binary.input {
            status.records_in = 0;
        }
        if self.binary.output {
            status.records_out = 0;
        }
        if let Some(vitals) = self.vitals.get() {
            let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).ok();
            status.condition = Some(vitals.condition());
            status.stalled_ms = vitals.stalled().and_then(millis);
            status.cpu_ms = millis(vitals.cpu());
            status.memory = Some(vitals.memory());
        }
        status
    }

    fn take_snapshot(&self) -> Option<String> {
        // If a snapshot is being written now, the next beat takes it.
        self.snapshot.try_lock().ok()?.take()
    }

    fn return_snapshot(&self, snapshot: String) {
        let mut kept = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get_or_insert(snapshot);
    }
}
