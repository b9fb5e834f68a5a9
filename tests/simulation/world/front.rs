//! The servers' side: what arrives is decided or looked up, answered in order, and sessions end.

use super::link::{Answering, Down, Owed, Up};
use super::{Event, Inner, Millis, SessionState};
use crate::ensemble::request::Request;

impl Inner {
    /// A server takes a message.
    pub(super) fn serve(&mut self, connection: usize, message: Up) {
        let link = &self.connections[connection];
        let server = link.server;
        if link.closed {
            return;
        }
        if self.servers[server].down {
            self.close(connection);
            return;
        }
        if matches!(message, Up::Gone) {
            self.forget(connection);
            return;
        }
        match message {
            Up::Connect {
                session: None,
                timeout,
                ..
            } => self.begin_session(connection, timeout),
            Up::Connect {
                session: Some(session),
                seen,
                watches,
                ..
            } => {
                if seen > self.ensemble.server(server).zxid() {
                    // It has seen more than this server knows: it has to try another one.
                    self.close(connection);
                } else if self.ensemble.stands(session) {
                    self.attach(connection, session);
                    let zxid = self.ensemble.server(server).zxid();
                    self.send_down(connection, Down::Connected { session, zxid });
                    let missed = self
                        .ensemble
                        .server(server)
                        .take_over(session, seen, &watches);
                    for notice in missed {
                        self.send_down(connection, Down::Notice(notice));
                    }
                } else {
                    self.send_down(connection, Down::Expired);
                    self.close(connection);
                }
            }
            Up::Ping => {
                self.touch(connection);
                self.send_down(connection, Down::Pong);
            }
            Up::Ask(request) => self.ask_server(connection, request),
            Up::Gone => {}
        }
    }

    fn begin_session(&mut self, connection: usize, timeout: Millis) {
        let process = self.connections[connection].process;
        let session = self.ensemble.open();
        let state = SessionState {
            timeout,
            heard: self.now(),
            connection: Some(connection),
            process,
        };
        self.sessions.insert(session, state);
        self.history.belongs(session, process);
        self.connections[connection].session = Some(session);
        let applied = self.ensemble.decided();
        let what = Answering::Session(session);
        self.connections[connection]
            .owed
            .push_back(Owed { applied, what });
        self.schedule(self.now() + timeout + 1, Event::Watchdog(session));
        self.decided();
    }

    /// A session goes on by this connection; the one before, if it is open still, is closed.
    fn attach(&mut self, connection: usize, session: i64) {
        let Some(state) = self.sessions.get_mut(&session) else {
            return;
        };
        let before = state.connection.replace(connection);
        self.connections[connection].session = Some(session);
        if let Some(before) = before.filter(|before| *before != connection) {
            self.close(before);
        }
        self.touch(connection);
    }

    /// The leader hears of a session, unless the server cannot tell it.
    fn touch(&mut self, connection: usize) {
        let now = self.now();
        let link = &self.connections[connection];
        if self.servers[link.server].isolated {
            return;
        }
        if let Some(state) = link
            .session
            .and_then(|session| self.sessions.get_mut(&session))
        {
            state.heard = now;
        }
    }

    fn ask_server(&mut self, connection: usize, request: Request) {
        let Some(session) = self.connections[connection].session else {
            return;
        };
        if !self.ensemble.stands(session) {
            self.send_down(connection, Down::Expired);
            self.close(connection);
            return;
        }
        self.touch(connection);
        let applied = self.ensemble.server(self.connections[connection].server);
        let applied = applied.applied();
        let owed = if request.is_write() {
            let at = self.wall();
            let outcome = self.ensemble.write(session, &request, at);
            let applied = self.ensemble.decided();
            let what = Answering::Outcome(outcome);
            Owed { applied, what }
        } else {
            let applied = match request {
                Request::Sync => self.ensemble.decided(),
                _ => applied,
            };
            let what = Answering::Read(request);
            Owed { applied, what }
        };
        self.connections[connection].owed.push_back(owed);
        self.decided();
        self.answer(connection);
    }

    /// Something may have been decided: the history is told, and the servers are.
    pub(super) fn decided(&mut self) {
        let now = self.now();
        let decided = self.ensemble.decided();
        if self.history.has_seen(decided) {
            return;
        }
        if let Some(transaction) = self.ensemble.last().cloned() {
            let healths = self.healths();
            self.history.observe(now, decided, &transaction, &healths);
        }
        for server in 0..self.servers.len() {
            let longest = if server == 0 { 0 } else { self.weather.lag };
            let longest = longest.max(self.servers[server].slow);
            let at = now + self.rng.within(0..longest + 1);
            let state = &mut self.servers[server];
            state.applies_at = state.applies_at.max(at);
            let at = state.applies_at;
            if at == now {
                self.apply(server, decided);
            } else {
                self.schedule(at, Event::Apply(server, decided));
            }
        }
    }

