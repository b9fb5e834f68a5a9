//! One job: what is known of it, and the clients that are told each change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::actions::{Action, ActionLog, ActionOutcome, ActionRequest};
use crate::event_log::EventLog;
use crate::history::JobHistory;
use crate::metrics::{JobMetrics, Metrics};
use crate::updates::{JobUpdates, MOST_ASKED, SnapshotRequest};
use heartline_core::clock::SystemClock;
use heartline_core::protocol::{Event, stamp};
use heartline_core::text;
use heartline_observe::status::{Overview, Unavailable};

/// Maximum number of messages that wait for a slow client. It gets everything anew if it misses one.
const MOST_WAITING: usize = 64;

/// How long the reading of a job may take before it counts as one that hangs; with a long period, some of those.
const TURN_LIMIT: Duration = Duration::from_secs(30);
const TURN_PERIODS: u32 = 5;

/// Maximum number of actions that wait for the master's answer.
const MOST_ACTING: usize = 16;

/// A message to all clients of a job: JSON.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A reading.
    Tick(Arc<str>),
    /// An event with its number.
    Event(u64, Arc<str>),
    /// ZooKeeper cannot be read.
    Away(Arc<str>),
    /// The indexes of members have changed: everything is to be told anew.
    Anew,
}

/// One job.
#[derive(Debug)]
pub(crate) struct Job {
    namespace: String,
    period: Duration,
    clock: SystemClock,
    /// When this job was started to be shown: events before that are not counted, and numbers of events from before it
    /// are of another server.
    started: DateTime<Utc>,
    metrics: Arc<Metrics>,
    state: Mutex<JobState>,
    changes: broadcast::Sender<Change>,
    requests: mpsc::Sender<SnapshotRequest>,
    actions: mpsc::Sender<ActionRequest>,
}

/// What clients of a job ask for.
#[derive(Debug)]
pub(crate) struct JobRequests {
    pub(crate) snapshots: mpsc::Receiver<SnapshotRequest>,
    pub(crate) actions: mpsc::Receiver<ActionRequest>,
}

#[derive(Debug, Default)]
struct JobState {
    history: JobHistory,
    log: EventLog,
    actions: ActionLog,
    /// Since when ZooKeeper cannot be read, and why.
    away: Option<(DateTime<Utc>, String)>,
    /// When the loop that reads it last turned, successfully or not.
    turned: Duration,
}

impl JobState {
    /// Whether it was read and can be read.
    fn is_connected(&self) -> bool {
        self.history.last_read().is_some() && self.away.is_none()
    }
}

impl Job {
    /// A job of which nothing is known, and what its clients ask for.
    pub(crate) fn new(
        namespace: String,
        period: Duration,
        metrics: Arc<Metrics>,
    ) -> (Self, JobRequests) {
        let (changes, _) = broadcast::channel(MOST_WAITING);
        let (requests, snapshots) = mpsc::channel(MOST_ASKED);
        let (actions, acting) = mpsc::channel(MOST_ACTING);
        let job = Self {
            namespace,
            period,
            clock: SystemClock::start(),
            started: Utc::now(),
            metrics,
            state: Mutex::default(),
            changes,
            requests,
            actions,
        };
        let requests = JobRequests {
            snapshots,
            actions: acting,
        };
        (job, requests)
    }

    /// The snapshot of a stalled member as ZooKeeper has it now; an error says why it cannot be read.
    pub(crate) async fn stall_snapshot(&self, node: String) -> Result<Option<String>, String> {
        let (answer, answered) = oneshot::channel();
        let request = SnapshotRequest { node, answer };
        let sent = self.requests.try_send(request);
        sent.map_err(|_| "too many clients ask for snapshots; try again".to_owned())?;
        let answered = answered.await;
        answered.unwrap_or_else(|_| Err("the server ends".to_owned()))
    }

    /// Asks the master to do something, for the client at the address `by`.
    pub(crate) async fn act(&self, action: Action, by: String) -> ActionOutcome {
        let (answer, answered) = oneshot::channel();
        let request = ActionRequest { action, by, answer };
        if self.actions.try_send(request).is_err() {
            return ActionOutcome::Failed("too many actions wait for the master; try again".into());
        }
        let answered = answered.await;
        answered.unwrap_or_else(|_| ActionOutcome::Failed("the server ends".to_owned()))
    }

    /// An action has ended.
    pub(crate) fn acted(&self, by: &str, action: &Action, outcome: &ActionOutcome) {
        let now = Utc::now();
        self.state().actions.push(now, by, action, outcome);
    }

    /// The last actions, oldest first.
    pub(crate) fn actions(&self) -> Vec<Value> {
        self.state().actions.list()
    }

    /// The path above the job's znodes.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The time between two readings.
    pub(crate) fn period(&self) -> Duration {
        self.period
    }

