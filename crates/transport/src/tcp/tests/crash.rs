//! A process that is stopped, then killed: this test program again, as a client.

use std::env;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::probe::found;
use super::*;
use heartline_core::detect::ProbeOutcome;

/// The address of the server for the client's process.
const SERVER: &str = "HEARTLINE_TEST_SERVER";
const NAME: &str = "tcp::tests::crash::the_process_of_the_client";

/// The number of the file of the listening socket. A kernel closes files in the order of their numbers.
const LAST_FILE: i32 = 900;

/// Not a test alone: listens, connects, and waits to be killed. Its kernel closes the connection before the listening
/// socket.
#[tokio::test]
async fn the_process_of_the_client() {
    let Ok(server) = env::var(SERVER) else {
        return;
    };
    let server: SocketAddr = server.parse().expect("an address");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let _last = rustix::io::fcntl_dupfd_cloexec(&listener, LAST_FILE).expect("a file");
    drop(listener);
    let dialed = dial_at(server, 1, peer("child", port)).await;
    let mut connection = dialed.expect("a connection");
    assert!(connection.beat(Some(1), b"alive"));
    connection.closed().await;
}

/// A child that does not outlive the test.
struct Client(Child);

impl Client {
    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.0.id()).expect("an id");
        let id = Pid::from_raw(id).expect("not 0");
        kill_process(id, signal).expect("a child");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_killed_process_closes_without_goodbye_and_refuses_and_a_stopped_one_accepts() {
    let mut server = holding().await;
    let this = env::current_exe().expect("this program");
    let child = Command::new(this)
        .args(["--exact", NAME])
        .env(SERVER, server.address().to_string())
        .stdout(Stdio::null())
        .spawn();
    let client = Client(child.expect("a child"));
    let (connection, address) = opened(&mut *server).await;
    let address = address.expect("a direct connection");
    let event = soon(server.next()).await;
    assert!(matches!(event, PeerEvent::Beat { .. }), "{event:?}");
    found(address, ProbeOutcome::Accepted).await;
    client.signal(Signal::STOP);
    found(address, ProbeOutcome::Accepted).await;
    client.signal(Signal::KILL);
    assert_eq!(closed(&mut *server).await, (connection, None));
    found(address, ProbeOutcome::Refused).await;
}
