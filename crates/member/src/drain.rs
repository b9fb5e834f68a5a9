//! Keeps a failed task alive until Hadoop has read its last output.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag::register;

use heartline_process::supervisor::is_ignored;

/// How often the wait checks whether it may end.
const TICK: Duration = Duration::from_millis(20);

/// Waits for `pause`, or until `is_heard` returns true, or until a signal arrives that ends the process: its
/// sender does not wait for a failure report.
pub(super) fn drain(pause: Duration, is_heard: impl Fn() -> bool) {
    if pause.is_zero() || is_heard() {
        return;
    }
    let cut = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        if !is_ignored(signal) {
            // A signal that cannot be caught keeps its usual effect.
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
