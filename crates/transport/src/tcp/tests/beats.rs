//! Beats, goodbyes and ends of connections.

use super::*;

fn beat(connection: u64, number: u64, text: &[u8]) -> PeerEvent {
    let text = text.to_vec();
    PeerEvent::Beat {
        connection,
        number,
        text,
    }
}

#[tokio::test]
async fn beats_arrive_with_number_and_text_and_then_the_goodbye() {
    let mut server = holding().await;
    let mut client = dial(&*server).await;
    let (connection, _) = opened(&mut *server).await;
    for (number, text) in [(5, &b"alive"[..]), (6, b""), (7, b"done")] {
        assert!(client.beat(number, text));
        let event = soon(server.next()).await;
        assert_eq!(event, beat(connection, number, text));
    }
    client.goodbye(false);
    assert!(!client.beat(8, b""), "after the goodbye");
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
    assert!(second.beat(1, b"x"));
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
    let frames = [(1, "old"), (2, "new"), (3, "")].map(|(number, text)| Frame::Beat {
        number,
        text: text.into(),
    });
    raw.frames(&frames).await;
    assert_eq!(soon(server.next()).await, beat(connection, 3, b"new"));
    // An end is told after the beat that came with it.
    let frames = [
        Frame::Beat {
            number: 4,
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
    let goodbye = Frame::Goodbye { finished: true };
    raw.frames(&[goodbye.clone(), goodbye]).await;
    raw.end().await;
    assert_eq!(closed(&mut *server).await, (connection, Some(true)));
}

/// The events are not taken, until beats are dropped. Without a limit on the events this would never end.
#[tokio::test]
async fn a_server_that_does_not_read_costs_beats_and_the_connection_goes_on() {
    let mut server = holding().await;
    let mut client = dial(&*server).await;
    let (connection, _) = opened(&mut *server).await;
    let text = vec![b'x'; crate::frame::LONGEST_TEXT];
    let mut last = 0;
    while client.beat(last + 1, &text) {
        last += 1;
        assert!(last < 100_000, "nothing was ever dropped");
        tokio::task::yield_now().await;
    }
    assert!(last > 0);
    for number in last + 2..last + 100 {
        assert!(!client.beat(number, &text), "nobody has read");
    }
    // What was sent arrives, then new beats do.
    let newest = last + 1000;
    let mut heard = 0;
    let mut sent = false;
    while heard != newest {
        sent = sent || client.beat(newest, b"new");
        match soon(server.next()).await {
            PeerEvent::Beat { number, .. } => {
                assert!(number <= last && number > heard || number == newest);
                heard = number;
            }
            other => panic!("{other:?}"),
        }
        if heard == last && !sent {
            // All that was whole is here: the rest of a frame follows with the next beat.
            soon(async {
                while !client.beat(newest, b"new") {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            sent = true;
        }
    }
    client.goodbye(true);
    assert_eq!(closed(&mut *server).await, (connection, Some(true)));
}
