//! A member's connection to the holder of the master's claim: it is opened again whenever it ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep};

use heartline_core::backoff::Backoff;
use heartline_core::detect::{DeathCause, ProbeOutcome};
use heartline_transport::{BeatConnection, DialError, Endpoint, PeerIdentity, Transport};

use super::session_event::SessionEvent;

/// The shortest pause between two attempts: a proxy that is restarted is back in a moment.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// An event of the connection to the holder of a claim.
pub(super) enum MasterConnectionEvent {
    /// The connection is open.
    Opened(Box<dyn BeatConnection>),
    /// It has ended.
    Closed,
    /// The holder's process has ended.
    HolderEnded(DeathCause),
}

impl fmt::Debug for MasterConnectionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened(_) => f.write_str("Opened"),
            Self::Closed => f.write_str("Closed"),
            Self::HolderEnded(cause) => write!(f, "HolderEnded({cause})"),
        }
    }
}

/// A connection that lasted for less than this is not opened again at once.
const SHORT: Duration = Duration::from_millis(100);

/// Connects to the holder of a claim, again and again, and reports what happens. `seed` spreads the attempts of many
/// members.
pub(super) async fn keep_connected(
    transport: Arc<dyn Transport>,
    (claim, endpoint): (String, Endpoint),
    peer: PeerIdentity,
    seed: u64,
    outside: Sender<SessionEvent>,
) {
    let address = endpoint.address;
    let report = async |event| {
        let event = SessionEvent::MasterConnection(claim.clone(), event);
        outside.send(event).await.is_ok()
    };
    let mut backoff = Backoff::between(SHORTEST_PAUSE, LONGEST_PAUSE).seeded(seed);
    // Whether nothing stands between this member and the holder that might refuse in its place.
    let mut is_direct = false;
    let mut has_ended = false;
    loop {
        let dialed = transport.dial(endpoint.clone(), claim.clone(), peer.clone());
        let mut ended = None;
        match dialed.await {
            Ok(mut connection) => {
                is_direct = connection.is_direct();
                has_ended = false;
                let (closed, opened) = (connection.closed(), Instant::now());
                if !report(MasterConnectionEvent::Opened(connection)).await {
                    return;
                }
                closed.await;
                if !report(MasterConnectionEvent::Closed).await {
                    return;
                }
                let found = transport.probe(address, true).await;
                ended = (found == ProbeOutcome::Refused).then_some(DeathCause::Closed);
                if opened.elapsed() > SHORT {
                    backoff.reset();
                }
            }
            Err(DialError::Refused(_)) => ended = Some(DeathCause::Refused),
            Err(_) => {}
        }
        if let Some(cause) = ended.filter(|_| is_direct && !has_ended) {
            has_ended = true;
            if !report(MasterConnectionEvent::HolderEnded(cause)).await {
                return;
            }
        }
        sleep(backoff.next_wait()).await;
    }
}
