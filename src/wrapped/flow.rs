//! What is known of a stream that is passed on: shared between its relay and whoever judges the command.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::ioctl_fionread;
use rustix::pipe::fcntl_getpipe_size;

use super::counting::{Recent, Record};
use crate::streaming::Progress;

/// Which way a stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// To the command's stdin.
    In,
    /// From the command's stdout.
    Out,
}

/// One stream that is passed on.
#[derive(Debug)]
pub struct Flow {
    side: Side,
    progress: Arc<Progress>,
    bytes: AtomicU64,
    records: AtomicU64,
    thrown_away: AtomicU64,
    is_estimate: AtomicBool,
    has_ended: AtomicBool,
    recent: Mutex<Recent>,
    /// An end of the pipe between the relay and the command, while there is one to be asked.
    pipe: Mutex<Option<Arc<OwnedFd>>>,
}

impl Flow {
    pub(super) fn new(side: Side, progress: Arc<Progress>, pipe: Arc<OwnedFd>) -> Self {
        Self {
            side,
            progress,
            bytes: AtomicU64::new(0),
            records: AtomicU64::new(0),
            thrown_away: AtomicU64::new(0),
            is_estimate: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            recent: Mutex::new(Recent::new()),
            pipe: Mutex::new(Some(pipe)),
        }
    }

    /// Bytes that were passed on: into the command's stdin pipe, or out of its stdout pipe.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Records (newlines) that were passed on.
    pub fn records(&self) -> u64 {
        self.records.load(Relaxed)
    }

    /// Whether the records are an estimate, because the stream was too fast to be looked at as a whole.
    pub fn is_estimate(&self) -> bool {
        self.is_estimate.load(Relaxed)
    }

    /// Whether nothing more will be passed on: the source has come to its end, or nobody takes it any more.
    pub fn has_ended(&self) -> bool {
        self.has_ended.load(Relaxed)
    }

    /// Bytes in the pipe between the relay and the command: of stdin those that the command has not taken,
    /// of stdout those that wait for our reader. `None` once that pipe is gone.
    pub fn waiting(&self) -> Option<u64> {
        let pipe = lock(&self.pipe);
        ioctl_fionread(pipe.as_deref()?).ok()
    }

    /// An end of that pipe, while it is there.
    pub fn pipe(&self) -> Option<Arc<OwnedFd>> {
        lock(&self.pipe).clone()
    }

    /// How much that pipe holds when it is full.
    pub fn capacity(&self) -> Option<usize> {
        let pipe = lock(&self.pipe);
        fcntl_getpipe_size(pipe.as_deref()?).ok()
    }

    /// The last record that ends at or before `offset` of the stream, if those bytes were looked at and are
    /// among the last 128 KiB of that.
    pub fn last_record_before(&self, offset: u64) -> Option<Record> {
        lock(&self.recent).last_record_before(offset)
    }

    pub(super) fn recent(&self) -> MutexGuard<'_, Recent> {
        lock(&self.recent)
    }

    pub(super) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
        match self.side {
            Side::In => self.progress.add_bytes_in(bytes),
            Side::Out => self.progress.add_bytes_out(bytes),
        }
    }

    /// These were read, and nobody has taken them.
    pub(super) fn throw_away(&self, bytes: u64) {
        self.thrown_away.fetch_add(bytes, Relaxed);
        self.add_bytes(bytes);
    }

    pub(super) fn thrown_away(&self) -> u64 {
        self.thrown_away.load(Relaxed)
    }

    pub(super) fn add_records(&self, records: u64) {
        self.records.fetch_add(records, Relaxed);
        match self.side {
            Side::In => self.progress.add_lines_in(records),
            Side::Out => self.progress.add_records_out(records),
        }
    }

    pub(super) fn estimates(&self) {
        self.is_estimate.store(true, Relaxed);
    }

    /// The relay is at its end and lets go of the pipe. What the command has yet to take out of its stdin can
    /// still be asked, by the reading end: the writing end, kept, would keep the end of the input from it.
    pub(super) fn end(&self) {
        let mut pipe = lock(&self.pipe);
        let writing = pipe.take();
        if let (Side::In, Some(writing)) = (self.side, writing) {
            let reading = File::open(format!("/proc/self/fd/{}", writing.as_raw_fd()));
            *pipe = reading.ok().map(|file| Arc::new(file.into()));
        }
        self.has_ended.store(true, Relaxed);
    }
}

/// What is in there is good whatever happened to a thread that held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
