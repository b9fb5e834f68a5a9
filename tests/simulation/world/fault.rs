//! What goes wrong, and what mends it.

use super::direct_fault::DirectFault;
use super::process::Health;
use super::{Event, Inner, Millis};
use crate::ensemble::request::Request;
use crate::history::{CLAIMS, MEMBERS, REQUESTS};
use heartline::coordination::client::Kind;

/// One thing that goes wrong or is mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No message passes between a process and a server; none is lost for that alone.
    Cut(usize, usize),
    /// All ways of a process are open again.
    Heal(usize),
    /// Messages of a process take up to this long; 0 for the usual time.
    Slow(usize, Millis),
    /// The connection of a process is reset: what is under way is lost, made or not.
    Reset(usize),
    /// SIGSTOP.
    Pause(usize),
    /// SIGCONT.
    Resume(usize),
    /// SIGKILL.
    Kill(usize),
    /// The host of a process is gone: nothing is closed, and nothing answers.
    Vanish(usize),
    /// Something about direct connections.
    Direct(DirectFault),
    /// The wall clock of a process is set.
    Jump(usize, i64),
    /// The leader takes the session of a process for expired.
    Expire(usize),
    /// A server is gone.
    Down(usize),
    /// It is back.
    Up(usize),
    /// A server is cut off from its peers, not from its clients.
    Isolate(usize),
    /// It has its peers again.
    Rejoin(usize),
    /// It has given up to wait for its peers: it closes its connections.
    GiveUp(usize),
    /// A server lags behind by up to this much more.
    Lag(usize, Millis),
    /// All servers are stopped (SIGSTOP).
    Stall,
    /// They go on (SIGCONT).
    GoOn,
    /// Somebody removes the claim that is first in line.
    Depose,
    /// Somebody makes znodes among the followers' and in the line that are none of a member's, with others below them.
    Clutter,
    /// Operators send this many requests at once.
    Requests(usize),
}

/// How long a connection must be open, and nothing wrong, until a crash is to be known by it at once.
const SETTLED: Millis = 500;

/// For how long a master that was away waits for its followers, and a little longer.
const GRACE: Millis = 2500;

impl Fault {
    /// The process that it is about; none if it is about the servers, or about all connections.
    fn process(&self) -> Option<usize> {
        match *self {
            Self::Cut(process, _)
            | Self::Heal(process)
            | Self::Slow(process, _)
            | Self::Reset(process)
            | Self::Pause(process)
            | Self::Resume(process)
            | Self::Kill(process)
            | Self::Vanish(process)
            | Self::Jump(process, _)
            | Self::Expire(process) => Some(process),
            Self::Direct(ref fault) => fault.process(),
            _ => None,
        }
    }
}

