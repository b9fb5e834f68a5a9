//! Reads files, or asks what else may hang, on a thread of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::sync::oneshot;

/// The most threads of this kind: those of a disk or a KDC that never answers stay.
const MOST_BUSY: usize = 64;

/// Runs what may block for long on a thread of its own; `None` if there is none, or too many are blocked. A thread of the
/// runtime would keep the program from ending, and the heartbeat's runtime has but one.
///
/// # Cancellation safety
/// The work goes on when the future is dropped; nobody gets its result.
pub async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    /// Counts itself as long as it exists.
    struct Counted;
    impl Drop for Counted {
        fn drop(&mut self) {
            BUSY.fetch_sub(1, Ordering::Relaxed);
        }
    }
    static BUSY: AtomicUsize = AtomicUsize::new(0);

    let counted = Counted;
    if BUSY.fetch_add(1, Ordering::Relaxed) >= MOST_BUSY {
        return None;
    }
    let (done, outcome) = oneshot::channel();
    let thread = thread::Builder::new().name("off-thread".to_owned());
    let started = thread.spawn(move || {
        // Nobody waits any more if this fails.
        let _ = done.send(work());
        drop(counted);
    });
    started.ok()?;
    outcome.await.ok()
}
