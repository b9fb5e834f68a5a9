//! The tests' own broken network and ensemble work as described.

use crate::support;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Direction, Ensemble, Proxy, SERVERS};

/// Long enough for everything to arrive that is not held.
const A_WHILE: Duration = Duration::from_millis(300);

/// A server that echoes everything, behind a proxy, and a client of it.
fn client_of_echo() -> (Proxy, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let proxy = Proxy::before(&listener.local_addr().unwrap().to_string());
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut back = connection.expect("a connection");
            let mut bytes = [0; 64];
            thread::spawn(move || {
                while let Ok(count @ 1..) = back.read(&mut bytes) {
                    let _ = back.write_all(&bytes[..count]);
                }
            });
        }
    });
    let client = connect(&proxy);
    (proxy, client)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let client = TcpStream::connect(proxy.address()).expect("the proxy listens");
    client.set_read_timeout(Some(support::SOON)).unwrap();
    client
}

fn say(client: &mut TcpStream, text: &str) {
    client.write_all(text.as_bytes()).expect("it is connected");
}

fn hear(client: &mut TcpStream, text: &str) {
    let mut heard = vec![0; text.len()];
    client.read_exact(&mut heard).expect("an answer");
    assert_eq!(String::from_utf8_lossy(&heard), text);
}

fn hears_nothing(client: &TcpStream) -> bool {
    client.set_read_timeout(Some(A_WHILE)).unwrap();
    let nothing = client.peek(&mut [0]).is_err();
    client.set_read_timeout(Some(support::SOON)).unwrap();
    nothing
}

#[test]
fn what_is_frozen_arrives_when_all_is_restored() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let (proxy, mut client) = client_of_echo();
        say(&mut client, "one");
        hear(&mut client, "one");
        proxy.freeze(direction);
        say(&mut client, "two");
        assert!(hears_nothing(&client), "{direction:?}");
        proxy.restore();
        hear(&mut client, "two");
    }
}

#[test]
fn a_request_is_caught_by_what_it_says() {
    let (proxy, mut client) = client_of_echo();
    proxy.freeze_at("two", Direction::ToServer);
    say(&mut client, "one");
    hear(&mut client, "one");
    assert!(!proxy.is_frozen());
    say(&mut client, "two");
    assert!(hears_nothing(&client));
    assert!(proxy.is_frozen());
}

#[test]
fn what_was_held_is_lost_with_a_cut() {
    let (proxy, mut client) = client_of_echo();
    proxy.freeze(Direction::ToClient);
    say(&mut client, "lost");
    assert!(hears_nothing(&client));
    proxy.cut();
    assert_eq!(
        client.read(&mut [0; 8]).unwrap_or(0),
        0,
        "the connection is closed"
    );
    assert!(TcpStream::connect(proxy.address()).is_err(), "it refuses");
    proxy.restore();
    let mut next = connect(&proxy);
    say(&mut next, "found");
    hear(&mut next, "found");
}

#[test]
fn what_is_delayed_arrives_later() {
    let (proxy, mut client) = client_of_echo();
    let delay = Duration::from_millis(200);
    proxy.delay(delay);
    let begin = Instant::now();
    say(&mut client, "late");
    hear(&mut client, "late");
    assert!(begin.elapsed() >= 2 * delay, "in both directions");
}

#[test]
fn an_ensemble_has_one_leader_and_another_when_that_is_killed() {
    let mut ensemble = Ensemble::start();
    let leader = ensemble.leader();
    assert_eq!(ensemble.followers().len(), SERVERS - 1);
    ensemble.kill(leader);
    assert_eq!(ensemble.mode(leader), "");
    assert_ne!(ensemble.leader(), leader);
    ensemble.restart(leader);
    ensemble.wait_until_whole();
    assert_eq!(ensemble.mode(leader), "follower");
    ensemble.pause(leader);
    assert_eq!(ensemble.mode(leader), "", "it does not answer");
    ensemble.resume(leader);
    ensemble.wait_until_whole();
}
