//! The socket on which a member accepts direct connections, for as long as it runs, and the key of its claim.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use heartline_transport::{ClaimKey, Endpoint, Listening, PeerEvent, PeerIdentity, Transport};
use heartline_zookeeper::Settings;

use super::direct_config::{DirectConfig, ListenAddress};

/// How long the member's start may wait for its socket: finding the address may take a look-up of a name.
const LISTEN_TIMEOUT: Duration = Duration::from_millis(500);

/// A member that has an open connection to this one.
#[derive(Clone, Debug)]
pub(super) struct OpenPeer {
    pub(super) peer: PeerIdentity,
    pub(super) address: Option<SocketAddr>,
    /// The connection of the relay by which it beats.
    pub(super) relay: Option<u64>,
}

/// Accepts direct connections.
pub(super) struct DirectListener {
    listening: Box<dyn Listening>,
    /// The key of the claim that this member has, or is about to create.
    key: Option<ClaimKey>,
    /// The members with open connections: a new master state begins with them.
    open: BTreeMap<u64, OpenPeer>,
}

impl DirectListener {
    /// Starts to listen. Returns the reason if that is not possible.
    pub(super) async fn start(
        transport: &Arc<dyn Transport>,
        config: &DirectConfig,
        settings: &Settings,
    ) -> Result<Self, String> {
        let started = async {
            let address = address(transport, config, settings).await?;
            let listening = transport.listen(address).await;
            listening.map_err(|error| format!("{address}: {error}"))
        };
        let listening = timeout(LISTEN_TIMEOUT, started).await;
        let listening = listening.map_err(|_| "no address within the time limit".to_owned())??;
        Ok(Self {
            listening,
            key: None,
            open: BTreeMap::new(),
        })
    }

    /// The address on which it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Draws the key of a claim that is about to be created. Connections for an earlier claim end.
    pub(super) fn draw_key(&mut self) {
        self.listening.hold(None);
        self.key = ClaimKey::random().ok();
    }

    /// Where this member accepts connections, as part of its claim's value.
    pub(super) fn endpoint(&self) -> Option<Endpoint> {
        let key = self.key.clone()?;
        Some(Endpoint {
            address: self.address(),
            key,
        })
    }

    /// This member's claim has this name, or it has none.
    pub(super) fn hold(&mut self, claim: Option<&str>) {
        let held = claim.zip(self.key.clone());
        self.listening
            .hold(held.map(|(claim, key)| (claim.to_owned(), key)));
    }

    /// The next event of a connection.
    ///
    /// # Cancel safety
    /// No event is lost when the future is dropped.
    pub(super) async fn next(listener: Option<&mut Self>) -> PeerEvent {
        let Some(listener) = listener else {
            return pending().await;
        };
        let event = listener.listening.next().await;
        match &event {
            PeerEvent::Opened {
                connection,
                peer,
                address,
                relay,
            } => {
                let open = OpenPeer {
                    peer: peer.clone(),
                    address: *address,
                    relay: *relay,
                };
                listener.open.insert(*connection, open);
            }
            PeerEvent::Closed { connection, .. } => drop(listener.open.remove(connection)),
            PeerEvent::Beat { .. } | PeerEvent::Group { .. } => {}
        }
        event
    }

    /// The open connections.
    pub(super) fn open(&self) -> &BTreeMap<u64, OpenPeer> {
        &self.open
    }

    /// Ends connections.
    pub(super) fn close(&mut self, connections: Vec<u64>) {
        for connection in connections {
            self.listening.close(connection);
        }
    }
}

/// The address to listen on.
async fn address(
    transport: &Arc<dyn Transport>,
    config: &DirectConfig,
    settings: &Settings,
) -> Result<SocketAddr, String> {
    if let Some(ListenAddress { host, port }) = &config.listen {
        let own = transport.own_address(host.clone()).await;
        let own = own.map_err(|error| format!("{host}: {error}"))?;
        return Ok(SocketAddr::new(own, *port));
    }
    let servers = settings.address.servers();
    let (host, port) = servers.first().ok_or("no server")?;
    let local = transport.local_address(host.clone(), *port).await;
    let local = local.map_err(|error| format!("{host}: {error}"))?;
    Ok(SocketAddr::new(local, 0))
}
