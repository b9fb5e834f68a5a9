//! A member that beats by the relay of its host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::Shutdown;
use tokio::time::{Instant, timeout};

use super::SocketName;
use super::hub::SIGN;
use crate::frame::Frame;
use crate::outlet::{End, Outlet, Socket};
use crate::port::{BeatConnection, Deferred, Endpoint, PeerIdentity};
use crate::tcp::greet_server;

/// How long a relay may take for the handshake: it runs on the same host. One that is stopped is passed by.
const HANDSHAKE: Duration = Duration::from_millis(50);

/// A member leaves a relay that has shown no sign for so many times as long as usual, and for so many of the member's
/// own beats, which may be rare. A member that leaves too early costs a connection; one that leaves too late is silent for
/// as long as a relay that is stopped.
const MOST_MISSED: u32 = 3;
/// See [`MOST_MISSED`].
const MOST_BEATS: u32 = 5;

/// The last sign of a relay.
#[derive(Debug)]
struct LastSign {
    at: Instant,
    /// The member's beats since then.
    beats: u32,
}

impl LastSign {
    fn now() -> Self {
        Self {
            at: Instant::now(),
            beats: 0,
        }
    }

    /// The member beats. Returns whether the relay is taken for stopped.
    fn is_old(&mut self) -> bool {
        self.beats = self.beats.saturating_add(1);
        self.beats > MOST_BEATS && self.at.elapsed() > SIGN * MOST_MISSED
    }
}

/// Connects to the relay of this host; `None` if there is none that serves the claim's holder.
pub(crate) async fn join(
    name: &SocketName,
    endpoint: &Endpoint,
    claim: &str,
    peer: &PeerIdentity,
) -> Option<RelayedConnection> {
    let mut stream = name.connect().ok()?;
    let nowhere = ([0, 0, 0, 0], 0).into();
    let greeting = greet_server(
        &mut stream,
        (nowhere, nowhere),
        endpoint,
        claim,
        peer.clone(),
    );
    let (writer, is_direct) = timeout(HANDSHAKE, greeting).await.ok()?.ok()?;
    Some(RelayedConnection {
        outlet: Outlet::new(Socket::Unix(stream), writer),
        is_direct,
        sign: Arc::new(Mutex::new(LastSign::now())),
        end: End::default(),
    })
}

/// A connection to the holder of a claim by the relay of this host. When it is dropped, its socket is closed.
pub(crate) struct RelayedConnection {
    outlet: Outlet,
    is_direct: bool,
    sign: Arc<Mutex<LastSign>>,
    end: End,
}

fn lock(sign: &Mutex<LastSign>) -> MutexGuard<'_, LastSign> {
    sign.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BeatConnection for RelayedConnection {
    fn beat(&mut self, version: Option<i32>, text: &[u8]) -> bool {
        let is_old = lock(&self.sign).is_old();
        if is_old {
            // The relay is stopped, or gets no processor. Another connection passes it by.
            self.outlet.end();
            self.outlet.socket().shut_down(Shutdown::Both);
            return false;
        }
        let text = text.to_vec();
        self.outlet.send(&Frame::Beat { version, text })
    }

    fn goodbye(&mut self, finished: bool) {
        self.outlet.send(&Frame::Goodbye { finished });
        self.outlet.end();
    }

    fn is_direct(&self) -> bool {
        self.is_direct
    }

    fn closed(&mut self) -> Deferred<()> {
        let sign = Arc::clone(&self.sign);
        self.end.of(self.outlet.socket(), move |_| {
            *lock(&sign) = LastSign::now();
            true
        })
    }
}
