//! What keeps a job's state up to date: readings of all members, and the master's events.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::actions::{ActionOutcome, ActionRequest};
use crate::job::Job;
use crate::updates::{JobUpdates, SnapshotRequest};
use heartline_core::protocol::Event;
use heartline_core::protocol::request::Response;
use heartline_observe::admin::ask_master;
use heartline_observe::status::{JobReader, Unavailable};
use heartline_observe::watch::{ConnectionChanges, EventHandler, EventHistory, follow};
use heartline_process::say::say;
use heartline_zookeeper::Settings;

/// A reading may take this part of the time between two readings at most: thousands of members are read more rarely.
const SHARE: u32 = 4;

/// The most reasons that are told of one outage.
const MOST_REASONS: usize = 8;

/// Tells on stderr why something cannot be read: each reason once, until it was read again.
pub(crate) struct OutageTeller {
    program: &'static str,
    what: String,
    told: Vec<String>,
}

impl OutageTeller {
    pub(crate) fn new(program: &'static str, what: String) -> Self {
        Self {
            program,
            what,
            told: Vec::new(),
        }
    }

    /// What is told was read again.
    pub(crate) fn is_read(&mut self) {
        self.told.clear();
    }

    pub(crate) fn tell(&mut self, why: &Unavailable) {
        let why = why.to_string();
        if self.told.len() < MOST_REASONS && !self.told.contains(&why) {
            say(
                self.program,
                format_args!("{}: ZooKeeper cannot be read: {why}", self.what),
            );
            self.told.push(why);
        }
    }
}

/// Reads all members again and again, for ever, and the snapshots that clients ask for between. Without a teller, who shows
/// the job says why it cannot be read.
pub(crate) async fn read(
    job: impl JobUpdates,
    mut requests: mpsc::Receiver<SnapshotRequest>,
    settings: Settings,
    period: Duration,
    mut teller: Option<OutageTeller>,
) {
    let mut reader = JobReader::new(settings);
    loop {
        let began = Instant::now();
        match reader.read().await {
            Ok(overview) => {
                job.read(began.elapsed(), &overview);
                if let Some(teller) = &mut teller {
                    teller.is_read();
                }
            }
            Err(why) => {
                job.unavailable(Utc::now(), &why);
                if let Some(teller) = &mut teller {
                    teller.tell(&why);
                }
            }
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

/// Asks the master for what clients want done, for ever. Each action is told on stderr.
pub(crate) async fn actions(
    job: Arc<Job>,
    mut requests: mpsc::Receiver<ActionRequest>,
    settings: Settings,
) {
    while let Some(ActionRequest { action, by, answer }) = requests.recv().await {
        let request = action.request();
        let outcome = match ask_master(&settings, &request).await {
            Ok(Response::Done(words)) => ActionOutcome::Done(words),
            Ok(Response::Refused(words)) => ActionOutcome::Refused(words),
            Err(why) => ActionOutcome::Failed(format!("{why:#}")),
        };
        job.acted(&by, &action, &outcome);
        let (place, words) = (job.namespace(), outcome.words());
        say(
            "heartline serve",
            format!("{by} asked the master of {place}: {request}: {words}"),
        );
        // The client may have gone.
        let _ = answer.send(outcome);
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
