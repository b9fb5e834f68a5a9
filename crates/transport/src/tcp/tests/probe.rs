//! What a probe finds.

use std::time::Instant;

use tokio::net::{TcpListener, TcpSocket};

use super::*;
use crate::tcp::limits::PROBE;
use heartline_core::detect::ProbeOutcome;

async fn probe(address: SocketAddr) -> ProbeOutcome {
    soon(TcpTransport::default().probe(address, true)).await
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Probes until this is found: the time of a probe may be over before a busy machine has answered.
pub(super) async fn found(address: SocketAddr, expected: ProbeOutcome) {
    soon(async { while probe(address).await != expected {} }).await;
}

#[tokio::test]
async fn a_free_port_refuses() {
    let (listener, address) = listener().await;
    drop(listener);
    found(address, ProbeOutcome::Refused).await;
}

#[tokio::test]
async fn a_server_accepts_with_and_without_a_claim_and_tells_nothing() {
    let mut server = bound().await;
    found(server.address(), ProbeOutcome::Accepted).await;
    server.hold(Some(held(1)));
    found(server.address(), ProbeOutcome::Accepted).await;
    nothing_happened(&mut *server).await;
}

/// Without this, a follower that is stopped would be dead.
#[tokio::test]
async fn a_process_that_does_not_take_its_connections_accepts() {
    let (_listener, address) = listener().await;
    found(address, ProbeOutcome::Accepted).await;
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_no_refusal() {
    let socket = TcpSocket::new_v4().expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("a port");
    let listener = socket.listen(0).expect("listens");
    let address = listener.local_addr().expect("an address");
    // The kernel drops connections when its queue is full.
    let mut waiting = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        waiting.push(stream.expect("connected"));
    }
    let begin = Instant::now();
    assert_eq!(probe(address).await, ProbeOutcome::NoAnswer);
    assert!(begin.elapsed() >= PROBE);
}

/// As when a process is killed: its kernel has accepted, and resets when it closes the listening socket.
#[tokio::test]
async fn a_connection_that_ends_before_its_first_byte_is_tried_again() {
    let (listener, address) = listener().await;
    let killed = tokio::spawn(async move {
        for _ in 0..3 {
            let (stream, _) = listener.accept().await.expect("a probe");
            stream.set_zero_linger().expect("an option");
        }
        // One by an end instead of a reset.
        let _ = listener.accept().await.expect("a probe");
    });
    assert_eq!(probe(address).await, ProbeOutcome::Refused);
    soon(killed).await.expect("no panic");
}

#[tokio::test]
async fn a_connection_in_the_queue_of_a_killed_process_is_tried_again() {
    let (listener, address) = listener().await;
    let killed = tokio::spawn(async move {
        // The probe is in the queue when it can be taken; it is not taken.
        std::future::poll_fn(|context| listener.poll_accept(context))
            .await
            .expect("the first");
    });
    assert_eq!(probe(address).await, ProbeOutcome::Refused);
    soon(killed).await.expect("no panic");
}
