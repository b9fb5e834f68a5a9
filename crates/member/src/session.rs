//! One session of a member: it queues in the line of claims and is follower or master.
//!
//! [`Election`] and [`MasterState`] make all decisions. This loop passes events to them and carries out their
//! requests, with at most one write under way.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::candidate;
use super::context::{MemberContext, SessionEnd};
use super::control_watch;
use super::direct_listener::DirectListener;
use super::master_driver::MasterDriver;
use super::session_event::{FollowerEvent, RemovedClaimant};
use super::session_event::{ReconnectOutlook, SessionEvent};
use super::shutdown::{Shutdown, ShutdownStage};
use super::write::{Done, WriteFuture};
use heartline_core::master::election::{Elected, Election, ElectionAction};
use heartline_core::master::predecessor::PredecessorWatch;
use heartline_zookeeper::{Connection, Session};

mod beats;
mod commands;
mod direct;
mod election;
mod shutdown;
mod transitions;

use self::direct::MasterConnection;

/// Enough for one event of every watcher task; when it is full, the tasks wait.
const INBOX: usize = 1024;

/// Maximum number of concurrent probes of silent members.
const PROBES: usize = 64;

const NO_ANSWER: &str = "it did not answer in time";

/// How long the client may look for a server before the member opens a new session. The client doubles its
/// pauses for as long as the session may last, so that in the end it would reconnect only tens of seconds
/// after a server's return; between sessions the member tries every second.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(2);

enum SessionRole {
    /// Neither follower nor master yet.
    None,
    /// A follower, which beats once its znode exists.
    Follower { joined: bool },
    /// A dedicated master that waits in line and beats on its claim.
    Standby,
    /// About to become master: it still reads the state of the last master.
    TakingOver(Elected),
    /// The master, which watches the followers.
    Master(Box<MasterDriver>),
}

/// A member's state for one session.
pub(super) struct MemberSession<'a> {
    context: &'a mut MemberContext,
    session: Session,
    election: Election,
    role: SessionRole,
    connected: bool,
    /// When the member gives the session up if it is still disconnected.
    reconnect_deadline: Instant,
    outlook: ReconnectOutlook,
    /// Set when the member must leave the session.
    over: Option<SessionEnd>,
    /// The task that watches the claim before this member's claim.
    listening: Option<AbortHandle>,
    /// The task that watches the control znode.
    obeying: Option<AbortHandle>,
    /// The task that regularly reads the first claim in line.
    looking: Option<(String, AbortHandle)>,
    /// The judgement of the predecessor and of the first claim in line.
    predecessor_watch: Option<PredecessorWatch>,
    /// The owners of the claims that this member removed recently: the previous master is one of them, if it
    /// died.
    removed: Vec<RemovedClaimant>,
    /// When the connection was last restored.
    back: Option<Duration>,
    /// Since when a master that was ordered to leave waits for the last words of its followers.
    last_words_since: Option<Instant>,
    /// A beat fell due while another write was under way.
    owed: bool,
    under_way: Option<WriteFuture>,
    /// When the write under way was sent.
    sent_at: Instant,
    /// The size in bytes of the write under way, if it is a master's transaction that is larger than a beat.
    heavy: Option<usize>,
    /// A master's beat beside such a transaction, and when it was sent: the master's proof of life does not
    /// wait.
    beside: Option<(WriteFuture, Instant)>,
    /// The version of the member's znode that was acknowledged last.
    version: Option<i32>,
    /// The connection to the master.
    master_connection: Option<MasterConnection>,
    /// Permits for probes.
    probes: Arc<Semaphore>,
    tasks: JoinSet<()>,
    /// The tasks that store snapshots: a leaving member waits for them.
    storing: JoinSet<()>,
    inbox: Receiver<SessionEvent>,
    outside: Sender<SessionEvent>,
}

