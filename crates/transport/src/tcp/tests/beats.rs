//! Beats, goodbyes and ends of connections.

use tokio::net::TcpListener;

use super::*;
use crate::codec::FrameReader;
use crate::tcp::client::TcpBeatConnection;

fn beat(connection: u64, version: i32, text: &[u8]) -> PeerEvent {
    let text = text.to_vec();
    PeerEvent::Beat {
        connection,
        version: Some(version),
        text,
    }
}

#[tokio::test]
async fn beats_arrive_with_version_and_text_and_then_the_goodbye() {
    let mut server = holding().await;
    let mut client = dial(&*server).await;
    let (connection, _) = opened(&mut *server).await;
    for (version, text) in [(5, &b"alive"[..]), (6, b""), (7, b"done")] {
        assert!(client.beat(Some(version), text));
        let event = soon(server.next()).await;
        assert_eq!(event, beat(connection, version, text));
    }
    client.goodbye(false);
    assert!(!client.beat(Some(8), b""), "after the goodbye");
    assert_eq!(closed(&mut *server).await, (connection, Some(false)));
    soon(client.closed()).await;
}

#[tokio::test]
async fn a_client_that_is_dropped_has_closed_its_socket_without_goodbye() {
    let mut server = holding().await;
    let mut client = dial(&*server).await;
    let (connection, _) = opened(&mut *server).await;
    // The future exists on, and is not polled.
    let of_client = client.closed();
    drop(client);
    assert_eq!(closed(&mut *server).await, (connection, None));
    soon(of_client).await;
}

#[tokio::test]
async fn a_future_that_waits_for_the_end_ends_when_its_connection_is_dropped() {
    let server = holding().await;
    let mut client = dial(&*server).await;
    let mut waiting = tokio::spawn(client.closed());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    drop(client);
    soon(&mut waiting).await.expect("no panic");
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_told_to_both() {
    let mut server = holding().await;
    let (mut first, mut second) = (dial(&*server).await, dial(&*server).await);
    let (one, _) = opened(&mut *server).await;
    let (other, _) = opened(&mut *server).await;
    assert_ne!(one, other);
    server.close(one);
    assert_eq!(closed(&mut *server).await, (one, None));
    soon(first.closed()).await;
    assert!(second.beat(Some(1), b"x"));
    assert_eq!(soon(server.next()).await, beat(other, 1, b"x"));
    drop(server);
    soon(second.closed()).await;
}

#[tokio::test]
async fn of_several_beats_at_once_the_newest_is_told_with_the_newest_text() {
    let mut server = holding().await;
    let mut raw = Raw::new(server.address()).await;
    raw.hello().await;
    raw.welcome().await;
    let (connection, _) = opened(&mut *server).await;
    let frames = [(1, "old"), (2, "new"), (3, "")].map(|(version, text)| Frame::Beat {
        version: Some(version),
        text: text.into(),
    });
    raw.frames(&frames).await;
    assert_eq!(soon(server.next()).await, beat(connection, 3, b"new"));
    // An end is told after the beat that came with it.
    let frames = [
        Frame::Beat {
            version: Some(4),
            text: vec![],
        },
        Frame::Goodbye { finished: true },
    ];
    raw.frames(&frames).await;
    drop(raw);
    assert_eq!(soon(server.next()).await, beat(connection, 4, b""));
    assert_eq!(closed(&mut *server).await, (connection, Some(true)));
}

#[tokio::test]
async fn a_frame_after_the_goodbye_ends_the_connection() {
    let mut server = holding().await;
    let mut raw = Raw::new(server.address()).await;
    raw.hello().await;
    raw.welcome().await;
    let (connection, _) = opened(&mut *server).await;
    let frames = [
        Frame::Goodbye { finished: true },
        Frame::Beat {
            version: Some(1),
            text: vec![],
        },
    ];
    raw.frames(&frames).await;
    raw.end().await;
    assert_eq!(closed(&mut *server).await, (connection, Some(true)));
}

/// The events are not taken, until beats are dropped. Without a limit on the events this would never end.
#[tokio::test]
async fn a_server_that_does_not_read_costs_beats_and_the_connection_goes_on() {
    for length in [crate::frame::LONGEST_TEXT, 200] {
        let mut server = holding().await;
        let mut client = dial(&*server).await;
        let (connection, _) = opened(&mut *server).await;
        let text = vec![b'x'; length];
        let last = fill(&mut *client, &text).await;
        // What was sent arrives in order, then new beats do.
        let newest = last + 1000;
        let drained = timeout(6 * LATE, drain(&mut *server, &mut *client, last, newest));
        drained.await.expect("in time");
        client.goodbye(true);
        assert_eq!(closed(&mut *server).await, (connection, Some(true)));
    }
}

/// Sends beats until a thousand in a row are dropped; returns the number of the last one that was sent.
async fn fill(client: &mut dyn BeatConnection, text: &[u8]) -> i32 {
    let (mut last, mut dropped) = (0, 0);
    while dropped < 1000 {
        if client.beat(Some(last + 1), text) {
            last += 1;
            dropped = 0;
            assert!(last < 1_000_000, "nothing was ever dropped");
        } else {
            dropped += 1;
        }
        tokio::task::yield_now().await;
    }
    assert!(last > 0);
    last
}

/// Takes all beats up to the number `last`, and then one with the number `newest`, which is sent when it can be.
async fn drain(
    server: &mut dyn Listening,
    client: &mut dyn BeatConnection,
    last: i32,
    newest: i32,
) {
    let (mut heard, mut sent) = (0, false);
    while heard != newest {
        sent = sent || client.beat(Some(newest), b"new");
        match timeout(Duration::from_millis(10), server.next()).await {
            Ok(PeerEvent::Beat { version, .. }) => {
                let number = version.expect("known");
                assert!(number > heard && number <= last || number == newest);
                heard = number;
            }
            Ok(other) => panic!("{other:?}"),
            // The rest of a frame waits for the next beat, and that for the kernel.
            Err(_) => assert!(heard <= last),
        }
    }
}

#[tokio::test]
async fn a_beat_of_which_nothing_was_sent_does_not_count() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let stream = std::net::TcpStream::connect(address).expect("connected");
    stream.set_nonblocking(true).expect("an option");
    let (mut server, _) = soon(listener.accept()).await.expect("a client");
    let keys = key(1).connection(CLAIM, &[1; KEY_LENGTH], &[2; KEY_LENGTH]);
    // The runtime does not know yet that it can be written to: as if the kernel took nothing.
    let stream = TcpStream::from_std(stream).expect("registered");
    let mut client = TcpBeatConnection::new(stream, FrameWriter::new(keys.to_server.clone()), true);
    assert!(!client.beat(Some(1), b"one"));
    soon(async {
        while !client.beat(Some(2), b"two") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut bytes = [0; 64];
    let length = soon(server.read(&mut bytes)).await.expect("a frame");
    let (version, text) = (Some(2), b"two".to_vec());
    let frame = FrameReader::new(keys.to_server).read(&mut &bytes[..length]);
    assert_eq!(frame, Ok(Some(Frame::Beat { version, text })));
}
