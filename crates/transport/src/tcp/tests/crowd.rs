//! Garbage, silence, and too many of them: other clients do not notice.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpSocket;

use super::*;
use crate::tcp::limits::{HANDSHAKES, HANDSHAKES_OF_HOST};

/// The sockets of both sides are files of this process.
fn more_files() {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum.map_or(8192, |most| most.min(8192));
    let limit = Rlimit {
        current: Some(current),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, limit).expect("not above the maximum");
}

/// Connections from another address of this host that say nothing. Some may be reset at once.
async fn silent(last: u8, count: usize, server: SocketAddr) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let socket = TcpSocket::new_v4().expect("a socket");
        let own = SocketAddr::from(([127, 0, 0, last], 0));
        socket.bind(own).expect("an address of this host");
        streams.extend(soon(socket.connect(server)).await);
    }
    streams
}

/// Connects and beats, if need be by another attempt.
async fn beats(server: &mut dyn Listening) {
    let mut attempts = 0;
    let mut client = loop {
        match dial_at(server.address(), 1, peer("honest", 0)).await {
            Ok(client) => break client,
            Err(error) => assert!(attempts < 10, "{error}"),
        }
        attempts += 1;
    };
    opened(server).await;
    assert!(client.beat(Some(1), b"alive"));
    let event = soon(server.next()).await;
    assert!(matches!(event, PeerEvent::Beat { .. }), "{event:?}");
    client.goodbye(true);
    assert_eq!(closed(server).await.1, Some(true));
}

#[tokio::test]
async fn garbage_and_half_a_hello_cost_others_nothing() {
    let mut server = holding().await;
    let address = server.address();
    let mut garbage = TcpStream::connect(address).await.expect("connected");
    let bytes: Vec<u8> = (0..10_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect();
    garbage.write_all(&bytes).await.expect("written");
    let mut half = Raw::new(address).await;
    half.bytes(&[0, 60, 1, 2, 3]).await;
    let nonce_only = Raw::new(address).await;
    beats(&mut *server).await;
    drop((garbage, half, nonce_only));
    nothing_happened(&mut *server).await;
}

#[tokio::test]
async fn a_client_that_says_nothing_is_ended() {
    let mut server = holding().await;
    let mut silent = Raw::new(server.address()).await;
    assert_eq!(silent.end().await, 0);
    nothing_happened(&mut *server).await;
}

#[tokio::test]
async fn one_host_that_says_nothing_does_not_use_up_all_handshakes() {
    more_files();
    let mut server = holding().await;
    let silent = silent(2, HANDSHAKES_OF_HOST + 50, server.address()).await;
    beats(&mut *server).await;
    drop(silent);
    nothing_happened(&mut *server).await;
}

#[tokio::test]
async fn more_silent_clients_than_handshakes_make_way() {
    more_files();
    let mut server = holding().await;
    let mut all = Vec::new();
    for last in 2..6 {
        all.extend(silent(last, HANDSHAKES / 3, server.address()).await);
    }
    beats(&mut *server).await;
    drop(all);
    nothing_happened(&mut *server).await;
}