impl Inner {
    #[expect(clippy::too_many_lines, reason = "one arm for each fault")]
    pub(super) fn strike(&mut self, fault: &Fault) {
        self.trace(|| format!("{fault:?}"));
        let now = self.now();
        match fault.process() {
            // Its end is no trouble of its own: that is what the others are to notice.
            Some(_) if matches!(fault, Fault::Kill(_) | Fault::Vanish(_)) => {}
            Some(process) => self.processes[process].struck = Some(now),
            None => self.struck = now,
        }
        match *fault {
            Fault::Cut(process, server) => {
                self.processes[process].cut.insert(server);
            }
            Fault::Heal(process) => {
                self.processes[process].cut.clear();
                self.processes[process].disturbed_until(now);
                self.release_held();
            }
            Fault::Slow(process, slow) => {
                self.processes[process].slow = slow;
                self.processes[process].disturbed_until(now);
            }
            Fault::Reset(process) => self.reset(process),
            Fault::Pause(process) => self.pause(process),
            Fault::Resume(process) => self.resume(process),
            Fault::Kill(process) => self.kill(process),
            Fault::Vanish(process) => self.vanish(process),
            Fault::Direct(ref fault) => self.strike_direct(fault),
            Fault::Jump(process, by) => self.processes[process].skew += by,
            // Of a process that is gone, the leader waits for the whole timeout.
            Fault::Expire(process) if self.processes[process].dead => {}
            Fault::Expire(process) => {
                if let Some(session) = self.sessions_of(process).last() {
                    self.expire(*session);
                }
            }
            Fault::Down(server) => {
                self.servers[server].down = true;
                self.close_all(server);
            }
            Fault::Up(server) => {
                if self.servers.iter().all(|server| server.down) {
                    // A new leader gives each session its whole timeout again.
                    for state in self.sessions.values_mut() {
                        state.heard = now;
                    }
                }
                self.servers[server].down = false;
                self.rejoin(server);
            }
            Fault::Isolate(server) => {
                self.servers[server].isolated = true;
                self.disturb_clients_of(server);
            }
            Fault::Rejoin(server) => {
                self.servers[server].isolated = false;
                self.disturb_clients_of(server);
                self.rejoin(server);
                self.release_held();
            }
            Fault::GiveUp(server) => {
                if self.servers[server].isolated {
                    self.close_all(server);
                }
            }
            Fault::Lag(server, slow) => {
                self.servers[server].slow = slow;
                self.disturb_clients_of(server);
            }
            Fault::Stall => self.stalled = true,
            Fault::GoOn => self.go_on(),
            Fault::Depose => self.depose(),
            Fault::Clutter => self.clutter(),
            Fault::Requests(count) => self.requests(count),
        }
    }

    fn reset(&mut self, process: usize) {
        let now = self.now();
        for peer in 0..self.peers.len() {
            let Some(connection) = self.connection_of_peer(peer, process) else {
                continue;
            };
            // What has not come so far by then is lost.
            let longest = self.weather.delay;
            let until = now + self.rng.within(0..longest + 1);
            self.drop_connection(peer);
            self.connections[connection].up.until = until;
            self.forget(connection);
        }
    }

    fn pause(&mut self, process: usize) {
        let now = self.now();
        let process = &mut self.processes[process];
        if !process.paused && !process.dead {
            process.paused = true;
            process.paused_at = now;
        }
    }

    fn resume(&mut self, process: usize) {
        let now = self.now();
        if !self.processes[process].paused {
            return;
        }
        self.processes[process].disturbed_until(now);
        self.processes[process].wake(now);
        // A client that looks at its clock first does not read what has come meanwhile.
        if self.rng.chance(300) {
            for peer in 0..self.peers.len() {
                if self.connection_of_peer(peer, process).is_some() {
                    self.look_at_clock(peer);
                }
            }
        }
        self.release_held();
        for peer in 0..self.peers.len() {
            self.flush(peer);
        }
    }

    /// Ends a process without a word. Returns whether it had not ended before.
    fn end_process(&mut self, process: usize, is_known: bool) -> bool {
        let now = self.now();
        let one = &mut self.processes[process];
        if std::mem::replace(&mut one.dead, true) {
            return false;
        }
        if let Some(task) = one.task.take() {
            task.abort();
        }
        self.history.killed(now, process, is_known);
        true
    }

    fn vanish(&mut self, process: usize) {
        if self.end_process(process, false) {
            self.processes[process].vanished = true;
        }
    }

    pub(crate) fn kill(&mut self, process: usize) {
        let is_known = self.is_crash_known(process);
        if !self.end_process(process, is_known) {
            return;
        }
        self.close_direct(process);
        for peer in 0..self.peers.len() {
            if self.connection_of_peer(peer, process).is_some() {
                self.hang_up(peer);
            }
        }
    }

