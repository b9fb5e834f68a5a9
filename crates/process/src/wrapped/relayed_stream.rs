//! The state of a relayed stream: shared between its relay and the stall monitor.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::ioctl_fionread;
use rustix::pipe::fcntl_getpipe_size;

use super::counting::{Recent, Record, records_in};
use crate::progress::Progress;

/// The direction of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// To the command's stdin.
    In,
    /// From the command's stdout.
    Out,
}

/// A relayed stream.
#[derive(Debug)]
pub struct RelayedStream {
    side: Side,
    progress: Arc<Progress>,
    bytes: AtomicU64,
    records: AtomicU64,
    thrown_away: AtomicU64,
    is_estimate: AtomicBool,
    has_ended: AtomicBool,
    recent: Mutex<Recent>,
    /// An end of the pipe between the relay and the command, while that can be asked.
    pipe: Mutex<Option<Arc<OwnedFd>>>,
}

impl RelayedStream {
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

    /// Bytes passed on: into the command's stdin pipe, or out of its stdout pipe.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Records (newlines) passed on.
    pub fn records(&self) -> u64 {
        self.records.load(Relaxed)
    }

    /// Whether the records are an estimate, because the stream was too fast to be inspected completely.
    pub fn is_estimate(&self) -> bool {
        self.is_estimate.load(Relaxed)
    }

    /// Whether nothing more will be passed on: the source has ended, or the reader has gone.
    pub fn has_ended(&self) -> bool {
        self.has_ended.load(Relaxed)
    }

    /// Bytes in the pipe between the relay and the command: for stdin those that the command has not read,
    /// for stdout those that wait for our reader. `None` once that pipe is gone.
    pub fn waiting(&self) -> Option<u64> {
        let pipe = lock(&self.pipe);
        ioctl_fionread(pipe.as_deref()?).ok()
    }

    /// An end of that pipe, while it exists.
    pub fn pipe(&self) -> Option<Arc<OwnedFd>> {
        lock(&self.pipe).clone()
    }

    /// The capacity of that pipe in bytes.
    pub fn capacity(&self) -> Option<usize> {
        let pipe = lock(&self.pipe);
        fcntl_getpipe_size(pipe.as_deref()?).ok()
    }

    /// The last record that ends at or before `offset` of the stream, if its bytes were inspected and are
    /// among the last 128 KiB of these.
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

    /// Counts bytes that were read and thrown away, and the records that end in them.
    pub(super) fn throw_away(&self, bytes: &[u8]) {
        let count = bytes.len() as u64;
        self.thrown_away.fetch_add(count, Relaxed);
        self.add_bytes(count);
        self.add_records(records_in(bytes));
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

    /// Called when the relay ends and closes its pipe. The reading end still shows what the command has yet to read
    /// from its stdin: keeping the writing end instead would hide the end of the input from the command.
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

/// The data stays valid even if a thread panicked while it held the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
