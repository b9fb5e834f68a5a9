//! The agent of a node: registers, sends heartbeats, and keeps the node's files as the server prescribes.

use std::collections::BTreeSet;
use std::future::pending;
use std::net::IpAddr;
use std::time::Duration;

use humantime::format_duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::PROGRAM;
use super::credentials::Credentials;
use super::fields::{HostName, PublicKey};
use super::host_key::HostKeySource;
use super::key::OwnKey;
use super::link::{Broken, Link, reconnect_backoff};
use super::managed_files::ManagedFiles;
use super::message::{Entries, NodeRole, ReplyHeader, ServerStatus};
use super::options::Servers;
use super::own_registration::registration;
use super::rejection::quoted;
use super::ssh_agent::SshAgentError;
use super::tls::watch_end;
use super::writer::{Outcome, Writer, log_written};
use heartline_core::backoff::Backoff;
use heartline_process::off_thread::off_thread;
use heartline_process::say::say;
use heartline_process::service::{self, Watchdog};

/// The interval between checks for a changed address of this machine.
const LOOK: Duration = Duration::from_millis(250);
/// The agent gives a server up after this many intervals without an answer, but not before the time below.
const UNANSWERED: u32 = 3;
const UNANSWERED_AT_LEAST: Duration = Duration::from_secs(2);
/// The time one server has to answer the hello: another one may be the active server.
const CONNECT: Duration = Duration::from_secs(2);
/// The time agents may need to find the active server: to notice that the last one hangs, to try another one that hangs
/// too, and to sit out the longest pause; plus a margin of one more pause.
pub(super) const RETURN: Duration = Duration::from_secs(10);
/// The interval between checks of the files while the server sends nothing new.
const MEND: Duration = Duration::from_secs(10);
/// The pause after another agent took over the node's name: without it both would take the name from each other
/// forever.
const REST: Duration = Duration::from_secs(30);
/// The number of complaints that are remembered, whatever the servers answer.
const MOST_COMPLAINTS: usize = 64;

/// The configuration of an agent.
#[derive(Clone, Debug)]
pub(super) struct AgentConfig {
    pub(super) servers: Servers,
    pub(super) credentials: Credentials,
    pub(super) role: NodeRole,
    pub(super) name: HostName,
    /// The address to announce to the other nodes; if `None`, the one towards the server.
    pub(super) ip: Option<IpAddr>,
    pub(super) key: OwnKey,
    /// What the other nodes know this machine's `sshd` by.
    pub(super) host_key: HostKeySource,
    pub(super) interval: Duration,
    pub(super) place: ManagedFiles,
}

/// How a session ended.
enum AgentEnd {
    /// The agent received a signal to stop.
    Stopped,
    /// The node has left.
    Left,
    /// The server rejected the node, for this reason.
    Refused(String),
    /// Another agent speaks for the node.
    Replaced(String),
    /// The `ssh-agent` did not sign the registration.
    Unsigned(SshAgentError),
    /// The connection failed, for this reason; the agent tries again.
    Lost(String),
}

impl From<Broken> for AgentEnd {
    fn from(why: Broken) -> Self {
        Self::Lost(why.to_string())
    }
}

impl From<std::io::Error> for AgentEnd {
    fn from(why: std::io::Error) -> Self {
        Self::Lost(why.to_string())
    }
}

/// The state that outlives a session.
struct Agent {
    plan: AgentConfig,
    files: Writer,
    /// Whether the files hold the wanted entries, as far as the agent knows.
    is_well: bool,
    /// The complaints since the last registration, so that each is logged once.
    complained: BTreeSet<String>,
    /// Counts the tries; selects the server to try.
    turn: usize,
    standing: Option<String>,
    backoff: Backoff,
    /// Fed by the loop of a session, and between two sessions.
    watchdog: Watchdog,
}

/// Runs until it receives a signal to stop.
pub(super) async fn run(plan: AgentConfig) -> anyhow::Result<()> {
    let files = plan.credentials.tls.clone();
    let watch = async {
        match &files {
            Some(files) => watch_end(files).await,
            None => pending().await,
        }
    };
    tokio::select! {
        ended = live(plan) => ended,
        () = watch => Ok(()),
    }
}

