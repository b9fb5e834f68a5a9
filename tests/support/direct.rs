//! The direct connections of members, as the kernel sees them.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use heartline::coordination::Value;
use heartline::protocol::claim;

use super::{SOON, ZooKeeper, visit, wait_until, which};

/// A connection counts after a few messages and a probe. Meanwhile the master beats this often.
const BEATS: i32 = 100;

/// The state `ESTABLISHED` in `/proc/net/tcp`.
const ESTABLISHED: &str = "01";

/// Where a member accepts direct connections, according to its claim.
///
/// # Panics
/// If it has no claim, or does not accept any.
pub(crate) fn endpoint(zookeeper: &ZooKeeper, name: &str) -> SocketAddr {
    let claim = claim_of(&zookeeper.address(), name);
    let claim = claim.unwrap_or_else(|| panic!("{name} has no claim"));
    address_in(&claim).unwrap_or_else(|| panic!("{name} accepts no connections"))
}

/// Where the holder of a claim accepts connections.
fn address_in(claim: &Value) -> Option<SocketAddr> {
    let endpoint = claim::endpoint(&claim.bytes)?;
    let address = endpoint.split(' ').next().unwrap_or_default();
    let address = address.parse();
    Some(address.unwrap_or_else(|error| panic!("{endpoint}: {error}")))
}

/// The claim of a member, if it has one and the servers answer.
fn claim_of(servers: &str, name: &str) -> Option<Value> {
    let claim = visit(servers, async |session| {
        for claim in session.line(true).await.expect("the server answers") {
            // A claim that has gone meanwhile does not count.
            if let Ok((value, _)) = session.read(&session.paths().claim(&claim)).await
                && claim::holder(&value.bytes) == name
            {
                return Some(value);
            }
        }
        None
    });
    claim.flatten()
}

/// Number of open connections to this address that this host has accepted.
pub(crate) fn connections(address: SocketAddr) -> usize {
    connections_on("self", address)
}

/// The same for the host of a process, by its id: it may be a network namespace.
fn connections_on(process: &str, address: SocketAddr) -> usize {
    let SocketAddr::V4(address) = address else {
        panic!("{address} is not IPv4");
    };
    let ip = u32::from_ne_bytes(address.ip().octets());
    let local = format!("{ip:08X}:{:04X}", address.port());
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp"));
    let table = table.expect("the kernel's table");
    let rows = table.lines().skip(1).filter(|row| {
        let mut words = row.split_ascii_whitespace().skip(1);
        let (ours, _, state) = (words.next(), words.next(), words.next());
        ours == Some(local.as_str()) && state == Some(ESTABLISHED)
    });
    rows.count()
}

/// Waits until this number of followers are connected to the master, and the master knows where to probe them.
pub(crate) fn wait_until_connected(zookeeper: &ZooKeeper, master: &str, followers: usize) {
    let servers = zookeeper.address();
    wait_until_connected_on("self", &servers, master, followers, SOON);
}

/// The same for a master on another host: `process` is the id of a process on that host.
pub(crate) fn wait_until_connected_on(
    process: &str,
    servers: &str,
    master: &str,
    followers: usize,
    limit: Duration,
) {
    let mut since = None;
    let what = format!("{followers} followers are connected to {master}");
    wait_until(&what, limit, || {
        // Servers that do not answer for a moment are asked again.
        let Some(claim) = claim_of(servers, master) else {
            return false;
        };
        let address = address_in(&claim);
        let open = address.map_or(0, |address| connections_on(process, address));
        if open < followers {
            since = None;
            return false;
        }
        let now = claim.stat.version;
        now >= *since.get_or_insert(now) + BEATS
    });
}

/// Resets all connections that are open to this address, at both ends, as a firewall or a proxy does that is started
/// again. Returns their number.
pub(crate) fn cut_connections(address: SocketAddr) -> usize {
    let place = format!("{address}");
    let cut = Command::new("ss")
        .args([
            "-K",
            "-H",
            "-t",
            "-n",
            "state",
            "established",
            "dst",
            &place,
        ])
        .output()
        .expect("ss runs");
    assert!(cut.status.success(), "{cut:?}");
    String::from_utf8_lossy(&cut.stdout).lines().count()
}

/// Why connections cannot be cut here; `None` if they can.
pub(crate) fn no_cuts() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root, to reset connections".to_owned());
    }
    if which("ss").is_none() {
        return Some("ss is missing".to_owned());
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    let mut client = TcpStream::connect(address).expect("it listens");
    client.set_nonblocking(true).expect("a socket");
    cut_connections(address);
    let read = client.read(&mut [0]);
    let is_cut = read.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock);
    (!is_cut).then(|| "this kernel cannot reset connections (INET_DIAG_DESTROY)".to_owned())
}
