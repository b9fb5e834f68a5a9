//! A server that throttles: a proxy that knows ZooKeeper's frames, and answers requests like an overloaded server.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// ZooKeeper's error `THROTTLEDOP`: the request was not carried out.
const THROTTLED: i32 = -127;
/// The largest frame that a test sends.
const LARGEST: usize = 16 << 20;

/// A proxy before a real server. Requests that are not throttled pass unchanged.
pub(crate) struct Overload {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    server: Option<SocketAddr>,
    /// For each connection and path, this number of requests is throttled before one passes.
    first: u32,
    /// Whether all requests are throttled.
    always: bool,
    /// The number of throttled requests by connection, and by kind and path: no client has the bad luck of another.
    counts: BTreeMap<(u64, Vec<u8>), u32>,
    throttled: u64,
    connections: u64,
    links: Vec<TcpStream>,
}

impl State {
    /// Whether to throttle a request, decided by its connection, kind and path.
    fn takes(&mut self, connection: u64, request: &[u8]) -> bool {
        if !self.always {
            let count = self.counts.entry((connection, request.to_vec()));
            let count = count.or_default();
            if *count >= self.first {
                *count = 0;
                return false;
            }
            *count += 1;
        }
        self.throttled += 1;
        true
    }
}

impl Overload {
    /// Listens on a free port for `server`. Each request is throttled `first` times before it passes.
    pub(crate) fn before(server: &str, first: u32) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(Mutex::new(State {
            server: Some(server.parse().expect("an address")),
            first,
            ..State::default()
        }));
        let accepting = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Some(server) = lock(&accepting).server else {
                    return;
                };
                // If the server does not run, the connection is closed.
                let _ = client.and_then(|client| connect(&accepting, client, server));
            }
        });
        Self { address, state }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on, throttles all requests, or only the first ones again.
    pub(crate) fn always(&self, always: bool) {
        lock(&self.state).always = always;
    }

    /// The number of requests throttled so far.
    pub(crate) fn throttled(&self) -> u64 {
        lock(&self.state).throttled
    }

    /// The number of connections so far.
    pub(crate) fn connections(&self) -> u64 {
        lock(&self.state).connections
    }
}

impl Drop for Overload {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.server = None;
        for link in state.links.drain(..) {
            let _ = link.shutdown(Shutdown::Both);
        }
        drop(state);
        // Wakes the thread that accepts connections.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panicked")
}

fn connect(state: &Arc<Mutex<State>>, client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let number = {
        let mut state = lock(state);
        state.connections += 1;
        state
            .links
            .extend([client.try_clone()?, server.try_clone()?]);
        state.connections
    };
    // Two threads write to the client: the one with the server's answers, and this one.
    let out = Arc::new(Mutex::new(client.try_clone()?));
    let (answers, answered) = (server.try_clone()?, Arc::clone(&out));
    thread::spawn(move || {
        let mut answers = answers;
        while let Ok(frame) = read_frame(&mut answers) {
            if write_frame(&answered, &frame).is_err() {
                break;
            }
        }
        let _ = answered
            .lock()
            .expect("nobody panicked")
            .shutdown(Shutdown::Both);
    });
    let state = Arc::clone(state);
    thread::spawn(move || {
        let (mut client, mut server) = (client, server);
        let _ = pass(&state, number, &mut client, &mut server, &out);
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// Passes requests on, or answers them.
fn pass(
    state: &Mutex<State>,
    connection: u64,
    client: &mut TcpStream,
    server: &mut TcpStream,
    out: &Mutex<TcpStream>,
) -> io::Result<()> {
    // The first frame is the request for a session, which has no header.
    let mut is_first = true;
    loop {
        let frame = read_frame(client)?;
        let number = |at: usize| {
            frame
                .get(at..at + 4)
                .and_then(|bytes| bytes.try_into().ok())
        };
        let xid = number(0).map_or(0, i32::from_be_bytes);
        let kind = number(4).map_or(0, i32::from_be_bytes);
        // Requests that open, keep or close a session always pass.
        let is_request = !std::mem::take(&mut is_first) && xid > 0 && kind != -11;
        // The kind, and the path behind it.
        let about = number(8).map_or(0, |length| {
            usize::try_from(i32::from_be_bytes(length)).unwrap_or(0)
        });
        let about = frame.get(4..12 + about).unwrap_or(&frame);
        if is_request && lock(state).takes(connection, about) {
            let mut reply = xid.to_be_bytes().to_vec();
            reply.extend([0; 8]);
            reply.extend(THROTTLED.to_be_bytes());
            write_frame(out, &reply)?;
        } else {
            let mut whole = u32::try_from(frame.len())
                .expect("a small frame")
                .to_be_bytes()
                .to_vec();
            whole.extend(&frame);
            server.write_all(&whole)?;
        }
    }
}

fn read_frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).expect("64 bits");
    if length > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(frame)
}

fn write_frame(to: &Mutex<TcpStream>, frame: &[u8]) -> io::Result<()> {
    let mut whole = u32::try_from(frame.len())
        .expect("a small frame")
        .to_be_bytes()
        .to_vec();
    whole.extend(frame);
    to.lock().expect("nobody panicked").write_all(&whole)
}
