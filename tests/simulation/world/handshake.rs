//! How a process meets what is at an address: a handshake, or a probe.

use std::net::SocketAddr;

use heartline::transport::{Endpoint, PeerEvent, PeerIdentity};
use tokio::sync::oneshot;

use super::Inner;
use super::direct::{DirectConnection, Reach};

/// What comes of an attempt to connect.
pub(super) enum Knock {
    Opened {
        connection: u64,
        is_direct: bool,
        end: oneshot::Receiver<()>,
    },
    Refused,
    Untrusted,
    /// No answer so far.
    Wait,
}

/// What there is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Refused,
    /// The kernel accepts, and the process says something if it runs.
    Accepted {
        answers: bool,
    },
    Nothing,
}

impl Inner {
    fn listener_at(&self, address: SocketAddr) -> Option<usize> {
        let listeners = self.direct.listeners.iter();
        let mut found = listeners.enumerate().rev();
        found
            .find(|(_, listener)| listener.address == address)
            .map(|(number, _)| number)
    }

    /// What `process` meets at an address.
    pub(super) fn look_at(&self, process: usize, address: SocketAddr) -> Sight {
        let Some(listener) = self.listener_at(address) else {
            return Sight::Refused;
        };
        let listener = &self.direct.listeners[listener];
        let host = &self.processes[listener.process];
        if self.is_parted(process, listener.process) {
            Sight::Nothing
        } else if host.reach == Reach::Firewall
            || (!listener.is_open && self.now() >= listener.refuses_at)
        {
            Sight::Refused
        } else {
            let answers = listener.is_open && !host.paused;
            Sight::Accepted { answers }
        }
    }

    /// A client's handshake has come to the server, if it can.
    pub(super) fn knock(
        &mut self,
        client: usize,
        endpoint: &Endpoint,
        claim: &str,
        peer: &PeerIdentity,
    ) -> Knock {
        match self.look_at(client, endpoint.address) {
            Sight::Refused => return Knock::Refused,
            Sight::Accepted { answers: true } => {}
            Sight::Accepted { .. } | Sight::Nothing => return Knock::Wait,
        }
        let Some(number) = self.listener_at(endpoint.address) else {
            return Knock::Refused;
        };
        let listener = &self.direct.listeners[number];
        let Some((held, key)) = &listener.held else {
            return Knock::Wait;
        };
        if held != claim || *key != endpoint.key {
            return Knock::Untrusted;
        }
        let server = listener.process;
        let is_proxied = |process: usize| self.processes[process].reach == Reach::Proxy;
        let is_direct = !is_proxied(client) && !is_proxied(server);
        let own = self.direct.listeners.iter();
        let own = own.rev().find(|listener| listener.process == client);
        let address = own.filter(|_| is_direct).map(|own| own.address);
        let address = address.filter(|address| address.port() == peer.port);
        let (ended, end) = oneshot::channel();
        let link = DirectConnection::new(client, number, self.now(), ended);
        let relay = self.relay_for(client, number);
        if let Some(relay) = relay.filter(|_| is_direct)
            && let Some(connection) = self.join_relay(link, relay, (peer, address))
        {
            self.trace(|| format!("process {client} goes by {relay}: {connection}"));
            return Knock::Opened {
                connection,
                is_direct,
                end,
            };
        }
        let (ended, end) = oneshot::channel();
        let link = DirectConnection::new(client, number, self.now(), ended);
        self.direct.connections.push(link);
        let connection = self.direct.connections.len() as u64 - 1;
        let peer = peer.clone();
        let opened = PeerEvent::Opened {
            connection,
            peer,
            address,
            relay: None,
        };
        self.tell(number, opened);
        self.trace(|| format!("process {client} is connected to {server}: {connection}"));
        Knock::Opened {
            connection,
            is_direct,
            end,
        }
    }
}
