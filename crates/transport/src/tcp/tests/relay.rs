//! Members of one host share a connection: what the server sees of them, and what becomes of them without their relay.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::time::sleep;

use super::*;
use crate::relay::SocketName;

/// A host that no other test has: names of sockets are those of the machine.
fn host() -> String {
    static HOSTS: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), HOSTS.fetch_add(1, Relaxed))
}

async fn dial_of(host: &str, server: &dyn Listening, name: &str) -> Box<dyn BeatConnection> {
    let (address, key) = (server.address(), key(1));
    let endpoint = Endpoint { address, key };
    let transport = TcpTransport::shared(host.to_owned());
    let dialed = soon(transport.dial(endpoint, CLAIM.to_owned(), peer(name, 4711))).await;
    dialed.expect("a connection")
}

/// A new connection: its number, the member's name, and the relay.
async fn opened_by(server: &mut dyn Listening) -> (u64, String, Option<u64>) {
    match soon(server.next()).await {
        PeerEvent::Opened {
            connection,
            peer,
            address,
            relay,
        } => {
            let expected = SocketAddr::from(([127, 0, 0, 1], 4711));
            assert_eq!(address, Some(expected));
            (connection, peer.name, relay)
        }
        other => panic!("{other:?}"),
    }
}

/// A relay and one member of its host: the connections and their numbers.
struct Pair {
    server: Box<dyn Listening>,
    host: String,
    relay: (Box<dyn BeatConnection>, u64),
    member: (Box<dyn BeatConnection>, u64),
}

async fn pair() -> Pair {
    let (mut server, host) = (holding().await, host());
    let relay = dial_of(&host, &*server, "map1").await;
    let (first, name, by) = opened_by(&mut *server).await;
    assert_eq!((name.as_str(), by), ("map1", None));
    let member = dial_of(&host, &*server, "map2").await;
    let (second, name, by) = opened_by(&mut *server).await;
    assert_eq!((name.as_str(), by), ("map2", Some(first)));
    assert!(member.is_direct());
    Pair {
        server,
        host,
        relay: (relay, first),
        member: (member, second),
    }
}

/// The next events, without the beats of the relay itself.
async fn next_but(server: &mut dyn Listening, relay: u64) -> PeerEvent {
    loop {
        let event = soon(server.next()).await;
        if !matches!(event, PeerEvent::Beat { connection, .. } if connection == relay) {
            return event;
        }
    }
}

/// Lets the relay read what was sent to it.
async fn settle() {
    sleep(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn the_beats_of_a_member_go_with_those_of_its_relay() {
    let mut pair = pair().await;
    assert!(pair.member.0.beat(Some(5), b"old"));
    assert!(pair.member.0.beat(Some(6), b"alive"));
    settle().await;
    assert!(pair.relay.0.beat(Some(1), b"own"));
    let own = soon(pair.server.next()).await;
    assert!(matches!(own, PeerEvent::Beat { connection, .. } if connection == pair.relay.1));
    let event = next_but(&mut *pair.server, pair.relay.1).await;
    let relayed = PeerEvent::Beat {
        connection: pair.member.1,
        version: Some(6),
        text: b"alive".to_vec(),
    };
    assert_eq!(event, relayed);
    let group = PeerEvent::Group {
        relay: pair.relay.1,
        late: vec![],
    };
    assert_eq!(next_but(&mut *pair.server, pair.relay.1).await, group);
    // Nothing new: one frame says that both have beaten.
    assert!(pair.member.0.beat(Some(6), b""));
    settle().await;
    assert!(pair.relay.0.beat(Some(2), b""));
    assert_eq!(next_but(&mut *pair.server, pair.relay.1).await, group);
}

#[tokio::test]
async fn a_member_that_does_not_beat_is_named() {
    let mut pair = pair().await;
    let late = loop {
        assert!(pair.relay.0.beat(Some(1), b""));
        match next_but(&mut *pair.server, pair.relay.1).await {
            PeerEvent::Group { late, .. } if late.is_empty() => {}
            PeerEvent::Group { late, .. } => break late,
            other => panic!("{other:?}"),
        }
        sleep(Duration::from_millis(2)).await;
    };
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].0, pair.member.1);
    assert!(late[0].1 >= Duration::from_millis(4), "{late:?}");
}

#[tokio::test]
async fn the_end_of_a_member_is_told_at_once_and_with_its_goodbye() {
    let mut pair = pair().await;
    drop(pair.member.0);
    assert_eq!(closed(&mut *pair.server).await, (pair.member.1, None));
    let mut other = dial_of(&pair.host, &*pair.server, "map3").await;
    let (number, _, by) = opened_by(&mut *pair.server).await;
    assert_eq!(by, Some(pair.relay.1));
    other.goodbye(true);
    assert_eq!(closed(&mut *pair.server).await, (number, Some(true)));
}

