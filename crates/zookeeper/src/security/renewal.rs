//! What lasts less long than a session: certificates that are replaced, and tickets that expire.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

use super::Certificates;
use super::kerberos::fetch_tickets;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(30);

/// What has to be renewed for one session.
pub(crate) struct Renewal {
    certificates: Option<Certificates>,
    /// The servers that tickets are for; none without Kerberos.
    hosts: Vec<String>,
}

impl Renewal {
    /// `None` if nothing has to be renewed.
    pub(super) fn of(certificates: Option<Certificates>, hosts: Vec<String>) -> Option<Self> {
        let has_any = certificates.is_some() || !hosts.is_empty();
        has_any.then_some(Self {
            certificates,
            hosts,
        })
    }

    /// Renews again and again, until it is aborted.
    pub(crate) async fn run(mut self) {
        loop {
            sleep(EVERY).await;
            let renewed = off_thread(move || {
                self.renew();
                self
            });
            match renewed.await {
                Some(same) => self = same,
                None => return,
            }
        }
    }

    /// Blocks. What cannot be renewed now is told when the next session needs it.
    fn renew(&mut self) {
        if let Some(certificates) = &mut self.certificates {
            certificates.refresh();
        }
        let _ = fetch_tickets(&self.hosts);
    }
}

/// The most threads of this kind: those of a disk or a KDC that never answers stay.
const MOST_BUSY: usize = 64;

/// Runs what may block for long on a thread of its own; `None` if there is none, or too many are blocked. A thread of the runtime would keep the
/// program from ending, and the heartbeat's runtime has but one.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
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
    let thread = thread::Builder::new().name("credentials".to_owned());
    let started = thread.spawn(move || {
        // Nobody waits any more if this fails.
        let _ = done.send(work());
        drop(counted);
    });
    started.ok()?;
    outcome.await.ok()
}
