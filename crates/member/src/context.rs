//! What a member keeps across its sessions: its configuration, what it reports, and what it left behind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::Sender as EventWriter;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::death_hook::DeathSink;
use super::direct_listener::DirectListener;
use super::environment::Environment;
use super::summary::Summary;
use super::turn_hook::MemberTurn;
use super::{Config, StatusSource};
use heartline_core::master::state::{Death, limits};
use heartline_core::protocol::{Ending, Status, claim};
use heartline_transport::{BeatConnection, Transport};
use heartline_zookeeper::{Diagnosis, Fence};

/// Maximum number of earlier sessions that a member remembers: ZooKeeper has already expired the older
/// ones.
const MOST_EARLIER: usize = 16;

/// Maximum number of skipped znodes that are reported by name: a task's stderr is for its own messages.
const MOST_NOTED: usize = 64;

/// How many sessions in a row try to accept direct connections: each attempt may cost the time of a look-up.
const MOST_LISTENS: u32 = 3;

/// A callback that takes one line and is called once.
pub type ReportOnce = Box<dyn FnOnce(&str) + Send>;

/// A callback that takes one line per call.
pub type Note = Box<dyn Fn(&str) + Send>;

/// The callbacks from a runner to its program.
pub struct RunnerHooks {
    /// Receives `Ok` when the member is master or follower for the first time, or the reason why it cannot
    /// be.
    pub joined: Option<EventWriter<Result<(), String>>>,
    /// Receives a description of what is wrong with ZooKeeper.
    pub complain: ReportOnce,
    /// Receives the name of each skipped znode, and why it is skipped. It must not block.
    pub note: Note,
    /// Receives the order to end the work, with its reason.
    pub kill: ReportOnce,
    /// Receives each death that the member has declared as master.
    pub death_sink: Option<DeathSink>,
}

/// A member's configuration and state across its sessions.
pub(super) struct MemberContext {
    pub(super) config: Config,
    pub(super) status_source: Arc<dyn StatusSource>,
    pub(super) environment: Arc<dyn Environment>,
    /// The way to other members, if direct connections are used.
    pub(super) transport: Option<Arc<dyn Transport>>,
    /// The socket for connections of other members.
    pub(super) listener: Option<DirectListener>,
    pub(super) summary: Summary,
    /// The ids of its earlier sessions: what they left behind belongs to this member.
    pub(super) earlier: Vec<i64>,
    /// The connection to the master that the last session had: it brings beats until the next session has a znode.
    pub(super) earlier_connection: Option<Box<dyn BeatConnection>>,
    /// The prefixes of the claims of all its sessions.
    pub(super) claims: Vec<String>,
    /// Why the last attempt to reach ZooKeeper failed.
    pub(super) diagnosis: Option<Diagnosis>,
    joined: Option<EventWriter<Result<(), String>>>,
    pub(super) complain: Option<ReportOnce>,
    note: Note,
    /// The skipped znodes that were reported.
    noted: BTreeSet<String>,
    /// How often no direct connections could be accepted.
    failed_listens: u32,
    kill: Option<ReportOnce>,
    death_sink: Option<DeathSink>,
    /// The interval that the master has set for beats in ZooKeeper.
    pub(super) master_interval: Duration,
    /// The interval that the master has set for beats by direct connections.
    pub(super) direct_interval: Duration,
    /// The number of the last order that was carried out.
    pub(super) obeyed: u64,
    /// The assumed size limit for requests in bytes, set after a large request was followed by a connection
    /// loss.
    pub(super) request_limit: Option<usize>,
}

/// Why the runner left a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionEnd {
    /// The member left as ordered, or the time for leaving has passed.
    Left,
    /// The session is lost; the next one may be opened.
    Lost,
    /// ZooKeeper gives answers that make no sense: the next session may be opened after a pause.
    Odd,
    /// ZooKeeper refuses the member: try again after a longer pause.
    Refused,
}

impl MemberContext {
    /// The context of a member that has not started.
    pub(super) fn new(
        config: Config,
        environment: Arc<dyn Environment>,
        status_source: Arc<dyn StatusSource>,
        hooks: RunnerHooks,
    ) -> Self {
        let direct = config.direct.as_ref();
        let transport =
            direct.and_then(|direct| environment.transport(direct.relay_host.as_deref()));
        Self {
            transport,
            listener: None,
            config,
            status_source,
            environment,
            summary: Summary::default(),
            earlier: Vec::new(),
            earlier_connection: None,
            claims: Vec::new(),
            diagnosis: None,
            joined: hooks.joined,
            complain: Some(hooks.complain),
            note: hooks.note,
            noted: BTreeSet::new(),
            failed_listens: 0,
            kill: Some(hooks.kill),
            death_sink: hooks.death_sink,
            master_interval: Duration::ZERO,
            direct_interval: Duration::ZERO,
            obeyed: 0,
            request_limit: None,
        }
    }

    /// Starts to accept direct connections, unless it has done so already. Without them all beats go to ZooKeeper.
    pub(super) async fn listen(&mut self) {
        let (Some(transport), Some(direct)) = (&self.transport, &self.config.direct) else {
            return;
        };
        if self.listener.is_some() || self.failed_listens >= MOST_LISTENS {
            return;
        }
        let started = DirectListener::start(transport, direct, &self.config.settings).await;
        match started {
            Ok(listener) => {
                self.config.identity.address = Some(listener.address());
                self.listener = Some(listener);
            }
            Err(why) => {
                if self.failed_listens == 0 {
                    let what = format!("no direct connections are accepted: {why}");
                    (self.note)(&what);
                }
                self.failed_listens += 1;
            }
        }
    }