#[tokio::test]
async fn without_its_relay_a_member_becomes_the_next_one() {
    for says_goodbye in [false, true] {
        let mut pair = pair().await;
        if says_goodbye {
            pair.relay.0.goodbye(true);
        } else {
            drop(pair.relay.0);
        }
        let goodbye = says_goodbye.then_some(true);
        // In any order: the relay may have told of its member before its own end.
        let mut ends = [
            closed(&mut *pair.server).await,
            closed(&mut *pair.server).await,
        ];
        ends.sort_unstable();
        assert_eq!(ends, [(pair.relay.1, goodbye), (pair.member.1, None)]);
        soon(pair.member.0.closed()).await;
        let _next = dial_of(&pair.host, &*pair.server, "map2").await;
        let (number, _, by) = opened_by(&mut *pair.server).await;
        assert_eq!(by, None);
        let _third = dial_of(&pair.host, &*pair.server, "map3").await;
        assert_eq!(opened_by(&mut *pair.server).await.2, Some(number));
    }
}

#[tokio::test]
async fn a_relay_whose_connection_ends_lets_its_members_go() {
    let mut pair = pair().await;
    pair.server.close(pair.relay.1);
    soon(pair.relay.0.closed()).await;
    drop(pair.relay.0);
    soon(pair.member.0.closed()).await;
}

#[tokio::test]
async fn a_relay_that_shows_no_sign_is_left() {
    let mut pair = pair().await;
    let left = soon(async {
        // The relay does not beat any more.
        while pair.member.0.beat(Some(1), b"") {
            sleep(Duration::from_millis(10)).await;
        }
    });
    left.await;
    soon(pair.member.0.closed()).await;
}

#[tokio::test]
async fn a_relay_that_beats_is_not_left() {
    let mut pair = pair().await;
    let begun = std::time::Instant::now();
    let closed = tokio::spawn(pair.member.0.closed());
    // A busy machine may stop both for a while: then a later round decides.
    let stays = soon(async {
        loop {
            pair.relay.0.beat(Some(1), b"");
            tokio::task::yield_now().await;
            if !pair.member.0.beat(Some(1), b"") {
                return false;
            }
            if begun.elapsed() > Duration::from_millis(400) {
                return true;
            }
            sleep(Duration::from_millis(5)).await;
            while let Ok(event) = timeout(Duration::ZERO, pair.server.next()).await {
                assert!(!matches!(event, PeerEvent::Closed { .. }), "{event:?}");
            }
        }
    });
    assert!(stays.await);
    assert!(!closed.is_finished());
}

#[tokio::test]
async fn who_took_the_name_and_has_no_key_is_passed_by() {
    let (mut server, host) = (holding().await, host());
    let name = SocketName::of(&key(1), &host).expect("a name");
    let stranger = name.bind().expect("free");
    let answering = tokio::spawn(async move {
        loop {
            let (mut stream, _) = stranger.accept().await.expect("a member");
            let nonsense = [7; KEY_LENGTH + 20];
            let _ = stream.write_all(&nonsense).await;
        }
    });
    let _connection = dial_of(&host, &*server, "map1").await;
    let (_, name, by) = opened_by(&mut *server).await;
    assert_eq!((name.as_str(), by), ("map1", None));
    answering.abort();
}

#[tokio::test]
async fn who_has_no_key_cannot_join_a_relay() {
    let mut pair = pair().await;
    let name = SocketName::of(&key(1), &pair.host).expect("a name");
    let mut stream = name.connect().expect("the relay");
    let mut nonce = [0; KEY_LENGTH];
    soon(stream.read_exact(&mut nonce)).await.expect("a nonce");
    soon(stream.write_all(&[7; 200])).await.expect("written");
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = soon(stream.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
    nothing_happened(&mut *pair.server).await;
}

#[tokio::test]
async fn a_member_that_the_server_has_closed_does_not_count_any_more() {
    let mut pair = pair().await;
    pair.server.close(pair.member.1);
    assert!(pair.member.0.beat(Some(6), b"alive"));
    settle().await;
    assert!(pair.relay.0.beat(Some(1), b""));
    let event = next_but(&mut *pair.server, pair.relay.1).await;
    let closed = PeerEvent::Closed {
        connection: pair.member.1,
        goodbye: None,
    };
    assert_eq!(event, closed);
}
