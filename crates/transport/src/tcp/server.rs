//! Listens, and has one task for each connection.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::address::socket;
use super::established::{EventQueue, serve};
use super::handshake::greet;
use super::limits::{ACCEPT_PAUSE, BACKLOG, EVENTS, HANDSHAKE, tune};
use super::registry::{HeldClaim, Registry, Slot};
use super::relayed::RelayedMembers;
use crate::key::ClaimKey;
use crate::port::{Listening, PeerEvent};

/// A server. When it is dropped, its sockets are closed as soon as the runtime has polled their tasks.
pub(super) struct TcpListening {
    address: SocketAddr,
    registry: Arc<Registry>,
    events: mpsc::Receiver<PeerEvent>,
    accepting: JoinHandle<()>,
}

/// Binds the address, and accepts connections from now on.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListening> {
    let socket = socket(address)?;
    socket.set_reuseaddr(true)?;
    tune(&socket)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    let registry = Registry::new();
    let (sender, events) = mpsc::channel(EVENTS);
    let accepting = tokio::spawn(accept(listener, Arc::clone(&registry), sender));
    Ok(TcpListening {
        address,
        registry,
        events,
        accepting,
    })
}

impl Listening for TcpListening {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn hold(&mut self, claim: Option<(String, ClaimKey)>) {
        let claim = claim.map(|(name, key)| HeldClaim { name, key });
        self.registry.hold(claim);
    }

    fn close(&mut self, connection: u64) {
        self.registry.close(connection);
    }

    fn next(&mut self) -> Pin<Box<dyn Future<Output = PeerEvent> + Send + '_>> {
        Box::pin(async {
            match self.events.recv().await {
                Some(event) => event,
                // The task that accepts has a sender, and ends with the runtime only.
                None => std::future::pending().await,
            }
        })
    }
}

impl Drop for TcpListening {
    fn drop(&mut self) {
        self.accepting.abort();
        self.registry.clear();
    }
}

async fn accept(listener: TcpListener, registry: Arc<Registry>, events: mpsc::Sender<PeerEvent>) {
    loop {
        registry.room().await;
        let Ok((stream, from)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if let Some((slot, stopped)) = registry.admit(from.ip().to_canonical()) {
            let events = events.clone();
            let queue = EventQueue { events, stopped };
            tokio::spawn(attend(stream, from, slot, queue));
        } else {
            // A reset leaves nothing behind in the kernel. If that fails, the socket is closed as usual.
            let _ = stream.set_zero_linger();
        }
    }
}

/// One connection, from its first to its last byte.
async fn attend(mut stream: TcpStream, from: SocketAddr, slot: Slot, mut queue: EventQueue) {
    let greeted = tokio::select! {
        biased;
        _ = &mut queue.stopped => return,
        greeted = timeout(HANDSHAKE, greet(&mut stream, from, &slot)) => greeted,
    };
    let Ok(Some(mut greeted)) = greeted else {
        return;
    };
    let opened = PeerEvent::Opened {
        connection: slot.number,
        address: greeted.peer.address(greeted.host),
        peer: greeted.peer,
        relay: None,
    };
    if !queue.send(opened).await {
        return;
    }
    let mut members = RelayedMembers::new(greeted.host);
    let of_connection = (&slot, &mut members);
    let goodbye = serve(of_connection, &mut stream, &mut greeted.reader, &mut queue).await;
    drop(stream);
    // Its place is taken until the end is told: so the number of those that wait has a limit too. The relay's own end is
    // told first: its members may be wrong about nothing then.
    let own = PeerEvent::Closed {
        connection: slot.number,
        goodbye,
    };
    for event in std::iter::once(own).chain(members.end(&slot)) {
        let _ = queue.events.send(event).await;
    }
}
