//! Who is believed: keys, claims, addresses.

use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn a_client_with_another_key_or_claim_is_refused_and_not_told() {
    let mut server = holding().await;
    let refused = dial_at(server.address(), 2, peer("map1", 0)).await;
    assert!(matches!(refused, Err(DialError::Untrusted(_))));
    let (address, key) = (server.address(), key(1));
    let endpoint = Endpoint { address, key };
    let other = "_c_a-lock-0000000002".to_owned();
    let refused = soon(TcpTransport::default().dial(endpoint, other, peer("map1", 0))).await;
    assert!(matches!(refused, Err(DialError::Untrusted(_))));
    nothing_happened(&mut *server).await;
}

#[tokio::test]
async fn a_server_without_the_key_is_not_believed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let server = [3; KEY_LENGTH];
        stream.write_all(&server).await.expect("written");
        let mut client = [0; KEY_LENGTH];
        stream.read_exact(&mut client).await.expect("a nonce");
        let keys = key(2).connection(CLAIM, &server, &client);
        let mut welcome = Vec::new();
        let mut writer = FrameWriter::new(keys.to_client);
        writer
            .write(&Frame::Welcome { is_direct: true }, &mut welcome)
            .expect("short");
        stream.write_all(&welcome).await.expect("written");
        // Until the client has gone.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let dialed = dial_at(address, 1, peer("map1", 0)).await;
    assert!(matches!(dialed, Err(DialError::Untrusted(_))));
    soon(server).await.expect("no panic");
}

#[tokio::test]
async fn nobody_listens_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let dialed = dial_at(address, 1, peer("map1", 0)).await;
    assert!(matches!(dialed, Err(DialError::Refused(_))));
}

#[tokio::test]
async fn what_another_connection_has_sent_is_refused() {
    let mut server = holding().await;
    let mut honest = Raw::new(server.address()).await;
    honest.hello().await;
    let (connection, _) = opened(&mut *server).await;
    let mut other = Raw::new(server.address()).await;
    other.bytes(&honest.sent[KEY_LENGTH..]).await;
    assert_eq!(other.end().await, 0, "no welcome");
    drop(honest);
    assert_eq!(closed(&mut *server).await, (connection, None));
    nothing_happened(&mut *server).await;
}

#[tokio::test]
async fn a_frame_that_no_client_may_send_ends_its_connection() {
    for kind in ["beat first", "two at once", "hello", "welcome", "mac"] {
        let mut server = holding().await;
        let mut raw = Raw::new(server.address()).await;
        let (hello, version) = (raw.hello_frame(), Some(1));
        let beat = Frame::Beat {
            version,
            text: vec![],
        };
        let opens = match kind {
            "beat first" => {
                raw.frames(&[beat]).await;
                false
            }
            "two at once" => {
                raw.frames(&[hello, beat]).await;
                false
            }
            other => {
                raw.hello().await;
                opened(&mut *server).await;
                match other {
                    "hello" => raw.frames(&[hello]).await,
                    "welcome" => raw.frames(&[Frame::Welcome { is_direct: true }]).await,
                    _ => raw.bytes(&[&[0, 10, 3][..], &[0; 25]].concat()).await,
                }
                true
            }
        };
        raw.end().await;
        if opens {
            assert_eq!(closed(&mut *server).await.1, None, "{kind}");
        }
        nothing_happened(&mut *server).await;
    }
}

#[tokio::test]
async fn another_claim_or_none_ends_all_connections_and_the_same_one_none() {
    let mut server = holding().await;
    for next in [None, Some(held(2)), Some(("other".to_owned(), key(1)))] {
        server.hold(Some(held(1)));
        let mut client = dial(&*server).await;
        let (connection, _) = opened(&mut *server).await;
        server.hold(Some(held(1)));
        assert!(client.beat(Some(1), b""));
        let event = soon(server.next()).await;
        assert!(matches!(event, PeerEvent::Beat { .. }), "{event:?}");
        server.hold(next);
        assert_eq!(closed(&mut *server).await, (connection, None));
        soon(client.closed()).await;
    }
}