    /// Whether the end of a process is known to the master at once, by its direct connection.
    fn is_crash_known(&self, process: usize) -> bool {
        let first = self.history.first_in_line();
        let Some(master) = first.and_then(|session| self.history.process(session)) else {
            return false;
        };
        let now = self.now();
        let before = now.saturating_sub(SETTLED);
        let healths = self.healths();
        let is_calm =
            |process: usize| healths[process].calm_since.max(healths[process].well_since) <= before;
        is_calm(process)
            && is_calm(master)
            && healths[master].well_since + GRACE <= now
            && self.is_known_to(process, master, before)
    }

    fn close_all(&mut self, server: usize) {
        for connection in 0..self.connections.len() {
            if self.connections[connection].server == server {
                self.close(connection);
            }
        }
    }

    /// A fault of a server delays its clients too.
    fn disturb_clients_of(&mut self, server: usize) {
        let until = self.now().max(self.servers[server].applies_at);
        for link in &self.connections {
            if link.server == server && !link.closed {
                self.processes[link.process].disturbed_until(until);
            }
        }
    }

    /// How each process fares.
    pub(super) fn healths(&self) -> Vec<Health> {
        let now = self.now();
        let mut healths: Vec<Health> = self.processes.iter().map(|one| one.health(now)).collect();
        for link in self.connections.iter().filter(|link| !link.closed) {
            let server = &self.servers[link.server];
            if server.isolated || server.slow > 0 {
                healths[link.process].well_since = now + 1;
            }
        }
        let is_troubled =
            |server: &super::ServerState| server.down || server.isolated || server.slow > 0;
        let is_troubled = self.stalled || self.servers.iter().any(is_troubled);
        let struck = if is_troubled { now + 1 } else { self.struck };
        for health in &mut healths {
            health.calm_since = health.calm_since.max(struck);
        }
        healths
    }

    /// Whether a server would accept a connection of this process.
    pub(super) fn is_reachable(&self, process: usize) -> bool {
        let cut = &self.processes[process].cut;
        let mut servers = self.servers.iter().enumerate();
        servers.any(|(number, server)| !server.down && !cut.contains(&number))
    }

    fn rejoin(&mut self, server: usize) {
        let (now, decided) = (self.now(), self.ensemble.decided());
        self.servers[server].applies_at = now;
        self.schedule(now, Event::Apply(server, decided));
    }

    fn go_on(&mut self) {
        self.stalled = false;
        let late: Vec<i64> = self.sessions.keys().copied().collect();
        // Either the sessions are looked at first, or what they have sent meanwhile.
        if self.rng.chance(500) {
            for session in late {
                self.watchdog(session);
            }
        }
        self.catch_up();
    }

    fn clutter(&mut self) {
        let claims = [
            format!("{CLAIMS}_c_x-lock-0000000000"),
            format!("{CLAIMS}notes-2024"),
        ];
        let members = [format!("{MEMBERS}junk"), format!("{MEMBERS}map 1.5")];
        for path in claims.into_iter().chain(members) {
            for path in [path.clone(), format!("{path}/child")] {
                self.operate(&Request::Create {
                    path,
                    value: b"somebody\nalive at 1.5!\nclaim: a/../b\n".to_vec(),
                    kind: Kind::Persistent,
                });
            }
        }
    }

    fn requests(&mut self, count: usize) {
        for number in 0..count {
            self.operate(&Request::Create {
                path: format!("{REQUESTS}request-{number}"),
                value: format!("kill nobody{number}").into_bytes(),
                kind: Kind::Ephemeral,
            });
        }
    }

    /// As an operator does, or a member that takes the master for dead.
    fn depose(&mut self) {
        let Some(claim) = self.history.first_claim() else {
            return;
        };
        self.trace(|| format!("{claim} is removed"));
        self.operate(&Request::Delete {
            path: claim,
            version: None,
        });
    }

    /// Makes an operator's request, which may find that it was made already.
    fn operate(&mut self, request: &Request) {
        let operator = *self.operator.get_or_insert_with(|| self.ensemble.open());
        self.decided();
        let at = self.wall();
        let _ = self.ensemble.write(operator, request, at);
        self.decided();
    }
}