impl<'a> MemberSession<'a> {
    pub(super) fn new(context: &'a mut MemberContext, session: Session) -> Self {
        let (outside, inbox) = channel(INBOX);
        // A session that follows another one starts after an outage.
        let now = context.environment.now().elapsed;
        let back = (!context.earlier.is_empty()).then_some(now);
        let election = Election::new(session.id(), &context.draw_uuid(), context.config.standing);
        let mut tasks = JoinSet::new();
        if !context.claims.is_empty() {
            // No session acts on the old claims any more, and a server that was down keeps them for a whole
            // session timeout. Until then the whole line would wait for those at its head.
            let (session, leftovers) = (session.clone(), context.claims.clone());
            let earlier = context.earlier.clone();
            tasks.spawn(async move {
                // If this fails, ZooKeeper removes the claims with their sessions.
                let _ = session.clear_line(&leftovers, &earlier).await;
            });
        }
        context.claims.push(election.prefix().to_owned());
        Self {
            context,
            session,
            election,
            role: SessionRole::None,
            connected: true,
            reconnect_deadline: Instant::now(),
            outlook: ReconnectOutlook::Unknown,
            over: None,
            listening: None,
            obeying: None,
            looking: None,
            predecessor_watch: None,
            removed: Vec::new(),
            back,
            last_words_since: None,
            owed: false,
            under_way: None,
            sent_at: Instant::now(),
            heavy: None,
            beside: None,
            version: None,
            master_connection: None,
            probes: Arc::new(Semaphore::new(PROBES)),
            tasks,
            storing: JoinSet::new(),
            inbox,
            outside,
        }
    }

    /// Runs until the session is over or the member has left.
    pub(super) async fn run(mut self, shutdown: &mut Shutdown) -> SessionEnd {
        self.watch_connection();
        self.apply_orders();
        let mut ticks = self.ticks();
        self.election.connected();
        let mut leaving = false;
        let end = loop {
            self.turned(shutdown.stop().is_some());
            self.act();
            self.reap_tasks();
            if ticks.period() != self.interval() {
                // The last beat at the old interval announces the new one.
                self.tick();
                ticks = self.ticks();
                ticks.reset();
            }
            if let Some(end) = self.over {
                break end;
            }
            let mut stays_until = None;
            if let Some(stop) = shutdown.stop() {
                if self.connected && self.is_settled() {
                    stays_until = self.stays_until();
                    if stays_until.is_none() {
                        self.leave(stop.ending, shutdown).await;
                        leaving = true;
                        break SessionEnd::Left;
                    }
                }
                if !self.connected && self.is_hopeless() {
                    break SessionEnd::Left;
                }
            }
            let look = stays_until.unwrap_or(self.reconnect_deadline);
            tokio::select! {
                biased;
                cut = shutdown.next() => if cut == ShutdownStage::Deadline {
                    self.context.complain(NO_ANSWER);
                    break SessionEnd::Left;
                },
                done = finished(self.under_way.as_mut()), if !self.may_wait_for_tick(shutdown) => self.done(done),
                done = finished(self.beside.as_mut().map(|(beat, _)| beat)) => self.beaten(done),
                // Before the inbox, which may never be empty: the member's own beat comes first.
                _ = ticks.tick(), if self.beats() => self.tick(),
                event = DirectListener::next(self.context.listener.as_mut()) => self.peer_event(event),
                Some(event) = self.inbox.recv() => self.happened(event),
                () = sleep_until(look), if stays_until.is_some() => {},
                () = sleep_until(self.reconnect_deadline), if !self.connected => {
                    self.over = Some(SessionEnd::Lost);
                },
            }
        };
        self.leave_connection(shutdown);
        self.end_tasks().await;
        self.role = SessionRole::None;
        self.master_connection = None;
        self.context.end_lease();
        // A disconnected member has no server to close the session with.
        if self.connected && !self.session.close(shutdown.remaining()).await && leaving {
            self.context.complain(NO_ANSWER);
        }
        end
    }

    fn reap_tasks(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        while self.storing.try_join_next().is_some() {}
    }

    async fn end_tasks(&mut self) {
        self.tasks.shutdown().await;
        self.storing.shutdown().await;
        // The write under way keeps the session open.
        drop(self.under_way.take());
        drop(self.beside.take());
    }

    /// Carries out the election's requests.
    fn act(&mut self) {
        while let Some(action) = self.election.poll_action() {
            match action {
                ElectionAction::Follow => self.follow(),
                ElectionAction::Lead(elected) => self.lead(elected),
                ElectionAction::StepDown => self.step_down(),
                request => {
                    if let (ElectionAction::Create { .. }, Some(listener)) =
                        (&request, &mut self.context.listener)
                    {
                        listener.draw_key();
                    }
                    let listens = self.watch_predecessor(&request);
                    let task = self.tasks.spawn(candidate::carry_out(
                        self.session.clone(),
                        request,
                        self.election.prefix().to_owned(),
                        self.claim_value(),
                        self.context.wants_deaths(),
                        self.outside.clone(),
                    ));
                    if listens && let Some(earlier) = self.listening.replace(task) {
                        earlier.abort();
                    }
                }
            }
        }
    }