    fn metrics(&self) -> JobMetrics<'_> {
        JobMetrics {
            metrics: &self.metrics,
            namespace: &self.namespace,
        }
    }

    fn state(&self) -> MutexGuard<'_, JobState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever is told the changes from now on. Subscribe before [`Job::snapshot`]: then nothing is missed between.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn tell(&self, change: Change) {
        // Without clients nobody is told.
        let _ = self.changes.send(change);
    }

    /// The id of an event: it says of which server the number is.
    pub(crate) fn event_id(&self, number: u64) -> String {
        format!("{:x}-{number}", self.started.timestamp_millis())
    }

    /// The number of an event by its id; 0 if that is of another server.
    pub(crate) fn event_number(&self, id: &str) -> u64 {
        let number = id.rsplit('-').next().and_then(|number| number.parse().ok());
        number
            .filter(|number| self.event_id(*number) == id)
            .unwrap_or(0)
    }

    /// Everything, for a client that has the events up to number `seen`. Returns the number of the newest event.
    pub(crate) fn snapshot(&self, seen: u64) -> (u64, Arc<str>) {
        let state = self.state();
        let mut all = state.history.snapshot();
        let since = state.log.since(seen);
        let events: Vec<String> = since
            .events
            .iter()
            .map(|(n, json)| numbered(*n, json))
            .collect();
        let missed = if seen == 0 { 0 } else { since.missed };
        all.insert("missed".to_owned(), missed.into());
        all.insert(
            "period_ms".to_owned(),
            json!(self.period.as_secs_f64() * 1e3),
        );
        all.insert("connected".to_owned(), state.is_connected().into());
        let away = state.away.as_ref();
        all.insert(
            "away_since".to_owned(),
            json!(away.map(|(since, _)| stamp(*since))),
        );
        all.insert("problem".to_owned(), json!(away.map(|(_, why)| why)));
        let newest = state.log.newest();
        drop(state);
        // The events are JSON already.
        let mut json = text::json(&Value::Object(all)).unwrap_or_default();
        json.pop();
        json.push_str(",\"events\":[");
        json.push_str(&events.join(","));
        json.push_str("]}");
        (newest, json.into())
    }

    /// The details of one member.
    pub(crate) fn member(&self, node: &str) -> Option<Map<String, Value>> {
        self.state().history.member(node)
    }

    /// Whether the loop that reads it goes on, successfully or not.
    pub(crate) fn is_turning(&self) -> bool {
        let turned = self.state().turned;
        self.goes_on(self.clock.now().elapsed.saturating_sub(turned))
    }

    /// Whether a loop that last turned so long ago still counts as one that goes on.
    fn goes_on(&self, since: Duration) -> bool {
        since < TURN_LIMIT.max(self.period * TURN_PERIODS)
    }

    /// Whether it was read and can be read.
    pub(crate) fn is_ready(&self) -> bool {
        self.state().is_connected()
    }
}

impl JobUpdates for Arc<Job> {
    fn read(&self, took: Duration, overview: &Overview) {
        let now = self.clock.now().elapsed;
        let mut state = self.state();
        state.turned = now;
        state.away = None;
        let before = state.history.last_read().unwrap_or(now);
        let is_anew = state.history.read(now.saturating_sub(took), now, overview);
        let since = now.saturating_sub(before);
        let counts = state.history.counts();
        self.metrics().read(since, took, overview, &counts);
        let mut tick = state.history.tick(now);
        drop(state);
        if is_anew {
            return self.tell(Change::Anew);
        }
        tick.insert("connected".to_owned(), true.into());
        self.tell(Change::Tick(written(&Value::Object(tick))));
    }

    fn unavailable(&self, at: DateTime<Utc>, why: &Unavailable) {
        let mut state = self.state();
        state.turned = self.clock.now().elapsed;
        self.metrics().unavailable();
        let (since, _) = state.away.take().unwrap_or_else(|| (at, String::new()));
        state.away = Some((since, why.to_string()));
        drop(state);
        let away = json!({ "since": stamp(since), "problem": why.to_string() });
        self.tell(Change::Away(written(&away)));
    }

    fn event(&self, event: &Event) {
        // An event holds only texts and numbers, so it can always be written.
        let json = text::json(event).unwrap_or_default();
        let mut state = self.state();
        // A restart must not count again what the report repeats.
        if event.time >= self.started {
            self.metrics().event(event);
        }
        state.history.event(self.clock.now().elapsed, event);
        let number = state.log.push(json.clone());
        // Under the lock, so that numbers are told in order.
        self.tell(Change::Event(number, numbered(number, &json).into()));
    }
}

fn numbered(number: u64, json: &str) -> String {
    format!("{{\"number\":{number},\"event\":{json}}}")
}

fn written(value: &Value) -> Arc<str> {
    // A map of texts and numbers can always be written.
    text::json(value).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_has_not_turned_for_long_hangs() {
        let job = |period| Job::new("/one".to_owned(), period, Arc::new(Metrics::new(false))).0;
        let short = job(Duration::from_millis(500));
        assert!(short.is_turning());
        assert!(short.goes_on(TURN_LIMIT.mul_f64(0.99)));
        assert!(!short.goes_on(TURN_LIMIT));
        // With a long period, the limit is some of those.
        let long = job(TURN_LIMIT);
        assert!(long.goes_on(TURN_LIMIT * (TURN_PERIODS - 1)));
        assert!(!long.goes_on(TURN_LIMIT * TURN_PERIODS));
    }
}
