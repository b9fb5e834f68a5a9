//! The rules of direct connections, broken by a way to other members that lies.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use heartline::detect::ProbeOutcome;
use heartline::transport::{
    BeatConnection, ClaimKey, Deferred, DialError, Endpoint, Listening, PeerEvent, PeerIdentity,
    Transport,
};

use super::assert_noticed;
use crate::run::Scenario;
use crate::world::Millis;
use crate::world::direct_fault::DirectFault;
use crate::world::fault::Fault;
use crate::world::process::WrapTransport;

/// What it lies about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// A connection that has ended needs no probe to prove the end of its process.
    Confirmation,
    /// Every address was reached once.
    Reached,
    /// A goodbye is the end of a connection like any other.
    Goodbye,
    /// All claims of a process have one key.
    Key,
}

impl Lie {
    fn wrap(self) -> WrapTransport {
        Arc::new(move |transport| {
            Arc::new(Liar {
                transport,
                lie: self,
                probed: Mutex::default(),
            })
        })
    }
}

struct Liar {
    transport: Arc<dyn Transport>,
    lie: Lie,
    /// The addresses that were probed.
    probed: Mutex<Vec<SocketAddr>>,
}

impl Transport for Liar {
    fn listen(&self, address: SocketAddr) -> Deferred<io::Result<Box<dyn Listening>>> {
        let (listen, lie) = (self.transport.listen(address), self.lie);
        Box::pin(async move {
            let listening: Box<dyn Listening> = Box::new(LyingListener {
                listening: listen.await?,
                lie,
                key: None,
            });
            Ok(listening)
        })
    }

    fn dial(
        &self,
        endpoint: Endpoint,
        claim: String,
        peer: PeerIdentity,
    ) -> Deferred<Result<Box<dyn BeatConnection>, DialError>> {
        self.transport.dial(endpoint, claim, peer)
    }

    fn probe(&self, address: SocketAddr, must_answer: bool) -> Deferred<ProbeOutcome> {
        if self.lie == Lie::Confirmation && must_answer {
            return Box::pin(std::future::ready(ProbeOutcome::Refused));
        }
        let mut probed = self.probed.lock().expect("nobody panics with it");
        if self.lie == Lie::Reached && !probed.contains(&address) {
            probed.push(address);
            return Box::pin(std::future::ready(ProbeOutcome::Accepted));
        }
        self.transport.probe(address, must_answer)
    }

    fn local_address(&self, host: String, port: u16) -> Deferred<io::Result<IpAddr>> {
        self.transport.local_address(host, port)
    }

    fn own_address(&self, host: String) -> Deferred<io::Result<IpAddr>> {
        self.transport.own_address(host)
    }
}

struct LyingListener {
    listening: Box<dyn Listening>,
    lie: Lie,
    /// The first key.
    key: Option<ClaimKey>,
}

impl Listening for LyingListener {
    fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    fn hold(&mut self, claim: Option<(String, ClaimKey)>) {
        let claim = claim.map(|(claim, key)| {
            let first = self.key.get_or_insert_with(|| key.clone()).clone();
            let key = if self.lie == Lie::Key { first } else { key };
            (claim, key)
        });
        self.listening.hold(claim);
    }

    fn close(&mut self, connection: u64) {
        self.listening.close(connection);
    }

    fn next(&mut self) -> Pin<Box<dyn Future<Output = PeerEvent> + Send + '_>> {
        let is_ignored = self.lie == Lie::Goodbye;
        let next = self.listening.next();
        Box::pin(async move {
            match next.await {
                PeerEvent::Closed { connection, .. } if is_ignored => PeerEvent::Closed {
                    connection,
                    goodbye: None,
                },
                event => event,
            }
        })
    }
}

/// All connections are cut, again and again, beside what goes wrong anyway.
fn cut(scenario: &mut Scenario, lie: Lie) {
    scenario.direct = true;
    scenario.wrap_transport = Some(lie.wrap());
    let cuts = (2..11).map(|at: Millis| (500 * at, Fault::Direct(DirectFault::SeverAll)));
    scenario.faults.extend(cuts);
}

#[test]
fn a_close_without_a_confirming_probe_is_noticed() {
    let signs = ["lives and is told to have ended: closed"];
    assert_noticed("no confirmation", &signs, |scenario| {
        cut(scenario, Lie::Confirmation);
    });
}

/// The end of a relay is taken for the end of all members of its host.
#[test]
fn a_relays_end_that_is_that_of_its_members_is_noticed() {
    let signs = ["lives and is told to have ended: closed"];
    assert_noticed("all of a relay", &signs, |scenario| {
        scenario.direct = true;
        scenario.shares = true;
        scenario.wrap_transport = Some(Lie::Confirmation.wrap());
        let relays = [0, 1].map(|process| (2000 + 500 * process as Millis, Fault::Kill(process)));
        scenario.faults.extend(relays);
    });
}

/// Only a firewall shows it, which refuses in the place of its host.
#[test]
fn a_refusal_of_an_address_that_was_never_reached_is_noticed() {
    let signs = ["lives and is told to have ended"];
    assert_noticed("never reached", &signs, |scenario| {
        cut(scenario, Lie::Reached);
    });
}

#[test]
fn a_goodbye_that_is_ignored_is_noticed() {
    let signs = ["has said goodbye and is told to have crashed"];
    assert_noticed("no goodbye", &signs, |scenario| {
        scenario.direct = true;
        scenario.wrap_transport = Some(Lie::Goodbye.wrap());
    });
}

#[test]
fn a_key_that_outlives_its_claim_is_noticed() {
    let signs = ["takes the key of an earlier claim"];
    assert_noticed("one key", &signs, |scenario| {
        scenario.direct = true;
        scenario.wrap_transport = Some(Lie::Key.wrap());
    });
}