    /// The value of a claim before its owner is master: its name.
    fn claim_value(&self) -> String {
        self.context.claim_value("")
    }

    /// Starts to watch the control znode: a lost connection ends an earlier watch.
    fn apply_orders(&mut self) {
        let obeying = control_watch::watch_control(self.session.clone(), self.outside.clone());
        if let Some(earlier) = self.obeying.replace(self.tasks.spawn(obeying)) {
            earlier.abort();
        }
    }

    /// Reports connection changes by the inbox: checking the connection in the loop would cost as much as a
    /// beat.
    fn watch_connection(&mut self) {
        let (mut connection, outside) = (self.session.watch(), self.outside.clone());
        self.tasks.spawn(async move {
            loop {
                let state = connection.changed().await;
                if outside.send(SessionEvent::Connection(state)).await.is_err() {
                    return;
                }
            }
        });
    }

    fn disconnected(&mut self) {
        if let (true, Some(bytes)) = (self.connected, self.heavy.take()) {
            self.context.doubt_size(bytes);
        }
        if self.connected {
            self.reconnect_deadline = Instant::now() + RECONNECT_TIMEOUT;
        }
        self.connected = false;
        // After an outage, others may be back later.
        self.end_predecessor_watch();
        self.election.disconnected();
        self.outlook = ReconnectOutlook::Unknown;
        self.diagnose(false);
    }

    /// Starts a diagnosis of the servers. `leaving`: the result decides whether a leaving member waits.
    fn diagnose(&mut self, leaving: bool) {
        let settings = &self.context.config.settings;
        let diagnosing = self.context.environment.servers().diagnose(settings);
        let outside = self.outside.clone();
        self.tasks.spawn(async move {
            let diagnosis = diagnosing.await;
            // The runner may have ended in the meantime.
            let _ = outside
                .send(SessionEvent::Diagnosed { diagnosis, leaving })
                .await;
        });
    }

    fn happened(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Answered(answer) => self.answered(answer),
            SessionEvent::FollowerEvent(epoch, noticed) => self.noticed(epoch, noticed),
            SessionEvent::Connection(Connection::Connected) => {
                self.connected = true;
                self.back = Some(self.context.environment.now().elapsed);
                self.election.connected();
                self.apply_orders();
            }
            SessionEvent::Connection(Connection::Disconnected) => self.disconnected(),
            SessionEvent::Connection(Connection::Ended) => {
                self.connected = false;
                self.over = Some(SessionEnd::Lost);
            }
            SessionEvent::Control(control, endpoint) => {
                self.connect_to_master(control.claim.as_deref(), endpoint);
                self.control_received(&control);
            }
            SessionEvent::MasterConnection(claim, event) => {
                self.master_connection_event(&claim, event);
            }
            SessionEvent::Probed(epoch, number, outcome) => self.probed(epoch, number, outcome),
            SessionEvent::HolderProbed(claim, outcome) => self.holder_probed(&claim, outcome),
            SessionEvent::PassedOver(path, why) => self.context.note(&path, &why),
            SessionEvent::Failed(failure) => self.failed(&failure),
            SessionEvent::Diagnosed { diagnosis, leaving } => {
                if !self.connected {
                    self.context.complain(&diagnosis.to_string());
                }
                if leaving && self.outlook == ReconnectOutlook::Asked {
                    let settled = diagnosis.is_settled();
                    self.outlook = if settled {
                        ReconnectOutlook::None
                    } else {
                        ReconnectOutlook::Some
                    };
                }
            }
        }
    }

    fn noticed(&mut self, epoch: i64, noticed: FollowerEvent) {
        let now = self.context.environment.now();
        let SessionRole::Master(master) = &mut self.role else {
            // An event that was on its way when the master stepped down.
            return;
        };
        if master.master_state.epoch() != epoch {
            return;
        }
        master.noticed(now, noticed, &mut self.tasks);
        self.note_passed_over();
        self.probe();
        self.send_if_pressed();
    }

    /// Reports the znodes that the master has skipped.
    fn note_passed_over(&mut self) {
        if let SessionRole::Master(master) = &mut self.role {
            for (name, why) in master.master_state.take_passed_over() {
                self.context.note(&self.session.paths().member(&name), &why);
            }
        }
    }
}

/// The outcome of the write under way; pending if there is none.
async fn finished(under_way: Option<&mut WriteFuture>) -> Done {
    match under_way {
        Some(write) => write.await,
        None => pending().await,
    }
}
