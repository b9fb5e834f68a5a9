//! The port of direct connections over the simulated world.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use heartline::detect::ProbeOutcome;
use heartline::transport::{
    BeatConnection, ClaimKey, Deferred, DialError, Endpoint, Listening, PeerEvent, PeerIdentity,
    Transport,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::World;
use super::direct::Frame;
use super::handshake::{Knock, Sight};

/// The port of a member that takes any.
const PORT: u16 = 7000;

/// The longest handshake, as in production.
const HANDSHAKE: Duration = Duration::from_secs(2);

/// The longest probe, as in production.
const PROBE: Duration = Duration::from_millis(50);

/// How often the way of a handshake is tried again.
const HANDSHAKE_STEP: Duration = Duration::from_millis(5);

/// How often a probe is tried again.
const PROBE_STEP: Duration = Duration::from_millis(1);

/// A process's way to others.
#[derive(Clone, Debug)]
pub(crate) struct SimTransport {
    pub(crate) world: World,
    pub(crate) process: usize,
}

impl SimTransport {
    fn host(&self) -> IpAddr {
        let [high, low] = u16::try_from(self.process).expect("few").to_be_bytes();
        Ipv4Addr::new(10, 1, high, low).into()
    }

    /// Waits for as long as a message from this host takes; a stopped process sends and reads nothing.
    async fn travel(&self) {
        self.world.awake(self.process).await;
        let way = self.world.lock().direct_way(self.process, self.process);
        sleep(Duration::from_millis(way)).await;
        self.world.awake(self.process).await;
    }

    async fn connect(
        self,
        endpoint: Endpoint,
        claim: String,
        peer: PeerIdentity,
    ) -> Result<Box<dyn BeatConnection>, DialError> {
        self.travel().await;
        let deadline = Instant::now() + HANDSHAKE;
        let address = endpoint.address;
        let connection = loop {
            let knock = self
                .world
                .lock()
                .knock(self.process, &endpoint, &claim, &peer);
            match knock {
                Knock::Opened {
                    connection,
                    is_direct,
                    end,
                } => {
                    break SimConnection {
                        transport: self.clone(),
                        connection: usize::try_from(connection).expect("few"),
                        is_direct,
                        end: Some(end),
                    };
                }
                Knock::Refused => return Err(DialError::Refused(address)),
                Knock::Untrusted => return Err(DialError::Untrusted(address)),
                Knock::Wait if Instant::now() >= deadline => {
                    return Err(DialError::Timeout(address));
                }
                Knock::Wait => sleep(HANDSHAKE_STEP).await,
            }
        };
        self.travel().await;
        Ok(Box::new(connection))
    }

    async fn find(self, address: SocketAddr, must_answer: bool) -> ProbeOutcome {
        self.travel().await;
        let deadline = Instant::now() + PROBE;
        let outcome = loop {
            let sight = self.world.lock().look_at(self.process, address);
            let so_far = match sight {
                Sight::Refused => break ProbeOutcome::Refused,
                Sight::Accepted { answers } if answers || !must_answer => {
                    break ProbeOutcome::Accepted;
                }
                Sight::Accepted { .. } => ProbeOutcome::Accepted,
                Sight::Nothing => ProbeOutcome::NoAnswer,
            };
            if Instant::now() >= deadline {
                break so_far;
            }
            sleep(PROBE_STEP).await;
        };
        self.travel().await;
        let mut world = self.world.lock();
        world.probed(self.process, address, outcome);
        outcome
    }
}

impl Transport for SimTransport {
    fn listen(&self, address: SocketAddr) -> Deferred<io::Result<Box<dyn Listening>>> {
        let port = if address.port() == 0 {
            PORT
        } else {
            address.port()
        };
        let address = SocketAddr::new(address.ip(), port);
        let (inbox, events) = unbounded_channel();
        let listener = self.world.lock().listen(self.process, address, inbox);
        let listening: Box<dyn Listening> = Box::new(SimListening {
            transport: self.clone(),
            address,
            listener,
            events,
        });
        Box::pin(std::future::ready(Ok(listening)))
    }

    fn dial(
        &self,
        endpoint: Endpoint,
        claim: String,
        peer: PeerIdentity,
    ) -> Deferred<Result<Box<dyn BeatConnection>, DialError>> {
        Box::pin(self.clone().connect(endpoint, claim, peer))
    }

    fn probe(&self, address: SocketAddr, must_answer: bool) -> Deferred<ProbeOutcome> {
        Box::pin(self.clone().find(address, must_answer))
    }

    fn local_address(&self, _: String, _: u16) -> Deferred<io::Result<IpAddr>> {
        Box::pin(std::future::ready(Ok(self.host())))
    }

    fn own_address(&self, _: String) -> Deferred<io::Result<IpAddr>> {
        Box::pin(std::future::ready(Ok(self.host())))
    }
}

/// A listening socket.
struct SimListening {
    transport: SimTransport,
    address: SocketAddr,
    listener: usize,
    events: UnboundedReceiver<PeerEvent>,
}

impl Listening for SimListening {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn hold(&mut self, claim: Option<(String, ClaimKey)>) {
        self.transport.world.lock().hold(self.listener, claim);
    }

    fn close(&mut self, connection: u64) {
        let connection = usize::try_from(connection).expect("few");
        self.transport.world.lock().server_closes(connection);
    }

    fn next(&mut self) -> Pin<Box<dyn Future<Output = PeerEvent> + Send + '_>> {
        Box::pin(async {
            match self.events.recv().await {
                Some(event) => event,
                None => std::future::pending().await,
            }
        })
    }
}

impl Drop for SimListening {
    fn drop(&mut self) {
        let mut world = self.transport.world.lock();
        if !world.processes[self.transport.process].dead {
            world.unlisten(self.listener);
        }
    }
}

/// The client's end of a connection.
struct SimConnection {
    transport: SimTransport,
    connection: usize,
    is_direct: bool,
    end: Option<oneshot::Receiver<()>>,
}

impl BeatConnection for SimConnection {
    fn beat(&mut self, version: Option<i32>, text: &[u8]) -> bool {
        let frame = Frame::Beat(version, text.to_vec());
        let mut world = self.transport.world.lock();
        let is_sent = world.send_frame(self.connection, frame);
        if is_sent {
            world.relay_beats(self.connection);
        }
        is_sent
    }

    fn goodbye(&mut self, finished: bool) {
        let frame = Frame::Goodbye(finished);
        self.transport
            .world
            .lock()
            .send_frame(self.connection, frame);
    }

    fn is_direct(&self) -> bool {
        self.is_direct
    }

    fn closed(&mut self) -> Deferred<()> {
        let end = self.end.take();
        let transport = self.transport.clone();
        Box::pin(async move {
            if let Some(end) = end {
                // The world drops no sender before it has told of the end.
                let _ = end.await;
            }
            transport.world.awake(transport.process).await;
        })
    }
}

impl Drop for SimConnection {
    fn drop(&mut self) {
        let mut world = self.transport.world.lock();
        // The kernel has closed the connections of one that was killed, and those of a host that vanished stay.
        if !world.processes[self.transport.process].dead {
            world.send_frame(self.connection, Frame::End);
        }
    }
}

impl World {
    /// Waits until a process runs.
    pub(super) async fn awake(&self, process: usize) {
        self.run(process, std::future::ready(())).await;
    }
}
