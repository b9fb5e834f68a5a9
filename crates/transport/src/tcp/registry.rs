//! The connections of a server: how many there may be, for which claim they were opened, and how each is ended.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::limits::{Capacity, GRACE, RELAYED};
use crate::key::ClaimKey;

/// The claim that the server holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeldClaim {
    pub(super) name: String,
    pub(super) key: ClaimKey,
}

/// Resolves when a connection must end. It must not be polled after that.
pub(super) type Stopped = oneshot::Receiver<()>;

/// All connections of one server.
pub(super) struct Registry {
    capacity: Capacity,
    claim: watch::Sender<Option<Arc<HeldClaim>>>,
    connections: Mutex<Connections>,
    /// A connection has left its place.
    freed: Notify,
}

/// Each connection has a number, which only grows. To drop its sender ends it.
#[derive(Default)]
struct Connections {
    next: u64,
    pending: BTreeMap<u64, Pending>,
    open: HashMap<u64, oneshot::Sender<()>>,
    /// The members that beat by relays, each counted as a connection.
    relayed: HashSet<u64>,
}

/// A connection that has not finished its handshake.
struct Pending {
    host: IpAddr,
    since: Instant,
    stop: oneshot::Sender<()>,
}

impl Registry {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            capacity: Capacity::of_process(),
            claim: watch::Sender::new(None),
            connections: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Holds this claim from now on, and ends all connections that were opened for another one.
    pub(super) fn hold(&self, claim: Option<HeldClaim>) {
        let changed = self.claim.send_if_modified(|held| {
            let changed = held.as_deref() != claim.as_ref();
            if changed {
                *held = claim.map(Arc::new);
            }
            changed
        });
        if changed {
            // A handshake that ends now sees the new claim: `Slot::open` looks after it is entered here.
            self.connections().open.clear();
        }
    }

    /// Ends one connection after its handshake, or that of a member of a relay.
    pub(super) fn close(&self, number: u64) {
        let mut connections = self.connections();
        connections.open.remove(&number);
        connections.relayed.remove(&number);
    }

    /// Ends all connections.
    pub(super) fn clear(&self) {
        let mut connections = self.connections();
        connections.pending.clear();
        connections.open.clear();
    }

    /// Waits until one more handshake may begin.
    pub(super) async fn room(&self) {
        loop {
            let patience = {
                let mut connections = self.connections();
                if connections.pending.len() < self.capacity.handshakes {
                    return;
                }
                let Some(oldest) = connections.pending.first_entry() else {
                    return;
                };
                let patience = oldest.get().since + GRACE;
                if patience <= Instant::now() {
                    oldest.remove();
                    return;
                }
                patience
            };
            // In time or not: the loop looks again.
            let _ = timeout_at(patience, self.freed.notified()).await;
        }
    }

    /// Enters a new connection; `None` if there are too many from its host.
    pub(super) fn admit(self: &Arc<Self>, host: IpAddr) -> Option<(Slot, Stopped)> {
        let mut connections = self.connections();
        let of_host = |pending: &&Pending| pending.host == host;
        if connections.pending.values().filter(of_host).count() >= self.capacity.handshakes_of_host
        {
            return None;
        }
        let number = connections.next;
        connections.next += 1;
        let (stop, stopped) = oneshot::channel();
        let pending = Pending {
            host,
            since: Instant::now(),
            stop,
        };
        connections.pending.insert(number, pending);
        let registry = Arc::clone(self);
        Some((Slot { registry, number }, stopped))
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection; it is free again when this is dropped.
pub(super) struct Slot {
    registry: Arc<Registry>,
    pub(super) number: u64,
}

impl Slot {
    /// Waits until the server holds a claim.
    pub(super) async fn claim(&self) -> Option<Arc<HeldClaim>> {
        let mut claim = self.registry.claim.subscribe();
        claim.wait_for(Option::is_some).await.ok()?.clone()
    }

    /// Notes the end of the handshake. Returns whether the connection may go on: the claim is still the one for which
    /// it was opened, and there are not too many connections.
    pub(super) fn open(&self, claim: &Arc<HeldClaim>) -> bool {
        {
            let mut connections = self.registry.connections();
            let Some(pending) = connections.pending.remove(&self.number) else {
                return false;
            };
            if connections.open.len() >= self.registry.capacity.connections {
                return false;
            }
            connections.open.insert(self.number, pending.stop);
        }
        self.registry.freed.notify_one();
        let held = self.registry.claim.borrow();
        held.as_ref().is_some_and(|held| Arc::ptr_eq(held, claim))
    }
}

impl Slot {
    /// Enters a member that beats by this connection, as a connection of its own; `None` if there are too many.
    pub(super) fn relay(&self) -> Option<u64> {
        let mut connections = self.registry.connections();
        if connections.relayed.len() >= RELAYED {
            return None;
        }
        let number = connections.next;
        connections.next += 1;
        connections.relayed.insert(number);
        Some(number)
    }

    /// Whether the connection of such a member was not ended.
    pub(super) fn is_relayed(&self, number: u64) -> bool {
        self.registry.connections().relayed.contains(&number)
    }

    /// The member has left.
    pub(super) fn unrelay(&self, number: u64) {
        self.registry.connections().relayed.remove(&number);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut connections = self.registry.connections();
        connections.pending.remove(&self.number);
        connections.open.remove(&self.number);
        drop(connections);
        self.registry.freed.notify_one();
    }
}
