//! stub to be replaced at merge
use std::sync::atomic::{AtomicU64, Ordering};
/// stub
#[derive(Debug, Default)]
pub struct Progress {
    a: AtomicU64,
}
impl Progress {
    /// stub
    pub fn records_out(&self) -> u64 {
        self.a.load(Ordering::Relaxed)
    }
    /// stub
    pub fn bytes_in(&self) -> u64 {
        self.a.load(Ordering::Relaxed)
    }
}
impl Progress {
    /// stub
    pub fn lines_in(&self) -> u64 {
        self.a.load(Ordering::Relaxed)
    }
    /// stub
    pub fn bytes_out(&self) -> u64 {
        self.a.load(Ordering::Relaxed)
    }
}