async fn live(plan: AgentConfig) -> anyhow::Result<()> {
    let mut stop = AgentStop {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    let mut agent = Agent::new(plan);
    loop {
        agent.watchdog.feed();
        let end = tokio::select! {
            end = agent.session() => end,
            () = stop.asked() => AgentEnd::Stopped,
        };
        match end {
            AgentEnd::Stopped => return Ok(()),
            AgentEnd::Left => {
                log_written(&agent.files.clear().await?);
                say(PROGRAM, format_args!("{} has left", agent.plan.name));
                return Ok(());
            }
            AgentEnd::Replaced(why) => {
                agent.complain(format!(
                    "{why}; end one of them; trying again in {}",
                    format_duration(REST)
                ));
                tokio::select! {
                    () = agent.watchdog.while_waiting(sleep(REST)) => continue,
                    () = stop.asked() => return Ok(()),
                }
            }
            AgentEnd::Refused(why) => {
                agent.complain(format!("{} is refused: {why}", agent.plan.name));
            }
            AgentEnd::Unsigned(why) => {
                agent.complain(format!("this node's key cannot sign: {why}; trying again"));
            }
            AgentEnd::Lost(why) => {
                let server = agent.server();
                agent.complain(format!("server {server}: {why}; trying again"));
            }
        }
        agent.standing = None;
        service::status("waits for a control server");
        agent.turn += 1;
        // The agent tries all servers before it waits.
        if !agent.turn.is_multiple_of(agent.plan.servers.count()) {
            continue;
        }
        let wait = agent.backoff.next_wait();
        tokio::select! {
            () = agent.watchdog.while_waiting(sleep(wait)) => {}
            () = stop.asked() => return Ok(()),
        }
    }
}

struct AgentStop {
    terminate: Signal,
    interrupt: Signal,
}

impl AgentStop {
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        service::stopping();
        service::last_word();
    }
}

impl Agent {
    fn new(plan: AgentConfig) -> Self {
        Self {
            files: Writer::new(plan.place.clone()),
            plan,
            is_well: true,
            complained: BTreeSet::new(),
            turn: 0,
            standing: None,
            backoff: reconnect_backoff(),
            watchdog: Watchdog::start(),
        }
    }

    fn server(&self) -> &str {
        self.plan.servers.at(self.turn)
    }

