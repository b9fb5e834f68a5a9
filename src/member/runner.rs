//! A member's life: one session after the other, until it is told to leave.

use std::sync::Arc;
use std::sync::mpsc::Sender as EventWriter;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::death_hook::DeathSink;
use super::environment::Environment;
use super::session::MemberSession;
use super::shutdown::{Shutdown, ShutdownStage};
use super::{Config, StatusSource, Summary};
use crate::coordination::{Diagnosis, Fence};
use crate::master::state::{Death, limits};
use crate::protocol::Status;

/// Between the first two attempts to reach ZooKeeper; doubled after each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause: beats are back within a second or so of ZooKeeper's return.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// How many of its sessions a member remembers: ZooKeeper has forgotten those before.
const MOST_EARLIER: usize = 16;

/// For how long a server that accepts connections may give no session before that is said.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a member that was refused rests before it tries again.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

/// How many znodes that are passed over are told of.
const MOST_NOTES: usize = 8;

/// What something is told to, once and in one line.
pub type ReportOnce = Box<dyn FnOnce(&str) + Send>;

/// What something is told to, a line each.
pub type Note = Box<dyn Fn(&str) + Send>;

/// What a life tells its program.
pub struct RunnerHooks {
    /// Told when the member is master or follower for the first time, or why it cannot be.
    pub joined: Option<EventWriter<Result<(), String>>>,
    /// Told what is off with ZooKeeper.
    pub complain: ReportOnce,
    /// Told of a single znode that is passed over, by name, and why. It must not wait.
    pub note: Note,
    /// Told that the work is to end, and why.
    pub kill: ReportOnce,
    /// Told of each death that the member has declared as master.
    pub death_sink: Option<DeathSink>,
}

/// What a member is and has done, across its sessions.
pub struct MemberRunner {
    pub(super) config: Config,
    pub(super) status_source: Arc<dyn StatusSource>,
    pub(super) environment: Arc<dyn Environment>,
    pub(super) summary: Summary,
    /// Its earlier sessions, whose leftovers are its own.
    pub(super) earlier: Vec<i64>,
    /// What the names of the claims of all its sessions begin with.
    pub(super) claims: Vec<String>,
    /// What the last attempt to reach ZooKeeper failed of.
    diagnosis: Option<Diagnosis>,
    joined: Option<EventWriter<Result<(), String>>>,
    complain: Option<ReportOnce>,
    note: Note,
    /// How many znodes it has told of.
    noted: usize,
    kill: Option<ReportOnce>,
    death_sink: Option<DeathSink>,
    /// The interval that the master has told.
    pub(super) told: Duration,
    /// The number of the last order that was followed.
    pub(super) obeyed: u64,
    /// The largest request that the server may take, where a larger one was followed by the loss of the connection.
    pub(super) request_limit: Option<usize>,
}

/// Why a session was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionEnd {
    /// The order to leave was followed, or the time for it has passed.
    Left,
    /// The session is over; the next one may be opened.
    Lost,
    /// ZooKeeper answers what makes no sense: the next session may be opened after a pause.
    Odd,
    /// ZooKeeper does not want: to be tried again after a longer while.
    Refused,
}

impl MemberRunner {
    /// A life that has not begun.
    pub fn new(
        config: Config,
        environment: Arc<dyn Environment>,
        status_source: Arc<dyn StatusSource>,
        hooks: RunnerHooks,
    ) -> Self {
        Self {
            config,
            status_source,
            environment,
            summary: Summary::default(),
            earlier: Vec::new(),
            claims: Vec::new(),
            diagnosis: None,
            joined: hooks.joined,
            complain: Some(hooks.complain),
            note: hooks.note,
            noted: 0,
            kill: Some(hooks.kill),
            death_sink: hooks.death_sink,
            told: Duration::ZERO,
            obeyed: 0,
            request_limit: None,
        }
    }

