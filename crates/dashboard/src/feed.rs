//! What keeps a job's state up to date: readings of all members, and the master's events.

use std::time::Duration;

use chrono::Utc;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::updates::{JobUpdates, SnapshotRequest};
use heartline_core::protocol::Event;
use heartline_observe::status::JobReader;
use heartline_observe::watch::{ConnectionChanges, EventHandler, EventHistory, follow};
use heartline_zookeeper::Settings;

/// A reading may take this part of the time between two readings at most: thousands of members are read more rarely.
const SHARE: u32 = 4;

/// Reads all members again and again, for ever, and the snapshots that clients ask for between.
pub(crate) async fn read(
    job: impl JobUpdates,
    mut requests: mpsc::Receiver<SnapshotRequest>,
    settings: Settings,
    period: Duration,
) {
    let mut reader = JobReader::new(settings);
    loop {
        let began = Instant::now();
        match reader.read().await {
            Ok(overview) => job.read(began.elapsed(), &overview),
            Err(why) => job.unavailable(Utc::now(), &why),
        }
        let next = began + period.max(began.elapsed() * SHARE);
        // A queue that never ends must not stop the readings.
        while Instant::now() < next
            && let Ok(Some(request)) = timeout_at(next, requests.recv()).await
        {
            if request.answer.is_closed() {
                continue;
            }
            let found = reader.snapshot(&request.node).await;
            // The client may have gone.
            let _ = request.answer.send(found.map_err(|why| why.to_string()));
        }
        // If nobody can ask any more.
        sleep_until(next).await;
    }
}

/// Follows the master's events, for ever.
pub(crate) async fn events(job: impl JobUpdates, settings: Settings) -> anyhow::Result<()> {
    let told = ToldEvents {
        job,
        connection: ConnectionChanges::default(),
    };
    // What cannot be read is told by the readings.
    follow(&settings, told, EventHistory::default(), None).await
}

struct ToldEvents<J> {
    job: J,
    connection: ConnectionChanges,
}

impl<J: JobUpdates> EventHandler for ToldEvents<J> {
    fn connection(&mut self, connected: bool) -> anyhow::Result<bool> {
        let event = self.connection.event(connected);
        if let Some(event) = &event {
            self.job.event(event);
        }
        Ok(event.is_some())
    }

    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        self.job.event(event);
        Ok(())
    }

    fn alive(&mut self, _: &Event) -> anyhow::Result<()> {
        Ok(())
    }
}
