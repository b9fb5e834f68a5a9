//! The progress of the data path: four counters, read by the heartbeat while the work goes on.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of one task, shared as `Arc<Progress>` between the data path and its heartbeat.
///
/// The data path adds to them once for each block it reads or writes, never for each word, so that their
/// cost is too small to measure. A reader sees each of them grow, but not all four at the same moment.
#[derive(Debug, Default)]
pub struct Progress {
    lines_in: AtomicU64,
    bytes_in: AtomicU64,
    records_out: AtomicU64,
    bytes_out: AtomicU64,
}

impl Progress {
    /// Starts with all counters at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Input records (lines) read so far; a last line without a newline counts once it has ended.
    pub fn lines_in(&self) -> u64 {
        self.lines_in.load(Relaxed)
    }

    /// Input bytes read so far.
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Relaxed)
    }

    /// Words or sums passed to the output so far.
    pub fn records_out(&self) -> u64 {
        self.records_out.load(Relaxed)
    }

    /// Output bytes the reader of our output has accepted so far.
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Relaxed)
    }

    /// Adds input records.
    pub fn add_lines_in(&self, lines: u64) {
        self.lines_in.fetch_add(lines, Relaxed);
    }

    /// Adds input bytes.
    pub fn add_bytes_in(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Relaxed);
    }

    /// Adds output records.
    pub fn add_records_out(&self, records: u64) {
        self.records_out.fetch_add(records, Relaxed);
    }

    /// Adds output bytes.
    pub fn add_bytes_out(&self, bytes: u64) {
        self.bytes_out.fetch_add(bytes, Relaxed);
    }

    /// Sets the input bytes to a value known from elsewhere, such as a file's offset.
    pub fn set_bytes_in(&self, bytes: u64) {
        self.bytes_in.store(bytes, Relaxed);
    }

    /// Sets the output bytes to a value known from elsewhere.
    pub fn set_bytes_out(&self, bytes: u64) {
        self.bytes_out.store(bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_adds_to_itself_only() {
        let progress = Progress::new();
        progress.add_lines_in(1);
        progress.add_bytes_in(20);
        progress.add_records_out(300);
        progress.add_bytes_out(4000);
        progress.add_lines_in(1);
        let all = [
            progress.lines_in(),
            progress.bytes_in(),
            progress.records_out(),
            progress.bytes_out(),
        ];
        assert_eq!(all, [2, 20, 300, 4000]);
    }
}