#[tokio::test]
async fn a_claim_may_become_known_after_a_client_has_connected() {
    let mut server = bound().await;
    let mut raw = Raw::new(server.address()).await;
    raw.hello().await;
    // The server has read all of it before.
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.hold(Some(held(1)));
    opened(&mut *server).await;
}

#[tokio::test]
async fn the_address_of_a_client_is_known_if_nothing_stands_between() {
    let mut server = holding().await;
    let address = server.address();
    let direct = dial_at(address, 1, peer("direct", 4711)).await;
    let _direct = direct.expect("a connection");
    let expected = SocketAddr::from(([127, 0, 0, 1], 4711));
    assert_eq!(opened(&mut *server).await.1, Some(expected));
    let silent = dial_at(address, 1, peer("without port", 0)).await;
    let _silent = silent.expect("a connection");
    assert_eq!(opened(&mut *server).await.1, None);

    let proxy = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let between = proxy.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut client, _) = proxy.accept().await.expect("a client");
        let mut server = TcpStream::connect(address).await.expect("the server");
        tokio::io::copy_bidirectional(&mut client, &mut server).await
    });
    let behind = dial_at(between, 1, peer("behind a proxy", 4711)).await;
    let _behind = behind.expect("a connection");
    assert_eq!(opened(&mut *server).await.1, None);
}

/// One half of the check each: a client that sees another address of itself, or of the server.
#[tokio::test]
async fn one_address_that_differs_is_enough() {
    let mut server = holding().await;
    for own in [true, false] {
        let mut raw = Raw::new(server.address()).await;
        let mut hello = raw.hello_frame();
        let Frame::Hello {
            port,
            local,
            remote,
            ..
        } = &mut hello
        else {
            panic!("{hello:?}");
        };
        *port = 4711;
        let other = if own { local } else { remote };
        other.set_ip([10, 0, 0, 1].into());
        raw.frames(&[hello]).await;
        assert_eq!(opened(&mut *server).await.1, None);
        drop(raw);
        closed(&mut *server).await;
    }
}

#[tokio::test]
async fn an_ipv4_client_of_an_ipv6_socket_has_an_ipv4_address() {
    let any = "[::]:0".parse().expect("an address");
    let Ok(mut server) = TcpTransport::default().listen(any).await else {
        // A host without IPv6.
        return;
    };
    server.hold(Some(held(1)));
    let address = SocketAddr::from(([127, 0, 0, 1], server.address().port()));
    let dialed = dial_at(address, 1, peer("direct", 4711)).await;
    let Ok(_connection) = dialed else {
        // A host where IPv6 sockets take no IPv4.
        return;
    };
    let expected = SocketAddr::from(([127, 0, 0, 1], 4711));
    assert_eq!(opened(&mut *server).await.1, Some(expected));
}

#[tokio::test]
async fn the_own_address_towards_a_host_is_found() {
    for host in ["127.0.0.1", "localhost"] {
        let found = soon(TcpTransport::default().local_address(host.to_owned(), 2181)).await;
        assert!(found.expect("an address").is_loopback());
    }
    let unknown = "no-such-host.invalid".to_owned();
    assert!(
        soon(TcpTransport::default().local_address(unknown, 1))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_address_of_another_host_is_not_an_own_one() {
    for host in ["127.0.0.1", "localhost", "127.0.1.1"] {
        let found = soon(TcpTransport::default().own_address(host.to_owned())).await;
        assert!(found.expect("an address").is_loopback());
    }
    // TEST-NET-1 of RFC 5737.
    for other in ["192.0.2.1", "no-such-host.invalid"] {
        let found = soon(TcpTransport::default().own_address(other.to_owned())).await;
        assert!(found.is_err(), "{other}: {found:?}");
    }
}