    /// The value of this member's claim: with its beat, if it beats there.
    pub(super) fn claim_value(&self, beat: &str) -> String {
        let endpoint = self.listener.as_ref().and_then(DirectListener::endpoint);
        let endpoint = endpoint.map(|endpoint| endpoint.to_string());
        claim::value(self.config.name.as_ref(), beat, endpoint.as_deref())
    }

    /// Remembers a session that may have left znodes behind in ZooKeeper.
    pub(super) fn remember(&mut self, session: i64) {
        self.earlier.push(session);
        self.joined_before();
        let surplus = self.earlier.len().saturating_sub(MOST_EARLIER);
        self.earlier.drain(..surplus);
        let surplus = self.claims.len().saturating_sub(MOST_EARLIER);
        self.claims.drain(..surplus);
    }

    /// The next znode of a follower that this member creates is not its first one.
    pub(super) fn joined_before(&mut self) {
        self.config.identity.earlier_joins += 1;
    }

    /// Says goodbye by the connection of the last session, if it brings the beats.
    pub(super) fn say_goodbye(&mut self, ending: Ending) {
        if let Some(mut connection) = self.earlier_connection.take() {
            connection.goodbye(ending == Ending::Finished);
        }
    }

    /// Beats by the connection of the last session, if there is one: the member lives, whatever becomes of its znode.
    pub(super) fn beat_earlier(&mut self) {
        if let Some(connection) = &mut self.earlier_connection {
            // A connection that has ended takes no beats.
            let _ = connection.beat(None, &[]);
        }
    }

    /// Reports what is wrong with ZooKeeper, unless something was reported before.
    pub(super) fn complain(&mut self, what: &str) {
        if let Some(joined) = self.joined.take() {
            // The code that waits for the join reports it in its own words, and does not continue.
            let _ = joined.send(Err(what.to_owned()));
            self.complain = None;
        }
        if let Some(complain) = self.complain.take() {
            complain(what);
        }
    }

    /// The connection was lost after a request of `bytes` bytes, which may exceed the server's limit
    /// (`jute.maxbuffer`): the next requests are smaller. If the cause was another one, smaller requests cost
    /// little.
    pub(super) fn doubt_size(&mut self, bytes: usize) {
        if bytes > limits::LEAST {
            self.request_limit = Some(limits::LEAST.max(bytes / 2));
        }
    }

    /// Reports that the znode at `path` is skipped, once. After many, it only reports that there are more.
    pub(super) fn note(&mut self, path: &str, why: &str) {
        if self.noted.len() > MOST_NOTED || !self.noted.insert(path.to_owned()) {
            return;
        }
        if self.noted.len() <= MOST_NOTED {
            (self.note)(&format!("{path} is passed over: {why}"));
        } else {
            (self.note)("more znodes are passed over; their names are not reported");
        }
    }

    /// Ends the work, as the master has ordered.
    pub(super) fn kill(&mut self, reason: &str) {
        if let Some(kill) = self.kill.take() {
            kill(reason);
        }
    }

    /// Whether the program has a death sink.
    pub(super) fn wants_deaths(&self) -> bool {
        self.death_sink.is_some()
    }

    /// Passes deaths on to the program's death sink.
    pub(super) fn death_sink(&self, deaths: Vec<Death>) {
        if let Some(death_sink) = &self.death_sink {
            deaths.into_iter().for_each(death_sink);
        }
    }

    /// Publishes that the member is master: it was master when it sent the write that is now acknowledged.
    pub(super) fn renew_lease(&self, fence: &Fence, sent_at: Instant) {
        if let Some(master_lease) = &self.config.master_lease {
            master_lease.echo(fence, sent_at);
        }
    }

    /// Tells the program that the loop turns.
    pub(super) fn turned(&self, turn: MemberTurn) {
        if let Some(hook) = &self.config.turn_hook {
            hook.turned(turn);
        }
    }

    /// Publishes that the member is not master any more.
    pub(super) fn end_lease(&self) {
        if let Some(master_lease) = &self.config.master_lease {
            master_lease.over();
        }
    }

    /// The work status for the next beat.
    pub(super) fn status(&self, interval: Duration) -> Status {
        let mut status = self.status_source.status();
        status.interval = interval;
        let split = self.config.identity.split.as_ref();
        // What a task reads of a compressed file is more than the file: how far it is, nobody can tell from its bytes.
        let split = split.filter(|split| !split.is_compressed());
        status.progress = split.and_then(|split| percent(status.bytes_in, split.length));
        status
    }

    /// A unique id, for the names of claims.
    pub(super) fn draw_uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.environment.draw().to_be_bytes())
            .into_uuid()
            .to_string()
    }

    /// Reports that the member is master or follower.
    pub(super) fn settled(&mut self) {
        if let Some(joined) = self.joined.take() {
            let _ = joined.send(Ok(()));
        }
    }
}

/// When beats are due.
pub(super) fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    // A missed beat is not made up for: only the newest counts.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// Percentage of a split of this length that was read. Hadoop's mappers read on to the end of the last line.
#[expect(
    clippy::cast_precision_loss,
    reason = "a tenth of a percent is reported"
)]
fn percent(taken: u64, length: u64) -> Option<f64> {
    (length > 0).then(|| (taken as f64 / length as f64 * 100.0).min(100.0))
}