    /// Runs one session, from connecting to the end of the connection.
    async fn session(&mut self) -> AgentEnd {
        match self.run_session().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn run_session(&mut self) -> Result<std::convert::Infallible, AgentEnd> {
        let mut link = Link::connect_within(CONNECT, self.server(), &self.plan.credentials).await?;
        let host_key = self.host_key().await;
        let registration = registration(&self.plan, &link, host_key).await;
        let mut registration =
            registration.map_err(|why| match why.downcast::<SshAgentError>() {
                Ok(why) => AgentEnd::Unsigned(why),
                Err(why) => AgentEnd::Refused(why.to_string()),
            })?;
        link.send_message(&registration.raw()).await?;
        let mut beats = every(self.plan.interval);
        let mut looks = every(LOOK.min(self.plan.interval));
        let mut mends = every(MEND);
        let wait_limit = UNANSWERED_AT_LEAST.max(self.plan.interval * UNANSWERED);
        let mut answered = Instant::now();
        let mut is_known = false;
        loop {
            tokio::select! {
                biased;
                message = link.next() => {
                    let message = message?;
                    answered = Instant::now();
                    self.take(&mut link, &message, &mut is_known).await?;
                }
                _ = looks.tick() => {
                    self.watchdog.feed();
                    if answered.elapsed() > wait_limit {
                        return Err(AgentEnd::Lost(format!("no answer for {wait_limit:?}")));
                    }
                    if self.plan.ip.is_none() && link.has_moved() {
                        self.backoff.reset();
                        return Err(AgentEnd::Lost("this machine's address has changed".to_owned()));
                    }
                }
                _ = beats.tick(), if is_known => {
                    registration.is_well = self.is_well;
                    link.send_message(&registration.heartbeat()).await?;
                }
                _ = mends.tick() => self.files.look(),
                outcome = self.files.done() => self.written(outcome),
            }
        }
    }

    /// The key of this machine's `sshd` as it is now: that of a new container is made when it starts.
    async fn host_key(&mut self) -> Option<PublicKey> {
        let source = self.plan.host_key.clone();
        let read = off_thread(move || source.read()).await?;
        read.unwrap_or_else(|why| {
            self.complain(format!("{why}; the other nodes do not get it"));
            None
        })
    }

    async fn take(
        &mut self,
        link: &mut Link,
        message: &[u8],
        is_known: &mut bool,
    ) -> Result<(), AgentEnd> {
        // Nearly every long message is a status, so it is parsed once, as a status.
        if let Ok(status) = serde_json::from_slice::<ServerStatus>(message) {
            return self.apply(link, &status).await;
        }
        let Ok(glance) = serde_json::from_slice::<ReplyHeader>(message) else {
            let said = quoted(&String::from_utf8_lossy(message));
            return Err(AgentEnd::Lost(format!("unexpected message: {said}")));
        };
        if let Some(why) = glance.turned_away() {
            return Err(AgentEnd::Lost(why));
        }
        match glance.kind.as_deref() {
            Some("ack") => {
                if glance.of.as_deref() == Some("register") {
                    self.backoff.reset();
                    self.complained.clear();
                    *is_known = true;
                }
                self.stand(glance.standing, None);
            }
            Some("refused") if glance.standing.is_some() => {
                self.backoff.reset();
                *is_known = true;
                let why = glance.why();
                self.stand(glance.standing, Some(why));
            }
            Some("refused") => return Err(AgentEnd::Refused(glance.why())),
            Some("left") => return Err(AgentEnd::Left),
            Some("replaced") => return Err(AgentEnd::Replaced(glance.why())),
            None | Some("update") => {
                return Err(AgentEnd::Lost(
                    "the server sent a status that cannot be read".to_owned(),
                ));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Applies the status or an update of it.
    async fn apply(&mut self, link: &mut Link, status: &ServerStatus<'_>) -> Result<(), AgentEnd> {
        let teller = link.peer()?;
        let entries = status.entries(teller.is_loopback());
        let mut entries = entries
            .map_err(|why| AgentEnd::Lost(format!("the server sent an invalid entry: {why}")))?;
        for (ip, name) in self.plan.servers.take_out(&mut entries, teller) {
            self.complain(format!(
                "the node at {ip} has the name of this agent's server, {name}; the hosts file does not get its entry"
            ));
        }
        self.log_changes(&entries);
        self.files.want(entries);
        link.send_message(&status.confirmation()).await?;
        Ok(())
    }

    /// Records and logs what this node is according to the server.
    fn stand(&mut self, standing: Option<String>, why: Option<String>) {
        let Some(standing) = standing else { return };
        if self.standing.as_ref() != Some(&standing) {
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            say(
                PROGRAM,
                format_args!(
                    "{} is {} now{why}",
                    self.plan.name,
                    quoted(&standing).trim_matches('\'')
                ),
            );
            service::ready(&format!(
                "registered as {}",
                quoted(&standing).trim_matches('\'')
            ));
            self.standing = Some(standing);
        }
    }

    /// Logs which nodes died and which returned.
    fn log_changes(&self, entries: &Entries) {
        let before = self.files.wanted().map(|entries| &entries.dead);
        let none = BTreeSet::new();
        let before = before.unwrap_or(&none);
        for name in entries.dead.difference(before) {
            say(PROGRAM, format_args!("{name} is dead"));
        }
        let known = |name: &HostName| entries.keys.iter().any(|(of, _)| of == name);
        for name in before.difference(&entries.dead).filter(|name| known(name)) {
            say(PROGRAM, format_args!("{name} lives again"));
        }
    }

    /// Handles the outcome of a write. If the files cannot be written, the node reports itself as not working.
    fn written(&mut self, outcome: Outcome) {
        self.is_well = outcome.is_ok();
        match outcome {
            Ok(written) => log_written(&written),
            Err(why) => self.complain(format!("{why:#}")),
        }
    }

    fn complain(&mut self, what: String) {
        if self.complained.len() == MOST_COMPLAINTS {
            self.complained.clear();
        }
        if !self.complained.contains(&what) {
            say(PROGRAM, &what);
            self.complained.insert(what);
        }
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