    /// Lives until the order to leave.
    pub async fn live(mut self, mut shutdown: Shutdown) -> Summary {
        let mut pause = FIRST_PAUSE;
        let mut away_since = Duration::ZERO;
        loop {
            let settings = self.config.settings.clone();
            let attempt = self.environment.open(&settings);
            let Some(opened) = self.unless_cut(&mut shutdown, attempt).await else {
                break;
            };
            if let Ok(session) = opened {
                self.diagnosis = None;
                let id = session.id();
                let begun = self.environment.now().elapsed;
                let end = MemberSession::new(&mut self, session)
                    .run(&mut shutdown)
                    .await;
                self.remember(id);
                away_since = self.environment.now().elapsed;
                let lasted = away_since.saturating_sub(begun);
                let rest = match end {
                    SessionEnd::Left => break,
                    SessionEnd::Refused => REFUSED_PAUSE,
                    SessionEnd::Odd => LONGEST_PAUSE,
                    SessionEnd::Lost if lasted > LONGEST_PAUSE => {
                        pause = FIRST_PAUSE;
                        continue;
                    }
                    // A server that ends each session at once is not to be asked for more of them.
                    SessionEnd::Lost => pause,
                };
                if self.unless_cut(&mut shutdown, sleep(rest)).await.is_none() {
                    break;
                }
                pause = LONGEST_PAUSE.min(pause * 2);
                continue;
            }
            let diagnosing = self.environment.diagnose(&settings.address);
            let Some(diagnosis) = self.unless_cut(&mut shutdown, diagnosing).await else {
                break;
            };
            let since = self.environment.now().elapsed.saturating_sub(away_since);
            if diagnosis.is_settled() || since > PATIENCE {
                self.complain(&diagnosis.to_string());
            }
            self.diagnosis = Some(diagnosis);
            if self.unless_cut(&mut shutdown, sleep(pause)).await.is_none() {
                break;
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        }
        if let Some(stop) = shutdown.stop() {
            self.summary.signal = stop.signal;
            self.summary.killed.clone_from(&stop.killed);
        }
        self.summary
    }

    /// Keeps what a session may have left behind in ZooKeeper.
    fn remember(&mut self, session: i64) {
        self.earlier.push(session);
        let surplus = self.earlier.len().saturating_sub(MOST_EARLIER);
        self.earlier.drain(..surplus);
        let surplus = self.claims.len().saturating_sub(MOST_EARLIER);
        self.claims.drain(..surplus);
    }

    /// The outcome of `work`, unless the member has to leave before: at once when ZooKeeper is known
    /// to be away, otherwise when the time for leaving has passed, so that a member whose work is
    /// done in a moment is still seen to come and go.
    async fn unless_cut<T>(
        &mut self,
        shutdown: &mut Shutdown,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            if shutdown.stop().is_some() && self.complain.is_none() {
                return None;
            }
            tokio::select! {
                biased;
                cut = shutdown.next() => if cut == ShutdownStage::Deadline {
                    let known = self.diagnosis.take().map(|diagnosis| diagnosis.to_string());
                    let what = known.unwrap_or_else(|| "it gave no session in time".to_owned());
                    self.complain(&what);
                    return None;
                },
                outcome = &mut work => return Some(outcome),
            }
        }
    }

    /// Says what is off with ZooKeeper, if nothing was said before.
    pub(super) fn complain(&mut self, what: &str) {
        if let Some(joined) = self.joined.take() {
            // Who waits for the member to join says it in its own way, and does not go on.
            let _ = joined.send(Err(what.to_owned()));
            self.complain = None;
        }
        if let Some(complain) = self.complain.take() {
            complain(what);
        }
    }

    /// The connection was lost behind a request of so many bytes, which a server may take for too large
    /// (`jute.maxbuffer`): the next ones are smaller. Where it was lost for another reason that costs little.
    pub(super) fn doubt_size(&mut self, bytes: usize) {
        if bytes > limits::LEAST {
            self.request_limit = Some(limits::LEAST.max(bytes / 2));
        }
    }

    /// Says that a znode is passed over: of many only that there are more, since a task's stderr is for its own
    /// messages.
    pub(super) fn note(&mut self, name: &str, why: &str) {
        self.noted += 1;
        if self.noted < MOST_NOTES {
            (self.note)(&format!("{name} is passed over: {why}"));
        } else if self.noted == MOST_NOTES {
            (self.note)("more znodes are passed over, and are not named");
        }
    }

    /// Ends the work, as the master has ordered.
    pub(super) fn kill(&mut self, reason: &str) {
        if let Some(kill) = self.kill.take() {
            kill(reason);
        }
    }

    /// Whether somebody wants to know who died.
    pub(super) fn wants_deaths(&self) -> bool {
        self.death_sink.is_some()
    }

    /// Tells who died.
    pub(super) fn death_sink(&self, deaths: Vec<Death>) {
        if let Some(death_sink) = &self.death_sink {
            deaths.into_iter().for_each(death_sink);
        }
    }

    /// Tells that the member is master: was it when it sent what is acknowledged now.
    pub(super) fn renew_lease(&self, fence: &Fence, sent_at: Instant) {
        if let Some(reigning) = &self.config.reigning {
            reigning.echo(fence, sent_at);
        }
    }

    /// Tells that it is not.
    pub(super) fn reigns_no_more(&self) {
        if let Some(reigning) = &self.config.reigning {
            reigning.over();
        }
    }

    /// What its next beat tells of its work.
    pub(super) fn status(&self, interval: Duration) -> Status {
        let mut status = self.status_source.status();
        status.interval = interval;
        let split = self.config.identity.split.as_ref();
        status.progress = split.and_then(|split| percent(status.bytes_in, split.length));
        status
    }

    /// A unique id, for the names of claims.
    pub(super) fn draw_uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.environment.draw().to_be_bytes())
            .into_uuid()
            .to_string()
    }

    /// Says that the member is master or follower.
    pub(super) fn settled(&mut self) {
        if let Some(joined) = self.joined.take() {
            let _ = joined.send(Ok(()));
        }
    }
}

/// How much of a split of this length is taken. Hadoop's mappers read on to the end of a last line.
#[expect(clippy::cast_precision_loss, reason = "a tenth of a percent is told")]
fn percent(taken: u64, length: u64) -> Option<f64> {
    (length > 0).then(|| (taken as f64 / length as f64 * 100.0).min(100.0))
}
