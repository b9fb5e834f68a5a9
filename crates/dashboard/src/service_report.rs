//! What `heartline serve` tells the service manager: it serves when every job was read, and the watchdog is fed as long as
//! the reading of every job goes on.

use std::time::Duration;

use tokio::time::sleep;

use crate::job_list::JobList;
use heartline_process::service::{self, Watchdog};

/// The pause between two looks at the jobs.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// Tells it again and again, for ever. It runs beside the readings, on their thread.
pub(crate) async fn tell_service_manager(jobs: JobList) {
    let mut watchdog = Watchdog::start();
    let mut told = None;
    loop {
        let all = jobs.all();
        // A reading that fails is a turn too: a restart would not bring ZooKeeper back.
        if all.iter().all(|job| job.is_turning()) {
            watchdog.feed();
        }
        let unread = all.iter().filter(|job| !job.is_ready()).count();
        if told.replace((all.len(), unread)) != Some((all.len(), unread)) {
            match (all.len(), unread) {
                (count, 0) => service::ready(&format!("shows {count} jobs")),
                (count, unread) => {
                    service::status(&format!("cannot read {unread} of {count} jobs"));
                }
            }
        }
        sleep(LOOK_PAUSE).await;
    }
}
