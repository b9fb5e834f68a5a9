//! The limits of a server, without sockets; and the options of sockets.

use std::net::IpAddr;
use std::sync::Arc;

use rustix::net::sockopt;
use tokio::net::TcpSocket;

use super::*;
use crate::tcp::address;
use crate::tcp::limits::{Capacity, HANDSHAKES, HANDSHAKES_OF_HOST, tune};
use crate::tcp::registry::{HeldClaim, Registry, Slot, Stopped};

fn host(number: usize) -> IpAddr {
    IpAddr::from(u32::try_from(number).expect("a small number").to_be_bytes())
}

fn claim(name: &str) -> HeldClaim {
    let name = name.to_owned();
    HeldClaim { name, key: key(1) }
}

fn admit(registry: &Arc<Registry>, number: usize) -> (Slot, Stopped) {
    registry.admit(host(number)).expect("a place")
}

#[tokio::test]
async fn one_host_has_half_of_all_handshakes() {
    let registry = Registry::new();
    let slots: Vec<_> = (0..HANDSHAKES_OF_HOST)
        .map(|_| admit(&registry, 1))
        .collect();
    assert!(registry.admit(host(1)).is_none());
    let _other = admit(&registry, 2);
    drop(slots);
    let _again = admit(&registry, 1);
}

#[tokio::test]
async fn a_handshake_too_many_waits_for_the_end_of_another_one() {
    let registry = Registry::new();
    let mut slots: Vec<_> = (0..HANDSHAKES).map(|n| admit(&registry, n)).collect();
    let room = tokio::spawn({
        let registry = Arc::clone(&registry);
        async move { registry.room().await }
    });
    slots.pop();
    soon(room).await.expect("no panic");
    let _next = admit(&registry, 0);
    // None ends: the oldest has to.
    soon(registry.room()).await;
    let (_slot, stopped) = slots.remove(0);
    assert!(soon(stopped).await.is_err());
    let (_slot, mut stopped) = slots.remove(0);
    assert!(
        stopped
            .try_recv()
            .is_err_and(|error| { error == tokio::sync::oneshot::error::TryRecvError::Empty })
    );
}

#[tokio::test]
async fn connections_after_the_handshake_are_limited_too() {
    let registry = Registry::new();
    registry.hold(Some(claim("a")));
    let held = admit(&registry, 1).0.claim().await.expect("a claim");
    let mut slots = Vec::new();
    for _ in 0..Capacity::of_process().connections {
        let (slot, stopped) = admit(&registry, 1);
        assert!(slot.open(&held));
        slots.push((slot, stopped));
    }
    let (slot, _) = admit(&registry, 1);
    assert!(!slot.open(&held));
    slots.pop();
    let (slot, _) = admit(&registry, 1);
    assert!(slot.open(&held));
}

#[tokio::test]
async fn a_handshake_for_an_earlier_claim_does_not_open_a_connection() {
    let registry = Registry::new();
    registry.hold(Some(claim("a")));
    let (slot, _stopped) = admit(&registry, 1);
    let earlier = slot.claim().await.expect("a claim");
    registry.hold(Some(claim("b")));
    assert!(!slot.open(&earlier));
}

#[tokio::test]
async fn what_is_accepted_has_the_options_of_the_listening_socket() {
    let socket = TcpSocket::new_v4().expect("a socket");
    tune(&socket).expect("options");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("a port");
    let listener = socket.listen(1).expect("listens");
    let address = listener.local_addr().expect("an address");
    let _client = TcpStream::connect(address).await.expect("connected");
    let (accepted, _) = soon(listener.accept()).await.expect("a client");
    assert_eq!(sockopt::tcp_nodelay(&accepted), Ok(true));
    assert_eq!(sockopt::socket_keepalive(&accepted), Ok(true));
    let (idle, timeout) = (
        sockopt::tcp_keepidle(&accepted),
        sockopt::tcp_user_timeout(&accepted),
    );
    assert_eq!(idle, sockopt::tcp_keepidle(&listener));
    assert_eq!(timeout, sockopt::tcp_user_timeout(&listener));
    assert_ne!(timeout, Ok(0));
}

/// Otherwise a free port of this host would now and then seem to be in use.
#[tokio::test]
async fn a_socket_that_is_connected_to_itself_is_refused() {
    let socket = TcpSocket::new_v4().expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("a port");
    let own = socket.local_addr().expect("an address");
    let error = soon(address::connect(socket, own)).await;
    let error = error.expect_err("nobody listens");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}
