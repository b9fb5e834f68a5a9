//! A TCP proxy in front of a server, by which a test simulates a broken network.

use std::{
    io::{Read, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use super::server::free_port;

/// How long the proxy may take to notice a new connection.
const GLANCE: Duration = Duration::from_millis(2);
/// How long to try a server that does not accept connections.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// The direction of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client: requests.
    ToServer,
    /// From the server: answers and watch events.
    ToClient,
}

/// Passes every connection on to a server, until a method changes that. A change holds for existing and new
/// connections.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// None while connections are refused.
    listener: Option<TcpListener>,
    /// Both ends of every connection.
    links: Vec<TcpStream>,
    /// Grows with each cut: what an older connection still holds is lost.
    generation: u64,
    held_to_server: bool,
    held_to_client: bool,
    /// Number of connections so far.
    connected: u64,
    delay: Duration,
    trap: Option<Trap>,
    /// What answers say instead of what; both have the same length.
    rewritten: Option<(Vec<u8>, Vec<u8>)>,
    over: bool,
}

/// The action when a client sends a certain request.
struct Trap {
    request: Vec<u8>,
    hold: Direction,
}

impl State {
    fn holds(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => self.held_to_server,
            Direction::ToClient => self.held_to_client,
        }
    }

    fn hold(&mut self, direction: Direction) {
        match direction {
            Direction::ToServer => self.held_to_server = true,
            Direction::ToClient => self.held_to_client = true,
        }
    }

    fn cut(&mut self) {
        self.listener = None;
        self.generation += 1;
        for link in self.links.drain(..) {
            // The other end may have closed it already.
            let _ = link.shutdown(Shutdown::Both);
        }
    }
}

impl Proxy {
    /// Listens on a free port for `server`, an address in the form of `--zookeeper`.
    pub(crate) fn before(server: &str) -> Self {
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, free_port()).into();
        let shared = Arc::new(Shared {
            server: server.parse().expect("an address"),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        shared.state().listener = Some(listen(address));
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&accepting));
        Self { address, shared }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Closes all connections, drops what was held and refuses new ones.
    pub(crate) fn cut(&self) {
        self.shared.state().cut();
        self.shared.changed.notify_all();
    }

    /// Holds everything that arrives from now on in one direction; connections are accepted.
    pub(crate) fn freeze(&self, direction: Direction) {
        self.shared.state().hold(direction);
    }

    /// Holds everything in one direction from the next request on that contains `request`. If requests are held, this
    /// request never reaches the server; if answers are held, it reaches the server and is not answered.
    pub(crate) fn freeze_at(&self, request: &str, direction: Direction) {
        self.shared.state().trap = Some(Trap {
            request: request.as_bytes().to_vec(),
            hold: direction,
        });
    }

    /// Whether the request of [`Proxy::freeze_at`] has arrived.
    pub(crate) fn is_frozen(&self) -> bool {
        let state = self.shared.state();
        state.held_to_server || state.held_to_client
    }

    /// Writes `new` for `old` in all answers; both have the same length, as frames say theirs.
    pub(crate) fn rewrite(&self, old: &str, new: &str) {
        assert_eq!(old.len(), new.len(), "{old} and {new}");
        let texts = (old.as_bytes().to_vec(), new.as_bytes().to_vec());
        self.shared.state().rewritten = Some(texts);
    }

    /// Number of connections to the server so far.
    pub(crate) fn connected(&self) -> u64 {
        self.shared.state().connected
    }

    /// Delays everything that arrives by this time.
    pub(crate) fn delay(&self, delay: Duration) {
        self.shared.state().delay = delay;
    }

    /// Passes everything on again, starting with what was held; accepts connections.
    pub(crate) fn restore(&self) {
        let mut state = self.shared.state();
        state.held_to_server = false;
        state.held_to_client = false;
        state.delay = Duration::ZERO;
        state.trap = None;
        if state.listener.is_none() {
            state.listener = Some(listen(self.address));
        }
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.over = true;
        state.cut();
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked")
    }

    /// Waits until these bytes may pass; returns whether their connection is still valid.
    fn wait_for_passage(&self, direction: Direction, generation: u64, bytes: &[u8]) -> bool {
        let mut state = self.state();
        if direction == Direction::ToServer {
            let asked = state
                .trap
                .take_if(|trap| contains(bytes, &trap.request))
                .map(|trap| trap.hold);
            if let Some(direction) = asked {
                state.hold(direction);
            }
        }
        let delay = state.delay;
        if !delay.is_zero() {
            drop(state);
            thread::sleep(delay);
            state = self.state();
        }
        let state = self
            .changed
            .wait_while(state, |state| {
                state.holds(direction) && state.generation == generation
            })
            .expect("nobody panicked");
        state.generation == generation
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let listener = TcpListener::bind(address).expect("the proxy's port is free");
    listener.set_nonblocking(true).expect("a socket");
    listener
}

/// Accepts connections until the proxy is dropped.
fn accept(shared: &Arc<Shared>) {
    loop {
        let accepted = {
            let state = shared.state();
            if state.over {
                return;
            }
            let client = state.listener.as_ref().and_then(|it| it.accept().ok());
            client.map(|(client, _)| (client, state.generation))
        };
        match accepted {
            // If the server does not run, the connection is closed.
            Some((client, generation)) => {
                let _ = connect(shared, &client, generation);
            }
            None => thread::sleep(GLANCE),
        }
    }
}

/// Connects a client to the server, by a thread for each direction.
fn connect(shared: &Arc<Shared>, client: &TcpStream, generation: u64) -> std::io::Result<()> {
    let server = TcpStream::connect_timeout(&shared.server, CONNECT_LIMIT)?;
    client.set_nonblocking(false)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut ends = Vec::new();
    for (from, to, direction) in [
        (client, &server, Direction::ToServer),
        (&server, client, Direction::ToClient),
    ] {
        ends.push((from.try_clone()?, to.try_clone()?, direction));
    }
    let mut state = shared.state();
    if state.generation != generation {
        return Ok(());
    }
    // Closed connections have no peer.
    state.links.retain(|link| link.peer_addr().is_ok());
    state.links.extend([client.try_clone()?, server]);
    state.connected += 1;
    drop(state);
    for (from, to, direction) in ends {
        let shared = Arc::clone(shared);
        thread::spawn(move || pass(&shared, from, to, direction, generation));
    }
    Ok(())
}

/// Passes bytes on until either end is closed, and then closes both.
fn pass(
    shared: &Shared,
    mut from: TcpStream,
    mut to: TcpStream,
    direction: Direction,
    generation: u64,
) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if direction == Direction::ToClient
            && let Some((old, new)) = &shared.state().rewritten
        {
            replace(&mut bytes[..count], old, new);
        }
        if !shared.wait_for_passage(direction, generation, &bytes[..count])
            || to.write_all(&bytes[..count]).is_err()
        {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    let mut at = 0;
    while let Some(place) = bytes.get_mut(at..at + old.len()) {
        if place == old {
            place.copy_from_slice(new);
        }
        at += 1;
    }
}