    /// A server learns what was decided; tells its clients, and answers who waited for it.
    pub(super) fn apply(&mut self, server: usize, decided: usize) {
        if self.servers[server].isolated || self.servers[server].down {
            return;
        }
        let notices = self.ensemble.catch_up(server, decided);
        for (session, notice) in notices {
            if let Some(connection) = self.connection_of(session, server) {
                self.send_down(connection, Down::Notice(notice));
            }
        }
        for connection in 0..self.connections.len() {
            if self.connections[connection].server == server {
                self.answer(connection);
            }
        }
    }

    fn connection_of(&self, session: i64, server: usize) -> Option<usize> {
        let connection = self.sessions.get(&session)?.connection?;
        let link = &self.connections[connection];
        (link.server == server && !link.closed).then_some(connection)
    }

    /// Gives the answers that are owed, as far as the server knows enough, in order.
    fn answer(&mut self, connection: usize) {
        loop {
            let link = &mut self.connections[connection];
            let server = self.ensemble.server(link.server);
            let (applied, zxid) = (server.applied(), server.zxid());
            if link.closed || link.owed.front().is_none_or(|owed| owed.applied > applied) {
                return;
            }
            let (Some(owed), Some(session)) = (link.owed.pop_front(), link.session) else {
                return;
            };
            let ends = !self.ensemble.stands(session);
            let message = match owed.what {
                Answering::Session(session) => Down::Connected { session, zxid },
                Answering::Outcome(outcome) => Down::Answer(zxid, outcome),
                Answering::Read(request) => {
                    let server = self.connections[connection].server;
                    let outcome = self.ensemble.server(server).read(session, &request);
                    Down::Answer(zxid, outcome)
                }
            };
            self.send_down(connection, message);
            if ends && self.connections[connection].owed.is_empty() {
                self.close(connection);
            }
        }
    }

    /// A server closes a connection.
    pub(super) fn close(&mut self, connection: usize) {
        if !self.connections[connection].closed {
            self.send_down(connection, Down::Gone);
            self.forget(connection);
        }
    }

    /// A server is done with a connection; the session lives on.
    pub(super) fn forget(&mut self, connection: usize) {
        let link = &mut self.connections[connection];
        link.closed = true;
        link.owed.clear();
        link.up.held.clear();
        let (server, session) = (link.server, link.session);
        let Some(session) = session else { return };
        if let Some(state) = self.sessions.get_mut(&session)
            && state.connection == Some(connection)
        {
            state.connection = None;
            self.ensemble.server(server).forget(session);
        }
    }

    /// The leader looks whether a session was silent for too long.
    pub(super) fn watchdog(&mut self, session: i64) {
        let now = self.now();
        let Some(state) = self.sessions.get(&session) else {
            return;
        };
        let due = state.heard + state.timeout + 1;
        if !self.ensemble.stands(session) {
            return;
        }
        if self.stalled {
            // Nobody is there to look; it is made up for when the servers go on.
            self.schedule(now + 10, Event::Watchdog(session));
        } else if now >= due {
            self.expire(session);
        } else {
            self.schedule(due, Event::Watchdog(session));
        }
    }

    /// Ends a session, as its silence or an operator does.
    pub(super) fn expire(&mut self, session: i64) {
        let cleanup_delay = self.weather.cleanup_delay;
        self.trace(|| format!("session {session:x} expires"));
        self.ensemble.expire(session);
        let removed = self.now() + self.rng.within(0..cleanup_delay + 1);
        self.schedule(removed, Event::Remove(session));
        let connection = self.sessions.get(&session).and_then(|one| one.connection);
        if let Some(connection) = connection
            && !self.servers[self.connections[connection].server].isolated
        {
            self.close(connection);
        }
    }

    pub(super) fn remove(&mut self, session: i64) {
        if self.stalled {
            self.schedule(self.now() + 10, Event::Remove(session));
            return;
        }
        self.ensemble.remove(session);
        self.decided();
    }

    /// The sessions of a process that stand, newest last.
    pub(super) fn sessions_of(&self, process: usize) -> Vec<i64> {
        let sessions = self.sessions.iter();
        let own = sessions
            .filter(|(session, state)| state.process == process && self.ensemble.stands(**session));
        own.map(|(session, _)| *session).collect()
    }
}
