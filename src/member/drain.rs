//! The wait of a failed task for Hadoop to take along what it said last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag::register;

use crate::supervisor::is_ignored;

/// How soon the wait ends when it may.
const TICK: Duration = Duration::from_millis(20);

/// Waits for `pause`, or until what was said `is_heard`, or until a signal comes that ends a process: who sends it wants
/// no last word.
pub(super) fn drain(pause: Duration, is_heard: impl Fn() -> bool) {
    if pause.is_zero() || is_heard() {
        return;
    }
    let cut = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        if !is_ignored(signal) {
            // One that cannot be caught keeps its usual effect.
            let _ = register(signal, Arc::clone(&cut));
        }
    }
    let end = Instant::now() + pause;
    while !cut.load(Relaxed) && !is_heard() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        sleep(left.min(TICK));
    }
}
